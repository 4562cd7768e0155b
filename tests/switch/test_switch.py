"""The switch, rehearsed: from the Node app to this service, back, and over again, on one database.

What deploy/docs/switch.md tells an administrator to do is done here, with real processes at one
address, one `.env` and a real PostgreSQL; Atlassian and the model's vendor are simulated.
"""

import socket
from collections.abc import AsyncIterator, Sequence
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import NamedTuple

import aiohttp
import asyncpg
import pytest

from bff.simulators.atlassian import AtlassianHost, Forgery
from bff.simulators.world import open_world
from tests.support.frontend import FrontendParser
from tests.support.key_host import open_key_host
from tests.support.node_app import LAST_UPDATED, QUOTA_BY_HAND, SEQUELIZE
from tests.support.node_server import MODULES, needs_node, node_environment, open_node_app
from tests.support.operator import run_bff, serving_bff, write_env
from tests.support.postgres import Postgres
from tests.switch.conftest import tcp_door

pytestmark = needs_node

QUESTION = {"messages": [{"author": {"role": "user"}, "content": {"parts": ["Say hello"]}}]}
DRAW = {"messages": [{"role": "user", "content": "Draw a sequence diagram"}]}
QUOTA = 500_000

ACE_11, ACE_7 = (
    "atlassian-connect-express",
    "ace-7",
)  # the newest; what the Node app's fork is made of
WRITTEN_TWICE = (  # concurrent installs made several rows of one tenant
    'INSERT INTO "AddonSettings" ("clientKey", key, val) '
    'SELECT "clientKey", key, val FROM "AddonSettings"'
)


class Answer(NamedTuple):
    """*text* is what the frontend's page shows in the end; *session* the token that came along."""

    status: int
    text: str
    session: str


@dataclass
class Evening:
    """One address, one `.env`, one database, and whoever serves there now."""

    folder: Path
    url: str
    postgres: Postgres
    database: str
    environment: dict[str, str]
    web: aiohttp.ClientSession
    sites: dict[str, AtlassianHost]
    old: bool  # with all that years leave in a database
    diagrams: int = 0

    @asynccontextmanager
    async def node(self) -> AsyncIterator[None]:
        async with open_node_app(self.environment) as node:
            assert node.url == self.url
            yield

    @asynccontextmanager
    async def bff(self) -> AsyncIterator[None]:
        async with (
            serving_bff(self.folder, "--host", "127.0.0.1") as url,
            self.web.get(f"{url}/ready") as response,
        ):
            assert (url, response.status) == (self.url, 200)
            yield

    async def run_sql(self, *statements: str) -> None:
        for statement in statements:
            await self.postgres.run(statement, self.database)

    async def rows(self, query: str) -> list[tuple[object, ...]]:
        connection = await asyncpg.connect(self.postgres.url(self.database))
        try:
            return [tuple(row) for row in await connection.fetch(query)]
        finally:
            await connection.close()

    async def install(self, name: str) -> None:
        changes = {"installationId": f"ari:cloud:ecosystem::installation/{name}"}
        answer = await self.sites[name].install(self.url, changes=changes)
        assert answer.status == 204

    async def ask(self, token: str) -> Answer:
        page = FrontendParser()
        async with self.web.post(
            f"{self.url}/conversations", params={"jwt": token}, json=QUESTION
        ) as response:
            page.read(await response.read())
            return Answer(response.status, page.text, response.headers.get("X-acpt", ""))

    async def chats(self, name: str) -> str:
        """A chat of that site's user goes well; the session token that came with it."""
        status, text, session = await self.ask(self.sites[name].context_token())
        assert (status, "Hello" in text) == (200, True)
        return session

    async def refuses(self, token: str) -> bool:
        """400 is the Node app's word for a signature that is not right."""
        return (await self.ask(token)).status in (400, 401)

    async def draws(self) -> None:
        """Site A's user has a diagram made; each costs the same."""
        token = self.sites["A"].context_token()
        url = f"{self.url}/image-to-dsl2"
        async with self.web.post(url, params={"jwt": token}, json=DRAW) as response:
            answer = await response.json()
        assert (response.status, answer["messages"]) == (200, DRAW["messages"])
        self.diagrams += 1

    async def used(self, name: str = "A") -> tuple[int, int]:
        """The status of the client's info, and what of its quota is used."""
        params = {"jwt": self.sites[name].context_token()}
        async with self.web.get(f"{self.url}/v2/client/info", params=params) as response:
            info = await response.json()
        assert info == {
            "client_id": self.sites[name].client_key,
            "max_quota": QUOTA,
            "quota_used": info["quota_used"],
        }
        return response.status, info["quota_used"]


