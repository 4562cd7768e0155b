"""Questions in OpenAI's words, and what their answers say."""

from typing import Any

import orjson


def question(text: str = "hello", *, stream: bool = True, **more: Any) -> dict[str, Any]:
    messages = [{"role": "user", "content": text}]
    asked = {"model": "gpt-4o", "messages": messages, "stream": stream}
    return {name: value for name, value in (asked | more).items() if value is not None}


def frames(body: bytes) -> list[bytes]:
    """The `data:` of each event of a plainly spelled stream."""
    events = [event for event in body.split(b"\n\n") if event]
    return [event.removeprefix(b"data: ") for event in events]


def chunks(body: bytes) -> list[dict[str, Any]]:
    """The same as values, without `[DONE]`."""
    return [orjson.loads(frame) for frame in frames(body) if frame != b"[DONE]"]


def text(body: bytes) -> str:
    """What a reader would see of it."""
    deltas = [choice["delta"] for chunk in chunks(body) for choice in chunk.get("choices", [])]
    return "".join(delta.get("content") or "" for delta in deltas)
