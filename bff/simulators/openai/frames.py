"""What OpenAI puts on the wire: a completion's frames, the whole one, an error's body.

Not the decision what to answer. Text stays UTF-8, as OpenAI sends it. Source: providers.md §1.
"""

from collections.abc import Sequence
from typing import Any

import orjson

DONE = b"data: [DONE]\n\n"
BAD_LINE = b'data: {"id":"chatcmpl-broken","choices":[{"index":0,"delta":{"content":"half\n\n'
_FINGERPRINT = "fp_simulated"


class Frames:
    """The frames of one answer. With *usage_asked* every chunk but the last says `usage:null`."""

    __slots__ = ("_choices", "_head", "_tail")

    def __init__(self, *, id: str, model: str, created: int, usage_asked: bool = False) -> None:  # noqa: A002 - the field's name
        envelope = {
            "id": id,
            "object": "chat.completion.chunk",
            "created": created,
            "model": model,
            "service_tier": "default",
            "system_fingerprint": _FINGERPRINT,
        }
        self._head = b"data: " + orjson.dumps(envelope)[:-1]
        self._choices = self._head + b',"choices":[{"index":0,"delta":'
        self._tail = b"}],%b}\n\n" % b'"usage":null' if usage_asked else b"}]}\n\n"

    def role(self) -> bytes:
        return self._chunk(b'{"role":"assistant","content":"","refusal":null}')

    def delta(self, text: str) -> bytes:
        return self._chunk(b'{"content":%b}' % orjson.dumps(text))

    def call(self, index: int, id: str, name: str) -> bytes:  # noqa: A002 - the field's name
        """The first frame of a call: what it is, and no arguments yet."""
        function = {"name": name, "arguments": ""}
        return self._calls({"index": index, "id": id, "type": "function", "function": function})

    def arguments(self, index: int, piece: str) -> bytes:
        return self._calls({"index": index, "function": {"arguments": piece}})

    def _calls(self, call: dict[str, Any]) -> bytes:
        return self._chunk(b'{"tool_calls":[%b]}' % orjson.dumps(call))

    def finish(self, reason: str = "stop") -> bytes:
        return self._chunk(b"{}", orjson.dumps(reason))

    def usage(self, prompt: int, completion: int) -> bytes:
        spent = orjson.dumps(tokens(prompt, completion))
        return b'%b,"choices":[],"usage":%b}\n\n' % (self._head, spent)

    def _chunk(self, spoken: bytes, reason: bytes = b"null") -> bytes:
        return b'%b%b,"logprobs":null,"finish_reason":%b%b' % (
            self._choices,
            spoken,
            reason,
            self._tail,
        )


_SCRIPTED = Frames(id="chatcmpl-scripted", model="gpt-4o-2024-08-06", created=1760000000)


def role() -> bytes:
    """The first frame of a scripted answer."""
    return _SCRIPTED.role()


def delta(text: str) -> bytes:
    return _SCRIPTED.delta(text)


def finish(reason: str = "stop") -> bytes:
    return _SCRIPTED.finish(reason)


def usage(prompt: int = 12, completion: int = 3) -> bytes:
    """The chunk without choices that follows the finish, when it was asked for."""
    return _SCRIPTED.usage(prompt, completion)


def error_frame(message: str = "The server had an error while processing your request.") -> bytes:
    """What a failure looks like once the stream has begun."""
    return b"data: %b\n\n" % orjson.dumps(error(message, type="server_error"))


def error(
    message: str,
    *,
    type: str = "invalid_request_error",  # noqa: A002 - the field's name
    param: str | None = None,
    code: str | None = None,
) -> dict[str, Any]:
    return {"error": {"message": message, "type": type, "param": param, "code": code}}


def completion(
    text: str,
    *,
    id: str,  # noqa: A002 - the field's name
    model: str,
    created: int,
    reason: str,
    spent: dict[str, Any],
    calls: Sequence[dict[str, Any]] = (),
) -> dict[str, Any]:
    """The whole answer in one object."""
    message: dict[str, Any] = {
        "role": "assistant",
        "content": text,
        "refusal": None,
        "annotations": [],
    }
    if calls:
        message |= {"content": text or None, "tool_calls": list(calls)}
    choice = {"index": 0, "message": message, "logprobs": None, "finish_reason": reason}
    return {
        "id": id,
        "object": "chat.completion",
        "created": created,
        "model": model,
        "choices": [choice],
        "usage": spent,
        "service_tier": "default",
        "system_fingerprint": _FINGERPRINT,
    }


def tokens(prompt: int, completion: int) -> dict[str, Any]:
    return {
        "prompt_tokens": prompt,
        "completion_tokens": completion,
        "total_tokens": prompt + completion,
        "prompt_tokens_details": {"cached_tokens": 0, "audio_tokens": 0},
        "completion_tokens_details": {"reasoning_tokens": 0, "audio_tokens": 0},
    }
