"""The stand-in of Axiom takes what Axiom takes, and shows what came."""

import aiohttp
import pytest

from bff.simulators.world import World

TWO = b'{"a":1}\n{"a":2}\n'


async def ingest(
    session: aiohttp.ClientSession, world: World, body: bytes, **headers: str
) -> tuple[int, dict]:
    said = {
        "Authorization": f"Bearer {world.axiom.token}",
        "Content-Type": "application/x-ndjson",
        **{name.replace("_", "-"): value for name, value in headers.items()},
    }
    url = f"{world.axiom_url}/v1/datasets/gptdock/ingest"
    async with session.post(url, data=body, headers=said) as response:
        return response.status, await response.json()


async def test_events_are_taken_and_shown(session: aiohttp.ClientSession, world: World) -> None:
    status, said = await ingest(session, world, TWO)

    assert (status, said["ingested"], said["failed"]) == (200, 2, 0)
    assert await world.axiom.received(2) == [{"a": 1}, {"a": 2}]
    async with session.get(f"{world.axiom_url}/_events") as response:
        assert await response.json() == [
            {"dataset": "gptdock", "event": {"a": 1}},
            {"dataset": "gptdock", "event": {"a": 2}},
        ]


@pytest.mark.parametrize("body", [b"{", b"[1]\n", b"5"])
async def test_what_is_not_an_object_a_line_is_refused(
    session: aiohttp.ClientSession, world: World, body: bytes
) -> None:
    assert (await ingest(session, world, body))[0] == 400
    assert not world.axiom.events


async def test_another_type_and_another_token_are_refused(
    session: aiohttp.ClientSession, world: World
) -> None:
    assert (await ingest(session, world, TWO, Content_Type="text/plain"))[0] == 400
    assert (await ingest(session, world, TWO, Authorization="Bearer another"))[0] == 403
    assert world.axiom.calls == {400: 1, 403: 1}


async def test_its_answers_can_be_told(session: aiohttp.ClientSession, world: World) -> None:
    world.axiom.statuses.append(503)
    world.axiom.status = 429

    statuses = [(await ingest(session, world, TWO))[0] for _ in range(3)]

    assert statuses == [503, 429, 429]
