"""The face half of OpenAI's dialect under test: a writer, frames of upstream's, what was told."""

import json
from collections.abc import Sequence
from typing import Any

from bff.chat.events import (
    Chunk,
    Event,
    Finished,
    FinishReason,
    Original,
    Started,
    ToolDelta,
    ToolStarted,
    UsageReported,
)
from bff.dialects.openai_chat import NAME
from bff.dialects.openai_chat.telling import StreamWriter
from tests.support.faces import chunk

HEAD = {"id": "chatcmpl-1", "object": "chat.completion.chunk", "created": 5, "model": "asked"}
BEGUN = Started("theirs", "their-model", 7)
OURS = Started("chatcmpl-1", "asked", 5)
USED = UsageReported(3, 4, 7, 1, 1, 2)
TOLD_USAGE = {
    "prompt_tokens": 3,
    "completion_tokens": 4,
    "total_tokens": 7,
    "prompt_tokens_details": {"cached_tokens": 1, "cache_write_tokens": 1},
    "completion_tokens_details": {"reasoning_tokens": 2},
}
STOP = Finished(FinishReason.STOP)
CALLED = (ToolStarted(0, "c0", "now"), ToolDelta(0, '{"tz":'), ToolDelta(0, '"UTC"}'))


def writer(**more: Any) -> StreamWriter:
    return StreamWriter(model="asked", created=5, answer_id="chatcmpl-1", **more)


def values(body: bytes) -> list[Any]:
    """Each frame's value. Every frame must be one ASCII line between `data: ` and a blank line."""
    assert body.isascii()
    assert body.endswith(b"\n\n")
    lines = body.decode().removesuffix("\n\n").split("\n\n")
    assert all(line.startswith("data: ") and "\n" not in line for line in lines)
    said = [line.removeprefix("data: ") for line in lines]
    return [line if line == "[DONE]" else json.loads(line) for line in said]


def told(*events: Event, **more: Any) -> list[Any]:
    telling = writer(**more)
    return values(b"".join([*[telling.feed(chunk(event)) for event in events], telling.end()]))


def deltas(frames: Sequence[Any]) -> list[Any]:
    return [frame["choices"][0]["delta"] for frame in frames if frame != "[DONE]"]


def ending(frames: Sequence[Any]) -> Any:
    return frames[-2]["choices"][0]["finish_reason"]


def native(value: Any, *events: Event, content: bool = False, delta: bool = True) -> Chunk:
    data = value if isinstance(value, bytes) else json.dumps(value).encode()
    return Chunk(events, Original(NAME, data), content, delta)


def wire(delta: Any, **more: Any) -> dict[str, Any]:
    choice = {"index": 0, "delta": delta, "finish_reason": more.pop("finish_reason", None)}
    head = HEAD | {"id": "theirs", "created": 7, "model": "their-model"}
    return {**head, "choices": [choice], **more}


def native_answer(*frames: tuple[Any, tuple[Event, ...]], **more: Any) -> list[Any]:
    telling = writer(**more)
    fed = [telling.feed(native(value, *events)) for value, events in frames]
    return values(b"".join([*fed, telling.end()]))


FIRST = (wire({"role": "assistant", "content": ""}), (BEGUN,))
LAST = (wire({}, finish_reason="stop"), (STOP,))
