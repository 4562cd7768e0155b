"""Azure against its simulator: two endpoints, deployments, and what only Azure says."""

import asyncio
from collections.abc import AsyncIterator

import aiohttp
import pytest

from bff.chat.events import FinishReason
from bff.chat.reply import Collector, Reply
from bff.chat.request import ChatRequest, Foreign, Message, Role, Tags
from bff.errors import Kind, Problem
from bff.policy.deadline import Timers
from bff.providers._pool import Pool
from bff.providers._vendor import Means, Road
from bff.providers.azure import Azure
from bff.providers.cloudflare import Gateway
from bff.simulators.azure.simulator import STAND_IN, VERSION, AzureSimulator
from bff.simulators.world import World, open_world

KEY = {"api-key": "azure-simulated"}
QUESTION = ChatRequest(
    "azure/gpt-4o",
    (Message(Role.USER, "hello"),),
    Tags("bff", "t", "u", "-", "r"),
    max_tokens=500,
)


@pytest.fixture
async def world() -> AsyncIterator[World]:
    async with open_world(vendors=[STAND_IN]) as world:
        yield world


@pytest.fixture
def simulator(world: World) -> AzureSimulator:
    vendor = world.vendors["azure"]
    assert isinstance(vendor, AzureSimulator)
    return vendor


@pytest.fixture
async def means() -> AsyncIterator[Means]:
    async with aiohttp.ClientSession() as session:
        yield Means(session, Pool(10, patience_s=5), Timers())


def direct(world: World, means: Means, **more: object) -> Azure:
    return Azure(means, {"direct": Road(world.url_of("azure"), KEY)}, **more)  # type: ignore[arg-type]


async def ask(
    azure: Azure, *, model: str = "gpt-4o", via: str = "direct", question: ChatRequest = QUESTION
) -> Reply:
    collector = Collector()
    deadline = asyncio.get_running_loop().time() + 10
    async with azure.stream(question, model=model, via=via, deadline=deadline) as upstream:
        async for batch in upstream.batches:
            collector.feed(batch)
    return collector.reply()


@pytest.mark.parametrize("version", [VERSION, None])
@pytest.mark.parametrize("stream", [True, False])
async def test_both_endpoints_answer(
    world: World, simulator: AzureSimulator, means: Means, version: str | None, stream: bool
) -> None:
    simulator.text = "Hi there"
    azure = direct(world, means, api_version=version, deployments={"gpt-4o": "prod-4o"})

    reply = await ask(azure, question=ChatRequest(**_fields(QUESTION, stream=stream)))

    assert (reply.text, reply.reason) == ("Hi there", FinishReason.STOP)
    assert reply.usage is not None
    assert reply.started.id.startswith("chatcmpl-")
    seen = simulator.requests[-1]
    if version is None:
        assert (seen.path, seen.json["model"]) == ("/azure/openai/v1/chat/completions", "prod-4o")
    else:
        path = f"/azure/openai/deployments/prod-4o/chat/completions?api-version={VERSION}"
        assert seen.path == path


async def test_the_gateway_is_asked_with_the_resource_in_its_path(
    world: World, simulator: AzureSimulator, means: Means
) -> None:
    base = f"{world.gateway_url}/account/gateway/azure-openai/resource"
    azure = Azure(means, {"gateway": Road(base, KEY, Gateway())}, api_version=VERSION)

    assert (await ask(azure, via="gateway")).text
    path = f"/azure/_gateway/resource/gpt-4o/chat/completions?api-version={VERSION}"
    assert simulator.requests[-1].path == path


@pytest.mark.parametrize("name", ["a/b?c=d#e", "a..b", "...", "% ", "é\ud800", "x!status=429"])
async def test_a_name_does_not_leave_its_place_in_the_path(
    world: World, simulator: AzureSimulator, means: Means, name: str
) -> None:
    azure = direct(world, means, api_version=VERSION)
    before = f"{world.url_of('azure')}/openai/deployments/"

    url = str(azure.url(azure.roads["direct"], name))

    assert url.startswith(before)
    segment = url.removeprefix(before).removesuffix(f"/chat/completions?api-version={VERSION}")
    assert not set(segment) & set("/?#")


@pytest.mark.parametrize("name", ["../../secrets", "../x", "..", ".", "a/../b", "a\\..\\b", "a/."])
async def test_a_name_that_climbs_is_nobodys_and_nothing_is_asked(
    world: World, simulator: AzureSimulator, means: Means, name: str
) -> None:
    """Quoted it would not do: who decodes the path first takes `%2E%2E` for two dots."""
    with pytest.raises(Problem) as refused:
        await ask(direct(world, means, api_version=VERSION), model=name)

    assert refused.value.kind is Kind.NOT_FOUND
    assert not simulator.requests


