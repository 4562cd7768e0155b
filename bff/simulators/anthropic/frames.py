"""What Anthropic puts on the wire: a message's events, the whole one, an error's body.

Not the decision what to answer. Text stays UTF-8, as Anthropic sends it. Source: providers.md §2.
"""

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

import orjson

Json = Mapping[str, Any]

_ARGUMENT_PIECE = 7  # characters: arguments come in pieces too
_ENDINGS = {  # a pen's words, and Anthropic's
    "stop": "end_turn",
    "length": "max_tokens",
    "tool_calls": "tool_use",
    "content_filter": "refusal",
}


def event(type_: str, **said: Any) -> bytes:
    data = orjson.dumps({"type": type_, **said})
    return b"event: %b\ndata: %b\n\n" % (type_.encode(), data)


PING = event("ping")
STOP = event("message_stop")
BAD_LINE = (
    b"event: content_block_delta\n"
    b'data: {"type":"content_block_delta","index":0,"delta":{"type":"text_delta","text":"half\n\n'
)


def start(
    id_: str = "msg_scripted", model: str = "claude-sonnet-4-5-20250929", usage: Json | None = None
) -> bytes:
    said = message(id_, model, [], None, None, usage or {"input_tokens": 12, "output_tokens": 1})
    return event("message_start", message=said)


def block_start(index: int, block: Json) -> bytes:
    return event("content_block_start", index=index, content_block=block)


def text_start(index: int = 0) -> bytes:
    return block_start(index, {"type": "text", "text": ""})


def block_delta(index: int, type_: str, **said: str) -> bytes:
    return event("content_block_delta", index=index, delta={"type": type_, **said})


def delta(text: str, index: int = 0) -> bytes:
    return block_delta(index, "text_delta", text=text)


def block_stop(index: int = 0) -> bytes:
    return event("content_block_stop", index=index)


def block(index: int, said: Json, pieces: Sequence[str]) -> Iterator[bytes]:
    """The events of one block, its text or thought in *pieces*; the very first has a ping behind
    it.
    """
    empty: Json = {"text": "", "thinking": "", "signature": "", "input": {}}
    yield block_start(index, {name: empty.get(name, value) for name, value in said.items()})
    if index == 0:
        yield PING
    match said["type"]:
        case "thinking":
            for piece in pieces:
                yield block_delta(index, "thinking_delta", thinking=piece)
            yield block_delta(index, "signature_delta", signature=said["signature"])
        case "text":
            for piece in pieces:
                yield delta(piece, index)
        case _:
            text = orjson.dumps(said["input"]).decode() if said["input"] else ""
            for begin in range(0, len(text), _ARGUMENT_PIECE):
                piece = text[begin : begin + _ARGUMENT_PIECE]
                yield block_delta(index, "input_json_delta", partial_json=piece)
    yield block_stop(index)


def finish(reason: str = "stop", sequence: str | None = None, usage: Json | None = None) -> bytes:
    ending = {"stop_reason": _ENDINGS.get(reason, reason), "stop_sequence": sequence}
    return event("message_delta", delta=ending, usage=usage or {"output_tokens": 3})


def error_frame(type_: str = "api_error", text: str = "Internal server error") -> bytes:
    """What a failure looks like once the stream has begun."""
    return event("error", error={"type": type_, "message": text})


def error(type_: str, text: str, request_id: str) -> dict[str, Any]:
    said = {"type": type_, "message": text}
    return {"type": "error", "error": said, "request_id": request_id}


def message(
    id_: str,
    model: str,
    content: list[Json],
    reason: str | None,
    sequence: str | None,
    usage: Json,
) -> dict[str, Any]:
    """The whole answer in one object; what opens a stream is one without an answer."""
    return {
        "id": id_,
        "type": "message",
        "role": "assistant",
        "model": model,
        "content": content,
        "stop_reason": reason,
        "stop_sequence": sequence,
        "usage": usage,
    }
