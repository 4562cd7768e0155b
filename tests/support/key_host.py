"""A host of install keys on a socket, with moods a test sets."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field

from aiohttp import web
from aiohttp.test_utils import TestServer


@dataclass
class KeyHost:
    """Answers with *keys*; *status* goes over everything. *asked* is every path it was asked for.

    While *open* is cleared it answers nothing; *busy* is released once for each request that came.
    """

    keys: dict[str, str] = field(default_factory=dict)
    status: int = 200
    headers: dict[str, str] = field(default_factory=dict)
    asked: list[str] = field(default_factory=list)
    open: asyncio.Event = field(default_factory=asyncio.Event)
    busy: asyncio.Semaphore = field(default_factory=lambda: asyncio.Semaphore(0))
    url: str = ""

    async def answer(self, request: web.Request) -> web.Response:
        self.asked.append(request.raw_path)
        self.busy.release()
        await self.open.wait()
        key = self.keys.get(request.path.rpartition("/")[2])
        if self.status != 200:
            return web.Response(status=self.status, headers=self.headers, text=key)
        if key is None:
            return web.Response(status=404, text="<html>no such key</html>")
        return web.Response(text=key, content_type="application/x-pem-file")


@asynccontextmanager
async def open_key_host() -> AsyncIterator[KeyHost]:
    host = KeyHost()
    host.open.set()
    app = web.Application()
    app.router.add_get("/{path:.*}", host.answer)
    async with TestServer(app) as server:
        host.url = f"{server.make_url('/keys')}"
        yield host
