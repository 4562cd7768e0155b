"""How many questions one vendor is asked at a time; who comes later waits, and is counted.

Not a rate limit: it is there so that one slow vendor does not eat every socket. Source:
providers.md §4 (pool).
"""

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager

from bff.errors import Kind, Problem, Sign


class Pool:
    """*most* at a time; who waits longer than *patience_s* is sent away. *note_waiting* is told how
    many wait.
    """

    def __init__(
        self, most: int, *, patience_s: float, note_waiting: Callable[[int], None] = lambda _: None
    ) -> None:
        self._free = asyncio.Semaphore(most)
        self._patience_s, self._note_waiting = patience_s, note_waiting
        self._waiting = 0

    @asynccontextmanager
    async def slot(self, deadline: float) -> AsyncIterator[None]:
        """*deadline* is on the loop's clock. Raises Problem(OVERLOADED)."""
        if self._free.locked():
            await self._wait(deadline)
        else:
            await self._free.acquire()  # at once: nobody is before us
        try:
            yield
        finally:
            self._free.release()

    async def _wait(self, deadline: float) -> None:
        until = min(asyncio.get_running_loop().time() + self._patience_s, deadline)
        self._count(1)
        try:
            async with asyncio.timeout_at(until):
                await self._free.acquire()
        except TimeoutError as error:
            raise Problem(
                Kind.OVERLOADED,
                "The AI service is busy. Please try again in a moment.",
                retry_after=1.0,
                sign=Sign.POOL_FULL,
            ) from error
        finally:
            self._count(-1)

    def _count(self, change: int) -> None:
        self._waiting += change
        self._note_waiting(self._waiting)
