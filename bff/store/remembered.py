"""What a process remembers of tenants and keys: for seconds, or as long as storage does not answer.

Not storage. One lookup per name is under way at a time and who comes meanwhile shares it; the
asker's own task does the work, so nothing is left running when it goes.
"""

import asyncio
import itertools
from collections import OrderedDict
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field
from typing import Generic, TypeVar

from bff.errors import Problem

KNOWN_MOST = 4096
STRANGERS_MOST = 1024  # a list of their own: names that mean nothing must push nobody out
STRANGERS_AT_ONCE = 8  # of the pool, which is larger
STRANGER_S = 1.0

_Thing = TypeVar("_Thing")


@dataclass(slots=True)
class _Known(Generic[_Thing]):
    """*number* orders what was learned: a lookup that began earlier never overwrites it."""

    thing: _Thing | None
    number: int
    fresh_until: float
    usable_until: float


@dataclass(slots=True)
class _Flight(Generic[_Thing]):
    """A lookup under way. Landed with neither answer nor problem, its asker left: ask again."""

    number: int
    landed: asyncio.Event = field(default_factory=asyncio.Event)
    known: _Known[_Thing] | None = None
    problem: Problem | None = None


class Remembered(Generic[_Thing]):
    """Things by name. *look_up* asks storage and raises Problem when it cannot; *is_away* tells
    whether nobody could ask it now. *now* is monotonic seconds.

    Strangers wait for each other: however many made-up names come, those we know find storage free.
    """

    def __init__(
        self,
        look_up: Callable[[str], Awaitable[_Thing | None]],
        *,
        is_away: Callable[[Problem], bool],
        now: Callable[[], float],
        fresh_s: float,
        stale_s: float,
        away_s: float,
    ) -> None:
        self._look_up, self._is_away, self._now = look_up, is_away, now
        self._strangers_turn = asyncio.Semaphore(STRANGERS_AT_ONCE)
        self._fresh_s, self._stale_s, self._away_s = fresh_s, stale_s, away_s
        self._known: OrderedDict[str, _Known[_Thing]] = OrderedDict()
        self._strangers: OrderedDict[str, _Known[_Thing]] = OrderedDict()
        self._flights: dict[str, _Flight[_Thing]] = {}
        self._numbers = itertools.count(1)
        self._away_until = float("-inf")

    async def find(self, name: str) -> _Thing | None:
        known = self._recall(name)
        if known is not None:
            now = self._now()
            if now < known.fresh_until:
                return known.thing
            if now < self._away_until and now < known.usable_until:
                return known.thing  # somebody has just waited for storage in vain
        return await self._ask(name, since=0)

    async def find_fresh(self, name: str) -> _Thing | None:
        """What storage says from now on, unless it cannot say anything."""
        return await self._ask(name, since=next(self._numbers))

    def learn(self, name: str, thing: _Thing | None) -> None:
        """Storage says so now: it was just written."""
        self._remember(name, thing, next(self._numbers))

    def doubt(self, name: str) -> None:
        """Memory may be wrong: the next one asks."""
        known = self._recall(name)
        if known is not None:
            known.number, known.fresh_until = next(self._numbers), float("-inf")

    def doubt_everyone(self) -> None:
        for name in [*self._known, *self._strangers]:
            self.doubt(name)

    async def _ask(self, name: str, *, since: int) -> _Thing | None:
        try:
            return (await self._share(name, since)).thing
        except Problem as problem:
            known = self._recall(name)
            if (
                not self._is_away(problem)
                or known is None
                or known.thing is None
                or self._now() >= known.usable_until
            ):
                raise
            return known.thing

    async def _share(self, name: str, since: int) -> _Known[_Thing]:
        """The answer of a lookup that began after *since*."""
        while (flight := self._flights.get(name)) is not None:
            await flight.landed.wait()
            known = self._recall(name)
            if known is not None and known.number > since > 0:
                return known
            if flight.number < since:
                continue
            if flight.problem is not None:
                problem = flight.problem
                raise Problem(problem.kind, problem.public) from problem.__cause__
            if flight.known is not None:
                return flight.known
        return await self._fly(name)

    async def _fly(self, name: str) -> _Known[_Thing]:
        flight = self._flights[name] = _Flight(next(self._numbers))
        try:
            if name in self._known:
                thing = await self._look_up(name)
            else:
                async with self._strangers_turn:
                    thing = await self._look_up(name)
            flight.known = self._remember(name, thing, flight.number)
        except Problem as problem:
            flight.problem = problem
            if self._is_away(problem):
                self._away_until = self._now() + self._away_s
            raise
        finally:
            del self._flights[name]
            flight.landed.set()
        return flight.known

    def _recall(self, name: str) -> _Known[_Thing] | None:
        for kept in (self._known, self._strangers):
            if name in kept:
                kept.move_to_end(name)
                return kept[name]
        return None

    def _remember(self, name: str, thing: _Thing | None, number: int) -> _Known[_Thing]:
        before = self._recall(name)
        if before is not None and before.number > number:
            return before
        now = self._now()
        known: _Known[_Thing]
        if thing is None:
            here, there, most = self._strangers, self._known, STRANGERS_MOST
            known = _Known(None, number, now + min(STRANGER_S, self._fresh_s), float("-inf"))
        else:
            here, there, most = self._known, self._strangers, KNOWN_MOST
            known = _Known(thing, number, now + self._fresh_s, now + self._stale_s)
        there.pop(name, None)
        here[name] = known
        here.move_to_end(name)
        if len(here) > most:
            here.popitem(last=False)
        return known
