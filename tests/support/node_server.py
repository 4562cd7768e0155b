"""The stand-in for the Node app (tests/node_app) as a process: started, asked, ended.

Runs where Node and the packages that `.ci/run` installs are under `.ci/node_modules`.
"""

import asyncio
import os
import shutil
from asyncio.subprocess import PIPE, STDOUT
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
APP = ROOT / "tests" / "node_app" / "app.js"
MODULES = ROOT / ".ci" / "node_modules"
NODE = shutil.which("node")
NEEDED = ("atlassian-connect-express", "compression", "express", "pg", "sequelize")
MISSING = [name for name in NEEDED if not (MODULES / name).is_dir()]

needs_node = pytest.mark.skipif(
    NODE is None or bool(MISSING),
    reason=f"needs node, and {', '.join(MISSING) or 'nothing else'} under .ci/node_modules",
)

_LISTENING = "listening on "


@dataclass
class NodeServer:
    """*url* has no slash at its end; *lines* is all it has printed so far."""

    process: asyncio.subprocess.Process
    url: str = ""
    lines: list[str] = field(default_factory=list)

    async def read(self) -> AsyncIterator[str]:
        assert self.process.stdout is not None
        async for raw in self.process.stdout:
            self.lines.append(raw.decode(errors="replace").rstrip("\n"))
            yield self.lines[-1]

    async def drain(self) -> None:
        """Reads on, so that it never waits for a full pipe."""
        async for _ in self.read():
            pass


def node_environment(database_url: str, upstream_url: str, keys_url: str) -> dict[str, str]:
    """A Node app's `.env`, its names and spellings, for the world of simulators."""
    return {
        "NODE_ENV": "production",
        "PORT": "0",
        "DATABASE_URL": node_url(database_url),
        "OPENAI_API_KEY": "sk-test-key",
        "OPENAI_BASEURL": upstream_url,
        "CONNECT_KEYS_CDN_URL": keys_url,
    }


def node_url(database_url: str) -> str:
    """The same database as node-postgres reads it: a URL needs a host, even beside `?host=`."""
    return database_url.replace("@/", "@localhost/")


@asynccontextmanager
async def open_node_app(environment: Mapping[str, str]) -> AsyncIterator[NodeServer]:
    """Listens when this is entered, on `PORT` or a free port; killed at the end."""
    process = await asyncio.create_subprocess_exec(
        *(str(NODE), str(APP)),
        cwd=ROOT,  # where atlassian-connect.json is
        env={"PATH": os.environ["PATH"], "NODE_PATH": str(MODULES), **environment},
        stdout=PIPE,
        stderr=STDOUT,
    )
    server = NodeServer(process)
    try:  # its output ends with it
        async for line in server.read():
            if line.startswith(_LISTENING):
                server.url = line.removeprefix(_LISTENING)
                break
        else:
            pytest.fail("\n".join(["the Node app did not start:", *server.lines]))
        reading = asyncio.create_task(server.drain())
        yield server
    finally:
        if process.returncode is None:
            process.kill()
        await process.wait()
    await reading
