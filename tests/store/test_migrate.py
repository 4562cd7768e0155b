import asyncio
import sys
from pathlib import Path

import orjson
import pytest

from bff.errors import Problem
from bff.store.db import Database, open_database
from bff.store.duplicates import Duplicates, count_duplicates, merge_duplicates
from bff.store.migrate import SchemaState, migrate, schema_state
from tests.support.node_app import QUOTA_SEQUELIZE, SEQUELIZE
from tests.support.postgres import Postgres
from tests.support.schema import APPLIED, HEAD, STEPS
from tests.support.sql import fetch, put_row, run_sql, stored

ROOT = Path(__file__).parents[2]

TABLES = ("AddonSettings", "gpt_dock_client_data", "gpt_dock_user_data")
COLUMNS = {
    "sqlite": "SELECT name, type, \"notnull\", pk, dflt_value FROM pragma_table_info('{table}')",
    "postgresql": "SELECT column_name, data_type, character_maximum_length, is_nullable, "
    "column_default FROM information_schema.columns WHERE table_name = '{table}' "
    "ORDER BY ordinal_position",
}
INDEXES = {
    "sqlite": "SELECT name, \"unique\" FROM pragma_index_list('{table}')",
    "postgresql": "SELECT indexdef FROM pg_indexes WHERE tablename = '{table}' ORDER BY 1",
}
OURS = (
    "bff_schema_version",
    "bff_quota_reservations",
    "bff_api_keys",
    "ForgeSettings",
    "forge_settings",
    "InstallationClientKeys",
    "installation_client_keys",
)
SCHEMA = {
    "sqlite": "SELECT name, sql FROM sqlite_master ORDER BY name",
    "postgresql": "SELECT table_name, column_name, data_type FROM information_schema.columns "
    "WHERE table_schema = 'public' ORDER BY 1, 2",
}


async def shape(db: Database) -> list[tuple]:
    queries = (COLUMNS[db.dialect], INDEXES[db.dialect])
    return [
        row
        for table in TABLES
        for query in queries
        for row in await fetch(db, query.format(table=table))
    ]


async def test_an_empty_database_is_brought_up_to_date_once(empty: Database) -> None:
    assert await schema_state(empty) == SchemaState(None, HEAD, behind=True, ahead=False)

    assert await migrate(empty) == STEPS
    assert await migrate(empty) == []

    assert await schema_state(empty) == SchemaState(HEAD, HEAD, behind=False, ahead=False)


async def test_our_tables_are_those_the_node_app_would_have_made(
    empty: Database, tmp_path: Path, postgres: Postgres
) -> None:
    await migrate(empty)
    url = f"sqlite:///{tmp_path / 'node.sqlite'}"
    if empty.dialect == "postgresql":
        url = await postgres.create("node_shape")
    async with open_database(url) as node:
        await run_sql(node, *SEQUELIZE[node.dialect], *QUOTA_SEQUELIZE[node.dialect])
        expected = await shape(node)

    found = await shape(empty)

    # SQLite says NOT NULL of our key; a key of Sequelize's cannot be null either
    assert [
        str(row).replace("'INTEGER', 1, 1, None", "'INTEGER', 0, 1, None") for row in found
    ] == [str(row) for row in expected]


async def test_what_the_node_app_made_is_left_as_it_stands(node_db: Database) -> None:
    await put_row(node_db, "site", '{"sharedSecret":"s1"}')
    before, rows = await fetch(node_db, SCHEMA[node_db.dialect]), await stored(node_db)

    assert await migrate(node_db) == STEPS

    after = await fetch(node_db, SCHEMA[node_db.dialect])
    assert [row for row in after if not any(name in str(row) for name in OURS)] == before
    assert await stored(node_db) == rows


async def test_a_missing_index_is_made_whatever_another_is_called(empty: Database) -> None:
    create, _ = SEQUELIZE[empty.dialect]
    await run_sql(empty, create, 'CREATE INDEX mine ON "AddonSettings" ("clientKey", "key")')
    await migrate(empty)

    assert "addon_settings_client_key_key" not in str(await shape(empty))


async def test_the_node_app_without_its_index_gets_it(empty: Database) -> None:
    await run_sql(empty, SEQUELIZE[empty.dialect][0])
    await migrate(empty)

    assert "addon_settings_client_key_key" in str(await shape(empty))


async def test_a_schema_of_a_newer_release_is_refused_by_name(db: Database) -> None:
    await run_sql(db, "UPDATE bff_schema_version SET version_num = 'r9042'")

    with pytest.raises(Problem, match=rf"schema r9042 is newer than this release.*{HEAD}"):
        await migrate(db)

    assert await schema_state(db) == SchemaState("r9042", HEAD, behind=False, ahead=True)


async def test_a_step_that_fails_leaves_nothing_half_done(empty: Database) -> None:
    blocker = "VIEW" if empty.dialect == "sqlite" else "TYPE"
    body = 'AS SELECT 1 AS "a"' if empty.dialect == "sqlite" else "AS (a integer)"
    await run_sql(empty, f"CREATE {blocker} bff_unrelated {body}")
    before = await fetch(empty, SCHEMA[empty.dialect])
    await run_sql(empty, f'CREATE {blocker} "AddonSettings" {body}')

    with pytest.raises(Problem):
        await migrate(empty)

    await run_sql(empty, f'DROP {blocker} "AddonSettings"')
    assert await fetch(empty, SCHEMA[empty.dialect]) == before


async def test_two_dynos_migrate_at_the_same_time(empty_url: str, tmp_path: Path) -> None:
    async def run() -> tuple[int | None, str]:
        process = await asyncio.create_subprocess_exec(
            *(sys.executable, "-m", "bff", "migrate"),
            cwd=tmp_path,
            env={"DATABASE_URL": empty_url, "PYTHONPATH": str(ROOT)},
            stdout=asyncio.subprocess.PIPE,
            stderr=asyncio.subprocess.STDOUT,
        )
        said, _ = await process.communicate()
        return process.returncode, said.decode()

    results = await asyncio.gather(run(), run(), run())

    assert [code for code, _ in results] == [0, 0, 0], results
    assert sorted(APPLIED in said for _, said in results) == [False, False, True]
    async with open_database(empty_url) as db:
        assert await fetch(db, "SELECT version_num FROM bff_schema_version") == [(HEAD,)]


def install(secret: str | None) -> str:
    return orjson.dumps({"sharedSecret": secret}).decode()


async def test_rows_that_say_the_same_are_merged_and_others_left(node_db: Database) -> None:
    rows = (
        ("same", "a"), ("same", "a"), ("same", "a"),
        ("both", "a"), ("both", "b"), ("both", "a"), ("both", None),
        ("single", "a"),
    )  # fmt: skip
    for client_key, secret in rows:
        await put_row(node_db, client_key, install(secret))
    await put_row(node_db, None, install("x"))
    await put_row(node_db, None, install("x"))
    await put_row(node_db, "single", '{"theme":"dark"}', key="preferences")

    counted = await count_duplicates(node_db)
    merged = await merge_duplicates(node_db)

    assert counted == merged == Duplicates(surplus=3, undecided=1)
    left = [(key, orjson.loads(val).get("sharedSecret")) for key, _, val in await stored(node_db)]
    assert left == [
        ("same", "a"), ("both", "b"), ("both", "a"), ("both", None),
        ("single", "a"), (None, "x"), (None, "x"), ("single", None),
    ]  # fmt: skip
    assert await merge_duplicates(node_db) == Duplicates(surplus=0, undecided=1)
