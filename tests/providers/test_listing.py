"""The vendors' lists of models: where they are asked for, on which road, and what can go wrong."""

import asyncio
from collections.abc import AsyncIterator, Callable, Mapping

import aiohttp
import orjson
import pytest

from bff.chat.models import ListedModel
from bff.errors import Kind, Problem, Sign
from bff.policy.deadline import Timers
from bff.providers import _listing
from bff.providers._listing import ListsModels
from bff.providers._pool import Pool
from bff.providers._vendor import Means, Road
from bff.providers.anthropic import Anthropic
from bff.providers.cloudflare import Gateway
from bff.providers.openai import OpenAI
from bff.providers.straico import Straico
from bff.simulators.anthropic.simulator import AnthropicSimulator
from bff.simulators.faults import Fault
from bff.simulators.openai.simulator import OpenAISimulator
from bff.simulators.straico.simulator import StraicoSimulator
from bff.simulators.world import World, open_world
from tests.support.raw_upstream import raw_upstream

BEARER = {"Authorization": "Bearer key"}
WRONG = {"Authorization": "Bearer bad-key"}
Lister = Callable[..., ListsModels]


@pytest.fixture
async def world() -> AsyncIterator[World]:
    async with open_world() as world:
        yield world


@pytest.fixture
async def means() -> AsyncIterator[Means]:
    async with aiohttp.ClientSession() as session:
        yield Means(session, Pool(1, patience_s=5), Timers(), event_limit=2**20)


async def listed(vendor: ListsModels, *, seconds: float = 10.0) -> tuple[ListedModel, ...]:
    deadline = asyncio.get_running_loop().time() + seconds
    return await vendor.list_models(deadline=deadline)


async def refused(vendor: ListsModels, *, seconds: float = 10.0) -> Problem:
    with pytest.raises(Problem) as caught:
        await listed(vendor, seconds=seconds)
    return caught.value


def whole(body: bytes, *, status: str = "200 OK", length: int | None = None) -> bytes:
    size = len(body) if length is None else length
    head = f"HTTP/1.1 {status}\r\nContent-Type: application/json\r\nContent-Length: {size}\r\n\r\n"
    return head.encode() + body


def openai(means: Means, **roads: str) -> OpenAI:
    """Any road but `gateway` is a plain one."""
    gateways = {"gateway": Gateway()}
    return OpenAI(means, {way: Road(url, BEARER, gateways.get(way)) for way, url in roads.items()})


# -- what is asked, and on which road ----------------------------------------------------------------


async def test_openai_is_asked_for_its_list_directly_and_through_the_gateway(
    world: World, means: Means
) -> None:
    ways = {"direct": world.openai_url, "gateway": f"{world.gateway_url}/a/g/openai"}

    for way, url in ways.items():
        models = await listed(openai(means, **{way: url}))
        assert ListedModel("gpt-4o", 1_715_367_049) in models
    assert world.gateway.calls == 1
    assert world.gateway.logs[-1].metadata["app"] == "models"


async def test_anthropic_is_asked_page_by_page_under_its_version(
    world: World, means: Means
) -> None:
    simulator = world.vendors["anthropic"]
    assert isinstance(simulator, AnthropicSimulator)
    simulator.models = frozenset(f"claude-{number:04d}" for number in range(1500))
    roads = {
        "direct": Road(world.url_of("anthropic"), {"x-api-key": "key"}),
        "gateway": Road(f"{world.gateway_url}/a/g/anthropic", {"x-api-key": "key"}, Gateway()),
    }

    for way, road in roads.items():
        models = await listed(Anthropic(means, {way: road}))
        assert [model.name for model in models] == sorted(simulator.models)
    assert models[0] == ListedModel("claude-0000", 1_759_104_000, "Claude 0000")


@pytest.mark.parametrize("endpoint", ["chat", "chat-v0", "prompt"])
async def test_straico_is_asked_for_the_list_of_its_endpoint(
    world: World, means: Means, endpoint: str
) -> None:
    roads = {"direct": Road(world.url_of("straico"), BEARER)}

    models = await listed(Straico(means, roads, endpoint=endpoint))

    assert "qwen/qwen3-32b" in [model.name for model in models]


@pytest.mark.parametrize(("endpoint", "path"), [("chat", "/v2/models"), ("prompt", "/v1/models")])
async def test_each_endpoint_of_straicos_has_its_own_list(
    means: Means, endpoint: str, path: str
) -> None:
    vendor = Straico(means, {"direct": Road("http://x")}, endpoint=endpoint)

    assert vendor.list_url(vendor.roads["direct"], "").path == path


# -- the other road ----------------------------------------------------------------------------------


async def test_a_gateway_that_cannot_be_reached_is_gone_round(world: World, means: Means) -> None:
    models = await listed(openai(means, gateway=world.closed_url, direct=world.openai_url))

    assert models


async def test_a_gateway_without_such_a_path_is_gone_round(world: World, means: Means) -> None:
    nowhere = f"{world.url}/openai/nowhere"

    assert await listed(openai(means, gateway=nowhere, direct=world.openai_url))


