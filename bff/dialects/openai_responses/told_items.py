"""The items of a streamed response: each begins once and ends once. Source: api-faces.md §2."""

from dataclasses import dataclass, field
from typing import Any

from bff.chat.events import Event, TextDelta, ToolDelta, ToolStarted
from bff.chat.request import ToolCall
from bff.chat.usage import tokens_of
from bff.dialects.json_text import read_json
from bff.dialects.openai_responses.told_frames import Frames
from bff.dialects.openai_responses.told_whole import (
    item_id,
    write_call,
    write_message,
    write_part,
)
from bff.dialects.said_calls import CallNumbers


@dataclass(slots=True)
class _Item:
    """A text, or with *call* a call; *place* is its index in the output."""

    place: int
    id: str
    call: ToolStarted | None = None
    pieces: list[str] = field(default_factory=list)

    def said(self) -> str:
        return "".join(self.pieces)

    def where(self) -> dict[str, Any]:
        """How events name it, or its only part."""
        where = {"item_id": self.id, "output_index": self.place}
        return where if self.call is not None else {**where, "content_index": 0}

    def write(self, status: str) -> dict[str, Any]:
        said = self.said()
        if self.call is None:
            return write_message(self.id, said, status)
        return write_call(self.id, ToolCall(self.call.id, self.call.name, said), status)

    def is_whole(self) -> bool:
        """Whether nothing more can belong to it, now that another item begins."""
        return self.call is None or _is_object(self.said())


class Items:
    """Events in, the frames of items out: one at a time, where upstream tells them so. A call
    whose arguments are no whole object yet when another item begins stays open to the end.
    """

    def __init__(self, frames: Frames, answer_id: str) -> None:
        self._frames, self._answer_id = frames, answer_id
        self._current: _Item | None = None
        self._open: dict[int, _Item] = {}  # by place
        self._calls: dict[int, _Item] = {}  # by number, those open
        self._numbers = CallNumbers()
        self._closed: dict[int, dict[str, Any]] = {}
        self._characters = 0

    def tokens(self) -> int:
        """An estimate of what was said."""
        return tokens_of(self._characters)

    def written(self, status: str) -> list[dict[str, Any]]:
        """The output so far, what is not closed with *status*."""
        open_ = {place: item.write(status) for place, item in self._open.items()}
        return [item for _, item in sorted((self._closed | open_).items())]

    def feed(self, event: Event) -> bytes:
        match event:
            case TextDelta(text) if text:
                return self._tell_text(text)
            case ToolStarted():
                return self._begin_call(event)
            case ToolDelta(index, arguments) if arguments:
                number = self._numbers.of(index)
                item = None if number is None else self._calls.get(number)
                return b"" if item is None else self._tell_arguments(item, arguments)
        return b""

    def close(self, status: str) -> bytes:
        """The end: what is open ends with *status*. Who said nothing says so in words."""
        lead = self._begin_text(self._next("msg")) if self._current is None else b""
        return lead + b"".join([self._end(item, status) for item in list(self._open.values())])

    def _next(self, kind: str, call: ToolStarted | None = None) -> _Item:
        place = len(self._open) + len(self._closed)
        item = _Item(place, item_id(kind, self._answer_id, place), call)
        self._open[place] = self._current = item
        return item

    def _tell_text(self, text: str) -> bytes:
        lead, item = b"", self._current
        if item is None or item.call is not None:
            lead, item = self._settle(), self._next("msg")
            lead += self._begin_text(item)
        self._note(item, text)
        told = {**item.where(), "delta": text, "logprobs": []}
        return lead + self._frames.spell("response.output_text.delta", told)

    def _begin_text(self, item: _Item) -> bytes:
        added = self._spell_item("added", item, write_message(item.id, None, "in_progress"))
        part = {**item.where(), "part": write_part("")}
        return added + self._frames.spell("response.content_part.added", part)

    def _begin_call(self, event: ToolStarted) -> bytes:
        call = self._numbers.open(event)
        if call is None:
            return b""
        lead, item = self._settle(), self._next("fc", call)
        self._calls[call.index] = item
        return lead + self._spell_item("added", item, item.write("in_progress"))

    def _tell_arguments(self, item: _Item, arguments: str) -> bytes:
        self._note(item, arguments)
        told = {**item.where(), "delta": arguments}
        return self._frames.spell("response.function_call_arguments.delta", told)

    def _settle(self) -> bytes:
        """Before another item begins."""
        item = self._current
        return b"" if item is None or not item.is_whole() else self._end(item, "completed")

    def _end(self, item: _Item, status: str) -> bytes:
        lead = b""
        if item.call is not None and not item.pieces:
            lead = self._tell_arguments(item, "{}")
        del self._open[item.place]
        written = self._closed[item.place] = item.write(status)
        where, said = item.where(), item.said()
        if item.call is not None:
            del self._calls[item.call.index]
            told = {**where, "arguments": said, "name": item.call.name}
            lead += self._frames.spell("response.function_call_arguments.done", told)
        else:
            done = {**where, "text": said, "logprobs": []}
            lead += self._frames.spell("response.output_text.done", done)
            part = {**where, "part": write_part(said)}
            lead += self._frames.spell("response.content_part.done", part)
        return lead + self._spell_item("done", item, written)

    def _spell_item(self, what: str, item: _Item, written: dict[str, Any]) -> bytes:
        told = {"output_index": item.place, "item": written}
        return self._frames.spell(f"response.output_item.{what}", told)

    def _note(self, item: _Item, piece: str) -> None:
        item.pieces.append(piece)
        self._characters += len(piece)


def _is_object(text: str) -> bool:
    if not text.rstrip().endswith("}"):
        return False
    try:
        return isinstance(read_json(text.encode("utf-8", "surrogatepass")), dict)
    except ValueError:
        return False
