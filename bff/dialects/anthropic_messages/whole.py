"""A message in one piece: in answer to a stream request, or because it was asked for so."""

from collections.abc import Iterator, Mapping
from typing import Any

from bff.chat.events import (
    Chunk,
    Event,
    Finished,
    FinishReason,
    Original,
    TextDelta,
    ThoughtDelta,
    ToolDelta,
    ToolStarted,
    UsageReported,
)
from bff.chat.usage import Counted
from bff.dialects.anthropic_messages.hearing import PLAIN, Hearing
from bff.dialects.anthropic_messages.names import NAME
from bff.dialects.anthropic_messages.pieces import (
    UNREADABLE,
    Usage,
    is_count,
    read_reason,
    started,
    text_of,
)
from bff.dialects.anthropic_messages.refusals import not_an_answer, read_error_object
from bff.dialects.anthropic_messages.stream import stopped_by
from bff.dialects.json_text import read_json, write_ascii


def read_message(data: bytes, hearing: Hearing = PLAIN) -> list[Chunk]:
    """A whole message as the chunks it could have been streamed in: a stream request answered by
    JSON (gateway.md §7). Raises Problem when it is an error, or no message.
    """
    wire = _read_whole(data)
    try:
        return [_chunk(event) for event in _events(wire, hearing)]
    except UNREADABLE as cause:
        raise not_an_answer() from cause


def read_reply(data: bytes, hearing: Hearing = PLAIN) -> list[Chunk]:
    """A whole message that was asked for; its own bytes go with its first chunk. One whose answer
    cannot be read, or is missing, still says what it used. Raises Problem when it is an error, or
    says neither.
    """
    wire = _read_whole(data)
    original = Original(NAME, data, "message") if hearing.is_plain else None
    try:
        first, *rest = _events(wire, hearing)
    except UNREADABLE as cause:
        used = _read_usage(wire)
        if not used:
            raise not_an_answer() from cause
        return [Chunk((started(wire), *used), original)]
    return [Chunk((first,), original), *map(_chunk, rest)]


def read_count(data: bytes) -> Counted:
    """The answer to `count_tokens`. Raises Problem."""
    tokens = _read_whole(data).get("input_tokens")
    if not is_count(tokens):
        raise not_an_answer()
    return Counted(tokens, Original(NAME, data, "message"))


def _read_whole(data: bytes) -> Mapping[str, Any]:
    try:
        wire = read_json(data)
        error = wire.get("error")
    except (AttributeError, ValueError) as cause:
        raise not_an_answer() from cause
    if error or wire.get("type") == "error":
        raise read_error_object(error, data)
    return wire  # type: ignore[no-any-return]  # what has `get` is an object


def _events(wire: Mapping[str, Any], hearing: Hearing) -> list[Event]:
    said = [event for block in wire["content"] for event in _block(block, hearing)]
    events: list[Event] = [started(wire)]
    calls = 0
    for event in said:
        match event:
            case ToolStarted(_, id_, name):
                events.append(ToolStarted(calls, id_, name))
            case ToolDelta(_, arguments):
                events.append(ToolDelta(calls, arguments))
                calls += 1
            case _:
                events.append(event)
    reason = read_reason(wire.get("stop_reason"), calls=calls)
    ending = reason or (FinishReason.TOOL_CALLS if calls else FinishReason.STOP)
    return [*events, *_read_usage(wire), Finished(ending, stopped_by(wire))]


def _block(block: Mapping[str, Any], hearing: Hearing) -> Iterator[Event]:
    match block.get("type"):
        case "text":
            yield TextDelta(text_of(block["text"]))
        case "thinking":
            yield ThoughtDelta(text_of(block["thinking"]), text_of(block.get("signature") or ""))
        case "tool_use":
            name, told = text_of(block["name"]), block.get("input") or {}
            arguments = write_ascii(told).decode("ascii")
            if name and name == hearing.answer_tool:
                yield TextDelta(arguments)
            else:
                yield ToolStarted(0, text_of(block.get("id") or ""), hearing.names.get(name, name))
                yield ToolDelta(0, arguments)


def _read_usage(wire: Mapping[str, Any]) -> tuple[UsageReported, ...]:
    usage = Usage()
    usage.note(wire.get("usage"))
    return usage.read()


def _chunk(event: Event) -> Chunk:
    seen = isinstance(event, TextDelta | ThoughtDelta | ToolStarted | ToolDelta)
    return Chunk((event,), content=seen)
