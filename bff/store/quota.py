"""Token quotas as handlers use them: set aside before a call, booked after it, never lost between.

What is left stands in the client's row at any moment and changes at settlement alone, so the Node
app reads an honest number and a crash gives back what was set aside. Settlement is the store's own
work: a handler that is cancelled still pays. Source: node-bff.md §3.3, §3.4, §9 (B12-B15).
"""

import asyncio
import uuid
from collections import deque
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass, field
from functools import partial
from weakref import WeakValueDictionary

import structlog

from bff.errors import Problem
from bff.policy.quota import REFUSE, WAIT, Admit, Sizes
from bff.records import Caller, ClientQuota
from bff.store import quota_holder
from bff.store.db import Database, is_away, reason_of
from bff.store.quota_line import Clock, Lines, out_of_tokens
from bff.store.quota_rows import Booking, QuotaRows
from bff.store.tenants import PATIENCE_S

LEASE_S = 30.0  # without a renewal, what was set aside is free again
RENEWAL_S = 10.0
WAIT_S = 20.0  # for tokens that others have set aside: a router hangs up after 30
SETTLE_WAIT_S = 5.0  # a handler's patience with its own settlement
OPENING_S = 2.0  # for tidying up behind dead processes before the first question
CLOSING_S = 5.0  # for settlements that still wait when the service stops
WAITING_MOST = 10_000  # settlements kept while the database is away
REFUSED_MOST = 10  # times a database that is there may refuse one settlement
SWEEP_S = 3600.0
_FIRST_PAUSE_S, _LONGEST_PAUSE_S = 0.05, 5.0
_log = structlog.get_logger("bff.quota")


@dataclass(frozen=True, slots=True)
class Notes:
    """What an operator is told: settlements that wait for the database, and those given up."""

    waiting: Callable[[int], None] = field(default=lambda count: None)
    lost: Callable[[], None] = field(default=lambda: None)


@dataclass(slots=True)
class _Waiting:
    booking: Booking
    refused: int = 0


class SetAside:
    """Tokens set aside for one call."""

    def __init__(self, settle: Callable[[int], Awaitable[None]]) -> None:
        self._settle = settle
        self.settled = False

    async def settle(self, used: int) -> None:
        """The call is over and used so many tokens. Only the first one counts."""
        if not self.settled:
            self.settled = True
            await self._settle(used)


