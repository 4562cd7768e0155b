"""Answers that take their time, mostly event streams: written whole events at a time, kept alive on
silence, ended on SIGTERM.

Knows no dialect: frames arrive as bytes. One pulse serves all streams, so that a stream costs no
task and no timer of its own. What is due when is policy.pace's to say.
"""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator
from contextlib import asynccontextmanager, contextmanager
from dataclasses import dataclass

import structlog
from aiohttp import web

from bff.errors import Problem
from bff.policy.pace import Due, Pace
from bff.web.leash import Leash

HELD_MOST = 32 * 1024  # bytes: less than aiohttp writes without waiting for the client
_log = structlog.get_logger("bff.stream")


@dataclass(frozen=True, slots=True)
class Beat:
    """How streams are kept alive, in seconds."""

    heartbeat_s: float = 10.0
    commit_s: float = 10.0
    preamble_s: float = 1.0
    stall_s: float = 60.0

    @property
    def tick_s(self) -> float:
        """How often to look: nothing is late by more than a tenth of the shortest of them."""
        return max(0.005, min(self.heartbeat_s, self.commit_s, self.preamble_s) / 10)


class LiveStream(Leash):
    """One answer on its way. Written by its handler; the pulse writes only while the line is
    idle.
    """

    def __init__(
        self,
        request: web.Request,
        *,
        heartbeat: bytes,
        pace: Pace,
        open_response: Callable[[bool], Awaitable[web.StreamResponse]],
        begin: Callable[[], bytes] | None = None,
    ) -> None:
        """*open_response* is told whether the stream begins early: before its first content.
        *begin* has the first words of one that does; without it a heartbeat is the first.
        """
        super().__init__()
        self._transport = request.transport
        self._heartbeat, self._pace = heartbeat, pace
        self._open_response = open_response
        self._begin = begin or (lambda: heartbeat)
        self._opening = asyncio.Lock()
        self._response: web.StreamResponse | None = None
        self._held: list[bytes] = []
        self._handed = 0

    @property
    def committed(self) -> bool:
        """Whether the status line is out: from then on a failure is spoken in the stream."""
        return self._pace.committed

    @property
    def response(self) -> web.StreamResponse:
        if self._response is None:
            raise RuntimeError("the stream has not begun")
        return self._response

    async def hold(self, frames: bytes) -> None:
        """Keeps a preamble back for a moment: until content, or until it is due, or is too much
        for the pulse to send without waiting.
        """
        if sum(map(len, self._held)) + len(frames) > HELD_MOST:
            await self._commit(early=True)  # another way may still answer
            await self.write(frames)
            return
        self._held.append(frames)
        self._pace.held(self._now())

    def drop(self) -> None:
        """Forgets what was kept back."""
        self._held.clear()

    async def write(self, frames: bytes) -> None:
        """Whole events only. Waits while the client does not read."""
        if self._response is None:
            await self._commit(early=False)
        if self._held:
            frames = b"".join([*self._held, frames])
            self._held.clear()
        self._pace.wrote(self._now())
        self._handed += len(frames)
        await self._response.write(frames)  # type: ignore[union-attr]  # opened by _commit

    async def forgo(self) -> bool:
        """Whether nothing is out yet; if so nothing will be, and the answer is given another
        way.
        """
        async with self._opening:
            self._over = self._over or self._response is None
            return self._response is None

    async def finish(self, frames: bytes) -> None:
        """The last frames and the end of the body."""
        self._over = True
        await self.write(frames)
        await self.response.write_eof()

    async def beat(self) -> None:
        """Does what is due; called by the pulse. Never waits for the client."""
        if self._transport is None or self._transport.is_closing():
            return
        waiting = self._transport.get_write_buffer_size()
        due = self._pace.look(self._now(), sent=self._handed - waiting, waiting=waiting)
        if due is Due.CUT:
            self.abort()
        elif self._over:
            return
        elif due is Due.COMMIT:
            await self._commit(early=True)
            if not self._over:  # the answer may have come while the head was written
                await self.write(b"" if self._held else self._begin())
        elif due is Due.HEARTBEAT:
            await self.write(self._heartbeat)

    def abort(self) -> None:
        """Cuts the line: its handler is told by aiohttp."""
        if self._transport is not None:
            self._transport.abort()

    async def _commit(self, *, early: bool) -> None:
        async with self._opening:
            if self._response is None:
                self._response = await self._open_response(early)


class LiveStreams:
    """All streams of this process. *note_open* is told how many there are."""

    def __init__(self, beat: Beat, *, note_open: Callable[[int], None]) -> None:
        self.beat = beat
        self._note_open = note_open
        self._open: set[Leash] = set()
        self._idle, self._busy = asyncio.Event(), asyncio.Event()
        self._idle.set()
        self._ending: Problem | None = None
        self.draining = False

    @property
    def open_count(self) -> int:
        return len(self._open)

    def pace(self) -> Pace:
        """For a stream whose question has just been read."""
        beat = self.beat
        return Pace(
            asyncio.get_running_loop().time(),
            heartbeat_s=beat.heartbeat_s,
            commit_s=beat.commit_s,
            preamble_s=beat.preamble_s,
            stall_s=beat.stall_s,
            early_s=beat.tick_s,
        )

    @contextmanager
    def opened(self, stream: Leash) -> Iterator[None]:
        self._open.add(stream)
        self._idle.clear()
        self._busy.set()
        self._note_open(len(self._open))
        if self._ending is not None:
            stream.end(self._ending)
        try:
            yield
        finally:
            self._open.discard(stream)
            self._note_open(len(self._open))
            if not self._open:
                self._idle.set()
                self._busy.clear()

    async def idle(self) -> None:
        """Waits until no stream is open."""
        await self._idle.wait()

    def end_all(self, problem: Problem) -> None:
        """Every stream, and every one opened from now on, ends with *problem* as its last words."""
        self._ending = problem
        for stream in tuple(self._open):
            stream.end(problem)

    @asynccontextmanager
    async def pulse(self, sleep: Callable[[float], Awaitable[None]]) -> AsyncIterator[None]:
        """Keeps the streams alive while inside."""
        async with asyncio.TaskGroup() as tasks:
            beating = tasks.create_task(self._beat(sleep))
            try:
                yield
            finally:
                beating.cancel()

    async def _beat(self, sleep: Callable[[float], Awaitable[None]]) -> None:
        while True:
            await self._busy.wait()
            await sleep(self.beat.tick_s)
            for stream in tuple(self._open):
                if stream in self._open:  # it may have ended while another was looked at
                    await _beat_one(stream)


async def _beat_one(stream: Leash) -> None:
    """What goes wrong with one stream is not the others' business."""
    try:
        await stream.beat()
    except ConnectionError:  # its handler is told by aiohttp
        return
    except Exception as error:  # noqa: BLE001 - or one stream could end the whole process
        _log.error("stream.pulse_failed", exc_info=error)
        stream.abort()