async def test_the_name_stands_in_the_body_of_the_other_endpoint(
    world: World, simulator: AzureSimulator, means: Means
) -> None:
    simulator.deployments = {"../x"}

    assert (await ask(direct(world, means, api_version="v1"), model="../x")).text
    assert simulator.requests[-1].json["model"] == "../x"


async def test_a_version_that_knows_no_usage_in_streams_is_asked_without_and_remembered(
    world: World, simulator: AzureSimulator, means: Means
) -> None:
    azure = direct(world, means, api_version="2024-06-01")

    replies = [await ask(azure), await ask(azure)]

    assert all(reply.text and reply.usage is None for reply in replies)
    sent = ["stream_options" in request.json for request in simulator.requests]
    assert sent == [True, False, False]


OWN = {
    "model": "x",
    "messages": [{"role": "developer", "content": "d"}, {"role": "user", "content": "u"}],
}


@pytest.mark.parametrize(
    ("version", "role"),
    [("2024-06-01", "system"), (VERSION, "system"), ("2025-04-01-preview", "developer")],
)
async def test_an_old_version_knows_no_developer(
    world: World, simulator: AzureSimulator, means: Means, version: str, role: str
) -> None:
    own = ChatRequest(**_fields(QUESTION, original=Foreign("openai_chat", OWN)))  # type: ignore[arg-type]

    await ask(direct(world, means, api_version=version), question=own)

    sent = simulator.requests[-1].json["messages"]
    assert [message["role"] for message in sent] == [role, "user"]
    assert OWN["messages"][0] == {"role": "developer", "content": "d"}


async def test_the_newest_endpoint_knows_developers(
    world: World, simulator: AzureSimulator, means: Means
) -> None:
    own = ChatRequest(**_fields(QUESTION, original=Foreign("openai_chat", OWN)))  # type: ignore[arg-type]

    await ask(direct(world, means), question=own)

    assert simulator.requests[-1].json["messages"][0]["role"] == "developer"


async def test_a_deployment_of_ours_that_is_missing_is_our_fault_a_callers_is_not(
    world: World, simulator: AzureSimulator, means: Means
) -> None:
    ours = direct(world, means, api_version=VERSION, deployments={"gpt-4o": "missing"})
    with pytest.raises(Problem) as refused:
        await ask(ours)
    assert refused.value.kind is Kind.UPSTREAM_AUTH

    named = direct(world, means, api_version=VERSION, known={"missing"})
    with pytest.raises(Problem) as refused:
        await ask(named, model="missing")
    assert refused.value.kind is Kind.UPSTREAM_AUTH

    with pytest.raises(Problem) as refused:
        await ask(direct(world, means, api_version=VERSION), model="missing")
    assert refused.value.kind is Kind.NOT_FOUND

    with pytest.raises(Problem) as refused:
        await ask(direct(world, means, api_version="2020-01-01"))
    assert refused.value.kind is Kind.UPSTREAM_AUTH


@pytest.mark.parametrize(
    ("fault", "kind"),
    [
        ("code=content_filter", Kind.CONTENT_POLICY),
        ("status=401", Kind.UPSTREAM_AUTH),
        ("status=408", Kind.TIMEOUT),
        ("status=429", Kind.UPSTREAM_RATE_LIMIT),
        ("quota", Kind.BUDGET),
        ("status=500", Kind.UPSTREAM),
        ("status=503", Kind.OVERLOADED),
    ],
)
async def test_its_refusals_are_told_apart(
    world: World, means: Means, fault: str, kind: Kind
) -> None:
    question = Message(Role.USER, f"hello [[simulate: {fault}]]")

    with pytest.raises(Problem) as refused:
        await ask(
            direct(world, means, api_version=VERSION),
            question=ChatRequest(**_fields(QUESTION, messages=(question,))),
        )

    assert refused.value.kind is kind


async def test_a_key_that_is_refused_in_front_of_azure_is_our_fault_too(
    world: World, simulator: AzureSimulator, means: Means
) -> None:
    simulator.managed, simulator.key = True, "another"

    with pytest.raises(Problem) as refused:
        await ask(direct(world, means, api_version=VERSION))

    assert (refused.value.kind, refused.value.status) == (Kind.UPSTREAM_AUTH, 401)


async def test_an_answer_that_is_filtered_ends_so(
    world: World, simulator: AzureSimulator, means: Means
) -> None:
    simulator.filters = True

    reply = await ask(direct(world, means))

    assert reply.reason is FinishReason.CONTENT_FILTER


async def test_a_model_that_thinks_may_be_silent_until_its_end(means: Means) -> None:
    azure = Azure(means, {})

    assert azure.timers(QUESTION, "o3").first_byte == 300
    assert azure.timers(QUESTION, "gpt-4o").first_byte == 60
    assert azure.timers(QUESTION, "gpt-4o").total == 300


def _fields(request: ChatRequest, **changes: object) -> dict[str, object]:
    return {name: getattr(request, name) for name in request.__slots__} | changes
