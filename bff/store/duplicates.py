"""Tenants with more than one row: counted, and merged where that loses nothing.

Rows whose secrets differ stay: only Atlassian knows which one is right, and its next signed
install settles it. Source: node-bff.md §6 trap 3; operations.md "duplicate tenant rows".
"""

from dataclasses import dataclass

from sqlalchemy import delete, func, select
from sqlalchemy.ext.asyncio import AsyncConnection

from bff.store import installs
from bff.store.db import Database
from bff.store.tables import ADDON_SETTINGS as ROWS
from bff.store.tenants import CLIENT_INFO, lock_tenant, newest_first


@dataclass(frozen=True, slots=True)
class Duplicates:
    """*surplus* rows repeat a newer one; *undecided* tenants have rows with different secrets."""

    surplus: int
    undecided: int


async def count_duplicates(db: Database) -> Duplicates:
    """Raises Problem(INTERNAL) when the database is away."""
    surplus = undecided = 0
    async with db.reading() as connection:
        for client_key in await _doubled(connection):
            older, differs = _judge(await newest_first(connection, client_key))
            surplus, undecided = surplus + len(older), undecided + differs
    return Duplicates(surplus, undecided)


async def merge_duplicates(db: Database) -> Duplicates:
    """Deletes the surplus rows, the newest of each secret is kept. Raises Problem(INTERNAL)."""
    async with db.reading() as connection:
        doubled = await _doubled(connection)
    surplus = undecided = 0
    for client_key in doubled:
        async with db.transaction() as connection:
            await lock_tenant(connection, client_key)
            older, differs = _judge(await newest_first(connection, client_key))
            if older:
                await connection.execute(delete(ROWS).where(ROWS.c.id.in_(older)))
        surplus, undecided = surplus + len(older), undecided + differs
    return Duplicates(surplus, undecided)


async def _doubled(connection: AsyncConnection) -> list[str]:
    query = (
        select(ROWS.c.clientKey)
        .where(ROWS.c.key == CLIENT_INFO, ROWS.c.clientKey.is_not(None))
        .group_by(ROWS.c.clientKey)
        .having(func.count() > 1)
    )
    return list(await connection.scalars(query))


def _judge(stored: dict[int, object]) -> tuple[list[int], bool]:
    """The ids whose secret a newer row has too, and whether more than one secret is left."""
    seen: set[str | None] = set()
    older: list[int] = []
    for row_id, val in stored.items():
        secret = installs.read_secret(installs.read_val(val))
        if secret in seen:
            older.append(row_id)
        seen.add(secret)
    return older, len(seen) > 1
