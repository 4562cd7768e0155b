"""The whole service on a socket, in a world of simulators, with the add-on really installed."""

import asyncio
from collections.abc import AsyncIterator, Iterable, Mapping
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import aiohttp
import aiosqlite
from aiohttp import web

from bff.settings import Settings, read_settings
from bff.simulators.atlassian import AtlassianHost
from bff.simulators.openai.simulator import OpenAISimulator
from bff.simulators.stand_in import StandIn
from bff.simulators.world import World, open_world
from bff.web.server import address, bind, open_server
from bff.web.services import SERVICES, Services
from bff.wiring import build_app

QUESTION = {
    "action": "next",
    "messages": [
        {
            "id": "1",
            "author": {"role": "user"},
            "role": "user",
            "content": {"content_type": "text", "parts": ["Say hello"]},
        }
    ],
    "parent_message_id": "0",
    "model": "text-davinci-002",
}


@dataclass(frozen=True, slots=True)
class Answer:
    status: int
    text: str
    headers: Mapping[str, str]


@dataclass(frozen=True, slots=True)
class Service:
    """*url* without a slash at its end."""

    url: str
    database: Path
    app: web.Application
    world: World
    host: AtlassianHost
    session: aiohttp.ClientSession

    @property
    def openai(self) -> OpenAISimulator:
        return self.world.openai

    @property
    def services(self) -> Services:
        return self.app[SERVICES]

    def ask(
        self,
        body: Any = QUESTION,
        *,
        headers: Mapping[str, str] | None = None,
        token: str | None = None,
    ) -> Any:
        """`POST /conversations` as the frontend does it; use as `async with`."""
        query = f"?jwt={token or self.host.context_token()}"
        return self.session.post(f"{self.url}/conversations{query}", json=body, headers=headers)

    async def answer(self, text: str) -> tuple[int, bytes, Mapping[str, str]]:
        """Status, body and headers of the answer to one question."""
        message = {"content": {"parts": [text]}}
        async with self.ask({"messages": [message]}) as response:
            return response.status, await response.read(), response.headers

    async def call(
        self, method: str, path: str, *, token: str | None = None, **options: Any
    ) -> Answer:
        """A call with a context token, another *token*, or none ("")."""
        query = f"?jwt={self.host.context_token() if token is None else token}"
        async with self.session.request(
            method, f"{self.url}{path}{query if token != '' else ''}", **options
        ) as response:
            return Answer(response.status, await response.text(), response.headers)

    async def get(self, path: str, **options: Any) -> Answer:
        return await self.call("GET", path, **options)

    async def post(self, path: str, **options: Any) -> Answer:
        return await self.call("POST", path, **options)

    async def run_sql(self, sql: str, *values: object) -> list[Any]:
        """In the service's own database, past the service."""
        async with aiosqlite.connect(self.database) as db:
            rows = list(await db.execute_fetchall(sql, values))
            await db.commit()
        return rows

    async def set_quota(self, left: int) -> None:
        await self.run_sql("UPDATE gpt_dock_client_data SET token_quota = ?", left)

    async def quota(self) -> int:
        [[left]] = await self.run_sql("SELECT token_quota FROM gpt_dock_client_data")
        return int(left)

    async def user_tokens(self) -> int:
        [[used]] = await self.run_sql("SELECT token_used FROM gpt_dock_user_data")
        return int(used)

    async def metric(self, name: str) -> float:
        """The sum of the samples that begin with *name* (labels included)."""
        async with self.session.get(f"{self.url}/metrics") as response:
            lines = (await response.text()).splitlines()
        return sum(float(line.rsplit(" ", 1)[1]) for line in lines if line.startswith(name))


class HastyClock:
    """The loop's time, but nobody waits long before a second try."""

    def now(self) -> float:
        return asyncio.get_running_loop().time()

    async def sleep(self, seconds: float) -> None:
        await asyncio.sleep(min(seconds, 0.01))


@asynccontextmanager
async def open_service(
    folder: Path,
    *,
    gateway: bool = True,
    forge: bool = False,
    grace_s: float = 0.0,
    vendor: StandIn | None = None,
    variant: str = "",
    also: Iterable[StandIn] = (),
    **changes: str,
) -> AsyncIterator[Service]:
    """*changes* are environment variables in lower case. Through the gateway unless told otherwise;
    with *forge* the site's Forge tokens are accepted; *vendor* answers instead of OpenAI, at its
    endpoint *variant*; those in *also* are set up beside.
    """
    host = AtlassianHost()
    async with AsyncExitStack() as stack:
        world = await stack.enter_async_context(open_world(atlassian=host))
        host.site_url = f"{world.atlassian_url}/wiki"
        listener = bind("127.0.0.1", 0)
        changes.setdefault("ac_local_base_url", address(listener))
        if forge:
            changes |= {"forge_app_id": host.forge.app_id, "forge_jwks_url": world.forge_keys_url}
        for other in also:
            environment = other.environment(world.url_of(other.name), other.variants[0])
            changes = {name.lower(): value for name, value in environment.items()} | changes
        if vendor is not None:
            told = {
                **vendor.environment(world.url_of(vendor.name), variant),
                "CHAT_MODEL": vendor.model,
                "DIAGRAM_MODEL": vendor.model,
            }
            changes = {name.lower(): value for name, value in told.items()} | changes
            if gateway:
                changes.pop("openai_baseurl", None)
        settings = settings_for(world, folder, gateway=gateway, **changes)
        app = build_app(settings, clock=HastyClock())
        url = await stack.enter_async_context(open_server(app, sock=listener, grace_s=grace_s))
        session = await stack.enter_async_context(aiohttp.ClientSession())
        installed = await host.install(url)
        assert installed.status == 204
        yield Service(url, folder / "service.sqlite", app, world, host, session)


def settings_for(world: World, folder: Path, *, gateway: bool, **changes: str) -> Settings:
    environment = {
        "APP_ENV": "development",
        "AXIOM_URL": world.axiom_url,
        "CONNECT_INSTALL_KEYS_URL": world.install_keys_url,
        "DATABASE_URL": f"sqlite:///{folder / 'service.sqlite'}",
        "MODEL_LIST_SECONDS": "0",  # nobody is asked but by the test itself
        "OPENAI_API_KEY": "sk-test-key",
        "OPENAI_BASEURL": world.openai_url,
    }
    if gateway:
        del environment["OPENAI_BASEURL"]
        environment |= {
            "GATEWAY_URL": world.gateway_url,
            "CLOUDFLARE_ACCOUNT_ID": "account",
            "CLOUDFLARE_GATEWAY_ID": "gateway",
            "OPENAI_FALLBACK_BASEURL": world.openai_url,
        }
    environment |= {name.upper(): value for name, value in changes.items()}
    return read_settings({name: value for name, value in environment.items() if value})
