"""Installations of the add-on: AddonSettings behind a short memory, for when the database is away.

Not a judge of tokens: it hands out every secret a tenant has. Several rows for one tenant are a
fact of the Node app's databases; reading takes all of them, saving leaves one. Source: node-bff.md
§6 and §9 (B14, B16, B20).
"""

import asyncio
import hashlib
from collections.abc import AsyncIterator, Callable, Mapping
from contextlib import asynccontextmanager
from datetime import UTC, datetime
from typing import Any

from sqlalchemy import delete, insert, select, text, update
from sqlalchemy.ext.asyncio import AsyncConnection

from bff.records import Tenant
from bff.store import installs
from bff.store.db import Database, database_problems, is_away
from bff.store.installations import (
    associate,
    find_client_key,
    is_installation_id,
    read_installation_id,
)
from bff.store.remembered import Remembered
from bff.store.tables import ADDON_SETTINGS as ROWS
from bff.store.tables import INSTALLATION_CLIENT_KEYS as INSTALLATIONS

CLIENT_INFO = "clientInfo"  # the `key` under which ACE keeps an install
CLIENT_KEY_MOST = 255  # characters, as the Node app's column has it
PATIENCE_S = 5.0  # for one lookup, connecting included; a change may take twice as long


def is_storable(client_key: str) -> bool:
    """Whether a tenant of that name can exist: what PostgreSQL cannot hold is nobody's name, and
    must not look like a database that is away.
    """
    return len(client_key) <= CLIENT_KEY_MOST and client_key.isprintable()


def utc_now() -> datetime:
    return datetime.now(UTC)


class TenantStore:
    """Believes memory for *fresh_s*, *stale_s* while the database is away. *now* is monotonic."""

    def __init__(
        self,
        db: Database,
        *,
        now: Callable[[], float],
        fresh_s: float = 5.0,
        stale_s: float = 3600.0,
        patience_s: float = PATIENCE_S,
        today: Callable[[], datetime] = utc_now,
    ) -> None:
        self._db, self._today, self._patience_s = db, today, patience_s
        self._remembered, self._installed = (
            Remembered(
                look_up,
                is_away=is_away,
                now=now,
                fresh_s=fresh_s,
                stale_s=stale_s,
                away_s=patience_s,
            )
            for look_up in (self._look_up, self._look_up_installed)
        )

    async def find(self, client_key: str) -> Tenant | None:
        """From memory while fresh. Raises Problem(INTERNAL) when nobody can say."""
        return await self._remembered.find(client_key) if is_storable(client_key) else None

    async def find_fresh(self, client_key: str) -> Tenant | None:
        """From the database, refreshing memory; the last known while the database is away."""
        return await self._remembered.find_fresh(client_key) if is_storable(client_key) else None

    async def find_installed(self, installation_id: str) -> Tenant | None:
        """The tenant of a Forge installation. Raises Problem(INTERNAL) when nobody can say."""
        if not is_installation_id(installation_id):
            return None
        return await self._installed.find(installation_id)

    async def save(self, client_key: str, payload: Mapping[str, Any]) -> None:
        """Replaces whatever was stored; one row is left, however many there were."""
        val, installation_id = dict(payload), read_installation_id(payload)
        async with self._change(client_key) as connection:
            await _leave_one_row(connection, client_key, val)
            if installation_id is not None:
                await lock(connection, INSTALLATIONS.name, installation_id)
                await associate(connection, installation_id, client_key)
        self._remembered.learn(client_key, installs.read_tenant(client_key, [val]))

    async def retire(self, client_key: str) -> None:
        """Takes the tenant's secrets out of its rows and says when; the rows stay."""
        if not is_storable(client_key):
            return
        at = self._today().strftime("%Y-%m-%dT%H:%M:%SZ")
        async with self._change(client_key) as connection:
            await _take_secrets_away(connection, client_key, at)
            left = await newest_first(connection, client_key)
        self._remembered.learn(client_key, installs.read_tenant(client_key, left.values()))

    async def _look_up(self, client_key: str) -> Tenant | None:
        with database_problems():
            async with asyncio.timeout(self._patience_s), self._db.reading() as connection:
                stored = await newest_first(connection, client_key)
        return installs.read_tenant(client_key, stored.values())

    async def _look_up_installed(self, installation_id: str) -> Tenant | None:
        with database_problems():
            async with asyncio.timeout(self._patience_s), self._db.reading() as connection:
                client_key = await find_client_key(connection, installation_id)
                if client_key is None:
                    return None
                stored = await newest_first(connection, client_key)
        return installs.read_tenant(client_key, stored.values())

    @asynccontextmanager
    async def _change(self, client_key: str) -> AsyncIterator[AsyncConnection]:
        try:
            with database_problems():
                async with (
                    asyncio.timeout(2 * self._patience_s),
                    self._db.transaction() as connection,
                ):
                    await lock_tenant(connection, client_key)
                    yield connection
        finally:  # a failure leaves open whether it was committed
            self._remembered.doubt(client_key)
            self._installed.doubt_everyone()  # changes are rare, and we do not know who was whose


async def lock_tenant(connection: AsyncConnection, client_key: str) -> None:
    """Until the transaction ends, nobody else changes this tenant."""
    await lock(connection, ROWS.name, client_key)


async def lock(connection: AsyncConnection, table: str, name: str) -> None:
    """*name* of *table* is ours until the transaction ends; on SQLite that is the lock itself."""
    if connection.dialect.name == "postgresql":
        digest = hashlib.sha256(f"{table}:{name}".encode()).digest()
        number = int.from_bytes(digest[:8], signed=True)
        await connection.execute(text("SELECT pg_advisory_xact_lock(:lock)"), {"lock": number})


async def newest_first(connection: AsyncConnection, client_key: str) -> dict[int, object]:
    """The tenant's installs as they are stored, by row id."""
    query = (
        select(ROWS.c.id, ROWS.c.val)
        .where(ROWS.c.clientKey == client_key, ROWS.c.key == CLIENT_INFO)
        .order_by(ROWS.c.id.desc())
    )
    return {row.id: row.val for row in await connection.execute(query)}


async def _leave_one_row(connection: AsyncConnection, client_key: str, val: dict[str, Any]) -> None:
    ids = list(await newest_first(connection, client_key))
    if not ids:
        row = {"clientKey": client_key, "key": CLIENT_INFO, "val": val}
        await connection.execute(insert(ROWS).values(row))
        return
    await connection.execute(update(ROWS).where(ROWS.c.id == ids[0]).values(val=val))
    if ids[1:]:
        await connection.execute(delete(ROWS).where(ROWS.c.id.in_(ids[1:])))


async def _take_secrets_away(connection: AsyncConnection, client_key: str, at: str) -> None:
    query = select(ROWS.c.id, ROWS.c.key, ROWS.c.val).where(ROWS.c.clientKey == client_key)
    for row in (await connection.execute(query)).all():
        before = installs.read_val(row.val)
        if row.key == CLIENT_INFO:  # what cannot be read cannot be cleaned: nothing of it is kept
            after = installs.retire(before or {}, at)
        elif before is not None:
            after = installs.without_secrets(before)
        else:
            continue
        if after != before:
            await connection.execute(update(ROWS).where(ROWS.c.id == row.id).values(val=after))