class QuotaStore:
    """Made by `open_quotas`, which keeps its leases. *now* is seconds since 1970, and the same on
    every machine to within a lease.
    """

    def __init__(
        self,
        rows: QuotaRows,
        tasks: asyncio.TaskGroup,
        *,
        clock: Clock,
        now: Callable[[], float],
        holder: str,
        notes: Notes,
        wait_s: float,
    ) -> None:
        self._rows, self._tasks, self._clock, self._now = rows, tasks, clock, now
        self._holder, self._notes = holder, notes
        self._lines, self._sizes = Lines(clock, wait_s=wait_s), Sizes()
        self._turns = WeakValueDictionary[str, asyncio.Lock]()  # as long as somebody stands there
        self._held: set[str] = set()
        self._waiting: deque[_Waiting] = deque()
        self._work: set[asyncio.Task[None]] = set()
        self._stuck = asyncio.Event()
        self._swept_at = float("-inf")

    async def find_or_create(self, client_key: str) -> tuple[ClientQuota, bool]:
        """The client's quota, and whether it was created now. Raises Problem(INTERNAL)."""
        return await self._rows.find_or_create(client_key)

    @asynccontextmanager
    async def reserve(self, caller: Caller, *, model: str, tokens: int) -> AsyncIterator[SetAside]:
        """Sets *tokens* aside, or what such calls have been seen to use; unsettled they come back.

        Raises Problem(BUDGET) when nothing is left, Problem(INTERNAL) when storage is away.
        """
        call = uuid.uuid4().hex
        held = SetAside(partial(self._settle, call, caller, model))
        try:
            await self._lines.ask(
                caller.client_key, partial(self._ask, call, caller, model, tokens)
            )
            yield held
        finally:
            if not held.settled:
                self._start(partial(self._give_back, call, caller.client_key))

    async def _ask(self, call: str, caller: Caller, model: str, tokens: int) -> bool | None:
        now = self._now()
        self._held.add(call)  # from here on it may exist
        verdict = await self._rows.reserve(
            call=call,
            client_key=caller.client_key,
            wanted=self._sizes.wanted(model, tokens),
            holder=self._holder,
            now=now,
            expires_at=now + LEASE_S,
        )
        if isinstance(verdict, Admit):
            return True
        self._held.discard(call)
        if verdict is REFUSE:
            raise out_of_tokens()
        assert verdict is WAIT  # noqa: S101 - there are three
        return None

    async def _settle(self, call: str, caller: Caller, model: str, used: int) -> None:
        self._sizes.settled(model, used)
        booking = Booking(call, caller.client_key, caller.account_id, used)
        booked = self._start(partial(self._book_or_keep, _Waiting(booking)))
        await asyncio.wait({booked}, timeout=SETTLE_WAIT_S)

    async def _book_or_keep(self, waiting: _Waiting) -> None:
        """One at a time for each client: they wait for the same row, each with a connection that
        other clients need.
        """
        turn = self._turns.setdefault(waiting.booking.client_key, asyncio.Lock())
        booked = False
        try:
            async with turn:
                booked = await self._book(waiting)
        finally:
            if not booked:
                self._keep(waiting)

    async def _book(self, waiting: _Waiting) -> bool:
        """Whether it is off our hands."""
        booking = waiting.booking
        try:
            await self._rows.settle(booking)
        except Problem as problem:
            waiting.refused += not is_away(problem)
            _log.warning("quota.settlement_waits", reason=reason_of(problem))
            if waiting.refused < REFUSED_MOST:
                return False
            self._lose(waiting)
            return True
        self._held.discard(booking.call)
        self._lines.freed(booking.client_key)
        return True

    def _keep(self, waiting: _Waiting) -> None:
        """Behind the others, so that one the database refuses holds up nobody."""
        if len(self._waiting) >= WAITING_MOST:
            self._lose(waiting)
            return
        self._waiting.append(waiting)
        self._notes.waiting(len(self._waiting))
        self._stuck.set()

    def _lose(self, waiting: _Waiting) -> None:
        self._held.discard(waiting.booking.call)
        self._notes.lost()
        _log.error("quota.settlement_lost", tokens=waiting.booking.used)

    async def _give_back(self, call: str, client_key: str) -> None:
        if call not in self._held:
            return
        self._held.discard(call)  # should this fail, its lease ends by itself
        with suppress(Problem):
            await self._rows.release(call)
        self._lines.freed(client_key)

    def _start(self, work: Callable[[], Awaitable[None]]) -> asyncio.Task[None]:
        """In the store's own task group: who asked for it may leave."""
        task = self._tasks.create_task(_watched(work))
        self._work.add(task)
        task.add_done_callback(self._work.discard)
        return task

    async def keep_settling(self) -> None:
        """Books what waits, one by one, with growing pauses while that fails."""
        pause = _FIRST_PAUSE_S
        while True:
            await self._stuck.wait()
            await self._clock.sleep(pause)
            pause = min(2 * pause, _LONGEST_PAUSE_S)
            while self._waiting:
                waiting = self._waiting.popleft()
                booked = False
                try:
                    booked = await self._book(waiting)
                finally:
                    if not booked:
                        self._keep(waiting)
                self._notes.waiting(len(self._waiting))
                if not booked:
                    break
                pause = _FIRST_PAUSE_S
            if not self._waiting:
                self._stuck.clear()

    async def keep_leases(self) -> None:
        """Renews what this process has set aside; now and then tidies up behind others."""
        while True:
            await self._clock.sleep(RENEWAL_S)
            with suppress(Problem):  # two more times before the lease is over
                await self.renew()
                if self._clock.now() - self._swept_at >= SWEEP_S:
                    await self.sweep()

    async def renew(self) -> None:
        """Raises Problem(INTERNAL)."""
        if self._held:
            await self._rows.renew(sorted(self._held), self._now() + LEASE_S)

    async def sweep(self) -> None:
        """Gives back what dead processes of this host had set aside. Raises Problem(INTERNAL)."""
        holders = await self._rows.holders()
        gone = quota_holder.gone(holders, self._holder, quota_holder.is_running)
        await self._rows.sweep(gone, self._now())
        self._swept_at = self._clock.now()

    async def finish(self) -> None:
        """Waits for what is under way and books what waits; what cannot be booked is lost."""
        with suppress(TimeoutError):
            async with asyncio.timeout(CLOSING_S):
                while self._work:
                    await asyncio.wait(set(self._work))
                while self._waiting:
                    await self._finish_one(self._waiting[0])
        for task in tuple(self._work):
            task.cancel()
        if self._work:
            await asyncio.wait(set(self._work))
        for waiting in self._waiting:
            self._lose(waiting)
        self._waiting.clear()
        self._notes.waiting(0)

    async def _finish_one(self, waiting: _Waiting) -> None:
        if await self._book(waiting):
            self._waiting.popleft()
        else:
            await self._clock.sleep(_FIRST_PAUSE_S)


@asynccontextmanager
async def open_quotas(
    db: Database,
    *,
    product_id: str,
    default_quota: int,
    clock: Clock,
    now: Callable[[], float],
    notes: Notes | None = None,
    holder: str | None = None,
    wait_s: float = WAIT_S,
    patience_s: float = PATIENCE_S,
) -> AsyncIterator[QuotaStore]:
    """The quotas of the product's clients. Opens whether or not the database is there."""
    rows = QuotaRows(db, product_id=product_id, default_quota=default_quota, patience_s=patience_s)
    async with asyncio.TaskGroup() as tasks:
        store = QuotaStore(
            rows,
            tasks,
            clock=clock,
            now=now,
            holder=holder or quota_holder.this_process(),
            notes=notes or Notes(),
            wait_s=wait_s,
        )
        with suppress(Problem, TimeoutError):
            async with asyncio.timeout(OPENING_S):
                await store.sweep()
        keeping = [
            tasks.create_task(_watched(store.keep_leases)),
            tasks.create_task(_watched(store.keep_settling)),
        ]
        try:
            yield store
        finally:
            for task in keeping:
                task.cancel()
            await asyncio.wait(keeping)
            await store.finish()


async def _watched(work: Callable[[], Awaitable[None]]) -> None:
    """What goes wrong with one of them must not end the group, and with it the service."""
    try:
        await work()
    except Exception as error:  # noqa: BLE001 - see above
        _log.error("quota.task_failed", exc_info=error)
