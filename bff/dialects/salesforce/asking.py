"""Our request in Salesforce's words: a few fields, each written here, and nothing passed through.

A body with `tools` in it, or anything else from the caller, is answered by something that is no
answer: so there is no way for it to get in. Source: providers.md §4, §6.1-§6.3.
"""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import replace
from enum import StrEnum
from typing import Any

from bff.chat.request import ChatRequest, Message, Role, Written
from bff.dialects.json_prompt import ask_for_json
from bff.dialects.json_text import write_utf8
from bff.dialects.plain_turns import one_text, refuse_more_than_text, text_of
from bff.dialects.tool_prompt import Place, write_tools

NAME = "salesforce"
_SYSTEM_LATER = "System: "  # before an instruction in mid-conversation, which users' turns carry


class Endpoint(StrEnum):
    CHAT = "chat-generations"
    ONE_TEXT = "generations"


def write_request(
    request: ChatRequest,
    *,
    endpoint: Endpoint,
    place: Place = Place.SYSTEM,
    send_parameters: bool = False,
    locale: str = "en_US",
) -> Written:
    """The body of a generation; the model is in its URL. *place* is where tools are described, in a
    conversation. With *send_parameters* the two parameters are sent that some orgs listen to.
    Raises Problem(BAD_REQUEST) for several answers, a spoken one, and for what is not text.
    """
    refuse_more_than_text(request)
    turns = as_turns(request, endpoint=endpoint, place=place)
    body: dict[str, Any] = {}
    if endpoint is Endpoint.CHAT:
        body["messages"] = [{"role": turn.role.value, "content": turn.content} for turn in turns]
    else:
        body["prompt"] = one_text(turns)
    body["localization"] = {
        "defaultLocale": locale,
        "inputLocales": [{"locale": locale, "probability": 0.8}],
        "expectedLocales": [locale],
    }
    body["tags"] = {}
    parameters = _parameters(request) if send_parameters else {}
    if parameters:
        body["parameters"] = parameters
    return Written(write_utf8(body), tuple(_ignored(request, parameters)))


def as_turns(
    request: ChatRequest, *, endpoint: Endpoint, place: Place = Place.SYSTEM
) -> tuple[Message, ...]:
    """The conversation as it is sent: plain texts, of which the first may be the system's."""
    if endpoint is Endpoint.ONE_TEXT:
        place = Place.USER
    plain = replace(
        request,
        messages=tuple(
            replace(turn, content=text_of(turn.content, f"messages[{number}].content"))
            for number, turn in enumerate(request.messages)
        ),
    )
    turns = write_tools(ask_for_json(plain), place).messages
    if endpoint is Endpoint.CHAT:
        turns = tuple(_with_one_system(turns))
    return tuple(turn for turn in turns if turn.content) or turns


def characters(request: ChatRequest) -> int:
    """How much there is to read, tools included; what is not text counts for nothing here."""
    spoken = sum(map(_length, request.messages))
    return spoken + sum(
        len(tool.description) + (len(write_utf8(tool.parameters)) if tool.parameters else 0)
        for tool in request.tools
    )


def write_feedback(generation_id: str, *, good: bool, text: str = "") -> bytes:
    """What is said of an answer; *generation_id* came with it."""
    said = {"generationId": generation_id, "feedback": "GOOD" if good else "BAD"}
    return write_utf8(said | {"feedbackText": text} if text else said)


def _with_one_system(turns: Sequence[Message]) -> Iterator[Message]:
    """One system turn, at the start; a later one is a user's turn that says what it is."""
    first = next(
        (number for number, turn in enumerate(turns) if turn.role is not Role.SYSTEM), len(turns)
    )
    if first:
        texts = (str(turn.content) for turn in turns[:first])
        yield Message(Role.SYSTEM, "\n\n".join(text for text in texts if text))
    for turn in turns[first:]:
        if turn.role is Role.SYSTEM:
            yield Message(Role.USER, f"{_SYSTEM_LATER}{turn.content}")
        else:
            yield turn


def _parameters(request: ChatRequest) -> dict[str, float]:
    asked = {"temperature": request.temperature, "max_tokens": request.max_tokens}
    return {name: value for name, value in asked.items() if value is not None}


def _ignored(request: ChatRequest, sent: Mapping[str, float]) -> Iterable[str]:
    """What was asked for and is not said, in OpenAI's words."""
    asked = {
        "temperature": request.temperature is not None,
        "top_p": request.top_p is not None,
        "max_tokens": request.max_tokens is not None,
        "reasoning_effort": bool(request.effort),
        "user": bool(request.end_user),
    }
    names = [name for name, is_asked in asked.items() if is_asked] + list(request.others)
    return (name for name in dict.fromkeys(names) if name not in sent)


def _length(message: Message) -> int:
    content = message.content
    if isinstance(content, str):
        return len(content)
    return sum(len(getattr(part, "text", "")) for part in content)
