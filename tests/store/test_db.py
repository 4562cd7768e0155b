import asyncio
import logging
from pathlib import Path

import pytest
from sqlalchemy import insert, select

from bff.errors import Kind, Problem
from bff.store.db import Database, open_database, reason_of
from bff.store.tables import ADDON_SETTINGS
from tests.support.postgres import Postgres
from tests.support.sql import fetch, run_sql, stored

ROW = {"clientKey": "site", "key": "clientInfo", "val": {"sharedSecret": "hush"}}


async def _insert(db: Database, *rows: dict) -> None:
    async with db.transaction() as connection:
        for row in rows:
            await connection.execute(insert(ADDON_SETTINGS).values(row))


async def test_a_transaction_that_fails_leaves_nothing(db: Database) -> None:
    with pytest.raises(Problem):
        await _insert(db, {**ROW, "id": 1}, {**ROW, "id": 1})

    assert await stored(db) == []


async def test_writers_wait_for_each_other_and_readers_for_nobody(db: Database) -> None:
    async with db.transaction() as connection:
        await connection.execute(insert(ADDON_SETTINGS).values(ROW))
        seen_from_outside = await stored(db)

    assert seen_from_outside == []
    assert len(await stored(db)) == 1


async def test_no_value_is_said_when_a_statement_fails(
    db: Database, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.DEBUG)

    with pytest.raises(Problem) as failed:
        await _insert(db, {**ROW, "id": 1}, {**ROW, "id": 1})

    assert failed.value.kind is Kind.INTERNAL
    assert type(failed.value.__cause__).__module__ == "bff.store.db"
    assert "hush" not in f"{failed.value!r} {failed.value.__cause__!r}"
    assert "hush" not in caplog.text


async def test_a_missing_table_is_named_by_its_mend(empty: Database) -> None:
    with pytest.raises(Problem) as failed:
        await fetch(empty, 'SELECT * FROM "AddonSettings"')

    assert reason_of(failed.value) == "lacks a table: run `bff migrate`"


async def test_sqlite_writes_ahead_checks_references_and_queues_its_own_writers(
    tmp_path: Path,
) -> None:
    async with open_database(f"sqlite:///{tmp_path / 'a.sqlite'}") as db:
        await run_sql(db, "CREATE TABLE counter (n INTEGER)", "INSERT INTO counter VALUES (0)")

        async def add_one() -> None:
            async with db.transaction() as connection:
                n = (await connection.exec_driver_sql("SELECT n FROM counter")).scalar_one()
                await connection.exec_driver_sql("UPDATE counter SET n = ?", (n + 1,))

        await asyncio.gather(*(add_one() for _ in range(30)))

        assert await fetch(db, "SELECT n FROM counter") == [(30,)]
        assert await fetch(db, "PRAGMA journal_mode") == [("wal",)]
        assert await fetch(db, "PRAGMA foreign_keys") == [(1,)]


@pytest.mark.parametrize(
    ("place", "reason"),
    [
        ("/nowhere/a.sqlite", "file cannot be opened (does its directory exist?)"),
        ("{tmp}/text", "file is not a SQLite database"),
    ],
)
async def test_a_sqlite_file_that_cannot_be_used(tmp_path: Path, place: str, reason: str) -> None:
    (tmp_path / "text").write_text(
        "not a database, but long enough to have a header of its own" * 20
    )

    async with open_database(f"sqlite:///{place.format(tmp=tmp_path)}") as db:
        with pytest.raises(Problem) as failed:
            await fetch(db, "SELECT 1")

    assert reason_of(failed.value) == reason


async def test_a_postgresql_that_is_not_there(tmp_path: Path, postgres: Postgres) -> None:
    reasons = []
    for url in (
        f"postgresql://u@/x?host={tmp_path}",
        "postgres://u@127.0.0.1:1/x",
        postgres.url("none"),
    ):
        async with open_database(url) as db:
            with pytest.raises(Problem) as failed:
                await fetch(db, "SELECT 1")
        reasons.append(reason_of(failed.value))

    assert reasons == ["cannot be reached", "cannot be reached", "does not exist"]


async def test_a_restart_of_postgresql_is_not_noticed(postgres: Postgres) -> None:
    async with open_database(await postgres.create("restarted")) as db:
        await fetch(db, "SELECT 1")
        await postgres.run(
            "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname = 'restarted'"
        )

        assert await fetch(db, "SELECT 1") == [(1,)]


def test_a_problem_of_another_room_has_no_reason_to_give() -> None:
    assert reason_of(Problem(Kind.INTERNAL, "…")) == "cannot be used"


async def test_a_writer_that_is_cancelled_lets_go_of_the_database_at_once(db: Database) -> None:
    kept = []  # whoever looks at a failure keeps its traceback, and so what it was working with

    async def write() -> None:
        async with db.transaction() as connection:
            await connection.execute(insert(ADDON_SETTINGS).values(ROW))
            await connection.execute(select(ADDON_SETTINGS))

    for steps in range(80):
        writer = asyncio.ensure_future(write())
        for _ in range(steps):
            await asyncio.sleep(0)
        writer.cancel()
        kept.append(await asyncio.gather(writer, return_exceptions=True))

        async with asyncio.timeout(2):
            await write()
