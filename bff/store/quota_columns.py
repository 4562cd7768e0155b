"""Rows for tables that two makers spell differently: Sequelize, and the Node app's own SQL files.

Every column that must not be null is given, whatever default the table has or lacks.
Source: node-bff.md §6, trap 1.
"""

from collections.abc import Mapping
from datetime import datetime
from typing import Any

from sqlalchemy import Connection, Table, column, func, inspect, table
from sqlalchemy.dialects import postgresql, sqlite
from sqlalchemy.ext.asyncio import AsyncConnection

SPELLINGS = ("updated_at", "_updated_at")


def time_columns(connection: Connection, rows: str, at: datetime | None = None) -> dict[str, Any]:
    """What to write into the table's time column, as the Node app reads it: *at*, which is UTC, or
    now.
    """
    found = {each["name"]: each["type"] for each in inspect(connection).get_columns(rows)}
    if connection.dialect.name == "sqlite":  # CURRENT_TIMESTAMP is 2026-11-21 02:04:11 there
        values = dict.fromkeys(SPELLINGS, at.strftime("%Y-%m-%d %H:%M:%S") if at else func.now())
    else:
        values = {name: _postgresql_time(found.get(name), at) for name in SPELLINGS}
    return {name: value for name, value in values.items() if name in found}


def _postgresql_time(kind: object, at: datetime | None) -> Any:
    if getattr(kind, "timezone", False):
        return at or func.now()
    return at.replace(tzinfo=None) if at else func.timezone("UTC", func.now())


async def insert_new(connection: AsyncConnection, rows: Table, row: Mapping[str, Any]) -> bool:
    """Whether it was new: a row that is there is left as it stands, whoever made it when."""
    named = table(rows.name, *(column(name) for name in row))
    keys = [key.name for key in rows.primary_key]
    here = sqlite if connection.dialect.name == "sqlite" else postgresql
    statement = here.insert(named).values(row).on_conflict_do_nothing(index_elements=keys)
    return bool((await connection.execute(statement)).rowcount)
