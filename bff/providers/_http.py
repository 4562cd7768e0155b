"""The one POST: an endpoint asked once, its answer as chunks, every network failure as a Problem.

Not a retry loop and not a dialect: what bytes mean is the reader's business. The four timers are
kept here: connect, first byte, idle between chunks, total (the deadline).
"""

import asyncio
from collections.abc import AsyncIterator, Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from io import BytesIO
from typing import Protocol

import aiohttp
from multidict import CIMultiDict
from yarl import URL

from bff.chat.events import Chunk
from bff.errors import Kind, Problem, Sign
from bff.policy.deadline import Timers
from bff.policy.retry import read_should_retry, read_wait

_REFUSAL_BYTES = 64 * 1024  # of an error's body; more is not read
_LARGE = 2**20  # bytes of a question: one that large goes out in pieces, others get their turn
_REFUSAL_S = 5.0  # for that body: the status is known already
_UNHEARD = frozenset({Sign.CUT, Sign.EMPTY_STREAM, Sign.STALLED})
_REPLAYED_AT_ONCE = 256  # chunks
_AFTER_FINISH_S = 2.0  # of silence: then a finished answer is over, `[DONE]` or not
_DRAIN_S = (
    0.25  # for the end of the body after the end of the answer, so that the line can be reused
)


@dataclass(frozen=True, slots=True)
class Endpoint:
    """Where to ask, and as whom."""

    url: URL
    headers: CIMultiDict[str]


@dataclass(frozen=True, slots=True)
class OpenAnswer:
    """What the engine calls an Upstream: the chunks, a batch per network read, and the headers."""

    batches: AsyncIterator[Sequence[Chunk]]
    headers: Mapping[str, str]
    ignored: tuple[str, ...] = ()
    passed: Mapping[str, str] = field(default_factory=dict)


class ChunkReader(Protocol):
    """A dialect's state machine for a streamed answer."""

    done: bool  # nothing more is to be read
    finished: bool  # the answer is complete, whatever else may follow
    problem: Problem | None
    bad_events: int

    def feed(self, data: bytes) -> list[Chunk]: ...

    def close(self) -> list[Chunk]: ...


@dataclass(frozen=True, slots=True)
class Dialect:
    """How the endpoint's answers are read; a refusal by its status, type, body and wait.

    Without *open_reader* this vendor never streams. What it gets reads the errors of who stands in
    between, and is asked first. *told_headers* are those of its headers that are passed on beside
    its own words.
    """

    open_reader: Callable[[Callable[[bytes], Problem | None]], ChunkReader] | None
    read_whole: Callable[[bytes], list[Chunk]]  # raises Problem when it is an error, or no answer
    read_refusal: Callable[[int, str, bytes, float | None], Problem]
    not_an_answer: Callable[[], Problem]
    read_between: Callable[[bytes], Problem | None] = lambda _: None
    told_headers: Callable[[Mapping[str, str]], Mapping[str, str]] = lambda _: {}


async def ask(
    session: aiohttp.ClientSession,
    endpoint: Endpoint,
    body: bytes | None,
    *,
    dialect: Dialect,
    timers: Timers,
    deadline: float,
) -> aiohttp.ClientResponse:
    """Asks once, without a *body* by GET. Raises Problem for anything but a 2xx; of that the body
    is still to be read.
    """
    response = await _send(session, endpoint, body, timers, deadline)
    if 200 <= response.status < 300:
        return response
    try:
        soon = asyncio.get_running_loop().time() + _REFUSAL_S
        data, _ = await _read_body(response, timers, min(soon, deadline), _REFUSAL_BYTES)
    finally:
        _leave(response)
    wait = read_wait(response.status, response.headers)
    problem = dialect.read_refusal(response.status, response.content_type.lower(), data, wait)
    problem.should_retry = read_should_retry(response.headers)
    if problem.original is not None:
        passed = dialect.told_headers(response.headers)
        problem.original = replace(problem.original, headers=passed)
    raise problem


async def fetch(
    session: aiohttp.ClientSession,
    endpoint: Endpoint,
    *,
    dialect: Dialect,
    timers: Timers,
    deadline: float,
    limit: int,
) -> bytes:
    """The body of a GET, of *limit* bytes at most. Raises Problem."""
    response = await ask(session, endpoint, None, dialect=dialect, timers=timers, deadline=deadline)
    try:
        data, failed = await _read_body(response, timers, deadline, limit + 1)
    finally:
        _leave(response)
    if failed is None and len(data) > limit:
        failed = dialect.not_an_answer()
    failed = dialect.read_between(data) or failed
    if failed is not None:
        raise failed
    return data


