"""A response in one piece: in answer to a stream request, or because it was asked for so."""

from collections.abc import Mapping
from dataclasses import replace
from typing import Any

from bff.chat.events import (
    Chunk,
    Event,
    Original,
    TextDelta,
)
from bff.dialects.failures import not_an_answer
from bff.dialects.json_text import read_json
from bff.dialects.openai_responses.names import NAME
from bff.dialects.openai_responses.pieces import (
    UNREADABLE,
    failed,
    finished,
    is_seen,
    read_item,
    read_usage,
    started,
)


def read_response(data: bytes) -> list[Chunk]:
    """A whole response as the chunks it could have been streamed in: a stream request answered by
    JSON (gateway.md §7). Raises Problem when it is an error, or no response.
    """
    wire = _read_whole(data)
    try:
        return _whole_chunks(wire)
    except UNREADABLE as cause:
        raise not_an_answer() from cause


def read_reply(data: bytes) -> list[Chunk]:
    """A whole response that was asked for, itself the original of its first chunk: one whose output
    cannot be read, or is missing, still says what it used. Raises Problem when it is an error, or
    says neither.
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


def _read_whole(data: bytes) -> Mapping[str, Any]:
    try:
        wire: Mapping[str, Any] = read_json(data)
        error, status = wire.get("error"), wire.get("status")
    except (AttributeError, ValueError) as cause:
        raise not_an_answer() from cause
    if error or status == "failed":
        raise failed(error)
    return wire


def _whole_chunks(wire: Mapping[str, Any]) -> list[Chunk]:
    said: list[Event] = []
    calls = 0
    for item in wire["output"]:
        said += read_item(item, calls)
        calls += item.get("type") == "function_call"
    if not said:
        said.append(TextDelta(""))
    events = (started(wire), *said, *read_usage(wire.get("usage")), finished(wire, calls=calls))
    return [Chunk((event,), content=is_seen(event)) for event in events]
