"""OpenAI asked for responses, in a caller's own words: at its own place, and by the same contract."""

import asyncio
from collections.abc import AsyncIterator, Mapping
from dataclasses import replace
from typing import Any, cast

import aiohttp
import orjson
import pytest

from bff.chat.events import (
    Chunk,
    Finished,
    FinishReason,
    Started,
    TextDelta,
    ToolDelta,
    ToolStarted,
)
from bff.chat.reply import Collector
from bff.chat.request import ChatRequest, Foreign, Message, Role, Tags
from bff.dialects import openai_chat, openai_responses
from bff.engine.attempts import Answer, Engine
from bff.engine.metering import Facts, Mode, UsageSource
from bff.errors import Kind, Problem, Sign
from bff.policy.deadline import Timers
from bff.policy.routing import Rules
from bff.providers._pool import Pool
from bff.providers._vendor import Means, Road
from bff.providers.cloudflare import Gateway
from bff.providers.openai import OpenAI
from bff.simulators.faults import read_fault
from bff.simulators.openai.response_frames import Frames
from bff.simulators.openai.simulator import STAND_IN
from bff.simulators.world import World, open_world
from tests.providers.contract.opened import HastyClock, open_row
from tests.providers.contract.rows import Row, rows
from tests.providers.contract.suite import SCENARIOS, Scenario, name_of
from tests.support.raw_upstream import raw_upstream
from tests.support.scripted import Witness

TAGS = Tags("bff", "t:1", "u:1", "-", "req_1")
KEY = {"Authorization": "Bearer key"}
ROWS = rows([STAND_IN])


# -- the contract of every provider, in these words ------------------------------------------------


def in_own_words(request: ChatRequest) -> ChatRequest:
    """The same question as a caller would ask it for a response."""
    body: dict[str, Any] = {
        "model": request.model,
        "input": [item for message in request.messages for item in items_of(message)],
        "max_output_tokens": request.max_tokens,
        "stream": request.stream,
        "tools": [
            {"type": "function", "name": tool.name, "parameters": tool.parameters}
            for tool in request.tools
        ],
    }
    return replace(
        request,
        passes=openai_responses.NAME,
        original=Foreign(openai_responses.NAME, body),
    )


def items_of(message: Message) -> list[Mapping[str, Any]]:
    if message.role is Role.TOOL:
        output = message.content
        return [{"type": "function_call_output", "call_id": message.answers, "output": output}]
    if message.calls:
        return [
            {
                "type": "function_call",
                "call_id": call.id,
                "name": call.name,
                "arguments": call.arguments,
            }
            for call in message.calls
        ]
    return [{"role": message.role.value, "content": message.content}]


class Rewording:
    """An engine that is asked the same in a caller's own words."""

    def __init__(self, engine: Engine) -> None:
        self._engine = engine

    def answer(self, request: ChatRequest) -> Answer:
        return self._engine.answer(in_own_words(request))


@pytest.mark.parametrize("row", ROWS, ids=str)
@pytest.mark.parametrize("scenario", SCENARIOS, ids=name_of)
async def test_responses_keep_the_contract_of_every_provider(scenario: Scenario, row: Row) -> None:
    async with open_row(row, SCENARIOS[scenario]) as opened:
        opened.engine = cast(Any, Rewording(opened.engine))

        await scenario(opened)

        await opened.check_tidy()
        assert {seen.path for seen in opened.simulator.requests} == {"/openai/v1/responses"}


# -- what is theirs alone --------------------------------------------------------------------------


@pytest.fixture
async def world() -> AsyncIterator[World]:
    async with open_world() as world:
        yield world


@pytest.fixture
async def session() -> AsyncIterator[aiohttp.ClientSession]:
    async with aiohttp.ClientSession() as session:
        yield session