async def test_a_gateway_that_refuses_is_never_gone_round(world: World, means: Means) -> None:
    world.gateway.faults.append(Fault(code="2003"))
    through = f"{world.gateway_url}/a/g/openai"

    problem = await refused(openai(means, gateway=through, direct=world.openai_url))

    assert problem.sign is Sign.GATEWAY_LIMIT


async def test_a_gateways_refusal_under_a_200_is_its_refusal(world: World, means: Means) -> None:
    error = {"name": "AiGatewayError", "internalCode": 2003, "success": False}
    async with raw_upstream(whole(orjson.dumps(error))) as upstream:
        problem = await refused(openai(means, gateway=upstream.url, direct=world.openai_url))

    assert problem.sign is Sign.GATEWAY_LIMIT


async def test_when_no_road_is_left_the_last_ones_failure_is_told(
    world: World, means: Means
) -> None:
    problem = await refused(openai(means, gateway=world.closed_url, direct=f"{world.url}/nowhere"))

    assert problem.kind is Kind.NOT_FOUND


# -- what goes wrong ---------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("vendor", "headers"),
    [("anthropic", {"x-api-key": "bad-key"}), ("straico", WRONG), ("openai", WRONG)],
)
async def test_a_wrong_key_is_told_as_ours(
    world: World, means: Means, vendor: str, headers: Mapping[str, str]
) -> None:
    simulator = world.vendors[vendor]
    assert isinstance(simulator, AnthropicSimulator | StraicoSimulator | OpenAISimulator)
    listers: Mapping[str, Lister] = {"anthropic": Anthropic, "straico": Straico, "openai": OpenAI}
    base = world.openai_url if vendor == "openai" else world.url_of(vendor)

    problem = await refused(listers[vendor](means, {"direct": Road(base, headers)}))

    assert problem.kind is Kind.UPSTREAM_AUTH


@pytest.mark.parametrize(
    ("says", "kind"),
    [
        (whole(b"<html>"), Kind.UPSTREAM),
        (whole(b"{}"), Kind.UPSTREAM),
        (whole(b"", status="204 No Content"), Kind.UPSTREAM),
        (whole(b"", status="302 Found"), Kind.UPSTREAM),
        (whole(b"busy", status="503 Service Unavailable"), Kind.OVERLOADED),
        (whole(b'{"data":[', length=99), Kind.CONNECTION),
    ],
    ids=["a page", "no list", "nothing", "a redirect", "busy", "cut"],
)
async def test_what_is_no_list_is_a_problem(means: Means, says: bytes, kind: Kind) -> None:
    async with raw_upstream(says, hang_up=True) as upstream:
        problem = await refused(openai(means, direct=upstream.url))

    assert problem.kind is kind


async def test_a_list_that_is_too_long_is_not_read_to_its_end(
    means: Means, monkeypatch: pytest.MonkeyPatch
) -> None:
    body = orjson.dumps({"data": [{"id": "gpt-4o"}]})
    monkeypatch.setattr(_listing, "_PAGE_BYTES", len(body))

    async with raw_upstream(whole(body)) as upstream:
        assert await listed(openai(means, direct=upstream.url))
    async with raw_upstream(whole(body + b" ", length=2**30)) as upstream:
        problem = await refused(openai(means, direct=upstream.url))

    assert problem.sign is Sign.NOT_AN_ANSWER


async def test_who_says_nothing_is_not_waited_for_beyond_the_deadline(means: Means) -> None:
    async with raw_upstream(b"") as upstream:
        problem = await refused(openai(means, direct=upstream.url), seconds=0.2)

    assert problem.kind is Kind.TIMEOUT


async def test_who_stops_in_the_middle_is_not_waited_for_either(means: Means) -> None:
    async with raw_upstream(whole(b'{"data":[', length=99)) as upstream:
        problem = await refused(openai(means, direct=upstream.url), seconds=0.2)

    assert problem.kind is Kind.TIMEOUT


@pytest.mark.parametrize(
    ("ends", "most"), [(["a", "a"], 20), (["a", "b", "a"], 3)], ids=["the same page", "a circle"]
)
async def test_pages_that_never_end_are_not_followed_for_ever(
    means: Means, monkeypatch: pytest.MonkeyPatch, ends: list[str], most: int
) -> None:
    monkeypatch.setattr(_listing, "_MOST_PAGES", most)
    pages = [{"data": [{"id": end}], "has_more": True, "last_id": end} for end in [*ends, "z"]]
    said = [whole(orjson.dumps(page)) for page in pages]
    async with raw_upstream(*said, hang_up=True) as upstream:
        models = await listed(Anthropic(means, {"direct": Road(upstream.url)}))

    assert [model.name for model in models] == ends


async def test_no_more_models_are_kept_than_anybody_reads(
    world: World, means: Means, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(_listing, "_MOST_MODELS", 3)

    assert len(await listed(openai(means, direct=world.openai_url))) == 3


async def test_a_list_takes_one_place_in_the_pool_and_gives_it_back(
    world: World, means: Means
) -> None:
    vendor = openai(means, gateway=world.closed_url, direct=world.openai_url)

    async with means.pool.slot(asyncio.get_running_loop().time() + 1), asyncio.timeout(2):
        assert (await refused(vendor, seconds=0.05)).sign is Sign.POOL_FULL
    assert await listed(vendor)
    assert await listed(vendor)
