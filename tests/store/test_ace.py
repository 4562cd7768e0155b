"""The Node app's own store, atlassian-connect-express, on the same PostgreSQL: the way there and back.

Runs where Node and its packages are installed under `.ci/node_modules`.
"""

from typing import Any

from bff.store.db import open_database
from bff.store.migrate import migrate
from bff.store.tenants import TenantStore
from tests.support.clock import FakeClock
from tests.support.node_script import run_node
from tests.support.node_server import needs_node
from tests.support.postgres import Postgres
from tests.support.schema import STEPS
from tests.support.sql import fetch, stored

pytestmark = needs_node

SCRIPT = """
const [url, asked] = process.argv.slice(1);
const quiet = {info() {}, warn() {}, error() {}};
const open = require("atlassian-connect-express/lib/store/sequelize.js");
const store = open(quiet, {url, logging: false, pool: {max: 1}});
(async () => {
  await Promise.all([store.connectionPromise, store.installationMappingPromise, store.forgeSettingsPromise]);
  const {verb, clientKey, value} = JSON.parse(asked);
  const answer = verb === "set" ? await store.saveInstallation(value, clientKey)
    : verb === "forge" ? await store.getClientSettingsForForgeInstallation(clientKey)
    : verb === "setting" ? await store.forForgeInstallation(clientKey).set("k", value)
    : verb === "all" ? await store.getAllClientInfos() : await store.get("clientInfo", clientKey);
  await store.sequelize.close();
  process.stdout.write(JSON.stringify(answer));
})();
"""

SHAPE = (
    "SELECT table_name, column_name, data_type, character_maximum_length, is_nullable, "
    "column_default FROM information_schema.columns WHERE table_name IN "
    "('AddonSettings', 'ForgeSettings', 'InstallationClientKeys') "
    "ORDER BY table_name, ordinal_position",
    "SELECT indexdef FROM pg_indexes WHERE tablename IN "
    "('AddonSettings', 'ForgeSettings', 'InstallationClientKeys') ORDER BY 1",
)

INSTALL = {
    "key": "gptdock-confluence",
    "clientKey": "site",
    "sharedSecret": "s1",
    "baseUrl": "https://x.atlassian.net/wiki",
    "description": 'Zürich 日本 😀 \u0000 \\ "',
    "installationId": "ari:cloud:1",
}


async def ace(url: str, verb: str, client_key: str = "site", value: object = None) -> Any:
    asked = {"verb": verb, "clientKey": client_key, "value": value}
    return await run_node(SCRIPT, url, asked)


async def test_the_node_app_reads_what_we_wrote_and_we_what_it_wrote(postgres: Postgres) -> None:
    url = await postgres.create("ace_after_us")
    async with open_database(url) as db:
        await migrate(db)
        store = TenantStore(db, now=FakeClock().now)
        await store.save("site", INSTALL)
        assert await ace(url, "get") == INSTALL

        newer = {**INSTALL, "sharedSecret": "s2"}
        assert await ace(url, "set", value=newer) == newer

        found = await store.find_fresh("site")
        assert found is not None
        assert (found.secrets, found.settings) == (("s2",), newer)
        assert len(await stored(db)) == 1


async def test_a_database_of_the_node_app_is_taken_over_and_given_back(postgres: Postgres) -> None:
    url = await postgres.create("ace_before_us")
    await ace(url, "set", value=INSTALL)
    async with open_database(url) as db:
        assert await migrate(db) == STEPS
        store = TenantStore(db, now=FakeClock().now)
        found = await store.find("site")
        assert found is not None
        assert found.settings == INSTALL

        await store.save("other", {**INSTALL, "clientKey": "other"})
        await store.retire("site")

    back = {info["clientKey"]: info.get("sharedSecret") for info in await ace(url, "all")}
    assert back == {"site": None, "other": "s1"}


async def test_a_forge_installation_leads_to_its_tenant_on_both_sides(postgres: Postgres) -> None:
    theirs, ours = "ari:cloud:ecosystem::installation/1", "ari:cloud:ecosystem::installation/2"
    url = await postgres.create("ace_forge")
    await ace(url, "set", value={**INSTALL, "installationId": theirs})
    async with open_database(url) as db:
        await migrate(db)
        store = TenantStore(db, now=FakeClock().now)
        await store.save("b", {**INSTALL, "clientKey": "b", "installationId": ours})

        found = await store.find_installed(theirs)
        assert found is not None
        assert found.client_key == "site"
        assert (await ace(url, "forge", ours))["clientKey"] == "b"

        await ace(url, "set", "b", {**INSTALL, "clientKey": "b", "installationId": theirs})
        moved = await TenantStore(db, now=FakeClock().now).find_installed(theirs)
        assert moved is not None
        assert moved.client_key == "b"


async def test_the_tables_are_the_ones_that_ace_makes(postgres: Postgres) -> None:
    made_by_ace, made_by_us = await postgres.create("ace_ddl"), await postgres.create("our_ddl")
    await ace(made_by_ace, "all")
    async with open_database(made_by_us) as db:
        await migrate(db)
        ours = [await fetch(db, query) for query in SHAPE]
        # a setting that ACE keeps in our table
        assert await ace(made_by_us, "setting", "installation", {"a": 1})
    async with open_database(made_by_ace) as db:
        theirs = [await fetch(db, query) for query in SHAPE]

    assert ours == theirs
    assert len(ours[0]) == 11
