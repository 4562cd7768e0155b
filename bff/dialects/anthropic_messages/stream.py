"""A streamed message: bytes in, chunks out. Source: contract providers.md §2, §7.1, §7.2."""

from collections.abc import Callable, Mapping
from typing import Any

from bff.chat.events import (
    Chunk,
    Event,
    Finished,
    FinishReason,
    Original,
    Started,
    TextDelta,
    ThoughtDelta,
    ToolDelta,
    ToolStarted,
)
from bff.dialects.anthropic_messages.hearing import PLAIN, Hearing
from bff.dialects.anthropic_messages.names import NAME
from bff.dialects.anthropic_messages.pieces import (
    UNREADABLE,
    Usage,
    read_reason,
    started,
    text_of,
)
from bff.dialects.anthropic_messages.refusals import cut, empty, read_error_object
from bff.dialects.json_text import read_json, write_ascii
from bff.dialects.sse import Decoder
from bff.errors import Problem

_OURS = ("text", "thinking", "redacted_thinking", "tool_use")  # blocks that begin with nothing yet
_ANSWER = -1  # the call whose arguments are the answer's text


class StreamReader:
    """Bytes of a streamed message in, Chunks out; the grammar's end is checked by `close`.

    After each call `problem` says whether the stream has failed (what came before it is returned
    all the same), and `done` whether nothing more is to be read. Events that are no JSON object
    with a type, or whose text is none, are dropped and counted in `bad_events`; those of a type we
    do not know are chunks without an event of ours, so that they can be passed on.

    The answer is complete with `message_stop`; and once a stop reason has come, for nothing of the
    answer can follow it: what is missing then is only the farewell.
    """

    def __init__(
        self,
        event_limit: int = 8 * 2**20,
        *,
        read_refusal: Callable[[bytes], Problem | None] = lambda _: None,
        hearing: Hearing = PLAIN,
    ) -> None:
        """*read_refusal* knows the errors of who stands in between, and is asked first."""
        self._decoder = Decoder(event_limit)
        self._read_refusal = read_refusal
        self._hearing, self._is_plain = hearing, hearing.is_plain
        self._started = False
        self._content = False
        self._calls: dict[int, int] = {}  # an open block of that index is the call of that number
        self._silent: set[int] = set()  # open blocks of calls without arguments so far
        self._called = 0
        self._usage = Usage()
        self._stop: Mapping[str, Any] = {}
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
        """The end of the body."""
        chunks = self.feed(b"\n\n")
        if not self.done:
            if self.finished:
                chunks.append(Chunk(self._farewell()))
            else:
                self._fail(cut() if self._content else empty())
        self.done = True
        return chunks

    def _read(self, data: bytes, chunks: list[Chunk]) -> None:
        try:
            value = read_json(data)
            error = value.get("error")
            type_ = value.get("type")
        except (AttributeError, ValueError):
            self.bad_events += 1
            return
        if error or type_ == "error":
            self._read_error(data, error)
            return
        if not (isinstance(type_, str) and type_.isascii() and type_.isprintable() and type_):
            self.bad_events += 1  # a name stands in a line of its own
            return
        try:
            events = self._events(type_, value)
        except UNREADABLE:
            self.bad_events += 1
            return
        if self.done and self.problem is not None:
            return
        content = _is_seen(events[0]) if events else _is_theirs(type_, value)
        self._content = self._content or content
        if events and not self._started:  # its head was lost, or comes too late
            self._started = True
            events = (Started("", "", 0), *events)
        original = Original(NAME, data, type_) if self._is_plain else None
        chunks.append(Chunk(events, original, content))

    def _read_error(self, data: bytes, error: object) -> None:
        if self.finished:  # the answer is whole: what fails after it takes nothing away
            return
        self._fail(self._read_refusal(data) or read_error_object(error, data))

    def _fail(self, problem: Problem) -> None:
        self.problem, self.done = problem, True

    # -- by the event's type -----------------------------------------------------------------------

    def _events(self, type_: str, value: Mapping[str, Any]) -> tuple[Event, ...]:
        match type_:
            case "content_block_delta":
                return self._block_delta(value["index"], value["delta"])
            case "content_block_start":
                return self._block_start(value["index"], value["content_block"])
            case "content_block_stop":
                return self._block_stop(value["index"])
            case "message_start":
                return self._message_start(value["message"])
            case "message_delta":
                return self._message_delta(value)
            case "message_stop":
                return self._message_stop()
        return ()  # a ping, or something new

    def _message_start(self, message: Mapping[str, Any]) -> tuple[Event, ...]:
        self._usage.note(message.get("usage"))
        if self._started:
            return ()
        self._started = True
        return (started(message),)

    def _block_start(self, index: int, block: Mapping[str, Any]) -> tuple[Event, ...]:
        match block.get("type"):
            case "text":
                text = text_of(block.get("text") or "")
                return (TextDelta(text),) if text else ()
            case "thinking":
                thought = text_of(block.get("thinking") or "")
                return (ThoughtDelta(thought),) if thought else ()
            case "tool_use":
                return self._call_start(index, block)
        return ()  # what Anthropic's own tools do, and thoughts that nobody can read

    def _call_start(self, index: int, block: Mapping[str, Any]) -> tuple[Event, ...]:
        name, id_ = text_of(block.get("name")), text_of(block.get("id") or "")
        told = block.get("input")
        arguments = write_ascii(told).decode("ascii") if told else ""
        self._silent.add(index)
        begun: tuple[Event, ...] = ()
        if name and name == self._hearing.answer_tool:
            self._calls[index] = _ANSWER
        else:
            begun = (ToolStarted(self._called, id_, self._hearing.names.get(name, name)),)
            self._calls[index] = self._called
            self._called += 1
        return begun + self._arguments(index, arguments)  # no pieces of it follow, if it has any

    def _block_delta(self, index: int, delta: Mapping[str, Any]) -> tuple[Event, ...]:
        match delta.get("type"):
            case "text_delta":
                text = text_of(delta["text"])
                return (TextDelta(text),) if text else ()
            case "input_json_delta":
                return self._arguments(index, text_of(delta["partial_json"]))
            case "thinking_delta":
                thought = text_of(delta["thinking"])
                return (ThoughtDelta(thought),) if thought else ()
            case "signature_delta":
                return (ThoughtDelta("", text_of(delta["signature"])),)
        return ()

    def _arguments(self, index: int, piece: str) -> tuple[Event, ...]:
        number = self._calls.get(index)
        if number is None or not piece:  # the input of one of Anthropic's own tools
            return ()
        self._silent.discard(index)
        return (TextDelta(piece) if number == _ANSWER else ToolDelta(number, piece),)

    def _block_stop(self, index: int) -> tuple[Event, ...]:
        missing = self._arguments(index, "{}") if index in self._silent else ()
        self._calls.pop(index, None)
        return missing

    def _message_delta(self, value: Mapping[str, Any]) -> tuple[Event, ...]:
        self._usage.note(value.get("usage"))
        stop = value["delta"]
        if not isinstance(stop.get("stop_reason"), str):
            return ()
        self.finished = True
        self._stop = stop
        return self._usage.read()

    def _message_stop(self) -> tuple[Event, ...]:
        if not (self.finished or self._content):
            self._fail(empty())
            return ()
        used = () if self.finished else self._usage.read()
        self.finished = self.done = True
        return (*used, *self._farewell())

    def _farewell(self) -> tuple[Event, ...]:
        reason = read_reason(self._stop.get("stop_reason"), calls=self._called)
        return (Finished(reason or FinishReason.STOP, stopped_by(self._stop)),)


def stopped_by(said: Mapping[str, Any]) -> str:
    """The stop sequence, where it was one."""
    sequence = said.get("stop_sequence")
    return sequence if isinstance(sequence, str) else ""


def _is_theirs(type_: str, value: Mapping[str, Any]) -> bool:
    """Whether one of Anthropic's own tools has begun to work, or told what it found: its caller
    sees it, and pays for it.
    """
    return type_ == "content_block_start" and value["content_block"].get("type") not in _OURS


def _is_seen(event: Event) -> bool:
    if isinstance(event, ThoughtDelta):
        return bool(event.text)
    return isinstance(event, TextDelta | ToolStarted | ToolDelta)
