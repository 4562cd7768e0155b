"""The document of Forge's keys, fetched over a real socket."""

import asyncio
from collections.abc import AsyncIterator

import aiohttp
import pytest
from aiohttp import web
from aiohttp.test_utils import TestServer

from bff.atlassian.forge_keys import LARGEST_DOCUMENT_BYTES, ForgeKeys
from bff.errors import Kind, Problem
from bff.simulators.forge import ForgeSide
from tests.support.clock import FakeClock


@pytest.fixture
def side() -> ForgeSide:
    return ForgeSide(lambda: 0.0)


@pytest.fixture
async def url(side: ForgeSide) -> AsyncIterator[str]:
    app = web.Application()
    app.router.add_get("/jwks.json", side.serve_keys)
    app.router.add_get("/moved", _moved)
    async with TestServer(app) as server:
        yield str(server.make_url("/jwks.json"))


async def _moved(_: web.Request) -> web.Response:
    return web.Response(status=302, headers={"Location": "/jwks.json"})


@pytest.fixture
def clock() -> FakeClock:
    return FakeClock()


@pytest.fixture
def keys(session: aiohttp.ClientSession, url: str, clock: FakeClock) -> ForgeKeys:
    return ForgeKeys(session, url, now=clock.now)


async def refused(keys: ForgeKeys, kid: str) -> bool:
    with pytest.raises(Problem) as caught:
        await keys.find(kid)
    return caught.value.kind is Kind.CALLER_AUTH


async def test_a_hundred_first_tokens_cost_one_fetch(keys: ForgeKeys, side: ForgeSide) -> None:
    found = await asyncio.gather(*(keys.find(side.kid) for _ in range(100)))

    assert len(set(found)) == 1
    assert side.fetches == 1


async def test_a_rotation_costs_one_fetch_and_takes_the_old_key_away(
    keys: ForgeKeys, side: ForgeSide
) -> None:
    old = side.kid
    await keys.find(old)

    new = side.rotate()
    await asyncio.gather(*(keys.find(new) for _ in range(100)))

    assert side.fetches == 2
    assert await refused(keys, old)


async def test_made_up_names_do_not_make_us_fetch_for_long(
    keys: ForgeKeys, side: ForgeSide, clock: FakeClock
) -> None:
    await keys.find(side.kid)

    for number in range(300):
        assert await refused(keys, f"made-up-{number}")

    assert side.fetches == 4
    assert await keys.find(side.kid)

    clock.time += 30
    assert await keys.find(side.rotate())


async def test_keys_once_known_are_usable_while_the_host_is_away(
    keys: ForgeKeys, side: ForgeSide, clock: FakeClock
) -> None:
    known = await keys.find(side.kid)
    side.mood = 503
    clock.time += 4000

    assert await keys.find(side.kid) == known
    assert side.fetches == 2

    side.mood = None
    clock.time += 4000
    assert await keys.find(side.kid) == known


@pytest.mark.parametrize(
    "mood",
    [
        404,
        500,
        204,
        b"",
        b"<html>",
        b"[]",
        b"{}",
        b'{"keys":[]}',
        b" " * (LARGEST_DOCUMENT_BYTES + 1),
    ],
)
async def test_what_is_no_document_is_a_host_that_is_away(
    keys: ForgeKeys, side: ForgeSide, mood: int | bytes
) -> None:
    side.mood = mood

    assert await refused(keys, side.kid)

    side.mood = None
    assert await keys.find(side.kid)


async def test_nobody_is_followed_elsewhere(
    session: aiohttp.ClientSession, url: str, side: ForgeSide
) -> None:
    keys = ForgeKeys(session, url.replace("jwks.json", "moved"))

    assert await refused(keys, side.kid)
    assert side.fetches == 0


async def test_a_host_that_is_nowhere_is_away(session: aiohttp.ClientSession) -> None:
    assert await refused(ForgeKeys(session, "http://127.0.0.1:9/jwks.json"), "kid")