async def read_short(response: aiohttp.ClientResponse, timers: Timers, deadline: float) -> bytes:
    """The whole of a short answer that is no chat's; its line is given back. Raises Problem."""
    try:
        data, failed = await _read_body(response, timers, deadline, _REFUSAL_BYTES)
    finally:
        _leave(response)
    if failed is not None:
        raise failed
    return data


class reading:  # noqa: N801 - reads as a verb: `async with reading(response)`
    """The answer of a 2xx; its body is closed on the way out, whoever leaves. Raises Problem."""

    def __init__(
        self,
        response: aiohttp.ClientResponse,
        *,
        dialect: Dialect,
        timers: Timers,
        deadline: float,
        answer_limit: int,
        note_bad_events: Callable[[int], None],
    ) -> None:
        self._response, self._dialect = response, dialect
        self._timers, self._deadline = timers, deadline
        self._answer_limit, self._note_bad_events = answer_limit, note_bad_events
        self._batches: _Batches | None = None

    async def __aenter__(self) -> OpenAnswer:
        response, dialect = self._response, self._dialect
        passed = dialect.told_headers(response.headers)
        try:
            content_type = response.content_type.lower()
            if content_type == "text/event-stream" and dialect.open_reader is not None:
                reader = dialect.open_reader(dialect.read_between)
                self._batches = _Batches(
                    response, reader, self._timers, self._deadline, dialect.read_between
                )
                return OpenAnswer(self._batches, response.headers, passed=passed)
            data = await self._read_all(is_answer=content_type == "application/json")
            whole = _Whole(dialect.read_whole(data))
            return OpenAnswer(whole, response.headers, passed=passed)
        except BaseException:
            _leave(response)
            raise

    async def _read_all(self, *, is_answer: bool) -> bytes:
        """The whole of it. What is no answer, or not all of one, may be the word of who stands in
        between: a policy's refusal is one in whatever wrapping it comes.
        """
        until, limit = self._deadline, self._answer_limit
        if not is_answer:
            soon = asyncio.get_running_loop().time() + _REFUSAL_S
            until, limit = min(soon, until), _REFUSAL_BYTES
        data, failed = await _read_body(self._response, self._timers, until, limit)
        if not is_answer:
            failed = self._dialect.not_an_answer()
        if failed is not None:
            raise self._dialect.read_between(data) or failed
        return data

    async def __aexit__(self, kind: object, error: BaseException | None, trace: object) -> None:
        batches = self._batches
        try:
            if batches is not None:
                batches.leave()
                if batches.bad_events:
                    self._note_bad_events(batches.bad_events)
                if error is None:
                    await batches.drain()
        finally:
            _leave(self._response)


def _leave(response: aiohttp.ClientResponse) -> None:
    """A line whose answer was not read to its end cannot be used again."""
    if response.connection is not None:
        response.close()


class _Whole:
    """An answer that came in one piece: so many chunks at a time, so that its reader is waited
    for.
    """

    def __init__(self, chunks: list[Chunk]) -> None:
        self._batches = iter(
            [chunks[i : i + _REPLAYED_AT_ONCE] for i in range(0, len(chunks), _REPLAYED_AT_ONCE)]
        )

    def __aiter__(self) -> "_Whole":
        return self

    async def __anext__(self) -> Sequence[Chunk]:
        for batch in self._batches:
            return batch
        raise StopAsyncIteration