def own(said: Any = "hello", *, stream: bool = True, **more: Any) -> ChatRequest:
    body = {"model": "openai/gpt-4o", "input": said, "stream": stream, **more}
    return ChatRequest(
        "openai/gpt-4o",
        (Message(Role.USER, "hello"),),
        TAGS,
        stream=stream,
        passes=openai_responses.NAME,
        original=Foreign(openai_responses.NAME, body),
    )


def provider_of(session: aiohttp.ClientSession, **roads: Road) -> OpenAI:
    return OpenAI(Means(session, Pool(100, patience_s=5), Timers(), event_limit=2**20), roads)


def engine_of(provider: OpenAI, **fallbacks: tuple[str, ...]) -> tuple[Engine, Witness]:
    witness = Witness()
    engine = Engine(
        {"openai": provider},
        rules=Rules({}, {"openai/gpt-4o": fallbacks.get("fallbacks", ())}),
        observer=witness,
        clock=HastyClock(),
        dice=lambda: 0.5,
        total_s=30,
    )
    return engine, witness


async def ask(engine: Engine, request: ChatRequest) -> tuple[list[Chunk], Facts, Problem | None]:
    chunks: list[Chunk] = []
    async with engine.answer(request) as answer:
        try:
            async for batch in answer.batches:
                chunks += batch
        except Problem as problem:
            return chunks, answer.facts, problem
    return chunks, answer.facts, None


def direct(world: World, session: aiohttp.ClientSession) -> OpenAI:
    return provider_of(session, direct=Road(world.openai_url, KEY))


def both_ways(world: World, session: aiohttp.ClientSession) -> OpenAI:
    gateway = Road(f"{world.gateway_url}/account/gateway/openai", KEY, Gateway())
    return provider_of(session, gateway=gateway, direct=Road(world.openai_url, KEY))


async def test_a_callers_own_request_goes_to_its_own_place_and_nothing_of_it_is_changed(
    world: World, session: aiohttp.ClientSession
) -> None:
    engine, _ = engine_of(direct(world, session))
    more = {"store": True, "metadata": {"a": "b"}, "truncation": "auto", "max_output_tokens": 99}

    _, facts, problem = await ask(engine, own(**more))

    [seen] = world.openai.requests
    assert (problem, seen.path) == (None, "/openai/v1/responses")
    assert seen.json == {"model": "gpt-4o", "input": "hello", "stream": True, **more}
    assert (facts.mode, facts.ignored) == (Mode.NATIVE, ())


async def test_every_event_that_came_is_passed_on_as_it_came(
    world: World, session: aiohttp.ClientSession
) -> None:
    engine, _ = engine_of(direct(world, session))

    chunks, facts, _ = await ask(engine, own("x [[simulate: words=2]]"))

    names = [chunk.original.event for chunk in chunks if chunk.original]
    data = [orjson.loads(chunk.original.data) for chunk in chunks if chunk.original]
    assert names == [value["type"] for value in data]
    assert [value["sequence_number"] for value in data] == list(range(10))
    assert facts.answer_id == data[0]["response"]["id"]
    used = data[-1]["response"]["usage"]
    assert facts.usage is not None
    assert (facts.usage.prompt_tokens, facts.usage.completion_tokens) == (
        used["input_tokens"],
        used["output_tokens"],
    )
    assert facts.usage_source is UsageSource.REPORTED


async def test_a_whole_response_is_passed_on_as_it_came(
    world: World, session: aiohttp.ClientSession
) -> None:
    engine, _ = engine_of(direct(world, session))

    chunks, facts, _ = await ask(engine, own("x [[simulate: words=2]]", stream=False))

    original = chunks[0].original
    assert original is not None
    assert (original.dialect, original.event) == (openai_responses.NAME, "message")
    assert orjson.loads(original.data)["output"][0]["content"][0]["text"] == "word1 word2"
    assert (facts.mode, facts.finish_reason) == (Mode.NATIVE, "stop")


