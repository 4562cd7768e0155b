import asyncio
import re
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from bff.errors import Kind, Problem
from bff.policy.quota import CONTEXT_WINDOW, INTEGER_LEAST, INTEGER_MOST
from bff.records import ClientQuota
from bff.store.db import Database, open_database
from bff.store.migrate import migrate
from tests.support.quotas import (
    APP,
    MODEL,
    PauseClock,
    StillClock,
    caller,
    give,
    left,
    open_store,
    set_aside,
    until,
    use,
    users,
)
from tests.support.sql import fetch, run_sql

ORG = f"site-{APP}"


async def test_a_new_client_gets_the_default_once(db: Database) -> None:
    async with open_store(db, default_quota=700) as store:
        first = await store.find_or_create("site")
        second = await store.find_or_create("site")

    assert first == (ClientQuota("site", 700, 700), True)
    assert second == (ClientQuota("site", 700, 700), False)


async def test_ten_first_calls_at_once_create_one_row(empty_url: str, db: Database) -> None:
    async with (
        open_database(empty_url) as other,
        open_store(db) as here,
        open_store(other) as there,
    ):
        answers = await asyncio.gather(
            *(store.find_or_create("site") for _ in range(5) for store in (here, there))
        )

    assert sorted(created for _, created in answers) == [False] * 9 + [True]
    assert {quota for quota, _ in answers} == {ClientQuota("site", 500_000, 500_000)}


async def test_rows_fit_the_tables_however_the_node_app_made_them(node_db: Database) -> None:
    await migrate(node_db)
    async with open_store(node_db) as store:
        await store.find_or_create("site")
        await use(store, 123)
        await use(store, 123)

    clients = await fetch(node_db, "SELECT * FROM gpt_dock_client_data")
    [user] = await fetch(node_db, "SELECT * FROM gpt_dock_user_data")
    assert [(row[:2], row[3:]) for row in clients] == [(("site", APP), (500_000, 499_754, 1))]
    assert (user[:2], user[3:]) == (("user", ORG), (246, 1))
    for written in (clients[0][2], user[2]):
        if node_db.dialect == "sqlite":
            assert re.fullmatch(r"\d{4}-\d\d-\d\d \d\d:\d\d:\d\d", written)
        age = datetime.now(UTC) - datetime.fromisoformat(str(written)).replace(tzinfo=UTC)
        assert abs(age) < timedelta(minutes=1)


async def test_tables_that_are_made_anew_in_the_other_spelling_are_written_too(
    db: Database,
) -> None:
    async with open_store(db) as store:
        await store.find_or_create("before")
        await run_sql(
            db,
            "ALTER TABLE gpt_dock_client_data RENAME COLUMN updated_at TO _updated_at",
        )
        with pytest.raises(Problem):
            await store.find_or_create("site")

        assert (await store.find_or_create("site"))[1]


async def test_a_settled_call_is_taken_off_the_client_and_added_to_its_user(db: Database) -> None:
    async with open_store(db) as store:
        await use(store, 100)
        await use(store, 23, who=caller(account_id="other"))
        await use(store, 7, who=caller(account_id=None))

    assert await left(db) == 500_000 - 130
    assert await users(db) == [("other", ORG, 23, 1), ("user", ORG, 100, 1)]
    assert await set_aside(db) == []


@pytest.mark.parametrize("account_id", ["", "u" * 256, "\x00", "\ud800"])
async def test_a_user_no_column_can_hold_costs_the_client_all_the_same(
    db: Database, account_id: str
) -> None:
    async with open_store(db) as store:
        await use(store, 100, who=caller(account_id=account_id))

    assert (await left(db), await users(db)) == (499_900, [])


async def test_updated_at_and_version_are_never_touched_again(db: Database) -> None:
    async with open_store(db) as store:
        await use(store, 1)
        old = "2001-02-03 04:05:06" + ("+00:00" if db.dialect == "postgresql" else "")
        for table in ("gpt_dock_client_data", "gpt_dock_user_data"):
            await run_sql(db, f"UPDATE {table} SET updated_at = '{old}', version = 9")  # noqa: S608 - names of tests
        await use(store, 1)

    for table in ("gpt_dock_client_data", "gpt_dock_user_data"):
        [(at, version)] = await fetch(db, f"SELECT updated_at, version FROM {table}")  # noqa: S608
        assert (str(at)[:19], version) == ("2001-02-03 04:05:06", 9)


async def test_what_is_left_is_an_honest_number_while_calls_run(db: Database) -> None:
    async with open_store(db) as store:
        await use(store, 1000)
        async with store.reserve(caller(), model=MODEL, tokens=70_000) as held:
            assert await set_aside(db) == [70_000]
            assert await left(db) == 499_000
            await held.settle(500)
            assert await set_aside(db) == []
            assert await left(db) == 498_500


