"""A streamed completion: bytes in, chunks out. Source: contract providers.md §1, §7.1."""

from collections.abc import Callable, Iterator
from itertools import chain
from typing import Any

from bff.chat.events import Chunk, Event, Finished, FinishReason, Original, TextDelta
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
from bff.dialects.openai_chat.refusals import cut, empty, read_error_object
from bff.dialects.sse import Decoder
from bff.errors import Problem


class StreamReader:
    """Bytes of a streamed completion in, Chunks out; the grammar's end is checked by `close`.

    After each call `problem` says whether the stream has failed (what came before it is returned
    all the same), and `done` whether nothing more is to be read. Events that are not one JSON
    object are dropped and counted in `bad_events`.
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
        self._calls = CallReader()
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
        """The end of the body: complete after `[DONE]` or a finish, a failure otherwise."""
        chunks = self.feed(b"\n\n")
        if not (self.done or self.finished):
            self._fail(cut() if self._content else empty())
        self.done = True
        return chunks

    def _read(self, data: bytes, chunks: list[Chunk]) -> None:
        if data.strip() == b"[DONE]":
            self._end(chunks)
            return
        value = _object(data)
        if value is None or value.get("error") or "choices" not in value:
            problem = self._find_problem(value, data)
            if problem is not None and not self.finished:
                self._fail(problem)
                return
            if problem is not None:
                self.done = True  # the answer is whole: what fails after it takes nothing away
                return
        try:
            chunks.append(self._chunk(value, data))  # type: ignore[arg-type]  # checked field by field
        except UNREADABLE:
            self.bad_events += 1

    def _find_problem(self, value: dict[str, Any] | None, data: bytes) -> Problem | None:
        """Who stands in between is asked first, and of what is broken too."""
        error = None if value is None else value.get("error")
        return self._read_refusal(data) or (read_error_object(error) if error else None)

    def _end(self, chunks: list[Chunk]) -> None:
        self.done = True
        if self.finished:
            return
        if self._content:
            self.finished = True
            chunks.append(Chunk((Finished(with_calls(FinishReason.STOP, self._calls)),)))
        else:
            self._fail(empty())

    def _fail(self, problem: Problem) -> None:
        self.problem, self.done = problem, True

    def _chunk(self, wire: WireChunk, data: bytes) -> Chunk:
        events: list[Event] = []
        content = delta = False
        choices = wire.get("choices")
        if choices:
            choice = choices[0]
            text, reason = read_choice(choice, "delta")
            said = choice.get("delta")
            delta = isinstance(said, dict)
            if text and len(said) == 1:  # type: ignore[arg-type]  # it has a text: it is an object
                events.append(TextDelta(text))  # by far the most of all events
            elif said:
                events += self._all(said, text, wire)
            if events:
                self.finished = False  # whatever was said before: it goes on
                content = self._content = True
            if not self._started and (delta or reason is not None):
                self._started = True
                events.insert(0, started(wire))
            if reason is not None:
                self.finished = True
                events.append(Finished(with_calls(reason, self._calls)))
        usage = wire.get("usage")
        if usage is not None:  # it is null in every chunk but one
            events.extend(read_usage(usage))
        return Chunk(tuple(events), Original(NAME, data), content, delta)

    def _all(self, said: Delta, text: str, wire: WireChunk) -> Iterator[Event]:
        """What a delta says, beside its *text* too. Raises TypeError."""
        thought = read_thought(said)
        calls = self._calls.read(said, read_id(wire.get("id")))
        return chain(thought, (TextDelta(text),) if text else (), calls)


def _object(data: bytes) -> dict[str, Any] | None:
    try:
        value = read_json(data)
    except ValueError:
        return None
    return value if isinstance(value, dict) else None
