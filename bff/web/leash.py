"""Leash: an answer that is waited for, and can be made to stop waiting from outside.

Knows nothing of how it is told: a stream speaks its last words, a whole answer becomes an error.
"""

import asyncio

from bff.errors import Problem


class Leash:
    """Tied to a handler's `asyncio.timeout`, which `end` makes expire."""

    def __init__(self) -> None:
        self._now = asyncio.get_running_loop().time
        self._leash: asyncio.Timeout | None = None
        self._ending: Problem | None = None
        self._over = False

    def tie(self, leash: asyncio.Timeout) -> None:
        """From now on `end` makes *leash* expire, and so ends the handler's wait."""
        self._leash = leash
        if self._ending is not None:
            leash.reschedule(self._now())

    def untie(self) -> None:
        self._leash = None

    def end(self, problem: Problem) -> None:
        """Makes the handler stop waiting and speak *problem*."""
        self._ending = problem
        if self._leash is not None and not self._over:
            self._leash.reschedule(self._now())

    @property
    def over(self) -> bool:
        """Whether the last frames are out, or on their way."""
        return self._over

    @property
    def ending(self) -> Problem | None:
        return self._ending

    async def beat(self) -> None:
        """Does what is due, which for an answer in one piece is nothing."""

    def abort(self) -> None:
        """Cuts the line, where there is one to cut."""
