"""What a process remembers of its tenants: for seconds, or as long as storage does not answer.

Not storage. One lookup per tenant is under way at a time and who comes meanwhile shares it; the
asker's own task does the work, so nothing is left running when it goes.
"""

import asyncio
import itertools
from collections import OrderedDict
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field

from bff.errors import Problem
from bff.records import Tenant

TENANTS_MOST = 4096
STRANGERS_MOST = 1024  # a list of their own: names that mean nothing must not push tenants out
STRANGERS_AT_ONCE = 8  # of the pool, which is larger
STRANGER_S = 1.0


@dataclass(slots=True)
class _Known:
    """*number* orders what was learned: a lookup that began earlier never overwrites it."""

    tenant: Tenant | None
    number: int
    fresh_until: float
    usable_until: float


@dataclass(slots=True)
class _Flight:
    """A lookup under way. Landed with neither answer nor problem, its asker left: ask again."""

    number: int
    landed: asyncio.Event = field(default_factory=asyncio.Event)
    known: _Known | None = None
    problem: Problem | None = None


class RememberedTenants:
    """*look_up* asks storage and raises Problem when it cannot; *is_away* tells whether nobody
    could ask it now. *now* is monotonic seconds.

    Strangers wait for each other: however many made-up names come, tenants find storage free.
    """

    def __init__(
        self,
        look_up: Callable[[str], Awaitable[Tenant | None]],
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
        self._tenants: OrderedDict[str, _Known] = OrderedDict()
        self._strangers: OrderedDict[str, _Known] = OrderedDict()
        self._flights: dict[str, _Flight] = {}
        self._numbers = itertools.count(1)
        self._away_until = float("-inf")

    async def find(self, client_key: str) -> Tenant | None:
        known = self._recall(client_key)
        if known is not None:
            now = self._now()
            if now < known.fresh_until:
                return known.tenant
            if now < self._away_until and now < known.usable_until:
                return known.tenant  # somebody has just waited for storage in vain
        return await self._ask(client_key, since=0)

    async def find_fresh(self, client_key: str) -> Tenant | None:
        """What storage says from now on, unless it cannot say anything."""
        return await self._ask(client_key, since=next(self._numbers))

    def learn(self, client_key: str, tenant: Tenant | None) -> None:
        """Storage says so now: it was just written."""
        self._remember(client_key, tenant, next(self._numbers))

    def doubt(self, client_key: str) -> None:
        """Memory may be wrong: the next one asks."""
        known = self._recall(client_key)
        if known is not None:
            known.number, known.fresh_until = next(self._numbers), float("-inf")

    def doubt_everyone(self) -> None:
        for client_key in [*self._tenants, *self._strangers]:
            self.doubt(client_key)

    async def _ask(self, client_key: str, *, since: int) -> Tenant | None:
        try:
            return (await self._share(client_key, since)).tenant
        except Problem as problem:
            known = self._recall(client_key)
            if (
                not self._is_away(problem)
                or known is None
                or known.tenant is None
                or self._now() >= known.usable_until
            ):
                raise
            return known.tenant

    async def _share(self, client_key: str, since: int) -> _Known:
        """The answer of a lookup that began after *since*."""
        while (flight := self._flights.get(client_key)) is not None:
            await flight.landed.wait()
            known = self._recall(client_key)
            if known is not None and known.number > since > 0:
                return known
            if flight.number < since:
                continue
            if flight.problem is not None:
                problem = flight.problem
                raise Problem(problem.kind, problem.public) from problem.__cause__
            if flight.known is not None:
                return flight.known
        return await self._fly(client_key)

    async def _fly(self, client_key: str) -> _Known:
        flight = self._flights[client_key] = _Flight(next(self._numbers))
        try:
            if client_key in self._tenants:
                tenant = await self._look_up(client_key)
            else:
                async with self._strangers_turn:
                    tenant = await self._look_up(client_key)
            flight.known = self._remember(client_key, tenant, flight.number)
        except Problem as problem:
            flight.problem = problem
            if self._is_away(problem):
                self._away_until = self._now() + self._away_s
            raise
        finally:
            del self._flights[client_key]
            flight.landed.set()
        return flight.known

    def _recall(self, client_key: str) -> _Known | None:
        for known in (self._tenants, self._strangers):
            if client_key in known:
                known.move_to_end(client_key)
                return known[client_key]
        return None

    def _remember(self, client_key: str, tenant: Tenant | None, number: int) -> _Known:
        before = self._recall(client_key)
        if before is not None and before.number > number:
            return before
        now = self._now()
        if tenant is None:
            here, there, most = self._strangers, self._tenants, STRANGERS_MOST
            known = _Known(None, number, now + min(STRANGER_S, self._fresh_s), float("-inf"))
        else:
            here, there, most = self._tenants, self._strangers, TENANTS_MOST
            known = _Known(tenant, number, now + self._fresh_s, now + self._stale_s)
        there.pop(client_key, None)
        here[client_key] = known
        here.move_to_end(client_key)
        if len(here) > most:
            here.popitem(last=False)
        return known
