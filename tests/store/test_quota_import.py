import asyncio
import sqlite3
from pathlib import Path
from typing import Any

import pytest

from bff.errors import Problem
from bff.store.db import Database, open_database
from bff.store.quota_import import Imported, NotAQuotaFile, import_quota, read_file
from tests.support.node_app import QUOTA_BY_HAND, QUOTA_SEQUELIZE
from tests.support.quotas import APP, caller, open_store, use, users
from tests.support.sql import fetch, run_sql

CLIENTS, USERS = "gpt_dock_client_data", "gpt_dock_user_data"
AT = "2026-11-21 02:04:11"
LOOSE = tuple(  # as somebody may have made them, with nothing refused
    statement.replace(" NOT NULL", "") for statement in QUOTA_SEQUELIZE["sqlite"]
)


def write_file(
    path: Path,
    clients: list[tuple[Any, ...]] = [],  # noqa: B006 - read only
    users: list[tuple[Any, ...]] = [],  # noqa: B006 - read only
    *,
    ddl: tuple[str, ...] = QUOTA_SEQUELIZE["sqlite"],
) -> Path:
    """*clients*: id, max, left; *users*: id, used."""
    with sqlite3.connect(path) as file:
        for statement in ddl:
            file.execute(statement)
        for client_id, most, left_of_it in clients:
            row = (client_id, APP, AT, most, left_of_it, 1)
            file.execute(f"INSERT INTO {CLIENTS} VALUES (?, ?, ?, ?, ?, ?)", row)  # noqa: S608
        for user_id, used in users:
            row = (user_id, f"site-{APP}", AT, used, 1)
            file.execute(f"INSERT INTO {USERS} VALUES (?, ?, ?, ?, ?)", row)  # noqa: S608
    file.close()
    return path


@pytest.fixture(params=["as Sequelize makes it", "as the SQL files make it"])
def ddl(request: pytest.FixtureRequest) -> tuple[str, ...]:
    return (QUOTA_BY_HAND if "files" in request.param else QUOTA_SEQUELIZE)["sqlite"]


async def clients(db: Database) -> list[tuple[Any, ...]]:
    return await fetch(db, f"SELECT client_id, max_quota, token_quota FROM {CLIENTS} ORDER BY 1")  # noqa: S608


async def test_rows_that_are_missing_are_copied_as_they_stand(
    tmp_path: Path, db: Database, ddl: tuple[str, ...]
) -> None:
    file = write_file(
        tmp_path / "node.sqlite",
        [("site", 500_000, -122), ("rich", 1_000_000, 900_000)],
        [("user", 500_122)],
        ddl=ddl,
    )

    done = await import_quota(db, read_file(file))

    assert done == [Imported(CLIENTS, added=2), Imported(USERS, added=1)]
    assert await clients(db) == [("rich", 1_000_000, 900_000), ("site", 500_000, -122)]
    assert await users(db) == [("user", f"site-{APP}", 500_122, 1)]
    for [at] in await fetch(db, f"SELECT updated_at FROM {CLIENTS}"):  # noqa: S608
        assert str(at).startswith(AT)


async def test_where_both_have_a_row_no_limit_sinks_and_no_used_token_comes_back(
    tmp_path: Path, db: Database
) -> None:
    async with open_store(db) as store:
        await use(store, 50_000)
        await use(store, 1, who=caller("other"))
    file = write_file(
        tmp_path / "node.sqlite",
        [("site", 1_000_000, 900_000), ("other", 500_000, 500_000)],
        [("user", 100_000)],
    )

    first = await import_quota(db, read_file(file))
    seen = await clients(db), await users(db)
    second = await import_quota(db, read_file(file))

    assert first == [Imported(CLIENTS, changed=1, same=1), Imported(USERS, changed=1)]
    assert seen[0] == [("other", 500_000, 499_999), ("site", 1_000_000, 900_000)]
    assert [row[2] for row in seen[1] if row[1] == f"site-{APP}"] == [100_000]
    assert second == [Imported(CLIENTS, same=2), Imported(USERS, same=1)]
    assert (await clients(db), await users(db)) == seen


async def test_two_imports_at_once_are_one(empty_url: str, tmp_path: Path, db: Database) -> None:
    file = write_file(tmp_path / "node.sqlite", [(f"c{n}", 500_000, n) for n in range(50)])
    async with open_database(empty_url) as other:
        done = await asyncio.gather(*(import_quota(each, read_file(file)) for each in (db, other)))

    assert sum(imported[0].added for imported in done) == 50
    assert sum(imported[0].same for imported in done) == 50
    assert len(await clients(db)) == 50


