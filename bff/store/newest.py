"""The newest installation that can sign, for tools that need a tenant and name none. Reads only."""

from sqlalchemy import select

from bff.records import Tenant
from bff.store import installs
from bff.store.db import Database
from bff.store.tables import ADDON_SETTINGS as ROWS
from bff.store.tenants import CLIENT_INFO, newest_first

LOOKED_AT = 100  # newest rows; older ones have long been replaced or are of sites that left


async def find_tenant(db: Database, client_key: str | None = None) -> Tenant | None:
    """That tenant, or the newest; None when there is none with a secret. Raises
    Problem(INTERNAL).
    """
    async with db.reading() as connection:
        keys = [client_key]
        if client_key is None:
            query = select(ROWS.c.clientKey).where(ROWS.c.key == CLIENT_INFO)
            rows = await connection.execute(query.order_by(ROWS.c.id.desc()).limit(LOOKED_AT))
            keys = list(dict.fromkeys(rows.scalars()))
        for key in filter(None, keys):
            stored = await newest_first(connection, key)
            tenant = installs.read_tenant(key, stored.values())
            if tenant is not None and tenant.secrets:
                return tenant
    return None
