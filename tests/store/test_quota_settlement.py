"""What a call used is booked once, whatever happens to the handler, the database or an answer."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager
from typing import Any

import pytest
from sqlalchemy import text

from bff.errors import Kind, Problem
from bff.policy.quota import CONTEXT_WINDOW
from bff.store import quota
from bff.store.db import POOL_MOST, Database, DatabaseError, open_database
from bff.store.migrate import migrate
from bff.store.quota import Notes
from tests.support.postgres import Postgres
from tests.support.quotas import (
    APP,
    MODEL,
    PauseClock,
    StillClock,
    caller,
    left,
    open_store,
    set_aside,
    until,
    use,
    users,
)
from tests.support.sql import run_sql

TAKE_AWAY = "ALTER TABLE gpt_dock_client_data RENAME TO gone"
BRING_BACK = "ALTER TABLE gone RENAME TO gpt_dock_client_data"


class Told:
    """What the operator was told."""

    def __init__(self) -> None:
        self.waiting, self.lost = [0], 0

    @property
    def notes(self) -> Notes:
        return Notes(waiting=self.waiting.append, lost=self._lose)

    def _lose(self) -> None:
        self.lost += 1


class Forgetful:
    """A database whose answer to a commit is lost as often as *losses* says."""

    def __init__(self, db: Database) -> None:
        self._db, self.dialect, self.losses = db, db.dialect, 0

    @asynccontextmanager
    async def transaction(self) -> AsyncIterator[Any]:
        async with self._db.transaction() as connection:
            yield connection
        if self.losses:
            self.losses -= 1
            raise Problem(Kind.INTERNAL, "…") from DatabaseError("cannot be reached", "cut")

    def reading(self) -> Any:
        return self._db.reading()


@pytest.fixture(autouse=True)
def hasty(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(quota, "_LONGEST_PAUSE_S", 0.05)
    monkeypatch.setattr(quota, "CLOSING_S", 0.3)


async def test_a_handler_that_is_cancelled_pays_all_the_same(
    db: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    begun, go = asyncio.Event(), asyncio.Event()
    async with open_store(db) as store:
        settle = store._rows.settle

        async def settle_slowly(booking: Any) -> None:
            begun.set()
            await go.wait()
            await settle(booking)

        monkeypatch.setattr(store._rows, "settle", settle_slowly)
        handler = asyncio.ensure_future(use(store, 100))
        await begun.wait()
        handler.cancel()
        await asyncio.wait({handler})
        go.set()

    assert handler.cancelled()
    assert (await left(db), await set_aside(db)) == (499_900, [])


async def test_a_caller_who_leaves_before_the_answer_pays_nothing(db: Database) -> None:
    inside = asyncio.Event()
    async with open_store(db) as store:

        async def handler() -> None:
            async with store.reserve(caller(), model=MODEL, tokens=1):
                inside.set()
                await asyncio.Event().wait()

        task = asyncio.ensure_future(handler())
        await inside.wait()
        task.cancel()
        await asyncio.gather(task, return_exceptions=True)

    assert (await left(db), await set_aside(db)) == (500_000, [])


async def test_nothing_is_lost_while_the_database_is_away_and_each_is_booked_once(
    db: Database,
) -> None:
    told = Told()
    async with open_store(db, notes=told.notes) as store:
        held = [store.reserve(caller(str(n)), model=MODEL, tokens=1) for n in range(5)]
        calls = [await each.__aenter__() for each in held]
        await run_sql(db, TAKE_AWAY)

        await asyncio.gather(*(call.settle(100) for call in calls))  # nobody is kept waiting
        assert max(told.waiting) == 5
        assert await set_aside(db) == [CONTEXT_WINDOW] * 5

        await run_sql(db, BRING_BACK)
        await until(lambda: told.waiting[-1] == 0)
        for each in held:
            await each.__aexit__(None, None, None)

    assert [await left(db, str(n)) for n in range(5)] == [499_900] * 5
    assert sorted(row[1:3] for row in await users(db)) == [(f"{n}-{APP}", 100) for n in range(5)]
    assert (await set_aside(db), told.lost) == ([], 0)


async def test_a_postgresql_that_refuses_everybody_for_a_while_loses_nothing(
    postgres: Postgres,
) -> None:
    told, url = Told(), await postgres.create("quota_cut")
    async with open_database(url) as db, open_store(db, notes=told.notes) as store:
        await migrate(db)
        async with store.reserve(caller(), model=MODEL, tokens=1) as held:
            await postgres.run("ALTER DATABASE quota_cut ALLOW_CONNECTIONS false")
            await postgres.run(
                "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname = 'quota_cut'"
            )
            await held.settle(100)
            assert told.waiting[-1] == 1
            with pytest.raises(Problem) as failed:
                await use(store, 1)
            assert failed.value.kind is Kind.INTERNAL
            await postgres.run("ALTER DATABASE quota_cut ALLOW_CONNECTIONS true")
            await until(lambda: told.waiting[-1] == 0)

        assert (await left(db), await set_aside(db), told.lost) == (499_900, [], 0)


@pytest.mark.parametrize("gone", [False, True], ids=["reserved", "reservation gone"])
async def test_a_commit_whose_answer_is_lost_is_not_booked_again(db: Database, gone: bool) -> None:
    forgetful, told = Forgetful(db), Told()
    async with (
        open_store(forgetful, notes=told.notes) as store,  # type: ignore[arg-type]
        store.reserve(caller(), model=MODEL, tokens=1) as held,
    ):
        if gone:
            await run_sql(db, "DELETE FROM bff_quota_reservations")
        forgetful.losses = 4
        await held.settle(100)
        await until(lambda: told.waiting[-1] == 0)

    assert (await left(db), await users(db)) == (499_900, [("user", f"site-{APP}", 100, 1)])
    assert await set_aside(db) == []


async def test_what_waits_is_booked_when_the_service_stops(db: Database) -> None:
    told = Told()
    async with open_store(db, notes=told.notes, clock=StillClock()) as store:
        async with store.reserve(caller(), model=MODEL, tokens=1) as held:
            await run_sql(db, TAKE_AWAY)
            await held.settle(100)
            await run_sql(db, BRING_BACK)
        assert told.waiting[-1] == 1

    assert (await left(db), told.waiting[-1], told.lost) == (499_900, 0, 0)


async def test_a_service_that_stops_while_the_database_is_away_says_what_it_lost(
    db: Database,
) -> None:
    told = Told()
    async with (
        open_store(db, notes=told.notes, clock=PauseClock()) as store,
        store.reserve(caller(), model=MODEL, tokens=1) as held,
    ):
        await run_sql(db, TAKE_AWAY)
        await held.settle(100)

    await run_sql(db, BRING_BACK)
    assert (await left(db), told.waiting[-1], told.lost) == (500_000, 0, 1)


async def test_a_settlement_that_hangs_keeps_nobody_and_stops_nothing(
    postgres: Postgres, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(quota, "SETTLE_WAIT_S", 0.05)
    told, url = Told(), await postgres.create("quota_hangs")
    async with open_database(url) as db, open_database(url) as other:
        await migrate(db)
        async with (
            other.transaction() as connection,
            open_store(db, notes=told.notes) as store,
            store.reserve(caller(), model=MODEL, tokens=1) as held,
        ):
            await connection.exec_driver_sql("LOCK TABLE gpt_dock_client_data")
            await held.settle(100)

        assert (await left(db), told.waiting[-1], told.lost) == (500_000, 0, 1)


async def test_only_so_many_wait_and_who_does_not_fit_is_counted(
    db: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(quota, "WAITING_MOST", 2)
    told = Told()
    async with open_store(db, notes=told.notes, clock=StillClock()) as store:
        held = [store.reserve(caller(str(n)), model=MODEL, tokens=1) for n in range(3)]
        calls = [await each.__aenter__() for each in held]
        await run_sql(db, TAKE_AWAY)
        for call in calls:
            await call.settle(100)
        assert (told.waiting[-1], told.lost) == (2, 1)

        await run_sql(db, BRING_BACK)
        for each in held:
            await each.__aexit__(None, None, None)

    assert sorted([await left(db, str(n)) for n in range(3)]) == [499_900, 499_900, 500_000]


async def test_what_the_database_refuses_for_good_holds_up_nobody(
    db: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    told = Told()
    async with open_store(db, notes=told.notes) as store:
        settle = store._rows.settle

        async def refuse_one(booking: Any) -> None:
            if booking.client_key == "odd":
                raise Problem(Kind.INTERNAL, "…") from DatabaseError("?", "22021", away=False)
            await settle(booking)

        monkeypatch.setattr(store._rows, "settle", refuse_one)
        await use(store, 100, who=caller("odd"))
        await use(store, 100)
        await until(lambda: told.lost == 1)

    assert (await left(db), await left(db, "odd")) == (499_900, 500_000)


async def test_settlements_of_one_client_leave_connections_to_the_others(
    postgres: Postgres,
) -> None:
    """An administrator looks at one client's row for a while, with its lock in hand."""
    url = await postgres.create("locked")
    async with AsyncExitStack() as stack:
        db = await stack.enter_async_context(open_database(url))
        await migrate(db)
        administrator = await stack.enter_async_context(open_database(url))
        store = await stack.enter_async_context(open_store(db))
        await use(store, 1)
        await run_sql(db, "UPDATE gpt_dock_client_data SET token_quota = 9000000")  # room for all
        held = [
            await stack.enter_async_context(store.reserve(caller(), model=MODEL, tokens=1))
            for _ in range(POOL_MOST + 5)
        ]
        async with administrator.transaction() as connection, asyncio.TaskGroup() as tasks:
            await connection.execute(text("UPDATE gpt_dock_client_data SET max_quota = max_quota"))
            for each in held:
                tasks.create_task(each.settle(1))
            await until(lambda: len(store._work) == len(held))
            async with asyncio.timeout(2):
                await use(store, 5, who=caller("other"))
            await connection.commit()
        await until(lambda: not store._work)

        assert await left(db) == 9_000_000 - len(held)
        assert await left(db, "other") == 500_000 - 5
