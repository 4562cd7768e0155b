"""Atlassian's keys, fetched over a real socket, node-bff.md §4.3 and §9 (B19)."""

import asyncio
import socket
from contextlib import suppress
from typing import Any

import aiohttp
import pytest

from bff.atlassian import install_keys
from bff.atlassian.install_keys import LARGEST_KEY_BYTES, InstallKeys
from bff.errors import Kind, Problem
from tests.support.clock import FakeClock
from tests.support.key_host import KeyHost

PEM = "-----BEGIN PUBLIC KEY-----\nMIIBIjANBgkq\nhkiG9w0B\n-----END PUBLIC KEY-----\n"
OTHER_PEM = PEM.replace("MIIB", "AIIB")


@pytest.fixture
def clock() -> FakeClock:
    return FakeClock()


@pytest.fixture
def keys(session: aiohttp.ClientSession, host: KeyHost, clock: FakeClock) -> InstallKeys:
    host.keys["kid-1"] = PEM
    return InstallKeys(session, (host.url,), now=clock.now)


async def refusal(keys: InstallKeys, kid: str) -> Problem:
    with pytest.raises(Problem) as caught:
        await keys.find(kid)
    assert caught.value.kind is Kind.CALLER_AUTH
    return caught.value


def an_address_nobody_listens_at() -> str:
    with socket.create_server(("127.0.0.1", 0)) as listener:
        return f"http://127.0.0.1:{listener.getsockname()[1]}"


async def test_a_key_is_found_below_the_base(keys: InstallKeys, host: KeyHost) -> None:
    assert await keys.find("kid-1") == PEM
    assert host.asked == ["/keys/kid-1"]


async def test_the_slash_of_a_base_is_not_doubled(
    session: aiohttp.ClientSession, host: KeyHost
) -> None:
    host.keys["kid-1"] = PEM

    assert await InstallKeys(session, (host.url + "/",)).find("kid-1") == PEM
    assert host.asked == ["/keys/kid-1"]


@pytest.mark.parametrize(
    "kid",
    ["", ".", "..", "../x", "a/b", "a%2Fb", "a?b", "a#b", "a b", "a\n", "é", "a.pem", "x" * 129],
)
async def test_a_name_that_is_no_name_is_never_asked_for(
    keys: InstallKeys, host: KeyHost, kid: str
) -> None:
    await refusal(keys, kid)

    assert host.asked == []


async def test_a_key_is_kept_until_it_is_old(
    keys: InstallKeys, host: KeyHost, clock: FakeClock
) -> None:
    await keys.find("kid-1")
    host.keys["kid-1"] = OTHER_PEM
    clock.time = 3599

    young = await keys.find("kid-1")
    clock.time = 3600
    renewed = await keys.find("kid-1")

    assert (young, renewed) == (PEM, OTHER_PEM)
    assert len(host.asked) == 2


async def test_a_key_is_used_while_its_host_is_away(
    keys: InstallKeys, host: KeyHost, clock: FakeClock
) -> None:
    await keys.find("kid-1")
    host.status = 503
    clock.time = 3600

    found = [await keys.find("kid-1") for _ in range(3)]

    assert found == [PEM] * 3
    assert len(host.asked) == 2  # and the host is left in peace for a moment


async def test_a_key_that_was_taken_back_is_used_no_more_not_even_while_its_host_is_away(
    keys: InstallKeys, host: KeyHost, clock: FakeClock
) -> None:
    await keys.find("kid-1")
    del host.keys["kid-1"]
    clock.time = 3600
    await refusal(keys, "kid-1")
    await refusal(keys, "kid-1")
    host.status = 503
    clock.time = 3600 + 30

    await refusal(keys, "kid-1")

    assert len(host.asked) == 3


@pytest.mark.parametrize("status", [403, 404, 410])
async def test_an_unknown_key_is_not_asked_for_again_at_once(
    keys: InstallKeys, host: KeyHost, clock: FakeClock, status: int
) -> None:
    host.status = status
    await refusal(keys, "kid-1")
    clock.time = 29
    await refusal(keys, "kid-1")
    host.status = 200
    clock.time = 30

    found = await keys.find("kid-1")

    assert found == PEM
    assert len(host.asked) == 2


@pytest.mark.parametrize("status", [204, 301, 302, 307, 408, 429, 500, 503])
async def test_only_a_200_brings_a_key_and_soon_it_is_asked_for_again(
    keys: InstallKeys, host: KeyHost, clock: FakeClock, status: int
) -> None:
    host.status, host.headers = status, {"Location": "/keys/kid-2"}
    host.keys["kid-2"] = PEM
    await refusal(keys, "kid-1")
    await refusal(keys, "kid-1")
    host.status = 200
    clock.time = 2

    found = await keys.find("kid-1")

    assert found == PEM
    assert host.asked == ["/keys/kid-1"] * 2


