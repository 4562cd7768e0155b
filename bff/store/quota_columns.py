"""Rows for tables that two makers spell differently: Sequelize, and the Node app's own SQL files.

Every column that must not be null is given, whatever default the table has or lacks.
Source: node-bff.md §6, trap 1.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import Connection, Table, column, func, inspect, table
from sqlalchemy.dialects import postgresql, sqlite
from sqlalchemy.ext.asyncio import AsyncConnection

SPELLINGS = ("updated_at", "_updated_at")


@dataclass(frozen=True, slots=True)
class TimeColumns:
    """The columns of a table that hold when its row was made. *zoned* ones know their offset."""

    dialect: str
    zoned: Mapping[str, bool]

    def at(self, when: datetime | None = None) -> dict[str, Any]:
        """What to write into them, as the Node app reads it: *when*, which is UTC, or now."""
        if self.dialect == "sqlite":  # CURRENT_TIMESTAMP is 2026-11-21 02:04:11 there
            value = when.strftime("%Y-%m-%d %H:%M:%S") if when else func.now()
            return dict.fromkeys(self.zoned, value)
        return {
            name: (when or func.now()) if zoned else _without_offset(when)
            for name, zoned in self.zoned.items()
        }


def time_columns(connection: Connection, rows: str) -> TimeColumns:
    found = {each["name"]: each["type"] for each in inspect(connection).get_columns(rows)}
    zoned = {
        name: bool(getattr(found[name], "timezone", False)) for name in SPELLINGS if name in found
    }
    return TimeColumns(connection.dialect.name, zoned)


def _without_offset(when: datetime | None) -> Any:
    return when.replace(tzinfo=None) if when else func.timezone("UTC", func.now())


async def insert_new(connection: AsyncConnection, rows: Table, row: Mapping[str, Any]) -> bool:
    """Whether it was new: a row that is there is left as it stands, whoever made it when."""
    named = table(rows.name, *(column(name) for name in row))
    keys = [key.name for key in rows.primary_key]
    here = sqlite if connection.dialect.name == "sqlite" else postgresql
    statement = here.insert(named).values(row).on_conflict_do_nothing(index_elements=keys)
    return bool((await connection.execute(statement)).rowcount)