@pytest.fixture(
    params=[
        pytest.param((ACE_11, False), id="ACE 11"),
        pytest.param((ACE_7, True), id="ACE 7 after years"),
    ]
)
async def evening(
    request: pytest.FixtureRequest, postgres: Postgres, tmp_path: Path
) -> AsyncIterator[Evening]:
    """After years: triggers, a column's other name, a tenant in two rows."""
    ace, old = request.param
    if not (MODULES / ace).is_dir():
        pytest.skip(f"needs {ace} under .ci/node_modules")
    name = f"{ace}_{old}"
    await postgres.create(name)
    sites = {site: AtlassianHost(f"https://{site}.atlassian.net/wiki") for site in "ABC"}
    async with AsyncExitStack() as stack:
        world = await stack.enter_async_context(open_world())
        keys = await stack.enter_async_context(open_key_host())
        keys.keys = {site.kid: site.public_key for site in sites.values()}
        door = await stack.enter_async_context(tcp_door(postgres))
        web = await stack.enter_async_context(aiohttp.ClientSession())
        environment = node_environment(
            f"postgres://postgres:@{door}/{name}", world.openai_url, keys.url
        )
        port = _free_port()
        url = f"http://127.0.0.1:{port}"
        environment |= {"PORT": f"{port}", "AC_LOCAL_BASE_URL": url, "ACE": ace}
        evening = Evening(tmp_path, url, postgres, name, environment, web, sites, old)
        if evening.old:
            for statements in (SEQUELIZE, LAST_UPDATED, QUOTA_BY_HAND):
                await evening.run_sql(*statements["postgresql"])
            environment["QUOTA_TOUCHED_COLUMN"] = "_updated_at"
        write_env(tmp_path, environment)
        yield evening


def _free_port() -> int:
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        return int(free.getsockname()[1])


@pytest.mark.timeout(180)  # seven processes one after the other, on a machine that may be busy
async def test_an_evening_there_and_back_and_there_again(evening: Evening) -> None:
    async with evening.node():
        session = await _before(evening)
        await _prepare(evening)
        await evening.chats("A")
    async with evening.bff():
        session = await _after(evening, session)
    async with evening.node():
        await _back(evening, session)
    async with evening.bff():
        await _again(evening)
    assert await _tenants(evening) == [("A", 1), ("B", 1), ("C", 1)]


async def _before(evening: Evening) -> str:
    """Two sites have the add-on; one of them uses it. The session token its user holds."""
    await evening.install("A")
    await evening.install("C")
    if evening.old:
        await evening.run_sql(WRITTEN_TWICE)
    assert await evening.used() == (201, 0)
    await evening.draws()
    return await evening.chats("A")


async def _prepare(evening: Evening) -> None:
    """Ahead of the evening, while the Node app serves: look, migrate, look again."""
    code, said = await run_bff(evening.folder, "check")
    assert (code, "run bff migrate" in said) == (1, True)

    code, said = await run_bff(evening.folder, "migrate")
    assert (code, "The schema is up to date" in said) == (0, True)
    assert ("duplicate tenant rows merged" in said) == evening.old

    code, said = await run_bff(evening.folder, "check")
    assert (code, "failed" in said) == (0, False), said


async def _after(evening: Evening, session: str) -> str:
    """The Node app's tokens and numbers hold here; one site comes, one returns, one leaves."""
    assert (await evening.ask(session)).status == 200
    await _pay_once_more(evening)
    await evening.install("B")
    await evening.chats("B")
    await evening.install("A")
    assert await evening.refuses(evening.sites["A"].context_token(forgery=Forgery.OLD_SECRET))
    assert (await evening.sites["C"].uninstall()).status == 204
    assert await evening.refuses(evening.sites["C"].context_token())
    return await evening.chats("A")


async def _back(evening: Evening, session: str) -> None:
    """The Node app finds what was done meanwhile, and goes on."""
    assert (await evening.ask(session)).status == 200
    await evening.chats("B")
    assert await evening.refuses(evening.sites["A"].context_token(forgery=Forgery.OLD_SECRET))
    assert await evening.refuses(evening.sites["C"].context_token())
    await _pay_once_more(evening)
    await evening.install("A")
    await evening.chats("A")


async def _again(evening: Evening) -> None:
    """A second evening: nothing has been lost, and the site that left may return."""
    await evening.chats("A")
    assert await evening.refuses(evening.sites["A"].context_token(forgery=Forgery.OLD_SECRET))
    await evening.chats("B")
    await evening.install("C")
    await evening.chats("C")
    await _pay_once_more(evening)


async def _pay_once_more(evening: Evening) -> None:
    status, used = await evening.used()
    each = used // evening.diagrams
    assert (status, used) == (200, each * evening.diagrams)

    await evening.draws()

    assert await evening.used() == (200, each * evening.diagrams)
    users = await evening.rows("SELECT user_id, token_used FROM gpt_dock_user_data")
    assert users == [(evening.sites["A"].account_id, each * evening.diagrams)]


async def _tenants(evening: Evening) -> Sequence[tuple[str, int]]:
    """The sites, and how many rows each has."""
    rows = await evening.rows('SELECT "clientKey" FROM "AddonSettings" WHERE key = \'clientInfo\'')
    return [(name, rows.count((site.client_key,))) for name, site in evening.sites.items()]
