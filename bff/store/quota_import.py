"""Quotas out of the SQLite file where the Node app keeps them, into the database that serves now.

A row that is missing is copied. Where both sides have one, policy.quota.merge says what stays: the
higher limit, and the more that was used of any; so a second run changes nothing. One transaction:
all of it or nothing. Source: node-bff.md §6, trap 4.
"""

import sqlite3
from collections.abc import Callable, Mapping, Sequence
from contextlib import closing
from dataclasses import dataclass, field
from datetime import UTC, datetime
from functools import partial
from pathlib import Path
from typing import Any

from sqlalchemy import Table, select, update
from sqlalchemy.ext.asyncio import AsyncConnection

from bff.policy.quota import INTEGER_LEAST, INTEGER_MOST, merge
from bff.records import ClientQuota
from bff.store.db import Database, database_problems
from bff.store.quota_columns import SPELLINGS, insert_new, time_columns
from bff.store.tables import CLIENT_DATA, USER_DATA
from bff.store.tenants import is_storable

BIGINT_LEAST, BIGINT_MOST = -(2**63), 2**63 - 1
_NUMBERS = ("max_quota", "token_quota", "token_used")


@dataclass(slots=True)
class Found:
    """The rows of one table of the file. *odd* are the rowids of those that no column here could
    hold: they are left out whole.
    """

    rows: list[dict[str, Any]] = field(default_factory=list)
    odd: list[int] = field(default_factory=list)


@dataclass(slots=True)
class Imported:
    """What became of the rows of one table."""

    table: str
    added: int = 0
    changed: int = 0
    same: int = 0
    odd: list[int] = field(default_factory=list)


class NotAQuotaFile(Exception):  # noqa: N818 - it is not a bug but an outcome
    """The message goes on after the file's path: "is not there"."""


def read_file(path: Path) -> dict[str, Found]:
    """Reads and never writes. Raises NotAQuotaFile."""
    if not path.is_file():
        raise NotAQuotaFile("is not a file")
    try:
        with closing(sqlite3.connect(f"{path.resolve().as_uri()}?mode=ro", uri=True)) as file:
            file.row_factory = sqlite3.Row
            file.text_factory = partial(str, encoding="utf-8", errors="surrogateescape")
            return {rows.name: _read_table(file, rows) for rows in (CLIENT_DATA, USER_DATA)}
    except sqlite3.Error as error:
        raise NotAQuotaFile("cannot be read as a SQLite database") from error


async def import_quota(db: Database, found: Mapping[str, Found]) -> list[Imported]:
    """Raises Problem(INTERNAL), and then nothing was imported."""
    with database_problems():
        async with db.transaction() as connection:
            return [
                await _import_table(connection, rows, merged, found[rows.name])
                for rows, merged in ((CLIENT_DATA, _merged_client), (USER_DATA, _merged_user))
            ]


def _read_table(file: sqlite3.Connection, rows: Table) -> Found:
    columns = {row["name"] for row in file.execute(f'PRAGMA table_info("{rows.name}")')}
    needed = {column.name for column in rows.columns} - set(SPELLINGS)
    if not columns:
        raise NotAQuotaFile(f"has no table {rows.name}")
    if needed - columns:
        raise NotAQuotaFile(
            f"has a table {rows.name} without {', '.join(sorted(needed - columns))}"
        )
    found = Found()
    keys = [key.name for key in rows.primary_key]
    names = sorted(columns & (needed | set(SPELLINGS)))
    query = f'SELECT rowid AS number, {", ".join(names)} FROM "{rows.name}" ORDER BY rowid'  # noqa: S608 - names of ours
    for row in map(dict, file.execute(query)):
        number = row.pop("number")
        read = _read_row(row, keys)
        if read is None:
            found.odd.append(number)
        else:
            found.rows.append(read)
    return found


def _read_row(row: dict[str, Any], keys: Sequence[str]) -> dict[str, Any] | None:
    """None for a row that no column here can hold. The time is under `at`."""
    times = [row.pop(name) for name in SPELLINGS if name in row]
    for name, value in row.items():
        if name in keys:
            if not isinstance(value, str) or not value or not is_storable(value):
                return None
        elif not isinstance(value, int):
            return None
        elif name == "version":
            if not BIGINT_LEAST <= value <= BIGINT_MOST:
                return None
        elif not INTEGER_LEAST <= value <= INTEGER_MOST:
            return None
    return {**row, "at": _read_time(times[0] if times else None)}


def _read_time(text: object) -> datetime | None:
    """As SQLite or Sequelize writes it; None is now."""
    if not isinstance(text, str):
        return None
    try:
        at = datetime.fromisoformat(text.replace(" +", "+"))
    except ValueError:
        return None
    return at.replace(tzinfo=UTC) if at.tzinfo is None else at.astimezone(UTC)


async def _import_table(
    connection: AsyncConnection,
    rows: Table,
    merged: Callable[[Mapping[str, Any], Mapping[str, Any]], dict[str, int]],
    found: Found,
) -> Imported:
    done = Imported(rows.name, odd=found.odd)
    times = await connection.run_sync(time_columns, rows.name)
    for row in found.rows:
        fresh = {name: value for name, value in row.items() if name != "at"}
        if await insert_new(connection, rows, {**fresh, **times.at(row["at"])}):
            done.added += 1
            continue
        same = [column == row[column.name] for column in rows.primary_key]
        numbers = [column for column in rows.columns if column.name in _NUMBERS]
        query = select(*numbers).where(*same).with_for_update()
        here = dict((await connection.execute(query)).mappings().one())
        kept = merged(here, row)
        if kept == here:
            done.same += 1
            continue
        await connection.execute(update(rows).where(*same).values(kept))
        done.changed += 1
    return done


def _merged_client(here: Mapping[str, Any], there: Mapping[str, Any]) -> dict[str, int]:
    quota = merge(*(ClientQuota("", row["max_quota"], row["token_quota"]) for row in (here, there)))
    return {"max_quota": quota.max_quota, "token_quota": quota.token_quota}


def _merged_user(here: Mapping[str, Any], there: Mapping[str, Any]) -> dict[str, int]:
    return {"token_used": max(here["token_used"], there["token_used"])}