async def test_a_stream_that_came_in_one_piece_is_an_answer_all_the_same(
    world: World, session: aiohttp.ClientSession
) -> None:
    engine, _ = engine_of(both_ways(world, session))

    chunks, facts, problem = await ask(engine, own("x [[simulate: gateway-json]]"))

    collector = Collector()
    collector.feed(chunks)
    assert (problem, facts.via, facts.attempts) == (None, "gateway", 1)
    assert collector.reply().text
    assert {chunk.original for chunk in chunks} == {None}  # it is no event of a stream
    assert facts.usage_source is UsageSource.REPORTED


@pytest.mark.parametrize(
    ("passes", "original"),
    [("openai_chat", None), (openai_responses.NAME, None), ("openai_chat", "own")],
)
async def test_what_is_not_whole_in_these_words_asks_for_a_completion(
    world: World, session: aiohttp.ClientSession, passes: str, original: str | None
) -> None:
    asked = own()
    kept = asked.original if original else None
    engine, _ = engine_of(direct(world, session))

    await ask(engine, replace(asked, passes=passes, original=kept))

    [seen] = world.openai.requests
    assert seen.path == "/openai/v1/chat/completions"
    assert seen.json["messages"] == [{"role": "user", "content": "hello"}]


async def test_completions_are_asked_as_ever_beside_them(
    world: World, session: aiohttp.ClientSession
) -> None:
    engine, _ = engine_of(direct(world, session))
    plain = replace(own(), passes=openai_chat.NAME, original=None)

    for request in (own(), plain, own(stream=False), replace(plain, stream=False)):
        chunks, facts, problem = await ask(engine, request)
        assert (problem, facts.mode) == (None, Mode.NATIVE)
        assert {chunk.original.dialect for chunk in chunks if chunk.original} == {request.passes}

    paths = [seen.path.removeprefix("/openai/v1") for seen in world.openai.requests]
    assert paths == ["/responses", "/chat/completions"] * 2


# -- the gateway -----------------------------------------------------------------------------------


async def test_the_gateway_is_told_the_same_of_them(
    world: World, session: aiohttp.ClientSession
) -> None:
    engine, _ = engine_of(both_ways(world, session))

    _, facts, problem = await ask(engine, own("x [[simulate: words=3]]"))

    log = world.gateway.logs[-1]
    assert (problem, facts.via, facts.mode) == (None, "gateway", Mode.NATIVE)
    assert (log.path, log.metadata["req"]) == ("responses", "req_1")
    assert facts.log_id == log.id


@pytest.mark.parametrize("fault", ["gateway-status=524", "gateway-reset", "gateway=2002"])
async def test_a_gateway_that_is_in_the_way_is_gone_round(
    world: World, session: aiohttp.ClientSession, fault: str
) -> None:
    engine, witness = engine_of(both_ways(world, session))

    chunks, facts, problem = await ask(engine, own(f"x [[simulate: {fault}]]"))

    assert (problem, facts.via, len(witness.fallbacks)) == (None, "direct", 1)
    assert any(chunk.content for chunk in chunks)
    assert {seen.path for seen in world.openai.requests} == {"/openai/v1/responses"}


async def test_a_policys_refusal_is_never_gone_round(
    world: World, session: aiohttp.ClientSession
) -> None:
    engine, _ = engine_of(both_ways(world, session))

    _, facts, problem = await ask(engine, own("x [[simulate: gateway=2016]]"))

    assert problem is not None
    assert (problem.sign, facts.via, len(world.openai.requests)) == (
        Sign.GATEWAY_POLICY,
        "gateway",
        0,
    )


BLOCKED = orjson.dumps(
    {"success": False, "error": [{"code": 2016}], "name": "AiGatewayError", "internalCode": 2016}
)
HEAD = b"HTTP/1.1 200 OK\r\nContent-Type: %b\r\nConnection: close\r\n\r\n%b"


