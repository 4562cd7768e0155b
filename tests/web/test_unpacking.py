"""Packed bodies, and who pays for those that nobody reads."""

import asyncio
import gzip
import zlib
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import aiohttp
import orjson
import pytest
from aiohttp import web

from bff.errors import Kind, Problem
from bff.web import doors
from bff.web.body import read_face_body
from bff.web.routes import Route
from bff.web.services import SERVICES, Limits
from bff.web.unpacking import Unpacker
from tests.support.street import Street, open_street

MIB = 2**20
TEXT = b'{"a":"' + b"xyz" * 1000 + b'"}'
FORMS = [
    pytest.param("gzip", gzip.compress(TEXT), id="gzip"),
    pytest.param("deflate", zlib.compress(TEXT), id="zlib"),
    pytest.param("deflate", zlib.compress(TEXT, wbits=-15), id="bare deflate"),
]


def unpack(coding: str, pieces: list[bytes], room: int = MIB) -> bytes:
    unpacker, unpacked = Unpacker(coding), b""
    for piece in pieces:
        unpacked += unpacker.feed(piece, room - len(unpacked))
    unpacker.close()
    return unpacked


@pytest.mark.parametrize(("coding", "packed"), FORMS)
def test_what_is_unpacked_does_not_depend_on_where_it_is_cut(coding: str, packed: bytes) -> None:
    for size in range(1, len(packed) + 1):
        pieces = [packed[i : i + size] for i in range(0, len(packed), size)]
        assert unpack(coding, pieces) == TEXT


@pytest.mark.parametrize(("coding", "packed"), FORMS)
def test_a_body_that_is_cut_or_goes_on_is_refused(coding: str, packed: bytes) -> None:
    for pieces in ([packed[:-1]], [packed, b"x"], [packed + b"x"], [packed[:20], b"\xff" * 20]):
        with pytest.raises(ValueError, match=r"packed"):
            unpack(coding, pieces)


def test_no_more_is_unpacked_than_there_is_room_for() -> None:
    assert len(Unpacker("gzip").feed(gzip.compress(bytes(MIB)), 1000)) == 1001


def test_nothing_at_all_is_an_empty_body() -> None:
    assert unpack("gzip", []) == b""


# -- on the wire -----------------------------------------------------------------------------------

seen: list[web.Request] = []


async def nobody(request: web.Request) -> None:
    seen.append(request)
    raise Problem(Kind.CALLER_AUTH, "No.")


async def show(request: web.Request, _: None) -> web.StreamResponse:
    data, _ = await read_face_body(request, 1000)
    return web.Response(body=data)


ROUTES = (Route("POST", "/closed", nobody, show), Route("POST", "/open", doors.anyone, show))


@pytest.fixture
async def street() -> AsyncIterator[Street]:
    seen.clear()
    async with open_street(ROUTES, limits=Limits(body_seconds=5)) as street:
        yield street


async def test_what_a_refused_caller_sends_is_not_unpacked(street: Street) -> None:
    bomb = gzip.compress(bytes(64 * MIB))

    reader, writer = await street.send(
        b"POST /closed HTTP/1.1\r\nHost: x\r\nConnection: close\r\nContent-Encoding: gzip\r\n"
        b"Content-Length: %d\r\n\r\n" % len(bomb) + bomb
    )
    answer = await reader.read()  # until the server has seen the last of it
    writer.close()

    assert answer.startswith(b"HTTP/1.1 401 ")
    assert seen[0].content.total_bytes <= len(bomb)


async def test_packed_nothings_are_counted_as_they_come(street: Street) -> None:
    empty_blocks = b"\x00\x00\x00\xff\xff" * 300

    async def pieces() -> AsyncIterator[bytes]:
        yield gzip.compress(b"")[:10] + empty_blocks

    answer = await street.post("/open", data=pieces(), headers={"Content-Encoding": "gzip"})

    assert answer.status == 413


@pytest.mark.parametrize("coding", ["br", "zstd"])
async def test_a_packing_that_only_others_know_is_named_as_such(
    street: Street, coding: str
) -> None:
    answer = await street.post("/open", data=b"{}", headers={"Content-Encoding": coding})

    assert (answer.status, orjson.loads(answer.text)) == (
        415,
        {"error": "Unsupported content encoding"},
    )


@asynccontextmanager
async def open_elsewhere(street: Street) -> AsyncIterator[str]:
    """The same handler behind aiohttp's own server, as gunicorn's worker runs it."""

    async def handle(request: web.Request) -> web.StreamResponse:
        return await show(request, None)

    app = web.Application()
    app[SERVICES] = street.services
    app.router.add_post("/open", handle)
    runner = web.AppRunner(app)
    await runner.setup()
    site = web.TCPSite(runner, "127.0.0.1", 0)
    await site.start()
    host, port = runner.addresses[0][:2]
    try:
        yield f"http://{host}:{port}/open"
    finally:
        await runner.cleanup()


async def test_behind_another_server_a_body_is_not_unpacked_twice(street: Street) -> None:
    async with (
        asyncio.timeout(10),
        open_elsewhere(street) as url,
        aiohttp.ClientSession() as session,
        session.post(
            url, data=gzip.compress(b'{"a":1}'), headers={"Content-Encoding": "gzip"}
        ) as response,
    ):
        assert (response.status, await response.read()) == (200, b'{"a":1}')
