"""Bringing the database to the schema this code knows, once, however many processes try at once.

Up only. A schema newer than the code is refused by name. Source: api-faces.md §7.1.
"""

from dataclasses import dataclass
from functools import cache
from pathlib import Path

from alembic import command
from alembic.config import Config
from alembic.runtime.migration import MigrationContext
from alembic.script import ScriptDirectory
from sqlalchemy import Connection, text
from sqlalchemy.ext.asyncio import AsyncConnection

from bff.errors import Kind, Problem
from bff.store.db import Database

VERSION_TABLE = "bff_schema_version"  # a name of ours: the database may serve another Alembic too

_LOCK = 0x6266665F736368  # "bff_sch": one number all our processes agree on


@dataclass(frozen=True, slots=True)
class SchemaState:
    """*behind*: `bff migrate` has work. *ahead*: a newer release made step *current*."""

    current: str | None
    head: str
    behind: bool
    ahead: bool


async def schema_state(db: Database) -> SchemaState:
    """Raises Problem(INTERNAL) when the database is away."""
    async with db.reading() as connection:
        return await connection.run_sync(_read_state)


async def migrate(db: Database) -> list[str]:
    """The steps applied now, oldest first; none when there was nothing to do.

    Raises Problem(INTERNAL) when the database is away or its schema is newer than this code.
    """
    async with db.transaction() as connection:  # on SQLite this is the lock
        await _wait_for_turn(connection, db.dialect)
        return await connection.run_sync(_upgrade)


async def _wait_for_turn(connection: AsyncConnection, dialect: str) -> None:
    if dialect == "postgresql":
        await connection.execute(text("SELECT pg_advisory_xact_lock(:lock)"), {"lock": _LOCK})


def _upgrade(connection: Connection) -> list[str]:
    before = _read_state(connection)
    if before.ahead:
        raise Problem(
            Kind.INTERNAL,
            f"The database's schema {before.current} is newer than this release, which knows up to "
            f"{before.head}. Install the release that made it.",
        )
    if not before.behind:
        return []
    config = _config()
    config.attributes.update(connection=connection, version_table=VERSION_TABLE)
    command.upgrade(config, "head")
    steps = _script().iterate_revisions(before.head, before.current or "base")
    return [step.revision for step in reversed(list(steps))]


def _read_state(connection: Connection) -> SchemaState:
    context = MigrationContext.configure(connection, opts={"version_table": VERSION_TABLE})
    heads = context.get_current_heads()
    current = ", ".join(sorted(heads)) or None
    head = _head()
    known = {step.revision for step in _script().walk_revisions()}
    ahead = any(found not in known for found in heads)
    return SchemaState(current, head, behind=current != head and not ahead, ahead=ahead)


@cache
def _script() -> ScriptDirectory:
    return ScriptDirectory.from_config(_config())


def _head() -> str:
    head = _script().get_current_head()
    assert head is not None  # noqa: S101 - the package always ships its first step
    return head


def _config() -> Config:
    config = Config()
    place = str(Path(__file__).parent / "migrations")
    config.set_main_option("script_location", place.replace("%", "%%"))
    return config
