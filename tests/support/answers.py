"""A service that answers as it is told, to be compared with another: by path, with any mishap."""

import asyncio
import socket
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass, field

import orjson
from aiohttp import web
from aiohttp.test_utils import TestServer

DESCRIPTOR = "/atlassian-connect.json"


@dataclass(frozen=True)
class Said:
    """One answer. *then* after the body: `end`, `hang` or `cut`; `silent` is before the head."""

    status: int = 200
    body: bytes = b""
    headers: Mapping[str, str] = field(default_factory=dict)
    then: str = "end"


@dataclass
class Answers:
    """*says* by path; another path is a 404. *asked* is every request, *bodies* what it brought."""

    says: dict[str, Said] = field(default_factory=dict)
    asked: list[str] = field(default_factory=list)
    bodies: list[bytes] = field(default_factory=list)
    headers: list[Mapping[str, str]] = field(default_factory=list)
    url: str = ""

    async def answer(self, request: web.Request) -> web.StreamResponse:
        self.asked.append(f"{request.method} {request.raw_path}")
        self.bodies.append(await request.read())
        self.headers.append(request.headers)
        said = self.says.get(request.path, Said(404, b"no"))
        if said.then == "silent":
            await asyncio.get_running_loop().create_future()
        if said.then == "gone" and request.transport is not None:
            request.transport.abort()
            await asyncio.get_running_loop().create_future()
        response = web.StreamResponse(status=said.status, headers=said.headers)
        if request.method == "HEAD":  # a body would be read as the next answer's head
            await response.prepare(request)
            return response
        response.enable_chunked_encoding()
        await response.prepare(request)
        await response.write(said.body)
        if said.then == "hang":
            await asyncio.get_running_loop().create_future()
        if said.then == "cut" and request.transport is not None:
            request.transport.close()
            await asyncio.get_running_loop().create_future()
        await response.write_eof()
        return response


def nobodys_url() -> str:
    """Where nobody listens."""
    with socket.create_server(("127.0.0.1", 0)) as server:
        return f"http://127.0.0.1:{server.getsockname()[1]}"


@asynccontextmanager
async def open_answers() -> AsyncIterator[Answers]:
    """It has a descriptor of its own from the start."""
    service = Answers()
    app = web.Application(client_max_size=2**25)
    app.router.add_route("*", "/{path:.*}", service.answer)
    async with TestServer(app) as server:
        service.url = f"{server.make_url('')}".rstrip("/")
        document = {"key": "gptdock-confluence", "baseUrl": service.url}
        service.says[DESCRIPTOR] = Said(
            body=orjson.dumps(document), headers={"Content-Type": "application/json"}
        )
        yield service
