"""`bff serve` as an operator runs it: a process of its own, its log lines, its end."""

import asyncio
import os
import signal
import sys
from asyncio.subprocess import PIPE
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path

import aiohttp
import orjson
import pytest

from bff.simulators.atlassian import AtlassianHost
from bff.simulators.world import World, open_world

API_KEY = "sk-canary-api-key"
ADMIN = "canary-admin-token"
PROMPT = "canary prompt of a user"
ANSWER = "canary answer"


@dataclass
class Server:
    """A running `bff serve`. *lines* is all it has logged so far."""

    process: asyncio.subprocess.Process
    url: str = ""
    lines: list[dict] = field(default_factory=list)

    async def line(self, message: str) -> dict:
        """The next line that says *message*."""
        async for raw in self.process.stdout:
            self.lines.append(orjson.loads(raw))
            if self.lines[-1]["message"] == message:
                return self.lines[-1]
        pytest.fail(f"ended without {message}: {self.lines}")

    async def ended(self) -> int:
        """The exit code, once all has been read."""
        async for raw in self.process.stdout:
            self.lines.append(orjson.loads(raw))
        return await self.process.wait()


@dataclass
class Scene:
    world: World
    host: AtlassianHost
    session: aiohttp.ClientSession

    def environment(self, folder: Path, **changes: str) -> dict[str, str]:
        return {
            "PATH": os.environ["PATH"],
            "APP_ENV": "development",
            "CONNECT_INSTALL_KEYS_URL": self.world.install_keys_url,
            "DATABASE_URL": f"sqlite:///{folder / 'bff.sqlite'}",
            "OPENAI_API_KEY": API_KEY,
            "OPENAI_BASEURL": self.world.openai_url,
            "ADMIN_TOKEN": ADMIN,
            "LOG_LEVEL": "debug",
            "LOG_FORMAT": "json",
            "PYTHONWARNINGS": "error",
            **{
                name: os.environ[name]
                for name in os.environ
                if name.startswith(("COVERAGE_", "COV_CORE_"))
            },
            **changes,
        }

    async def ask(self, url: str, parts: tuple[str, ...] = (PROMPT,)) -> aiohttp.ClientResponse:
        body = {"messages": [{"author": {"role": "user"}, "content": {"parts": list(parts)}}]}
        return await self.session.post(
            f"{url}/conversations", params={"jwt": self.host.context_token()}, json=body
        )


@asynccontextmanager
async def open_scene() -> AsyncIterator[Scene]:
    host = AtlassianHost()
    async with open_world(atlassian=host) as world, aiohttp.ClientSession() as session:
        yield Scene(world, host, session)


@asynccontextmanager
async def started(
    *arguments: str, environment: dict[str, str], folder: Path
) -> AsyncIterator[asyncio.subprocess.Process]:
    process = await asyncio.create_subprocess_exec(
        *(sys.executable, "-m", "bff", "serve", *arguments),
        cwd=folder,
        env=environment,
        stdout=PIPE,
        stderr=PIPE,
        start_new_session=True,
    )
    try:
        yield process
    finally:
        if process.returncode is None:
            os.killpg(process.pid, signal.SIGKILL)
        await process.communicate()


@asynccontextmanager
async def serving(
    scene: Scene, folder: Path, *arguments: str, **changes: str
) -> AsyncIterator[Server]:
    """Listens on a port of its own. *changes* are environment variables."""
    environment = scene.environment(folder, **changes)
    options = ("--host", "127.0.0.1", "--port", "0", *arguments)
    async with started(*options, environment=environment, folder=folder) as process:
        server = Server(process)
        server.url = (await server.line("server.listening"))["url"]
        yield server


async def output(
    folder: Path, *arguments: str, environment: dict[str, str]
) -> tuple[int, str, str]:
    """Exit code, stdout and stderr of a server that ends by itself."""
    async with started(*arguments, environment=environment, folder=folder) as process:
        out, err = await process.communicate()
        return process.returncode, out.decode(), err.decode()
