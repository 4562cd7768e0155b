"""The database: opened once, handed out as transactions, its failures said in our words.

Not a query builder and no retry: a caller that can wait or go without decides so itself.
Parameters are never logged and no driver's exception leaves this room, because both may quote what
was stored.
"""

import asyncio
import logging
import sqlite3
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager, contextmanager, suppress
from functools import partial
from typing import Any

import aiosqlite
import asyncpg
from sqlalchemy import URL, Connection, event
from sqlalchemy.exc import SQLAlchemyError
from sqlalchemy.ext.asyncio import AsyncConnection, AsyncEngine, create_async_engine

from bff.dialects.json_text import write_ascii
from bff.errors import Kind, Problem
from bff.store.url import DatabaseUrl, read_database_url

CONNECT_S = 5.0
BUSY_S = 5.0  # how long SQLite waits for another process's write
POOL_SIZE, POOL_MOST = 5, 20

_AWAY = "Storage is not available at the moment. Please try again."
_WRITES = "bff_writes"

_FAILURES = (
    SQLAlchemyError,
    asyncpg.PostgresError,
    asyncpg.InterfaceError,
    sqlite3.Error,
    OSError,  # a TimeoutError is one too
)
_BY_SQLSTATE = (
    ("28", "refuses the user or the password"),
    ("3D000", "does not exist"),
    ("42501", "does not let this user do that"),
    ("42P01", "lacks a table: run `bff migrate`"),
    ("53300", "has no connection left for us"),
    ("08", "cannot be reached"),
    ("57P", "is starting or shutting down"),
)
_ABOUT_ONE_QUERY = ("22", "23")  # data and constraints: the database is there
_BY_SQLITE_WORDS = (
    ("no such table", "lacks a table: run `bff migrate`"),
    ("locked", "is locked by another process"),
    ("unable to open", "file cannot be opened (does its directory exist?)"),
    ("not a database", "file is not a SQLite database"),
    ("readonly", "file cannot be written"),
)


class DatabaseError(Exception):
    """What the driver said, without any value. *reason* goes on after "the database"; *away* is
    false where it answered that one query, or one value in it, cannot be.
    """

    def __init__(self, reason: str, said: str, *, away: bool = True) -> None:
        super().__init__(f"the database {reason} ({said})")
        self.reason, self.away = reason, away


class Database:
    """A pool and its dialect. Connects when first asked, not before."""

    def __init__(self, engine: AsyncEngine, dialect: str) -> None:
        self.dialect = dialect
        self._reading = engine
        self._writing = engine.execution_options(**{_WRITES: True})
        # SQLite lets one writer in at a time; ours queue here instead of polling its lock.
        self._turn = asyncio.Semaphore(1 if dialect == "sqlite" else POOL_MOST)

    @asynccontextmanager
    async def transaction(self) -> AsyncIterator[AsyncConnection]:
        """To read and write; committed when the block ends well. Raises Problem(INTERNAL).

        Only database awaits belong inside, which is why what the block raises is translated too.
        """
        async with self._turn:
            with database_problems():
                async with self._writing.begin() as connection:
                    yield connection

    @asynccontextmanager
    async def reading(self) -> AsyncIterator[AsyncConnection]:
        """To read; never waits for a writer. Raises Problem(INTERNAL)."""
        with database_problems():
            async with self._reading.begin() as connection:
                yield connection


@asynccontextmanager
async def open_database(url: str) -> AsyncIterator[Database]:
    """Connects when first asked. Raises ValueError for a URL we cannot read."""
    engine = _engine(read_database_url(url))
    try:
        yield Database(engine, engine.dialect.name)
    finally:
        await engine.dispose()


@contextmanager
def database_problems() -> Iterator[None]:
    """Whatever a driver raises, as a Problem whose cause holds no value."""
    try:
        yield
    except _FAILURES as error:
        raise Problem(Kind.INTERNAL, _AWAY) from _explain(error)


def reason_of(problem: Problem) -> str:
    """What the database said, for the operator's eyes: "refuses the user or the password"."""
    cause = problem.__cause__
    return cause.reason if isinstance(cause, DatabaseError) else "cannot be used"


