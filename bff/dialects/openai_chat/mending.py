"""A completion in upstream's own words, mended where callers could not read it.

OpenAI's own are passed on byte by byte. Servers that speak its words leave fields out, say null for
an empty text, send arguments as an object, or end with a word of their own: SDKs fail on that, or
their callers do. Source: contract api-faces.md §2, §4 "content", "tool arguments".
"""

from collections.abc import Mapping
from typing import Any

from bff.dialects.json_text import read_json, write_ascii

_CALLS = ("tool_calls", "function_call")


def mend_completion(data: bytes, told: Mapping[str, Any]) -> bytes:
    """*data* as it is, or with what must change taken from *told*: the same answer as we read it
    and would spell it.
    """
    theirs = read_json(data)  # as its reader did
    mended = {**theirs, **{name: value for name, value in told.items() if not theirs.get(name)}}
    first, *others = mended["choices"]
    mended["choices"] = [_mend_choice(first, told["choices"][0]), *others]
    return data if mended == theirs else write_ascii(mended)


def _mend_choice(theirs: Mapping[str, Any], told: Mapping[str, Any]) -> dict[str, Any]:
    ours: dict[str, Any] = told["message"]
    message = {**ours, **(theirs.get("message") or {})}
    choice = {**told, **theirs, "message": message}
    if any(map(_is_foreign, message.get("tool_calls") or ())):
        return choice
    if _calls_in(message) != _calls_in(ours):
        message = {name: value for name, value in message.items() if name not in _CALLS}
        message |= {name: ours[name] for name in _CALLS if name in ours}
    if message["content"] is None and not any(message.get(name) for name in _CALLS):
        message["content"] = ""  # a refusal stands beside it
    return choice | {"message": message, "finish_reason": told["finish_reason"]}


def _calls_in(message: Mapping[str, Any]) -> list[Any]:
    """What the calls say that a caller must know of them."""
    functions = [(call, call.get("function") or {}) for call in message.get("tool_calls") or ()]
    return [
        message.get("function_call"),
        *(
            (call.get("id"), call.get("type"), said.get("name"), said.get("arguments"))
            for call, said in functions
        ),
    ]


def _is_foreign(call: Mapping[str, Any]) -> bool:
    """Whether it is one of OpenAI's newer kinds, which was not read."""
    return call.get("type") not in (None, "function")
