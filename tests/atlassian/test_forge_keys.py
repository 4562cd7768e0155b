"""The document of Forge's keys, fetched over a real socket."""

import asyncio
from collections.abc import AsyncIterator

import aiohttp
import pytest
from aiohttp import web
from aiohttp.test_utils import TestServer

from bff.atlassian.forge_keys import LARGEST_DOCUMENT_BYTES, ForgeKeys, open_forge_keys
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
async def keys(
    session: aiohttp.ClientSession, url: str, clock: FakeClock
) -> AsyncIterator[ForgeKeys]:
    async with open_forge_keys(session, url, now=clock.now) as keys:
        yield keys


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


async def test_who_leaves_while_it_asks_takes_nothing_from_who_waits(
    keys: ForgeKeys, side: ForgeSide
) -> None:
    side.open.clear()
    first = asyncio.ensure_future(keys.find("made-up"))
    await side.busy.acquire()
    others = [asyncio.ensure_future(keys.find(side.kid)) for _ in range(9)]
    await asyncio.wait(others, timeout=0)  # each has begun to wait

    first.cancel()
    await asyncio.wait([first])
    side.open.set()

    assert len(set(await asyncio.gather(*others))) == 1
    assert side.fetches == 1


async def test_a_known_key_does_not_wait_for_a_host_that_was_away(
    keys: ForgeKeys, side: ForgeSide, clock: FakeClock
) -> None:
    known = await keys.find(side.kid)
    side.mood = 503
    clock.time += 4000
    assert await keys.find(side.kid) == known
    side.open.clear()
    clock.time += 31

    found = await asyncio.gather(*(keys.find(side.kid) for _ in range(100)))

    assert set(found) == {known}
    for _ in range(3):
        await side.busy.acquire()  # the third fetch has come, and nobody waited for it
    assert side.fetches == 3


async def test_the_end_does_not_wait_for_a_slow_host(
    session: aiohttp.ClientSession, url: str, side: ForgeSide
) -> None:
    side.open.clear()
    async with open_forge_keys(session, url) as keys:
        asking = asyncio.ensure_future(keys.find(side.kid))
        await side.busy.acquire()

    with pytest.raises(Problem):
        await asking
    side.open.set()


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
    async with open_forge_keys(session, url.replace("jwks.json", "moved")) as keys:
        assert await refused(keys, side.kid)

    assert side.fetches == 0


async def test_a_host_that_is_nowhere_is_away(session: aiohttp.ClientSession) -> None:
    async with open_forge_keys(session, "http://127.0.0.1:9/jwks.json") as keys:
        assert await refused(keys, "kid")
