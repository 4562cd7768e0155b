"""The database: whether it can be reached, knows our schema, has each tenant once; and API keys."""

import sqlite3
from collections.abc import AsyncIterator
from pathlib import Path

from bff.cli.checks.findings import Finding, failed, ok, warning
from bff.errors import Problem
from bff.settings import Settings
from bff.store.api_key_rows import UNREADABLE, list_keys
from bff.store.db import Database, open_database, reason_of
from bff.store.duplicates import count_duplicates
from bff.store.migrate import schema_state
from bff.store.url import read_database_url


async def look_at_database(settings: Settings) -> AsyncIterator[Finding]:
    missing = _missing_file(settings.database_url)
    if missing is not None:
        yield missing
        return
    async with open_database(settings.database_url) as db:
        try:
            async for finding in _look_into(db):
                yield finding
        except Problem as problem:
            yield failed("database", f"the database {reason_of(problem)}: look at DATABASE_URL")


def _missing_file(database_url: str) -> Finding | None:
    """A SQLite file that is not there yet: opening it would make it."""
    url = read_database_url(database_url)
    path = Path(url.place)
    if url.dialect != "sqlite" or path.exists():
        return None
    if path.parent.is_dir():
        return ok("database", f"SQLite, {path}: made at the first start")
    return failed("database", f"the directory of {path} does not exist: make it")


async def _look_into(db: Database) -> AsyncIterator[Finding]:
    async with db.reading() as connection:
        await connection.exec_driver_sql("SELECT 1")
    yield ok("database", f"SQLite {sqlite3.sqlite_version}" if _embedded(db) else "PostgreSQL")
    state = await schema_state(db)
    if state.ahead:
        yield failed(
            "migrations", f"{state.current} is newer than this release, which knows {state.head}"
        )
    elif not state.behind:
        yield ok("migrations", f"{state.head}")
    elif _embedded(db):
        yield ok("migrations", f"bff serve brings the file to {state.head}")
    else:
        yield failed("migrations", f"the schema is behind {state.head}: run bff migrate")
    if state.behind:
        return
    duplicates = await count_duplicates(db)
    if duplicates.surplus:
        yield warning("tenants", f"{duplicates.surplus} duplicate rows: run bff migrate")
    if duplicates.undecided:
        said = f"{duplicates.undecided} have different secrets in several rows: each is tried"
        yield warning("tenants", f"{said}, and the next install leaves one")
    if not (duplicates.surplus or duplicates.undecided):
        yield ok("tenants", "one row each")
    yield await _look_at_keys(db)


async def _look_at_keys(db: Database) -> Finding:
    """That there is none is no mistake: the add-on itself needs none."""
    about = "API keys"
    used = [listed.key for listed in await list_keys(db) if listed.revoked_at is None]
    unread = [key.id for key in used if key.models == UNREADABLE]
    if unread:
        said = f"{unread[0]} has a list of models that cannot be read, and opens nothing"
        return warning(about, f"{said}: run bff keys revoke {unread[0]} and create another")
    if not used:
        return ok(about, "none; integrators need one: bff keys create NAME")
    return ok(about, f"{len(used)} in use")


def _embedded(db: Database) -> bool:
    return db.dialect == "sqlite"
