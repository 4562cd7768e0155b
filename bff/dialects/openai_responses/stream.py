"""A streamed response: bytes in, chunks out. Source: api-faces.md §2, providers.md §7.1."""

from collections.abc import Callable, Mapping
from typing import Any, TypeGuard

from bff.chat.events import Chunk, Event, Original, Started, TextDelta, ThoughtDelta, ToolDelta
from bff.dialects.failures import cut, empty
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
    text_of,
)
from bff.dialects.sse import Decoder
from bff.errors import Problem

_ERRORS = frozenset({"error", "response.failed"})
_ENDS = frozenset({"response.completed", "response.incomplete"})


class StreamReader:
    """Bytes of a streamed response in, Chunks out; the grammar's end is checked by `close`.

    After each call `problem` says whether the stream has failed (what came before it is returned
    all the same), and `done` whether nothing more is to be read. Events that are no JSON object
    with a type, or whose text is none, are dropped and counted in `bad_events`; those of a type we
    do not know are chunks without an event of ours, so that they can be passed on.

    What comes in pieces is content; that a response, an item or a part of one has begun is not. The
    answer is complete with `response.completed` or `response.incomplete`, and with nothing else.
    """

    def __init__(
        self,
        event_limit: int = 8 * 2**20,
        *,
        read_refusal: Callable[[bytes], Problem | None] = lambda _: None,
    ) -> None:
        """*read_refusal* knows the errors of who stands in between, and is asked first."""
        self._decoder = Decoder(event_limit)
        self._read_refusal = read_refusal
        self._started = False
        self._content = False
        self._calls: dict[object, int] = {}  # the item at that place is the call of that number
        self._silent: set[int] = set()  # calls without arguments so far
        self.finished = False
        self.done = False
        self.problem: Problem | None = None
        self.bad_events = 0

    def feed(self, data: bytes) -> list[Chunk]:
        chunks: list[Chunk] = []
        for frame in self._decoder.feed(data):
            if self.done:
                return chunks
            self._read(frame.data, chunks)
        if self._decoder.problem is not None and not self.done:
            self._fail(self._decoder.problem)
        return chunks

    def close(self) -> list[Chunk]:
        """The end of the body: a failure, unless the response has ended before it."""
        chunks = self.feed(b"\n\n")
        if not self.done:
            self._break_off()
        return chunks

    def _read(self, data: bytes, chunks: list[Chunk]) -> None:
        if data.strip() == b"[DONE]":  # OpenAI says none; who stands in between may
            self._break_off()
            return
        value = _object(data)
        type_ = None if value is None else value.get("type")
        if value is None or not _is_name(type_) or type_ in _ERRORS or value.get("error"):
            self._read_failure(value, data)
            return
        try:
            events = self._events(type_, value)
        except UNREADABLE:
            self.bad_events += 1
            return
        content = bool(value.get("delta")) or any(map(is_seen, events))
        self._content = self._content or content
        if events and not self._started:  # its head was lost
            self._started = True
            events = (Started("", "", 0), *events)
        chunks.append(Chunk(events, Original(NAME, data, type_), content))

    def _read_failure(self, value: Mapping[str, Any] | None, data: bytes) -> None:
        """Who stands in between is asked first, and of what is broken too."""
        problem = self._read_refusal(data)
        if problem is None and value is not None:
            problem = _failure_in(value)
        if problem is None:
            self.bad_events += 1
        else:
            self._fail(problem)

    def _break_off(self) -> None:
        self._fail(cut() if self._content else empty())

    def _fail(self, problem: Problem) -> None:
        self.problem, self.done = problem, True

    # -- by the event's type -----------------------------------------------------------------------

    def _events(self, type_: str, value: Mapping[str, Any]) -> tuple[Event, ...]:
        match type_:
            case "response.output_text.delta" | "response.refusal.delta":
                text = text_of(value["delta"])
                return (TextDelta(text),) if text else ()
            case "response.function_call_arguments.delta":
                return self._arguments(_place(value), text_of(value["delta"]))
            case "response.reasoning_summary_text.delta" | "response.reasoning_text.delta":
                thought = text_of(value["delta"])
                return (ThoughtDelta(thought),) if thought else ()
            case "response.output_item.added":
                return self._item(_place(value), value["item"], whole=False)
            case "response.output_item.done":
                return self._item(_place(value), value["item"], whole=True)
            case "response.created":
                return self._head(value["response"])
        return self._end(value["response"]) if type_ in _ENDS else ()

    def _head(self, response: Mapping[str, Any]) -> tuple[Event, ...]:
        begun = started(response)
        if self._started:
            return ()
        self._started = True
        return (begun,)

    def _item(self, place: object, item: Mapping[str, Any], *, whole: bool) -> tuple[Event, ...]:
        """A call begins with its item; of one that came without pieces its end tells the rest.
        Other items only frame what is said in pieces.
        """
        if item.get("type") != "function_call":
            return ()
        known = self._calls.get(place)
        number = len(self._calls) if known is None else known
        begun, *told = read_item(item, number)
        if known is None:
            self._calls[place] = number
            self._silent.add(number)
        events: tuple[Event, ...] = (begun,) if known is None else ()
        if whole and number in self._silent:
            self._silent.discard(number)
            events += tuple(told)
        return events

    def _arguments(self, place: object, piece: str) -> tuple[Event, ...]:
        number = self._calls[place]
        self._silent.discard(number)
        return (ToolDelta(number, piece),) if piece else ()

    def _end(self, response: Mapping[str, Any]) -> tuple[Event, ...]:
        used = read_usage(response.get("usage"))
        ended: tuple[Event, ...] = (*used, finished(response, calls=len(self._calls)))
        self.finished = self.done = True
        return ended


def _failure_in(value: Mapping[str, Any]) -> Problem | None:
    """OpenAI spells an error in the event or in an object of it, or fails the response."""
    if value.get("type") == "response.failed":
        response = value.get("response")
        return failed(response.get("error") if isinstance(response, dict) else None)
    if value.get("error"):
        return failed(value["error"])
    return failed(value) if value.get("type") == "error" else None


def _place(value: Mapping[str, Any]) -> object:
    """Where the item stands in the output; its id changes between events at some vendors."""
    place = value.get("output_index")
    return place if isinstance(place, int) else text_of(value.get("item_id"))


def _is_name(type_: object) -> TypeGuard[str]:
    """One that can stand in a line of its own."""
    return isinstance(type_, str) and type_.isascii() and type_.isprintable() and type_ != ""


def _object(data: bytes) -> dict[str, Any] | None:
    try:
        value = read_json(data)
    except ValueError:
        return None
    return value if isinstance(value, dict) else None
