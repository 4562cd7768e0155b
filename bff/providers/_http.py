"""The one POST: an endpoint asked once, its answer as chunks, every network failure as a Problem.

Not a retry loop and not a dialect: what bytes mean is the reader's business. The four timers are
kept here: connect, first byte, idle between chunks, total (the deadline).
"""

import asyncio
from collections.abc import AsyncIterator, Callable, Iterator, Mapping, Sequence
from contextlib import asynccontextmanager, contextmanager
from dataclasses import dataclass
from typing import Protocol

import aiohttp
from multidict import CIMultiDict
from yarl import URL

from bff.chat.events import Chunk
from bff.errors import Kind, Problem, Sign
from bff.policy.deadline import Timers
from bff.policy.retry import read_retry_after

_REFUSAL_BYTES = 64 * 1024  # of an error's body; more is not read
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


class ChunkReader(Protocol):
    """A dialect's state machine for a streamed answer."""

    done: bool
    problem: Problem | None
    bad_events: int

    def feed(self, data: bytes) -> list[Chunk]: ...

    def close(self) -> list[Chunk]: ...


@dataclass(frozen=True, slots=True)
class Dialect:
    """How the endpoint's answers are read; a refusal by its status, type, body and wait."""

    open_reader: Callable[[], ChunkReader]
    read_whole: Callable[[bytes], list[Chunk]]  # raises Problem when it is an error, or no answer
    read_refusal: Callable[[int, str, bytes, float | None], Problem]
    not_an_answer: Callable[[], Problem]


@asynccontextmanager
async def open_stream(
    session: aiohttp.ClientSession,
    endpoint: Endpoint,
    body: bytes,
    *,
    dialect: Dialect,
    timers: Timers,
    deadline: float,
    answer_limit: int,
    note_bad_events: Callable[[int], None],
) -> AsyncIterator[OpenAnswer]:
    """Asks once; the answer's body is closed on the way out, whoever leaves.

    Raises Problem for anything but a 2xx answer that can be read.
    """
    response = await _post(session, endpoint, body, timers, deadline)
    batches: _Batches | None = None
    try:
        content_type = response.content_type.lower()
        if response.status < 200 or response.status >= 300:
            data = await _read_all(response, timers, deadline, _REFUSAL_BYTES)
            wait = read_retry_after(response.headers)
            raise dialect.read_refusal(response.status, content_type, data, wait)
        if content_type == "application/json":
            data = await _read_all(response, timers, deadline, answer_limit)
            yield OpenAnswer(_Whole(dialect.read_whole(data)), response.headers)
            return
        if content_type != "text/event-stream":
            raise dialect.not_an_answer()
        batches = _Batches(response, dialect.open_reader(), timers, deadline)
        yield OpenAnswer(batches, response.headers)
        await batches.drain()
    finally:
        if batches is not None and batches.bad_events:
            note_bad_events(batches.bad_events)
        if response.connection is not None:  # not read to its end: this line cannot be used again
            response.close()


class _Whole:
    """An answer that came in one piece."""

    def __init__(self, chunks: list[Chunk]) -> None:
        self._chunks: list[Chunk] | None = chunks

    def __aiter__(self) -> "_Whole":
        return self

    async def __anext__(self) -> Sequence[Chunk]:
        chunks, self._chunks = self._chunks, None
        if chunks is None:
            raise StopAsyncIteration
        return chunks


class _Batches:
    """The chunks of each network read. Reads only when asked: back-pressure is the caller not
    asking.
    """

    def __init__(
        self,
        response: aiohttp.ClientResponse,
        reader: ChunkReader,
        timers: Timers,
        deadline: float,
    ) -> None:
        self._content, self._reader = response.content, reader
        self._idle, self._deadline = timers.idle, deadline
        self._now = asyncio.get_running_loop().time
        self._cut_by: Problem | None = None

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
            if chunks:
                return chunks
        if reader.problem is not None:
            raise self._cut_by or reader.problem
        raise StopAsyncIteration

    async def _read(self) -> bytes:
        data = self._content.read_nowait()
        if data:
            return data
        limit = self._now() + self._idle
        try:
            async with asyncio.timeout_at(min(limit, self._deadline)):
                return await self._content.readany()
        except TimeoutError as error:
            raise _stalled(total=self._deadline <= limit) from error
        except aiohttp.ClientError as error:
            # Read as the end of the body: harmless after a finish, and what is whole is kept.
            self._cut_by = _cut()
            self._cut_by.__cause__ = error
            return b""

    async def drain(self) -> None:
        """Reads what little follows the end of the answer, so that the connection can be kept."""
        try:
            async with asyncio.timeout(_DRAIN_S):
                while not self._content.at_eof():
                    await self._content.readany()
        except (TimeoutError, aiohttp.ClientError):
            return


async def _post(
    session: aiohttp.ClientSession,
    endpoint: Endpoint,
    body: bytes,
    timers: Timers,
    deadline: float,
) -> aiohttp.ClientResponse:
    limit = asyncio.get_running_loop().time() + timers.first_byte
    try:
        async with asyncio.timeout_at(min(limit, deadline)):
            with _network_problems():
                return await session.post(
                    endpoint.url, data=body, headers=endpoint.headers, allow_redirects=False
                )
    except TimeoutError as error:
        raise Problem(
            Kind.TIMEOUT,
            "The AI service took too long to answer. Please try again.",
            sign=Sign.NO_FIRST_BYTE,
        ) from error


async def _read_all(
    response: aiohttp.ClientResponse, timers: Timers, deadline: float, limit: int
) -> bytes:
    """The body, up to *limit* bytes; a stalled or cut body is what has come of it."""
    pieces: list[bytes] = []
    size = 0
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
        if 200 <= response.status < 300:
            raise _stalled(total=False) from error
    except aiohttp.ClientError as error:
        if 200 <= response.status < 300:
            raise _cut() from error
    return b"".join(pieces)[:limit]


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
