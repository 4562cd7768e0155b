"""What the quota tables are asked and told, one transaction each; whoever calls decides when.

Rows are the Node app's to read and write at any moment: a number of its own is changed in place,
never read and written back, and what it once wrote (`updated_at`, `version`) is left alone.
Source: node-bff.md §3.4, §6, §9 (B12-B14).
"""

import asyncio
import math
from collections.abc import AsyncIterator, Iterable, Mapping, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass
from typing import Any

from sqlalchemy import ColumnElement, Table, and_, case, delete, func, select, update
from sqlalchemy.ext.asyncio import AsyncConnection

from bff.errors import Problem
from bff.policy.quota import INTEGER_LEAST, INTEGER_MOST, Admit, Verdict, decide, spent
from bff.records import ClientQuota
from bff.store.db import Database, database_problems
from bff.store.quota_columns import TimeColumns, insert_new, time_columns
from bff.store.tables import CLIENT_DATA, RESERVATIONS, USER_DATA
from bff.store.tenants import PATIENCE_S, is_storable

VERSION = 1  # what the Node app writes, and never again
KEPT_S = 24 * 3600.0  # an expired reservation counts no more, but its settlement may still come
_AT_ONCE = 500  # ids in one statement


@dataclass(slots=True)
class Booking:
    """What a call used, for its client and its user. *call* is its reservation's id; *in_doubt*:
    a commit's answer was lost, so the reservation tells whether it happened.
    """

    call: str
    client_key: str
    account_id: str | None
    used: int
    in_doubt: bool = False