async def test_tokens_of_a_call_that_does_not_settle_come_back(db: Database) -> None:
    async with open_store(db) as store:
        with pytest.raises(ZeroDivisionError):
            async with store.reserve(caller(), model=MODEL, tokens=1):
                raise ZeroDivisionError
        await use(store, 5)

    assert (await set_aside(db), await left(db)) == ([], 499_995)


async def test_a_call_that_settles_twice_counts_once(db: Database) -> None:
    async with open_store(db) as store, store.reserve(caller(), model=MODEL, tokens=1) as held:
        await asyncio.gather(held.settle(100), held.settle(100))
        await held.settle(100)

    assert await left(db) == 499_900


async def test_a_reservation_that_is_gone_is_booked_all_the_same_and_once(db: Database) -> None:
    async with open_store(db) as store, store.reserve(caller(), model=MODEL, tokens=1) as held:
        await run_sql(db, "DELETE FROM bff_quota_reservations")
        await held.settle(100)

    assert (await left(db), await set_aside(db)) == (499_900, [])
    assert await users(db) == [("user", ORG, 100, 1)]


@pytest.mark.parametrize(
    ("used", "client", "user"),
    [
        (-5, 10, 0),
        (INTEGER_MOST, 10 - INTEGER_MOST, INTEGER_MOST),
        (2**63, 10 - INTEGER_MOST, INTEGER_MOST),
    ],
)
async def test_no_number_is_too_large_to_be_booked(
    db: Database, used: int, client: int, user: int
) -> None:
    async with open_store(db) as store:
        await store.find_or_create("site")
        await give(db, 10)
        await use(store, used)
        assert (await left(db), await users(db)) == (client, [("user", ORG, user, 1)])

        await give(db, 1)
        await use(store, used)
        await give(db, 1)
        await use(store, used)

    assert INTEGER_LEAST <= await left(db) <= 1
    assert [row[2] for row in await users(db)] == [user]


async def test_a_client_that_sinks_to_the_bottom_stays_there(db: Database) -> None:
    async with open_store(db) as store:
        await store.find_or_create("site")
        async with store.reserve(caller(), model=MODEL, tokens=1) as held:
            await give(db, INTEGER_LEAST + 5)
            await held.settle(100)

    assert await left(db) == INTEGER_LEAST


async def test_a_client_without_tokens_is_refused(db: Database) -> None:
    async with open_store(db) as store:
        await store.find_or_create("site")
        for tokens in (0, -122):
            await give(db, tokens)
            with pytest.raises(Problem) as refused:
                await use(store, 1)
            assert (refused.value.kind, refused.value.public) == (Kind.BUDGET, "Not enough tokens")

        await give(db, 1)
        await use(store, 100)  # the last one may take more than is left, as in the Node app

    assert await left(db) == -99


async def test_before_its_model_is_known_a_call_sets_the_context_window_aside(
    db: Database,
) -> None:
    async with open_store(db) as store:
        async with store.reserve(caller(), model=MODEL, tokens=900) as held:
            assert await set_aside(db) == [CONTEXT_WINDOW]
            await held.settle(70_000)
        async with store.reserve(caller(), model=MODEL, tokens=900):
            assert await set_aside(db) == [70_000]


