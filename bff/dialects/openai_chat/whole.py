"""A completion in one piece: in answer to a stream request, or because it was asked for so."""

from collections.abc import Sequence
from dataclasses import replace

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
)
from bff.dialects.json_text import read_json
from bff.dialects.openai_chat.calls import CallReader, read_thought
from bff.dialects.openai_chat.names import NAME
from bff.dialects.openai_chat.pieces import (
    UNREADABLE,
    Delta,
    WireChunk,
    read_choice,
    read_id,
    read_usage,
    started,
    with_calls,
)
from bff.dialects.openai_chat.refusals import not_an_answer, read_error_object


def read_completion(data: bytes) -> list[Chunk]:
    """A whole completion as the chunks it could have been streamed in: a stream request answered by
    JSON (gateway.md §7). Raises Problem when it is an error, or no completion.
    """
    wire = _read_whole(data)
    try:
        return _whole_chunks(wire)
    except UNREADABLE as cause:
        raise not_an_answer() from cause


def read_reply(data: bytes) -> list[Chunk]:
    """A whole completion that was asked for, itself the original of its first chunk: one whose
    answer cannot be read, or is missing, still says what it used. Raises Problem when it is an
    error, or says neither.
    """
    wire = _read_whole(data)
    try:
        first, *rest = _whole_chunks(wire)
    except UNREADABLE as cause:
        used = read_usage(wire.get("usage"))
        if not used:
            raise not_an_answer() from cause
        return [Chunk((started(wire), *used))]
    return [replace(first, original=Original(NAME, data, "message")), *rest]


def _read_whole(data: bytes) -> WireChunk:
    try:
        wire: WireChunk = read_json(data)
        error = wire.get("error")
    except (AttributeError, ValueError) as cause:
        raise not_an_answer() from cause
    if error:
        raise read_error_object(error)
    return wire


def _whole_chunks(wire: WireChunk) -> list[Chunk]:
    choice = wire["choices"][0]
    text, reason = read_choice(choice, "message")
    said, calls = choice.get("message") or Delta(), CallReader()
    more = calls.read(said, read_id(wire.get("id")))
    events: Sequence[Event] = (
        started(wire),
        *read_thought(said),
        *([TextDelta(text)] if text or not more else ()),
        *more,
        *read_usage(wire.get("usage")),
        Finished(with_calls(reason or FinishReason.STOP, calls)),
    )
    return [Chunk((event,), content=_is_seen(event)) for event in events]


def _is_seen(event: Event) -> bool:
    if isinstance(event, TextDelta):
        return bool(event.text)
    return isinstance(event, ThoughtDelta | ToolStarted | ToolDelta)
