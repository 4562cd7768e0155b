"""What only Azure does, as its simulator does it."""

from collections.abc import AsyncIterator

import aiohttp
import orjson
import pytest

from bff.simulators.azure.simulator import STAND_IN, VERSION, AzureSimulator
from bff.simulators.world import World, open_world
from tests.support.chat import chunks, question, text

HEADERS = {"api-key": "azure-simulated"}
CLASSIC = f"/openai/deployments/mine/chat/completions?api-version={VERSION}"


@pytest.fixture
async def azure_world() -> AsyncIterator[World]:
    async with open_world(vendors=[STAND_IN]) as world:
        yield world


async def post(
    session: aiohttp.ClientSession,
    world: World,
    path: str = CLASSIC,
    *,
    headers: dict[str, str] | None = None,
    **more: object,
) -> tuple[int, bytes]:
    async with session.post(
        f"{world.url_of('azure')}{path}", json=question(**more), headers=headers or HEADERS
    ) as answer:
        return answer.status, await answer.read()


async def test_the_first_frame_has_no_choices_and_the_filter_reports_late(
    session: aiohttp.ClientSession, azure_world: World
) -> None:
    status, body = await post(session, azure_world)

    first, *_, last = chunks(body)
    assert status == 200
    assert (first["choices"], first["id"], first["model"], first["created"]) == ([], "", "", 0)
    assert first["prompt_filter_results"][0]["prompt_index"] == 0
    assert last["choices"][0]["content_filter_offsets"]
    assert "delta" not in last["choices"][0]
    assert text(body.replace(b'"content_filter_offsets"', b'"delta":{},"x"')) != ""


@pytest.mark.parametrize(
    ("path", "headers", "status", "code"),
    [
        (CLASSIC, {"api-key": "wrong"}, 401, b'"code":"401"'),
        (CLASSIC, {"Authorization": "Bearer azure-simulated"}, 200, b""),
        (CLASSIC.replace(VERSION, "2020-01-01"), HEADERS, 404, b'"code":"404"'),
        (CLASSIC.partition("?")[0], HEADERS, 404, b'"code":"404"'),
        (CLASSIC.replace("mine", "missing"), HEADERS, 404, b'"code":"DeploymentNotFound"'),
        ("/openai/chat/completions", HEADERS, 404, b'"code":"404"'),
        ("/openai/v1/chat/completions", HEADERS, 200, b""),
    ],
)
async def test_who_is_let_in(
    session: aiohttp.ClientSession,
    azure_world: World,
    path: str,
    headers: dict[str, str],
    status: int,
    code: bytes,
) -> None:
    answered, body = await post(session, azure_world, path, headers=headers)

    assert answered == status
    assert code in body


async def test_a_probe_without_messages_costs_nothing(
    session: aiohttp.ClientSession, azure_world: World
) -> None:
    status, body = await post(session, azure_world, messages=[])

    assert status == 400
    assert b'"param":"messages"' in body
    async with session.get(
        f"{azure_world.url_of('azure')}/openai/v1/models", headers=HEADERS
    ) as answer:
        assert answer.status == 200
    async with session.get(f"{azure_world.url_of('azure')}/openai/v1/models") as answer:
        assert answer.status == 401


async def test_deployments_may_be_listed(
    session: aiohttp.ClientSession, azure_world: World
) -> None:
    simulator = azure_world.vendors["azure"]
    assert isinstance(simulator, AzureSimulator)
    simulator.deployments = {"mine"}

    assert (await post(session, azure_world))[0] == 200
    assert (await post(session, azure_world, CLASSIC.replace("mine", "yours")))[0] == 404


@pytest.mark.parametrize(
    ("version", "more", "status"),
    [
        ("2024-06-01", {"stream_options": {"include_usage": True}}, 400),
        ("2024-06-01", {}, 200),
        (VERSION, {"stream_options": {"include_usage": True}}, 200),
        (VERSION, {"messages": [{"role": "developer", "content": "x"}]}, 400),
        ("2025-04-01-preview", {"messages": [{"role": "developer", "content": "x"}]}, 200),
        (VERSION, {"messages": 5}, 400),
    ],
)
async def test_old_versions_know_less(
    session: aiohttp.ClientSession,
    azure_world: World,
    version: str,
    more: dict[str, object],
    status: int,
) -> None:
    assert (await post(session, azure_world, CLASSIC.replace(VERSION, version), **more))[
        0
    ] == status


async def test_who_stands_in_front_may_refuse_a_key_in_other_words(
    session: aiohttp.ClientSession, azure_world: World
) -> None:
    simulator = azure_world.vendors["azure"]
    assert isinstance(simulator, AzureSimulator)
    simulator.managed = True

    status, body = await post(session, azure_world, headers={"api-key": "wrong"})

    assert status == 401
    assert orjson.loads(body).keys() == {"statusCode", "message"}
