"""What a caller may ask: which models, and how much. Who may enter is entry.py's to say."""

from bff.chat.request import ChatRequest
from bff.dialects.json_text import values_exceed
from bff.engine.attempts import Engine
from bff.errors import Kind, Problem
from bff.policy.api_keys import allows
from bff.policy.routing import check_name
from bff.records import Caller


def check_model(engine: Engine, caller: Caller, model: str) -> None:
    """Raises Problem: for a model that is not there, or that the caller's key is not for."""
    check_name(model)
    if not may_ask(engine, caller, model):
        raise Problem(
            Kind.CALLER_FORBIDDEN, "This API key is not allowed to use this model.", at="model"
        )


def may_ask(engine: Engine, caller: Caller, model: str) -> bool:
    """Whether the caller's key is for *model*. Raises Problem(NOT_FOUND)."""
    if caller.key is None or not caller.key.models:
        return True
    return allows(caller.key.models, *engine.names_of(model))


def check_arguments(chat: ChatRequest, *, most_values: int) -> None:
    """The arguments of calls are JSON inside a text, which nobody has counted and a vendor's half
    may read. Raises Problem(TOO_LARGE).
    """
    said = [
        call.arguments.encode("utf-8", "surrogatepass")
        for message in chat.messages
        for call in message.calls
    ]
    if values_exceed(most_values, *said):
        raise Problem(Kind.TOO_LARGE, "The arguments of the calls have too many values.")
