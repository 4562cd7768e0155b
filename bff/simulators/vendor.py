"""Vendor: what every vendor's simulator has for tests. Requests seen, answers counted, and the pen.

Not a vendor's words: those are in the class that inherits it.
"""

import asyncio
from abc import ABC, abstractmethod
from collections import deque
from collections.abc import Callable, Iterator
from contextlib import contextmanager

import orjson
from aiohttp import web

from bff.simulators.pen import LastWords, Pen, SeenRequest, Stroke
from bff.simulators.stage import Deed
from bff.simulators.wire import FaultQueue, Line, Written

_KEPT = 200  # requests that are remembered


class Vendor(ABC):
    """`faults` for the next requests, one each; `requests` seen; `asked` is set by each of them,
    `hung_up` when a client left an answer, `blocked` when a reader of an endless one stopped
    reading; `answering` counts the answers that are running; `written` what has been sent.
    """

    def __init__(self, last_words: LastWords) -> None:
        self.faults = FaultQueue()
        self.requests: deque[SeenRequest] = deque(maxlen=_KEPT)
        self.pens: deque[Pen] = deque(maxlen=_KEPT)
        self.asked = asyncio.Event()
        self.hung_up = asyncio.Event()
        self.blocked = asyncio.Event()
        self.written = Written()
        self.answering = 0
        self.held = False
        self._last_words = last_words
        self._closing = False
        self._unsaid: deque[Stroke] = deque()
        self._changed = asyncio.Event()

    # --- for tests -----------------------------------------------------------------------------

    def hold(self) -> None:
        """From now on every question waits for what is said here."""
        self.held = True

    def release(self) -> None:
        """Questions that come from now on are answered by the embedded model again."""
        self.held = False

    async def pen(self, number: int = 0) -> Pen:
        """The pen of the held request of that *number*, once it has come; the first is 0."""
        await self._until(lambda: len(self.pens) > number)
        return self.pens[number]

    async def say(self, *frames: bytes) -> None:
        """Speaks in the oldest held answer that is not over; returns when it is on the wire.

        Before a request has come it returns at once, and is said when one comes.
        """
        for frame in frames:
            await self._draw(frame)

    async def finish(self, *, reason: str = "stop") -> None:
        """The frames that end an answer properly, and a clean end."""
        await self.say(*self._last_words(reason))
        await self.end()

    async def end(self) -> None:
        """A clean end, with nothing more said."""
        await self._draw(Deed.END)

    async def cut(self) -> None:
        """Resets the connection."""
        await self._draw(Deed.CUT)

    async def idle(self) -> None:
        """Returns when no answer is running any more."""
        await self._until(lambda: self.answering == 0)

    async def question(self, number: int = 0) -> SeenRequest:
        """The request of that *number*, once it has come; the first is 0."""
        await self._until(lambda: len(self.requests) > number)
        return self.requests[number]

    async def _until(self, reached: Callable[[], bool]) -> None:
        while not reached():
            await self._changed.wait()

    def _notify(self) -> None:
        self._changed.set()
        self._changed = asyncio.Event()

    async def _draw(self, stroke: Stroke) -> None:
        pen = next((pen for pen in self.pens if not pen.over), None)
        if pen is None:
            self._unsaid.append(stroke)
        else:
            await pen.add(stroke)

    @abstractmethod
    def app(self) -> web.Application:
        """What it serves, below its prefix."""

    # --- for the vendor's own class ---------------------------------------------------------------

    async def see(self, request: web.Request) -> SeenRequest:
        """Reads the request and remembers it."""
        body = await request.read()
        try:
            value = orjson.loads(body)
        except ValueError:
            value = None
        seen = SeenRequest(request.method, request.path_qs, request.headers, body, value)
        self.requests.append(seen)
        self.asked.set()
        self._notify()
        return seen

    @contextmanager
    def answer(self, request: web.Request) -> Iterator[Line]:
        """Counts the answer, and notices a client who leaves it."""
        line = Line(request, self.written)
        self.answering += 1
        try:
            yield line
        except (asyncio.CancelledError, ConnectionError):
            if not (self._closing or line.broken):
                self.hung_up.set()
            raise
        finally:
            self.answering -= 1
            self._notify()

    def new_pen(self, seen: SeenRequest, last_words: LastWords | None = None) -> Pen:
        """For a request that is to be held; *last_words* where its answer ends in others."""
        first = all(pen.over for pen in self.pens)
        pen = Pen(seen, last_words or self._last_words)
        self.pens.append(pen)
        while first and self._unsaid and not pen.over:
            pen.add(self._unsaid.popleft())
        self._notify()
        return pen

    async def close(self, _: web.Application) -> None:
        """The world ends: whoever is left now did not hang up."""
        self._closing = True
