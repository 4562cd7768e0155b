"""Straico alone against its simulator: what is asked where, what comes back, what goes wrong."""

import asyncio
from collections.abc import AsyncIterator
from dataclasses import replace
from typing import Any

import aiohttp
import pytest

from bff.chat.events import FinishReason
from bff.chat.reply import Collector, Reply
from bff.chat.request import ChatRequest, Format, Image, Message, Role, Shape, Tags, Text, Tool
from bff.errors import Kind, Problem, Sign
from bff.policy.deadline import Timers
from bff.policy.retry import Patience
from bff.providers._pool import Pool
from bff.providers._vendor import Means, Road
from bff.providers.straico import Straico
from bff.simulators.straico.simulator import STAND_IN, StraicoSimulator
from bff.simulators.world import World, open_world

TAGS = Tags("bff", "t:1", "u:1", "-", "req_1")
MODEL = "openai/gpt-4o-mini"
HELLO = ChatRequest(f"straico/{MODEL}", (Message(Role.USER, "hello"),), TAGS, max_tokens=500)
KEY = {"Authorization": "Bearer key"}
PATHS = {
    "chat": "/v2/chat/completions",
    "chat-v0": "/v0/chat/completions",
    "prompt": "/v1/prompt/completion",
}


@pytest.fixture
async def world() -> AsyncIterator[World]:
    async with open_world(vendors=[STAND_IN]) as world:
        yield world


@pytest.fixture
def simulator(world: World) -> StraicoSimulator:
    vendor = world.vendors["straico"]
    assert isinstance(vendor, StraicoSimulator)
    return vendor


@pytest.fixture
async def session() -> AsyncIterator[aiohttp.ClientSession]:
    async with aiohttp.ClientSession() as session:
        yield session


class Asker:
    def __init__(self, session: aiohttp.ClientSession, base: str) -> None:
        self._session, self._base = session, base
        self.failed_calls = 0
        self.ignored: tuple[str, ...] = ()

    def provider(self, **more: Any) -> Straico:
        means = Means(
            self._session, Pool(100, patience_s=5), Timers(), note_failed_calls=self._note_failed
        )
        return Straico(means, {"direct": Road(self._base, KEY)}, **more)

    def _note_failed(self, count: int) -> None:
        self.failed_calls += count

    async def ask(
        self,
        request: ChatRequest = HELLO,
        *,
        model: str = MODEL,
        within_s: float = 10.0,
        **more: Any,
    ) -> Reply:
        deadline = asyncio.get_running_loop().time() + within_s
        collector = Collector()
        async with self.provider(**more).stream(
            request, model=model, via="direct", deadline=deadline
        ) as upstream:
            self.ignored = upstream.ignored
            async for batch in upstream.batches:
                collector.feed(batch)
        return collector.reply()


@pytest.fixture
def asker(session: aiohttp.ClientSession, world: World) -> Asker:
    return Asker(session, world.url_of("straico"))


def says(text: str) -> ChatRequest:
    return replace(HELLO, messages=(Message(Role.USER, text),))


@pytest.mark.parametrize("endpoint", STAND_IN.variants)
async def test_all_three_endpoints_give_the_same_result(
    asker: Asker, simulator: StraicoSimulator, endpoint: str
) -> None:
    simulator.text = "one  two\nthree"

    reply = await asker.ask(says("four words are here"), endpoint=endpoint)

    assert (reply.text, reply.reason) == ("one  two\nthree", FinishReason.STOP)
    assert reply.started.model == MODEL
    assert reply.usage
    assert (reply.usage.prompt_tokens, reply.usage.completion_tokens) == (5, 4)
    assert (reply.usage.coins, reply.usage.estimated) == (pytest.approx(0.07), False)
    [asked] = simulator.requests
    assert asked.path == f"/straico{PATHS[endpoint]}"
    assert asked.headers["Authorization"] == "Bearer key"
    assert asked.json["max_tokens"] == 500


