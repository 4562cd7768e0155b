"""Pen: a test speaks for the simulator, one frame at a time, and needs no sleep for it.

Not a fault script: here the test decides while the answer runs.
"""

import asyncio
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

from aiohttp import web

from bff.simulators.stage import Act, Deed
from bff.simulators.wire import EVENT_STREAM, Line


@dataclass(frozen=True, slots=True)
class SeenRequest:
    """What a client sent, for tests to look at. *json* is None where the body is none."""

    method: str
    path: str  # with the query
    headers: Mapping[str, str] = field(repr=False)
    body: bytes = field(repr=False)
    json: Any = field(repr=False)


@dataclass(frozen=True, slots=True)
class Begin:
    status: int
    headers: Mapping[str, str]


Stroke = Act | Begin
LastWords = Callable[[str], tuple[bytes, ...]]  # by the reason why the answer ends
_STREAM = Begin(200, {"Content-Type": EVENT_STREAM})


class Pen:
    """Holds one request. Every verb returns when it has been done on the wire, or the client left.

    The first `say` sends the headers of an event stream, unless `begin` sent others before.
    """

    def __init__(self, request: SeenRequest, last_words: LastWords) -> None:
        self.request = request
        self._last_words = last_words
        self.hung_up = asyncio.Event()
        self.over = False
        self._strokes: asyncio.Queue[tuple[Stroke, asyncio.Future[None]]] = asyncio.Queue()

    async def begin(self, status: int = 200, headers: Mapping[str, str] | None = None) -> None:
        await self._draw(Begin(status, _STREAM.headers if headers is None else headers))

    async def say(self, *frames: bytes) -> None:
        for frame in frames:
            await self._draw(frame)

    async def finish(self, *, reason: str = "stop") -> None:
        """The frames that end an answer properly, and a clean end."""
        await self.say(*self._last_words(reason))
        await self.end()

    async def end(self) -> None:
        """A clean end of the body, with nothing more said."""
        await self._draw(Deed.END)

    async def cut(self) -> None:
        """Resets the connection."""
        await self._draw(Deed.CUT)

    def add(self, stroke: Stroke) -> "asyncio.Future[None]":
        """To be drawn in its turn; the future is done when it has been."""
        done = asyncio.get_running_loop().create_future()
        if self.over:
            done.set_result(None)
            return done
        self.over = isinstance(stroke, Deed)
        self._strokes.put_nowait((stroke, done))
        return done

    async def hold(self, line: Line) -> web.StreamResponse:
        """The handler's part: draws until the answer is over."""
        done: asyncio.Future[None] | None = None
        try:
            while True:
                stroke, done = await self._strokes.get()
                if isinstance(stroke, Begin):
                    await line.begin(stroke.status, stroke.headers)
                else:
                    if not line.begun and stroke is not Deed.CUT:
                        await line.begin(_STREAM.status, _STREAM.headers)
                    if stroke is Deed.END:
                        return await line.end()
                    await line.act(stroke)
                _settle(done)
        finally:
            self._close(done, hung_up=not (self.over or line.broken))

    def _close(self, done: "asyncio.Future[None] | None", *, hung_up: bool) -> None:
        self.over = True
        if done is not None:
            _settle(done)
        while not self._strokes.empty():
            _settle(self._strokes.get_nowait()[1])
        if hung_up:
            self.hung_up.set()

    async def _draw(self, stroke: Stroke) -> None:
        await self.add(stroke)


def _settle(done: "asyncio.Future[None]") -> None:
    if not done.done():
        done.set_result(None)