async def test_what_no_column_can_hold_is_left_out_whole_and_named(
    tmp_path: Path, db: Database
) -> None:
    odd: list[tuple[Any, ...]] = [
        (None, 1, 1), ("", 1, 1), (b"x", 1, 1), ("c" * 256, 1, 1), ("nul\x00", 1, 1),
        ("text", "many", 1), ("null", None, 1), ("part", 1.5, 1), ("huge", 2**31, 1),
    ]  # fmt: skip
    file = write_file(
        tmp_path / "node.sqlite",
        [("first", 500_000, 1), *odd, ("last", 500_000, 2)],
        [("user", "?"), ("other", 5)],
        ddl=LOOSE,
    )
    with sqlite3.connect(file) as other:
        other.execute(f"INSERT INTO {CLIENTS} VALUES ('old', '{APP}', NULL, 5, 5, 'v2')")  # noqa: S608
        other.execute(f"INSERT INTO {CLIENTS} VALUES (CAST(x'ff' AS TEXT), '{APP}', 5, 5, 5, 1)")  # noqa: S608
        other.execute(f"INSERT INTO {USERS} VALUES ('far', 'org', 'when?', 5, {2**62})")  # noqa: S608
    other.close()

    done = await import_quota(db, read_file(file))

    assert done == [
        Imported(CLIENTS, added=2, odd=[*range(2, 11), 12, 13]),
        Imported(USERS, added=2, odd=[1]),
    ]
    assert [row[0] for row in await clients(db)] == ["first", "last"]


@pytest.mark.parametrize(
    ("written", "read"),
    [
        (AT, "2026-11-21T02:04:11+00:00"),
        ("2026-11-21 02:04:11.500 +00:00", "2026-11-21T02:04:11.500000+00:00"),
        ("2026-11-21 04:04:11+02:00", "2026-11-21T02:04:11+00:00"),
        ("yesterday", None),
        (5, None),
    ],
)
def test_a_time_is_read_as_either_writes_it(
    tmp_path: Path, written: object, read: str | None
) -> None:
    file = write_file(tmp_path / "node.sqlite", [("site", 5, 5)])
    with sqlite3.connect(file) as other:
        other.execute(f"UPDATE {CLIENTS} SET updated_at = ?", (written,))  # noqa: S608
    other.close()

    [row] = read_file(file)[CLIENTS].rows

    assert (row["at"] and row["at"].isoformat()) == read


async def test_a_failure_in_the_middle_imports_nothing(
    tmp_path: Path, db: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    file = write_file(tmp_path / "node.sqlite", [("site", 5, 5)], [("user", 5)])
    await run_sql(db, f"ALTER TABLE {USERS} RENAME TO gone")

    with pytest.raises(Problem):
        await import_quota(db, {**read_file(file)})

    assert await clients(db) == []


def test_the_file_is_only_read(tmp_path: Path) -> None:
    file = write_file(tmp_path / "node.sqlite", [("site", 5, 5)])
    before = file.read_bytes()
    file.chmod(0o400)

    read_file(file)

    assert file.read_bytes() == before
    assert [path.name for path in tmp_path.iterdir()] == ["node.sqlite"]


def test_a_file_that_is_none_is_refused_in_one_line(tmp_path: Path) -> None:
    text = tmp_path / "text"
    text.write_text("not a database, but long enough to have a header of its own" * 20)
    empty = write_file(tmp_path / "empty.sqlite", ddl=())
    half = write_file(tmp_path / "half.sqlite", ddl=QUOTA_SEQUELIZE["sqlite"][:1])
    other = write_file(
        tmp_path / "other.sqlite", ddl=(f"CREATE TABLE {CLIENTS} (client_id TEXT, version TEXT)",)
    )

    said = []
    for path in (tmp_path / "none", tmp_path, text, empty, half, other):
        with pytest.raises(NotAQuotaFile) as refused:
            read_file(path)
        said.append(str(refused.value))

    assert said == [
        "is not a file",
        "is not a file",
        "cannot be read as a SQLite database",
        f"has no table {CLIENTS}",
        f"has no table {USERS}",
        f"has a table {CLIENTS} without max_quota, product_id, token_quota",
    ]