@pytest.mark.parametrize("endpoint", STAND_IN.variants)
async def test_nothing_it_refuses_is_sent_and_what_is_not_sent_is_named(
    asker: Asker, simulator: StraicoSimulator, endpoint: str
) -> None:
    asked = replace(
        HELLO,
        tools=(Tool("now"),),
        format=Format(Shape.JSON),
        top_p=0.5,
        temperature=0.5,
        stop=("never",),
        others={"seed": 1},
    )

    await asker.ask(asked, endpoint=endpoint)

    assert simulator.strict
    assert asker.ignored == ("top_p", "seed")


@pytest.mark.parametrize("endpoint", STAND_IN.variants)
async def test_pictures_are_sent_in_the_endpoints_own_place(
    asker: Asker, simulator: StraicoSimulator, endpoint: str
) -> None:
    cat = Image("https://pictures.example/cat.png")

    await asker.ask(
        replace(HELLO, messages=(Message(Role.USER, (Text("hello"), cat)),)), endpoint=endpoint
    )

    sent = simulator.requests[-1].json
    if endpoint == "prompt":
        assert (sent["message"], sent["images"]) == ("hello", [cat.url])
    else:
        assert sent["messages"][0]["content"][1]["image_url"] == {"url": cat.url}


async def test_a_replaced_model_is_named(asker: Asker, simulator: StraicoSimulator) -> None:
    simulator.replaced_by = "other/model"

    reply = await asker.ask(endpoint="prompt")

    assert reply.started.model == "other/model"
    assert reply.text


@pytest.mark.parametrize("status", [200, 201])
async def test_both_statuses_are_a_success(
    asker: Asker, simulator: StraicoSimulator, status: int
) -> None:
    simulator.prompt_status = status

    assert (await asker.ask(endpoint="prompt")).text


@pytest.mark.parametrize("endpoint", STAND_IN.variants)
@pytest.mark.parametrize("form", ["text", "object"])
@pytest.mark.parametrize(
    ("fault", "kind", "sign"),
    [
        ("code=overloaded", Kind.OVERLOADED, Sign.PROVIDER_BUSY),
        ("code=unavailable", Kind.OVERLOADED, Sign.PROVIDER_BUSY),
        ("code=rate-limit", Kind.OVERLOADED, Sign.PROVIDER_BUSY),
        ("code=high-demand,status=400", Kind.OVERLOADED, Sign.PROVIDER_BUSY),
        ("status=429", Kind.OVERLOADED, Sign.PROVIDER_BUSY),
        ("status=500", Kind.OVERLOADED, Sign.PROVIDER_DOWN),
        ("status=502,html", Kind.OVERLOADED, Sign.PROVIDER_DOWN),
        ("status=503", Kind.OVERLOADED, Sign.PROVIDER_DOWN),
        ("code=coins", Kind.BUDGET, Sign.PROVIDER_REFUSED),
        ("quota", Kind.BUDGET, Sign.PROVIDER_REFUSED),
        ("status=401", Kind.UPSTREAM_AUTH, Sign.PROVIDER_REFUSED),
        ("status=422", Kind.BAD_REQUEST, Sign.PROVIDER_REFUSED),
        ("error-object", Kind.UPSTREAM, Sign.PROVIDER_DOWN),
        ("html", Kind.UPSTREAM, Sign.NOT_AN_ANSWER),
        ("not-json", Kind.UPSTREAM, Sign.NOT_AN_ANSWER),
        ("no-choices", Kind.UPSTREAM, Sign.NOT_AN_ANSWER),
        ("empty", Kind.UPSTREAM, Sign.NOT_AN_ANSWER),
        ("cut-after=1", Kind.CONNECTION, Sign.CUT),
        ("reset", Kind.CONNECTION, Sign.UNREACHABLE),
    ],
)
async def test_each_failure_is_what_it_is(
    asker: Asker,
    simulator: StraicoSimulator,
    endpoint: str,
    form: str,
    fault: str,
    kind: Kind,
    sign: Sign,
) -> None:
    simulator.error_form = form

    with pytest.raises(Problem) as caught:
        await asker.ask(says(f"x [[simulate: {fault}]]"), endpoint=endpoint)

    assert (caught.value.kind, caught.value.sign) == (kind, sign)
    assert "imulated" not in caught.value.public
    assert "coins" not in caught.value.public


