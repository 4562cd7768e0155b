"""The Node app's own ORM on the quota tables, while calls of ours run: nobody notices the other.

Runs where Node and its packages are installed under `.ci/node_modules`.
"""

from pathlib import Path
from typing import Any

from bff.records import ClientQuota
from bff.store.db import Database, open_database
from bff.store.migrate import migrate
from tests.support.node_script import run_node
from tests.support.node_server import needs_node
from tests.support.postgres import Postgres
from tests.support.quotas import APP, MODEL, caller, left, open_store, set_aside, use, users
from tests.support.schema import STEPS
from tests.support.sql import fetch, run_sql

pytestmark = needs_node

SCRIPT = """
const {Sequelize, DataTypes} = require("sequelize");
const [url, asked] = process.argv.slice(1);
const {verb, client, user, tokens} = JSON.parse(asked);
const options = url === "sqlite"
  ? {dialect: "sqlite", dialectModule: {}, logging: false}
  : {logging: false, pool: {max: 1}};
const db = url === "sqlite" ? new Sequelize(options) : new Sequelize(url, options);
const key = () => ({type: DataTypes.STRING, allowNull: false, primaryKey: true});
const at = () => ({type: DataTypes.DATE, allowNull: false, defaultValue: Sequelize.literal("CURRENT_TIMESTAMP")});
const whole = (defaultValue) => ({type: DataTypes.INTEGER, allowNull: false, defaultValue});
const more = {timestamps: false, underscored: true};
const Client = db.define("gpt_dock_client_data", {client_id: key(), product_id: key(), _updated_at: at(),
  max_quota: whole(500000), token_quota: whole(500000), version: {type: DataTypes.BIGINT, allowNull: false}}, more);
const User = db.define("gpt_dock_user_data", {user_id: key(), org_id: key(), _updated_at: at(), token_used: whole(0),
  version: {type: DataTypes.BIGINT, allowNull: false, defaultValue: 1}}, more);
const ddl = () => [Client, User].map((model) => {
  const generator = db.getQueryInterface().queryGenerator;
  const columns = generator.attributesToSQL(model.tableAttributes, {context: "createTable"});
  return generator.createTableQuery(model.getTableName(), columns, {});
});
const verbs = {
  ddl: async () => ddl(),
  make: async () => { await Client.sync(); await User.sync(); },
  find: async () => {
    const [row, created] = await Client.findOrCreate({where: client, defaults: {version: 1}});
    return {created, row};
  },
  deduct: async () => {
    const row = await Client.findOne({where: client});
    await row.update({token_quota: row.token_quota - tokens});
    const [its] = await User.findOrCreate({where: user, defaults: {token_used: 0, version: 1}});
    await its.update({token_used: its.token_used + tokens});
  },
};
(async () => {
  const answer = await verbs[verb]();
  if (url !== "sqlite") await db.close();
  process.stdout.write(JSON.stringify(answer ?? null));
})();
"""


async def node(url: str, verb: str, *, client_key: str = "site", tokens: int = 0) -> Any:
    asked = {
        "verb": verb,
        "client": {"client_id": client_key, "product_id": APP},
        "user": {"user_id": "user", "org_id": f"{client_key}-{APP}"},
        "tokens": tokens,
    }
    return await run_node(SCRIPT, url, asked)


async def test_sequelize_reads_and_writes_our_rows_while_calls_run(postgres: Postgres) -> None:
    url = await postgres.create("sequelize_after_us")
    async with open_database(url) as db, open_store(db) as store:
        await migrate(db)
        assert (await store.find_or_create("site"))[1]

        async with store.reserve(caller(), model=MODEL, tokens=1) as held:
            found = await node(url, "find")
            assert found["created"] is False
            assert (found["row"]["token_quota"], found["row"]["version"]) == (500_000, "1")

            await node(url, "deduct", tokens=122)
            await held.settle(100)
        await node(url, "deduct", tokens=7)

        assert await store.find_or_create("site") == (ClientQuota("site", 500_000, 499_771), False)
        assert await users(db) == [("user", f"site-{APP}", 229, 1)]


async def test_we_read_and_write_the_rows_sequelize_made(postgres: Postgres) -> None:
    url = await postgres.create("sequelize_before_us")
    await node(url, "make")
    assert (await node(url, "find"))["created"]
    await node(url, "deduct", tokens=122)
    async with open_database(url) as db, open_store(db) as store:
        assert await migrate(db) == STEPS

        assert await store.find_or_create("site") == (ClientQuota("site", 500_000, 499_878), False)
        assert (await store.find_or_create("new"))[1]
        await use(store, 100)

        assert (await left(db), await set_aside(db)) == (499_778, [])
        assert await users(db) == [("user", f"site-{APP}", 222, 1)]
    assert (await node(url, "find", client_key="new"))["created"] is False
    assert (await node(url, "find"))["row"]["token_quota"] == 499_778


async def test_a_sqlite_file_as_sequelize_makes_it_is_served(tmp_path: Path) -> None:
    url = f"sqlite:///{tmp_path / 'database.sqlite'}"
    statements = await node("sqlite", "ddl")
    async with open_database(url) as db, open_store(db) as store:
        await run_sql(db, *statements)
        await run_sql(
            db,
            "INSERT INTO gpt_dock_client_data (client_id, product_id, max_quota, token_quota, version) "  # noqa: S608 - a test's own
            f"VALUES ('site', '{APP}', 500000, 499878, 1)",
        )
        made = await shape(db)
        assert await migrate(db) == STEPS
        await use(store, 100)

        assert (await left(db), await users(db)) == (499_778, [("user", f"site-{APP}", 100, 1)])
        assert await shape(db) == made

    async with open_database(f"sqlite:///{tmp_path / 'ours.sqlite'}") as ours:
        await migrate(ours)
        assert await columns(ours) == [column for column in made if column[0] != "sql"]


async def shape(db: Database) -> list[tuple[Any, ...]]:
    said = "SELECT 'sql', sql FROM sqlite_master WHERE name LIKE 'gpt%' ORDER BY name"
    return [*await columns(db), *await fetch(db, said)]


async def columns(db: Database) -> list[tuple[Any, ...]]:
    query = "SELECT name, type, \"notnull\", pk, dflt_value FROM pragma_table_info('{}')"
    return [
        row
        for table in ("gpt_dock_client_data", "gpt_dock_user_data")
        for row in await fetch(db, query.format(table))
    ]
