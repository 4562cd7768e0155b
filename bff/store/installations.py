"""Forge installations and the Connect tenants they belong to, in the tables that ACE 11 keeps.

What ties them is a signed install that names both, so only Atlassian can. The last one wins, as in
ACE. Source: atlassian-connect-express 11, store/sequelize.
"""

from collections.abc import Mapping
from typing import Any

from sqlalchemy import insert, select, update
from sqlalchemy.ext.asyncio import AsyncConnection

from bff.store.tables import INSTALLATION_CLIENT_KEYS as ROWS

ID_MOST = 255  # characters, as ACE's column has it


def is_installation_id(value: object) -> bool:
    """What PostgreSQL cannot hold is nobody's id."""
    return isinstance(value, str) and 0 < len(value) <= ID_MOST and value.isprintable()


def read_installation_id(payload: Mapping[str, Any]) -> str | None:
    """The Forge installation that a signed install names, if it does."""
    value = payload.get("installationId")
    return value if isinstance(value, str) and is_installation_id(value) else None


async def associate(connection: AsyncConnection, installation_id: str, client_key: str) -> None:
    """From now on the installation is the tenant's. Who calls holds the installation's lock."""
    moved = await connection.execute(
        update(ROWS).where(ROWS.c.installationId == installation_id).values(clientKey=client_key)
    )
    if moved.rowcount == 0:
        row = {"installationId": installation_id, "clientKey": client_key}
        await connection.execute(insert(ROWS).values(row))


async def find_client_key(connection: AsyncConnection, installation_id: str) -> str | None:
    query = (
        select(ROWS.c.clientKey)
        .where(ROWS.c.installationId == installation_id)
        .order_by(ROWS.c.id.desc())
        .limit(1)
    )
    return (await connection.execute(query)).scalar()