class _Batches:
    """The chunks of each network read. Reads only when asked: that is the back-pressure.

    Silence is watched by one timer for the whole answer, set anew only when it fires: a timer for
    each read would cost a tenth of an event.
    """

    def __init__(
        self,
        response: aiohttp.ClientResponse,
        reader: ChunkReader,
        timers: Timers,
        deadline: float,
        read_between: Callable[[bytes], Problem | None],
    ) -> None:
        self._content, self._reader = response.content, reader
        self._read_between = read_between
        self._head: bytes | None = b""  # what came before the first chunk
        self._idle, self._floor, self._deadline = timers.idle, timers.floor, deadline
        self._loop = asyncio.get_running_loop()
        self._cut_by: Problem | None = None
        self._waiting_since: float | None = None
        self._waited, self._came = 0.0, 0  # seconds and bytes, since the floor was last looked at
        self._watch = self._loop.call_at(min(self._loop.time() + timers.idle, deadline), self._look)

    @property
    def bad_events(self) -> int:
        return self._reader.bad_events

    def __aiter__(self) -> "_Batches":
        return self

    async def __anext__(self) -> Sequence[Chunk]:
        reader = self._reader
        while not reader.done:
            data = await self._read()
            chunks = reader.feed(data) if data else reader.close()
            if self._head is not None:
                self._head = None if chunks else (self._head + data)[:_REFUSAL_BYTES]
            if chunks:
                return chunks
        if reader.problem is not None:
            raise self._why(reader.problem)
        raise StopAsyncIteration

    def _why(self, problem: Problem) -> Problem:
        """Where nothing was heard, who stands in between may have said it, if not in an event."""
        if problem.sign not in _UNHEARD:
            return problem
        said = self._read_between(self._head) if self._head else None
        return said or self._cut_by or problem

    async def _read(self) -> bytes:
        self._waiting_since = since = self._loop.time()
        if self._reader.finished:
            self._watch_closely()
        try:
            data = await self._content.readany()
            self._came += len(data)
            return data
        except aiohttp.ClientError as error:
            # Read as the end of the body: harmless after a finish, and what is whole is kept.
            self._cut_by = _cut()
            self._cut_by.__cause__ = error
            return b""
        except Problem as problem:
            if self._reader.finished:
                return b""
            raise self._why(problem) from None
        finally:
            self._waiting_since = None
            self._waited += self._loop.time() - since

    def _look(self) -> None:
        """Ends the wait of a reader that has waited too long; a reader that does not wait is slow
        itself, and only the deadline counts for it.
        """
        now = self._loop.time()
        since = now if self._waiting_since is None else self._waiting_since
        patience = min(self._idle, _AFTER_FINISH_S) if self._reader.finished else self._idle
        due = min(since + patience, self._deadline)
        if now < due and not self._trickles(now - since):
            self._watch = self._loop.call_at(due, self._look)
        else:
            self._content.set_exception(_stalled(total=now >= self._deadline))

    def _trickles(self, waiting_s: float) -> bool:
        """Whether too little has come for as long as we wait for silence to end."""
        waited = self._waited + waiting_s
        if waited < self._idle:
            return False
        too_little = self._came < self._floor * waited
        self._waited, self._came = -waiting_s, 0
        return too_little

    def _watch_closely(self) -> None:
        """The timer may be set for much later: after a finish there is little to wait for."""
        self._watch.cancel()
        self._look()

    def leave(self) -> None:
        self._watch.cancel()

    async def drain(self) -> None:
        """Reads what little follows the end of the answer, so that the connection can be kept."""
        try:
            if self._content.is_eof() or self._content.exception() is not None:
                return
            async with asyncio.timeout(_DRAIN_S):
                while not self._content.at_eof():
                    await self._content.readany()
        except (TimeoutError, aiohttp.ClientError):
            return


async def _send(
    session: aiohttp.ClientSession,
    endpoint: Endpoint,
    body: bytes | None,
    timers: Timers,
    deadline: float,
) -> aiohttp.ClientResponse:
    limit = asyncio.get_running_loop().time() + timers.first_byte
    try:
        async with asyncio.timeout_at(min(limit, deadline)):
            with _network_problems():
                return await session.request(
                    "GET" if body is None else "POST",
                    endpoint.url,
                    data=BytesIO(body) if body is not None and len(body) >= _LARGE else body,
                    headers=endpoint.headers,
                    allow_redirects=False,
                )
    except TimeoutError as error:
        raise Problem(
            Kind.TIMEOUT,
            "The AI service took too long to answer. Please try again.",
            sign=Sign.NO_FIRST_BYTE,
        ) from error


async def _read_body(
    response: aiohttp.ClientResponse, timers: Timers, deadline: float, limit: int
) -> tuple[bytes, Problem | None]:
    """The body, up to *limit* bytes; of a stalled or a cut one what has come, and what it was."""
    pieces: list[bytes] = []
    size = 0
    failed: Problem | None = None
    now = asyncio.get_running_loop().time
    try:
        while size < limit:
            async with asyncio.timeout_at(min(now() + timers.idle, deadline)):
                data = await response.content.readany()
            if not data:
                break
            pieces.append(data)
            size += len(data)
    except TimeoutError as error:
        failed = _stalled(total=False)
        failed.__cause__ = error
    except aiohttp.ClientError as error:
        failed = _cut()
        failed.__cause__ = error
    return b"".join(pieces)[:limit], failed


@contextmanager
def _network_problems() -> Iterator[None]:
    """aiohttp's errors before the headers, in our words."""
    try:
        yield
    except aiohttp.ClientError as error:  # connect timeouts among them
        raise _unreachable() from error


def _unreachable() -> Problem:
    return Problem(
        Kind.CONNECTION,
        "The AI service could not be reached. Please try again.",
        sign=Sign.UNREACHABLE,
    )


def _cut() -> Problem:
    return Problem(Kind.CONNECTION, "The answer was cut off. Please try again.", sign=Sign.CUT)


def _stalled(*, total: bool) -> Problem:
    text = (
        "The answer took too long and was stopped."
        if total
        else "The AI service stopped answering. Please try again."
    )
    return Problem(Kind.TIMEOUT, text, sign=Sign.STALLED)