async def test_an_account_without_coins_is_a_budget_that_is_used_up(
    asker: Asker, simulator: StraicoSimulator
) -> None:
    simulator.coins = 0

    with pytest.raises(Problem) as caught:
        await asker.ask()

    assert (caught.value.kind, caught.value.sign) == (Kind.BUDGET, Sign.PROVIDER_REFUSED)


async def test_a_wait_that_is_asked_for_is_known(asker: Asker) -> None:
    with pytest.raises(Problem) as caught:
        await asker.ask(says("x [[simulate: status=429,retry-after=2]]"))

    assert caught.value.retry_after == 2


async def test_a_model_straico_does_not_have_is_not_found(asker: Asker) -> None:
    with pytest.raises(Problem) as caught:
        await asker.ask(model="nobody")

    assert caught.value.kind is Kind.NOT_FOUND


async def test_usage_that_is_not_told_is_estimated(asker: Asker) -> None:
    reply = await asker.ask(says("x [[simulate: no-usage,words=2]]"))

    assert reply.usage
    assert reply.usage.estimated
    assert reply.usage.completion_tokens == 3
    assert reply.usage.coins


async def test_an_empty_answer_is_an_answer(asker: Asker, simulator: StraicoSimulator) -> None:
    simulator.text = ""

    reply = await asker.ask()

    assert (reply.text, reply.reason) == ("", FinishReason.STOP)


async def test_a_call_that_cannot_be_read_is_text_and_counted(
    asker: Asker, simulator: StraicoSimulator
) -> None:
    simulator.markup = "cut"

    reply = await asker.ask(replace(says("now"), tools=(Tool("now"),)))

    assert (reply.calls, reply.reason) == ((), FinishReason.STOP)
    assert reply.text
    assert reply.text.startswith("<tool_calls>")
    assert asker.failed_calls == 1


async def test_calls_get_names_that_openai_would_take(asker: Asker) -> None:
    reply = await asker.ask(replace(says("now and now"), tools=(Tool("now"),)))

    ids = [call.id for call in reply.calls]
    assert len(set(ids)) == 2
    assert all(id_.startswith("call_") and len(id_) == 29 for id_ in ids)


@pytest.mark.parametrize(("place", "role"), [("system", "system"), ("user", "user")])
async def test_tools_are_described_where_the_setting_says(
    asker: Asker, simulator: StraicoSimulator, place: str, role: str
) -> None:
    await asker.ask(replace(HELLO, tools=(Tool("now"),)), tool_place=place)

    turns = simulator.requests[-1].json["messages"]
    assert [turn["role"] for turn in turns if "<tools>" in turn["content"]] == [role]


async def test_a_reader_who_leaves_hangs_up(asker: Asker, simulator: StraicoSimulator) -> None:
    simulator.hold()
    asking = asyncio.ensure_future(asker.ask())
    await simulator.pen()

    asking.cancel()

    await simulator.hung_up.wait()
    await asyncio.wait([asking])
    assert asking.cancelled()


async def test_silence_until_the_deadline_is_no_first_byte(
    asker: Asker, simulator: StraicoSimulator
) -> None:
    with pytest.raises(Problem) as caught:
        await asker.ask(says("x [[simulate: hang]]"), within_s=0.1)

    assert caught.value.sign is Sign.NO_FIRST_BYTE
    await simulator.hung_up.wait()


async def test_it_may_take_two_minutes_in_all_and_be_silent_all_the_while(asker: Asker) -> None:
    timers = asker.provider().timers(HELLO, MODEL)

    assert (timers.first_byte, timers.idle, timers.total, timers.floor) == (120, 120, 120, 0)


def test_it_never_streams_and_is_asked_three_times(asker: Asker) -> None:
    straico = asker.provider()

    assert (straico.name, straico.tongues, straico.streams) == ("straico", {"straico"}, False)
    assert straico.patience == Patience(tries=3)


def test_an_endpoint_nobody_has_is_no_endpoint(asker: Asker) -> None:
    with pytest.raises(ValueError, match="v3"):
        asker.provider(endpoint="v3")