@pytest.mark.parametrize("stream", [True, False], ids=["stream", "whole"])
@pytest.mark.parametrize(
    "answered",
    [
        HEAD % (b"application/json", BLOCKED),
        HEAD % (b"text/event-stream", b"data: %b\n\n" % BLOCKED),
        HEAD % (b"text/event-stream", b"event: error\ndata: %b\n\n" % BLOCKED),
    ],
)
async def test_a_policys_refusal_inside_a_200_is_one(
    session: aiohttp.ClientSession, answered: bytes, stream: bool
) -> None:
    async with raw_upstream(answered, hang_up=True) as gateway:
        engine, _ = engine_of(provider_of(session, gateway=Road(gateway.url, KEY, Gateway())))

        _, _, problem = await ask(engine, own(stream=stream))

    assert problem is not None
    assert problem.sign is Sign.GATEWAY_POLICY


# -- until something is said -----------------------------------------------------------------------


async def test_what_breaks_before_a_word_is_asked_again(
    world: World, session: aiohttp.ClientSession
) -> None:
    engine, _ = engine_of(direct(world, session))
    world.openai.hold()
    asking = asyncio.ensure_future(ask(engine, own()))
    says = Frames()
    first = await world.openai.pen(0)
    await first.say(says.created(), says.in_progress(), *says.begin_message())
    await first.cut()
    says, second = Frames(), await world.openai.pen(1)
    await second.say(says.created(), says.delta("one"))
    await second.finish()

    chunks, facts, problem = await asking

    assert (problem, facts.attempts) == (None, 2)
    texts = [e.text for c in chunks for e in c.events if isinstance(e, TextDelta)]
    assert texts == ["one"]


async def test_a_call_is_a_word_too(world: World, session: aiohttp.ClientSession) -> None:
    engine, _ = engine_of(direct(world, session))
    world.openai.hold()
    asking = asyncio.ensure_future(ask(engine, own()))
    says, pen = Frames(), await world.openai.pen()
    await pen.say(says.created(), *list(says.call("call_1", "now", "{}"))[:2])
    await pen.cut()

    chunks, facts, problem = await asking

    assert problem is not None
    assert (problem.sign, facts.attempts) == (Sign.CUT, 1)
    events = [event for chunk in chunks for event in chunk.events]
    assert events[1:] == [ToolStarted(0, "call_1", "now"), ToolDelta(0, "{}")]


# -- refusals, and what is not learned from them ---------------------------------------------------


async def test_a_callers_mistake_is_told_and_not_asked_again(
    world: World, session: aiohttp.ClientSession
) -> None:
    engine, _ = engine_of(direct(world, session))

    _, facts, problem = await ask(engine, own(max_output_tokens=1))

    assert problem is not None
    assert (problem.kind, problem.status, problem.code) == (
        Kind.BAD_REQUEST,
        400,
        "integer_below_min_value",
    )
    assert facts.attempts == 1


@pytest.mark.parametrize("named", ["max_tokens", "max_completion_tokens"])
async def test_no_caller_teaches_what_a_model_takes(
    world: World, session: aiohttp.ClientSession, named: str
) -> None:
    """A parameter of completions is refused here whatever the model: it says nothing about it."""
    openai = direct(world, session)
    engine, _ = engine_of(openai)
    before = openai.traits("gpt-4o")

    _, _, problem = await ask(engine, own(**{named: 50}))

    assert problem is not None
    assert (problem.at, len(world.openai.requests)) == (named, 1)
    assert openai.traits("gpt-4o") == before


async def test_what_stands_in_is_told_in_our_words_for_it_names_itself(
    world: World, session: aiohttp.ClientSession
) -> None:
    engine, _ = engine_of(direct(world, session), fallbacks=("openai/gpt-4o-mini",))
    world.openai.faults.append(read_fault("quota"))

    chunks, facts, problem = await ask(engine, own())

    assert (problem, facts.mode, facts.model_used) == (None, Mode.TRANSLATED, "openai/gpt-4o-mini")
    events = [event for chunk in chunks for event in chunk.events]
    assert isinstance(events[0], Started)
    assert events[0].model == "openai/gpt-4o"
    assert events[-1] == Finished(FinishReason.STOP)
    assert {chunk.original for chunk in chunks} == {None}
