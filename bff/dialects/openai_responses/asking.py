"""A caller's own request for a response, passed on. Source: contract api-faces.md §2.

Nothing else is asked in this dialect: questions in other words go to chat completions, which every
vendor that speaks OpenAI's words has.
"""

from collections.abc import Mapping
from typing import Any

from bff.chat.request import ChatRequest, Written
from bff.dialects.json_text import write_utf8
from bff.dialects.openai_responses.names import NAME


def is_native(request: ChatRequest) -> bool:
    """Whether *request* was asked in this dialect, is answered in it, and is still whole."""
    return request.passes == NAME and _own(request) is not None


def write_request(request: ChatRequest, *, model: str) -> Written:
    """The caller's fields in the caller's order, with *model*, streamed or not as *request* has it:
    a model of its own families is told nothing it was not told by the caller. Raises ValueError for
    a request that is not native.
    """
    own = _own(request)
    if own is None:
        raise ValueError("not asked in this dialect")
    body = {**own, "model": model}
    if bool(body.get("stream")) is not request.stream:
        body["stream"] = request.stream
    return Written(write_utf8(body))


def _own(request: ChatRequest) -> Mapping[str, Any] | None:
    original = request.original
    return original.original if original is not None and original.dialect == NAME else None
