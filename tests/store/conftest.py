"""Every test of the store runs on SQLite and on PostgreSQL, each time in a database of its own."""

import uuid
from collections.abc import AsyncIterator, Iterator
from pathlib import Path

import pytest

from bff.store.db import Database, open_database
from bff.store.migrate import migrate
from tests.support.node_app import LAST_UPDATED, QUOTA_BY_HAND, QUOTA_SEQUELIZE, SEQUELIZE
from tests.support.postgres import Postgres, open_postgres
from tests.support.sql import run_sql


@pytest.fixture(scope="session")
def postgres() -> Iterator[Postgres]:
    with open_postgres() as server:
        yield server


@pytest.fixture(params=["sqlite", "postgresql"])
async def empty_url(request: pytest.FixtureRequest, tmp_path: Path) -> str:
    if request.param == "sqlite":
        return f"sqlite:///{tmp_path / 'database.sqlite'}"
    return await request.getfixturevalue("postgres").create(f"t{uuid.uuid4().hex}")


@pytest.fixture
async def empty(empty_url: str) -> AsyncIterator[Database]:
    async with open_database(empty_url) as db:
        yield db


@pytest.fixture
async def db(empty: Database) -> Database:
    await migrate(empty)
    return empty


@pytest.fixture(params=["as Sequelize makes it", "with last_updated"])
async def node_db(request: pytest.FixtureRequest, empty: Database) -> Database:
    """A database the Node app made; the deployment notes' triggers and SQL files came later."""
    await run_sql(empty, *SEQUELIZE[empty.dialect])
    if request.param == "with last_updated":
        await run_sql(empty, *LAST_UPDATED[empty.dialect], *QUOTA_BY_HAND[empty.dialect])
    else:
        await run_sql(empty, *QUOTA_SEQUELIZE[empty.dialect])
    return empty