@pytest.mark.parametrize(
    "text",
    [
        pytest.param("", id="nothing"),
        pytest.param("<html>an error page</html>", id="an error page"),
        pytest.param(f"<html>{PEM}</html>", id="a key inside a page"),
        pytest.param(PEM.replace("PUBLIC", "PRIVATE"), id="a private key"),
        pytest.param(PEM.replace("END PUBLIC", "END RSA PUBLIC"), id="two kinds of key"),
        pytest.param(PEM + PEM, id="two keys"),
        pytest.param(PEM.replace("MIIB", "MÏIB"), id="not ASCII"),
        pytest.param(PEM + " " * LARGEST_KEY_BYTES, id="too large"),
    ],
)
async def test_what_does_not_look_like_a_key_is_none(
    keys: InstallKeys, host: KeyHost, text: str
) -> None:
    host.keys["kid-1"] = text

    await refusal(keys, "kid-1")


async def test_an_rsa_public_key_looks_like_one(keys: InstallKeys, host: KeyHost) -> None:
    host.keys["kid-1"] = PEM.replace("PUBLIC", "RSA PUBLIC").strip()

    assert (await keys.find("kid-1")).startswith("-----BEGIN RSA PUBLIC KEY-----")


async def test_hosts_are_asked_in_order_until_one_has_the_key(
    session: aiohttp.ClientSession, host: KeyHost, spare: KeyHost
) -> None:
    host.keys["kid-1"] = spare.keys["kid-2"] = PEM
    keys = InstallKeys(session, (host.url, spare.url))

    await keys.find("kid-1")
    await keys.find("kid-2")

    assert host.asked == ["/keys/kid-1", "/keys/kid-2"]
    assert spare.asked == ["/keys/kid-2"]


@pytest.mark.parametrize("mood", ["away", "nobody there", "error page"])
async def test_the_second_host_stands_in_for_the_first(
    session: aiohttp.ClientSession, host: KeyHost, spare: KeyHost, mood: str
) -> None:
    spare.keys["kid-1"] = PEM
    host.status = 503 if mood == "away" else 200
    host.keys["kid-1"] = "<html></html>"
    first = an_address_nobody_listens_at() if mood == "nobody there" else host.url

    assert await InstallKeys(session, (first, spare.url)).find("kid-1") == PEM


async def test_a_known_key_outlives_one_host_that_is_away_and_one_that_never_had_it(
    session: aiohttp.ClientSession, host: KeyHost, spare: KeyHost, clock: FakeClock
) -> None:
    host.keys["kid-1"] = PEM
    keys = InstallKeys(session, (host.url, spare.url), now=clock.now)
    await keys.find("kid-1")
    host.status = 500
    clock.time = 3600

    assert await keys.find("kid-1") == PEM


async def test_a_silent_host_is_not_waited_for_for_ever(
    session: aiohttp.ClientSession, host: KeyHost, spare: KeyHost
) -> None:
    host.open.clear()
    spare.keys["kid-1"] = PEM
    keys = InstallKeys(session, (host.url, spare.url), timeout_s=0.05)

    found = await keys.find("kid-1")

    assert found == PEM
    host.open.set()


async def test_a_key_is_fetched_once_however_many_ask(keys: InstallKeys, host: KeyHost) -> None:
    host.open.clear()
    async with asyncio.TaskGroup() as tasks:
        asking = [tasks.create_task(keys.find("kid-1")) for _ in range(20)]
        await host.busy.acquire()
        host.open.set()

    assert [task.result() for task in asking] == [PEM] * 20
    assert len(host.asked) == 1


async def test_who_waits_goes_on_when_the_one_who_asked_has_left(
    keys: InstallKeys, host: KeyHost
) -> None:
    host.open.clear()
    async with asyncio.TaskGroup() as tasks:
        leaving = tasks.create_task(keys.find("kid-1"))
        await host.busy.acquire()
        staying = tasks.create_task(keys.find("kid-1"))
        leaving.cancel()
        await host.busy.acquire()
        host.open.set()

    assert leaving.cancelled()
    assert staying.result() == PEM


async def test_one_key_that_is_slow_does_not_hold_up_another(
    keys: InstallKeys, host: KeyHost
) -> None:
    await keys.find("kid-1")
    host.open.clear()
    async with asyncio.TaskGroup() as tasks:
        slow = tasks.create_task(keys.find("kid-2"))
        await host.busy.acquire()
        await host.busy.acquire()

        assert await keys.find("kid-1") == PEM
        slow.cancel()
    host.open.set()


@pytest.mark.parametrize(
    ("limit", "kids"), [("KEYS_MOST", ["a", "b", "c"]), ("STRANGERS_MOST", ["x", "y", "z"])]
)
async def test_no_more_is_kept_than_may_be(
    keys: InstallKeys, host: KeyHost, monkeypatch: Any, limit: str, kids: list[str]
) -> None:
    monkeypatch.setattr(install_keys, limit, 2)
    host.keys.update(dict.fromkeys("abc", PEM))
    for kid in kids:
        with suppress(Problem):
            await keys.find(kid)
    host.asked.clear()

    for kid in reversed(kids):
        with suppress(Problem):
            await keys.find(kid)

    assert host.asked == [f"/keys/{kids[0]}"]