async def test_a_small_call_sets_a_share_of_what_is_left_aside(db: Database) -> None:
    async with open_store(db) as store:
        await use(store, 100)
        async with store.reserve(caller(), model=MODEL, tokens=900):
            assert await set_aside(db) == [499_900 // 8]


async def test_twenty_replies_at_once_are_all_counted(empty_url: str, db: Database) -> None:
    async with (
        open_database(empty_url) as other,
        open_store(db) as here,
        open_store(other) as there,
    ):
        await asyncio.gather(*(use(store, 123) for _ in range(10) for store in (here, there)))

    assert await left(db) == 500_000 - 2460
    assert await users(db) == [("user", ORG, 2460, 1)]


async def test_of_five_hundred_calls_at_once_a_budget_for_ten_admits_ten(
    empty_url: str, db: Database
) -> None:
    async with (
        open_database(empty_url) as other,
        open_store(db) as here,
        open_store(other) as there,
    ):
        await here.find_or_create("site")
        await give(db, 1000)
        calls = [use(store, 100, tokens=100) for _ in range(250) for store in (here, there)]
        answers = await asyncio.gather(*calls, return_exceptions=True)

    refused = [answer for answer in answers if answer is not None]
    assert {str(problem) for problem in refused} == {"budget: Not enough tokens"}
    assert (500 - len(refused), await left(db), await set_aside(db)) == (10, 0, [])


async def test_a_caller_waits_for_tokens_that_others_hold_and_is_woken_when_they_come_back(
    db: Database,
) -> None:
    async with open_store(db, clock=StillClock()) as store:
        await store.find_or_create("site")
        await give(db, 10)
        async with (
            store.reserve(caller(), model=MODEL, tokens=1) as held,
            asyncio.TaskGroup() as tasks,
        ):
            second = tasks.create_task(use(store, 3))
            third = tasks.create_task(use(store, 3))
            await until(lambda: len(store._lines) == 1)
            await held.settle(4)
            await asyncio.gather(second, third)

    assert await left(db) == 0


async def test_a_caller_is_refused_when_the_wait_is_over(db: Database) -> None:
    clock = PauseClock()
    async with open_store(db) as holding, open_store(db, clock=clock, wait_s=60.0) as store:
        await store.find_or_create("site")
        await give(db, 10)
        async with holding.reserve(caller(), model=MODEL, tokens=1):
            with pytest.raises(Problem) as refused:
                await use(store, 1)

    assert (refused.value.kind, refused.value.public) == (Kind.BUDGET, "Not enough tokens")
    assert clock.paused[:6] == [0.05, 0.1, 0.2, 0.4, 0.8, 1.0]
    assert sum(clock.paused) == pytest.approx(60.0)


async def test_a_caller_who_leaves_while_waiting_leaves_the_line_at_once(db: Database) -> None:
    async with open_store(db) as holding, open_store(db) as store:
        await store.find_or_create("site")
        await give(db, 10)
        async with holding.reserve(caller(), model=MODEL, tokens=1):
            waiting = [asyncio.ensure_future(use(store, 1)) for _ in range(3)]
            await until(lambda: len(store._lines) == 1)
            for task in waiting:
                task.cancel()
            await asyncio.gather(*waiting, return_exceptions=True)

            assert len(store._lines) == 0
            assert await set_aside(db) == [CONTEXT_WINDOW]


async def test_a_crowd_costs_two_questions_at_most(
    db: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    asked = 0
    async with open_store(db) as store:
        await store.find_or_create("site")
        await give(db, 0)
        reserve = store._rows.reserve

        async def count(**facts: object) -> object:
            nonlocal asked
            asked += 1
            return await reserve(**facts)  # type: ignore[arg-type]

        monkeypatch.setattr(store._rows, "reserve", count)
        answers = await asyncio.gather(*(use(store, 1) for _ in range(100)), return_exceptions=True)
        assert {type(answer) for answer in answers} == {Problem}
        assert asked <= 2  # the first one's, and one for all who came while it asked
        asked = 0

        await give(db, 100)
        await use(store, 1)

    assert (asked, await left(db)) == (1, 99)


async def test_clients_do_not_wait_for_each_other(db: Database) -> None:
    async with open_store(db) as store:
        await store.find_or_create("site")
        await give(db, 10)
        async with store.reserve(caller(), model=MODEL, tokens=1):
            await use(store, 5, who=caller("other"))

    assert await left(db, "other") == 499_995


async def test_a_database_that_lacks_the_tables_is_a_problem_not_an_end(empty: Database) -> None:
    async with open_store(empty) as store:
        for question in (store.find_or_create("site"), use(store, 1)):
            with pytest.raises(Problem) as failed:
                await question
            assert failed.value.kind is Kind.INTERNAL


@pytest.mark.parametrize(
    ("most", "left_over", "read", "admitted"),
    [
        ("NULL", "NULL", (500_000, 0), False),
        ("'NaN'", "'NaN'", (500_000, 0), False),
        ("x'00'", "''", (500_000, 0), False),
        ("9e999", "9e999", (500_000, 0), False),
        ("500000.5", "10.5", (500_000, 10), True),
        ("500000", "'10'", (500_000, 10), True),
    ],
)
async def test_a_row_that_holds_no_number_is_read_as_one_that_is_used_up(
    tmp_path: Path, most: str, left_over: str, read: tuple[int, int], admitted: bool
) -> None:
    """Only SQLite lets such rows in."""
    async with open_database(f"sqlite:///{tmp_path / 'odd.sqlite'}") as db:
        await migrate(db)
        await run_sql(
            db,
            "DROP TABLE gpt_dock_client_data",
            "CREATE TABLE gpt_dock_client_data (client_id VARCHAR(255), product_id VARCHAR(255), "
            "updated_at DATETIME, max_quota INTEGER, token_quota INTEGER, version BIGINT, "
            "PRIMARY KEY (client_id, product_id))",
            "INSERT INTO gpt_dock_client_data VALUES "  # noqa: S608 - values of this test
            f"('site', '{APP}', NULL, {most}, {left_over}, 1)",
        )
        async with open_store(db) as store:
            found, created = await store.find_or_create("site")
            told = await asyncio.gather(use(store, 3), return_exceptions=True)

    assert (found, created) == (ClientQuota("site", *read), False)
    assert (told == [None]) is admitted
    assert admitted or "Not enough tokens" in str(told)