def is_away(problem: Problem) -> bool:
    """Whether the database cannot be asked at all, rather than having refused this one query."""
    cause = problem.__cause__
    return not isinstance(cause, DatabaseError) or cause.away


def _explain(error: BaseException) -> DatabaseError:
    driver = getattr(error, "orig", None) or error
    driver = driver.__cause__ or driver  # SQLAlchemy's asyncpg adapter wraps the real one
    name, state = type(driver).__name__, getattr(driver, "sqlstate", None)
    if isinstance(driver, sqlite3.Error):
        words = str(driver).lower()
        found = [reason for words_seen, reason in _BY_SQLITE_WORDS if words_seen in words]
        return DatabaseError(found[0] if found else "cannot be used", name)
    if isinstance(state, str):
        found = [reason for prefix, reason in _BY_SQLSTATE if state.startswith(prefix)]
        return DatabaseError(
            found[0] if found else "cannot be used",
            f"{name} {state}",
            away=not state.startswith(_ABOUT_ONE_QUERY),
        )
    away = isinstance(driver, OSError)
    return DatabaseError("cannot be reached" if away else "cannot be used", name)


def _engine(url: DatabaseUrl) -> AsyncEngine:
    settings: dict[str, Any] = {
        "pool_size": POOL_SIZE,
        "max_overflow": POOL_MOST - POOL_SIZE,
        "pool_timeout": CONNECT_S,
        "hide_parameters": True,
        "json_serializer": _write_json,
        "json_deserializer": _as_it_stands,
    }
    if url.dialect == "sqlite":
        logging.getLogger("aiosqlite").setLevel(logging.WARNING)  # below it, every value is logged
        engine = create_async_engine(
            URL.create("sqlite+aiosqlite", database=url.place),
            async_creator=partial(_connect_sqlite, url.place),
            **settings,
        )
        event.listen(engine.sync_engine, "connect", _prepare_sqlite)
        event.listen(engine.sync_engine, "begin", _begin_sqlite)
        return engine

    async def connect() -> (
        asyncpg.Connection
    ):  # it knows libpq's parameters; SQLAlchemy's URL does not
        return await asyncpg.connect(
            url.place, timeout=CONNECT_S, server_settings={"application_name": "gptdock-bff"}
        )

    return create_async_engine(
        "postgresql+asyncpg://", async_creator=connect, pool_pre_ping=True, **settings
    )


class _LockReleasing(sqlite3.Connection):
    """SQLite keeps a closed connection, with its lock on the file, for as long as one of its
    cursors is referred to; after a cancelled statement the traceback does that.
    """

    def close(self) -> None:
        with suppress(sqlite3.Error):
            self.rollback()
        super().close()


async def _connect_sqlite(place: str) -> aiosqlite.Connection:
    """A connection is a thread. One that cannot connect still has a last word for the loop: it is
    waited for, or it would find the loop closed and complain about that instead.
    """
    connection = aiosqlite.connect(
        place, isolation_level=None, timeout=BUSY_S, factory=_LockReleasing
    )
    connection._thread.daemon = True
    try:
        return await connection
    except BaseException:
        await asyncio.to_thread(connection._thread.join, BUSY_S)
        raise


def _prepare_sqlite(connection: Any, _record: object) -> None:
    cursor = connection.cursor()
    cursor.execute("PRAGMA foreign_keys = ON")
    # Readers do not wait for the writer. Another process may be switching the file right now.
    with suppress(sqlite3.OperationalError):
        cursor.execute("PRAGMA journal_mode = WAL")
    cursor.close()


def _begin_sqlite(connection: Connection) -> None:
    """A writer takes its lock at once: a read that turns into a write could not wait for one."""
    writes = connection.get_execution_options().get(_WRITES)
    connection.exec_driver_sql("BEGIN IMMEDIATE" if writes else "BEGIN")


def _write_json(value: object) -> str:
    return write_ascii(value).decode("ascii")


def _as_it_stands(text: object) -> object:
    """The Node app may have stored JSON inside JSON: reading it is the store's business."""
    return text
