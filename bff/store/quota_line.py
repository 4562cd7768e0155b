"""Callers of one client who wait for tokens, in the order they came; only the first one asks.

What the first one is told holds for everybody who came before it asked: a refusal, or a database
that is away. So a crowd costs one question, not one each.
"""

import asyncio
import itertools
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from typing import Protocol, TypeVar

from bff.errors import Kind, Problem

FIRST_PAUSE_S, LONGEST_PAUSE_S = 0.05, 1.0

T = TypeVar("T")


class Clock(Protocol):
    """Monotonic seconds, and the only way to wait."""

    def now(self) -> float: ...

    async def sleep(self, seconds: float) -> None: ...


@dataclass(slots=True)
class _Line:
    """*asked* orders questions and arrivals on one count; *told* is what the last question met."""

    turn: asyncio.Lock = field(default_factory=asyncio.Lock)
    freed: asyncio.Event = field(default_factory=asyncio.Event)
    members: int = 0
    asked: int = 0
    told: Problem | None = None


def out_of_tokens() -> Problem:
    return Problem(Kind.BUDGET, "Not enough tokens")


class Lines:
    """One line a client. *wait_s* is how long a caller waits before it is refused."""

    def __init__(self, clock: Clock, *, wait_s: float) -> None:
        self._clock, self._wait_s = clock, wait_s
        self._lines: dict[str, _Line] = {}
        self._numbers = itertools.count(1)

    def __len__(self) -> int:
        """Clients for whom somebody waits."""
        return len(self._lines)

    def freed(self, client_key: str) -> None:
        """Tokens came back in this process: the first in line need not pause to its end."""
        if line := self._lines.get(client_key):
            line.freed.set()

    async def ask(self, client_key: str, question: Callable[[], Awaitable[T | None]]) -> T:
        """Asks when it is the caller's turn, and again while the answer is None.

        Raises what the question raises, and Problem(BUDGET) when the wait is over.
        """
        arrived, until = next(self._numbers), self._clock.now() + self._wait_s
        async with self._standing_in(client_key) as line, line.turn:
            if line.told is not None and line.asked > arrived:
                raise Problem(line.told.kind, line.told.public) from line.told.__cause__
            pause = FIRST_PAUSE_S
            while True:
                line.freed.clear()  # before asking: what comes back meanwhile counts
                line.asked, line.told = next(self._numbers), None
                try:
                    answer = await question()
                except Problem as problem:
                    line.told = problem
                    raise
                if answer is not None:
                    return answer
                left = until - self._clock.now()
                if left <= 0:
                    raise out_of_tokens()
                await self._freed_or_after(line, min(pause, left))
                pause = min(2 * pause, LONGEST_PAUSE_S)

    @asynccontextmanager
    async def _standing_in(self, client_key: str) -> AsyncIterator[_Line]:
        line = self._lines.setdefault(client_key, _Line())
        line.members += 1
        try:
            yield line
        finally:
            line.members -= 1
            if not line.members:
                del self._lines[client_key]

    async def _freed_or_after(self, line: _Line, seconds: float) -> None:
        async def ring() -> None:
            await self._clock.sleep(seconds)
            line.freed.set()

        async with asyncio.TaskGroup() as tasks:
            alarm = tasks.create_task(ring())
            await line.freed.wait()
            alarm.cancel()
