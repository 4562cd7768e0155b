"""Keys of integrators as rows: made, listed, revoked, looked up by their hash, marked as used.

The key itself is in no row. Times are seconds since 1970. Source: contract api-faces.md §7.4.
"""

import secrets
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import orjson
import structlog
from sqlalchemy import Double, Row, bindparam, insert, or_, select, update
from sqlalchemy.ext.asyncio import AsyncConnection

from bff.policy import api_keys
from bff.records import ApiKey
from bff.store.db import Database
from bff.store.tables import API_KEYS as ROWS
from bff.store.tenants import lock

_log = structlog.get_logger("bff.api_keys")


UNREADABLE = ("?",)
"""The models of a key whose list somebody else wrote, so that it opens nothing."""


class NameTaken(Exception):  # noqa: N818 - it is not a bug but an outcome
    """A key of that name is in use."""


@dataclass(frozen=True, slots=True)
class Listed:
    """A key as its owner sees it later: *beginning* is all that is shown of it."""

    key: ApiKey
    beginning: str
    created_at: float
    last_used_at: float | None
    revoked_at: float | None


async def create_key(
    db: Database,
    name: str,
    *,
    now: float,
    tenant: str | None = None,
    models: Sequence[str] = (),
    streams: int | None = None,
    requests: int | None = None,
) -> tuple[ApiKey, str]:
    """A new key, and the one sight of its text. It is a tenant of its own unless *tenant* is given.

    Raises NameTaken while another key of that name is in use, Problem(INTERNAL) when storage is
    away.
    """
    text = api_keys.write_key(secrets.token_bytes(api_keys.KEY_BYTES))
    key_id = api_keys.write_id(secrets.token_bytes(api_keys.ID_BYTES))
    tenant = tenant or api_keys.own_tenant(key_id)
    key = ApiKey(key_id, name, tenant, tuple(models), streams, requests)
    taken = select(ROWS.c.id).where(ROWS.c.name == name, ROWS.c.revoked_at.is_(None))
    async with db.transaction() as connection:
        await lock(connection, ROWS.name, name)
        if (await connection.execute(taken.limit(1))).first() is not None:
            raise NameTaken
        await connection.execute(
            insert(ROWS).values(
                id=key.id,
                name=name,
                tenant=tenant,
                hash=api_keys.hash_of(text),
                beginning=api_keys.beginning_of(text),
                models=list(models),
                streams=streams,
                requests=requests,
                created_at=now,
            )
        )
    return key, text


async def list_keys(db: Database) -> list[Listed]:
    """Every key there ever was, oldest first. Raises Problem(INTERNAL)."""
    async with db.reading() as connection:
        query = select(ROWS).order_by(ROWS.c.created_at, ROWS.c.id)
        return [_read_listed(row) for row in await connection.execute(query)]


async def revoke_key(db: Database, key_id: str, *, now: float) -> Listed | None:
    """The key as it was found, so with the time of an earlier revocation, which stays; None where
    there is no such key. Raises Problem(INTERNAL).
    """
    async with db.transaction() as connection:
        found = (await connection.execute(select(ROWS).where(ROWS.c.id == key_id))).first()
        if found is None:
            return None
        still = update(ROWS).where(ROWS.c.id == key_id, ROWS.c.revoked_at.is_(None))
        await connection.execute(still.values(revoked_at=now))
    return _read_listed(found)


async def find_by_hash(connection: AsyncConnection, key_hash: str) -> ApiKey | None:
    """The key in use whose hash that is, compared once more in constant time."""
    query = select(ROWS).where(ROWS.c.hash == key_hash, ROWS.c.revoked_at.is_(None))
    row = (await connection.execute(query)).first()
    if row is None or not api_keys.is_same(row.hash, key_hash):
        return None
    key = _read_key(row)
    if key is None:  # somebody's own SQL: it must not come to mean that every model is allowed
        _log.error("api_key.unreadable", key=row.id)
    return key


async def mark_used(db: Database, uses: Mapping[str, float]) -> None:
    """When keys, by id, were last used; an older time never replaces a newer. Raises
    Problem(INTERNAL).
    """
    at = bindparam("at", type_=Double)
    older = or_(ROWS.c.last_used_at.is_(None), ROWS.c.last_used_at < at)
    mark = update(ROWS).where(ROWS.c.id == bindparam("key_id"), older).values(last_used_at=at)
    # in one order everywhere: two processes that mark the same keys must not wait for each other
    marks = [{"key_id": key_id, "at": uses[key_id]} for key_id in sorted(uses)]
    async with db.transaction() as connection:
        await connection.execute(mark, marks)


def _read_listed(row: Row[Any]) -> Listed:
    key = _read_key(row) or ApiKey(
        row.id, row.name, row.tenant, UNREADABLE, row.streams, row.requests
    )
    return Listed(key, row.beginning, row.created_at, row.last_used_at, row.revoked_at)


def _read_key(row: Row[Any]) -> ApiKey | None:
    """None where *models* is not a list of patterns."""
    try:
        models = orjson.loads(row.models) if isinstance(row.models, str) else row.models
    except orjson.JSONDecodeError:
        return None
    if not isinstance(models, list) or not all(isinstance(model, str) for model in models):
        return None
    return ApiKey(row.id, row.name, row.tenant, tuple(models), row.streams, row.requests)