class QuotaRows:
    """The quota of one product's clients. Every method raises Problem(INTERNAL)."""

    def __init__(
        self, db: Database, *, product_id: str, default_quota: int, patience_s: float = PATIENCE_S
    ) -> None:
        self._db, self._product_id, self._default_quota = db, product_id, default_quota
        self._patience_s = patience_s
        self._times: dict[str, TimeColumns] = {}

    async def find_or_create(self, client_key: str) -> tuple[ClientQuota, bool]:
        with database_problems():
            async with asyncio.timeout(self._patience_s), self._db.reading() as connection:
                found = await self._find(connection, client_key)
        if found is not None:
            return found, False
        async with self._change() as connection:
            created = await self._create(connection, client_key)
            found = await self._find(connection, client_key)
        assert found is not None  # noqa: S101 - created above, or by somebody before us
        return found, created

    async def reserve(
        self, *, call: str, client_key: str, wanted: int, holder: str, now: float, expires_at: float
    ) -> Admit | Verdict:
        """Decides with the client's row locked; an admitted call's tokens are set aside."""
        async with self._change() as connection:
            left = await self._lock(connection, client_key)
            if left is None:
                await self._create(connection, client_key)
                left = await self._lock(connection, client_key) or 0
            held = select(func.coalesce(func.sum(RESERVATIONS.c.tokens), 0)).where(
                RESERVATIONS.c.client_id == client_key,
                RESERVATIONS.c.product_id == self._product_id,
                RESERVATIONS.c.expires_at > now,
            )
            verdict = decide(left, int(await connection.scalar(held) or 0), wanted)
            if isinstance(verdict, Admit):
                await self._set_aside(
                    connection, call, client_key, verdict.tokens, holder, expires_at
                )
        return verdict

    async def settle(self, booking: Booking) -> None:
        """Books what was used, once, however often it is asked: the reservation is the token."""
        if await self._book(booking) or booking.in_doubt:
            return
        # Somebody took the reservation for abandoned. It is put back first, or a commit whose
        # answer is lost would leave nothing to tell by.
        async with self._change() as connection:
            await self._set_aside(connection, booking.call, booking.client_key, 0, "", 0.0)
        await self._book(booking)

    async def release(self, call: str) -> None:
        async with self._change() as connection:
            await connection.execute(delete(RESERVATIONS).where(RESERVATIONS.c.id == call))

    async def renew(self, calls: Sequence[str], expires_at: float) -> None:
        for start in range(0, len(calls), _AT_ONCE):
            some = calls[start : start + _AT_ONCE]
            async with self._change() as connection:
                await connection.execute(
                    update(RESERVATIONS)
                    .where(RESERVATIONS.c.id.in_(some))
                    .values(expires_at=expires_at)
                )

    async def holders(self) -> list[str]:
        async with self._db.reading() as connection:
            return list(await connection.scalars(select(RESERVATIONS.c.holder).distinct()))

    async def sweep(self, gone: Iterable[str], now: float) -> None:
        """Gives back what holders that are *gone* set aside, and drops what expired long ago."""
        async with self._change() as connection:
            old = RESERVATIONS.c.expires_at < now - KEPT_S
            await connection.execute(
                delete(RESERVATIONS).where(old | RESERVATIONS.c.holder.in_(list(gone)))
            )

    async def _book(self, booking: Booking) -> bool:
        tokens = spent(booking.used)
        async with self._change() as connection:
            mine = delete(RESERVATIONS).where(RESERVATIONS.c.id == booking.call)
            if not (await connection.execute(mine)).rowcount:
                return False
            left = CLIENT_DATA.c.token_quota
            taken = case((left < INTEGER_LEAST + tokens, INTEGER_LEAST), else_=left - tokens)
            await connection.execute(
                update(CLIENT_DATA).where(self._is(booking.client_key)).values(token_quota=taken)
            )
            await self._add_to_user(connection, booking, tokens)
            booking.in_doubt = True  # from here on only the commit's answer can be missing
        return True

    async def _add_to_user(
        self, connection: AsyncConnection, booking: Booking, tokens: int
    ) -> None:
        org_id = f"{booking.client_key}-{self._product_id}"
        user_id = booking.account_id
        if not user_id or not is_storable(user_id) or not is_storable(org_id):
            return  # a name no column can hold is nobody's
        before = USER_DATA.c.token_used
        more = case((before > INTEGER_MOST - tokens, INTEGER_MOST), else_=before + tokens)
        theirs = and_(USER_DATA.c.user_id == user_id, USER_DATA.c.org_id == org_id)
        add = update(USER_DATA).where(theirs).values(token_used=more)
        if (await connection.execute(add)).rowcount:
            return
        row = {"user_id": user_id, "org_id": org_id, "token_used": tokens, "version": VERSION}
        if not await self._insert(connection, USER_DATA, row):  # it came in between
            await connection.execute(add)

    async def _find(self, connection: AsyncConnection, client_key: str) -> ClientQuota | None:
        query = select(CLIENT_DATA.c.max_quota, CLIENT_DATA.c.token_quota)
        row = (await connection.execute(query.where(self._is(client_key)))).first()
        if row is None:
            return None
        most = _whole(row.max_quota, otherwise=self._default_quota)
        return ClientQuota(client_key, most, _whole(row.token_quota, otherwise=0))

    async def _lock(self, connection: AsyncConnection, client_key: str) -> int | None:
        """What is left; until the transaction ends nobody else changes it (SQLite has no need)."""
        query = select(CLIENT_DATA.c.token_quota).where(self._is(client_key)).with_for_update()
        row = (await connection.execute(query)).first()
        return None if row is None else _whole(row.token_quota, otherwise=0)

    async def _create(self, connection: AsyncConnection, client_key: str) -> bool:
        row = {
            "client_id": client_key,
            "product_id": self._product_id,
            "max_quota": self._default_quota,
            "token_quota": self._default_quota,
            "version": VERSION,
        }
        return await self._insert(connection, CLIENT_DATA, row)

    async def _insert(
        self, connection: AsyncConnection, rows: Table, row: Mapping[str, Any]
    ) -> bool:
        """Whether it was new."""
        times = self._times.get(rows.name)
        if times is None:
            times = self._times[rows.name] = await connection.run_sync(time_columns, rows.name)
        return await insert_new(connection, rows, {**row, **times.at()})

    async def _set_aside(
        self,
        connection: AsyncConnection,
        call: str,
        client_key: str,
        tokens: int,
        holder: str,
        expires_at: float,
    ) -> None:
        row = {
            "id": call,
            "client_id": client_key,
            "product_id": self._product_id,
            "tokens": tokens,
            "holder": holder,
            "expires_at": expires_at,
        }
        await insert_new(connection, RESERVATIONS, row)

    def _is(self, client_key: str) -> ColumnElement[bool]:
        return and_(
            CLIENT_DATA.c.client_id == client_key, CLIENT_DATA.c.product_id == self._product_id
        )

    @asynccontextmanager
    async def _change(self) -> AsyncIterator[AsyncConnection]:
        try:
            with database_problems():
                async with (
                    asyncio.timeout(2 * self._patience_s),
                    self._db.transaction() as connection,
                ):
                    yield connection
        except Problem:
            self._times.clear()  # the tables may have been made anew
            raise


def _whole(value: object, *, otherwise: int) -> int:
    """SQLite keeps whatever is written into a column, and a table made by hand keeps NULL."""
    if isinstance(value, float) and math.isfinite(value):
        return math.floor(value)
    return value if isinstance(value, int) else otherwise
