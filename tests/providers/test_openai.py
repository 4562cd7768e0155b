"""The provider alone against the simulator: what is asked, how often, and what is left open."""

import asyncio
from collections.abc import AsyncIterator
from dataclasses import replace

import aiohttp
import orjson
import pytest

from bff.chat.events import TextDelta
from bff.chat.request import ChatRequest, Foreign, Message, Role, Tags
from bff.errors import Problem, Sign
from bff.policy.deadline import Timers
from bff.providers import _openai_words
from bff.providers._pool import Pool
from bff.providers._vendor import Means, Road
from bff.providers.cloudflare import Gateway
from bff.providers.openai import OpenAI
from bff.simulators.openai.simulator import delta
from bff.simulators.world import World, open_world
from tests.support.raw_upstream import raw_upstream

TAGS = Tags("bff", "t:1", "u:1", "-", "req_1")
QUESTION = ChatRequest("openai/gpt-4o", (Message(Role.USER, "hello"),), TAGS, max_tokens=50)
KEY = {"Authorization": "Bearer key"}
REFUSAL = orjson.dumps(
    {"error": {"code": "unsupported_parameter", "param": "max_completion_tokens", "message": "x"}}
)


@pytest.fixture
async def world() -> AsyncIterator[World]:
    async with open_world() as world:
        yield world


@pytest.fixture
async def session() -> AsyncIterator[aiohttp.ClientSession]:
    async with aiohttp.ClientSession() as session:
        yield session


def provider(
    session: aiohttp.ClientSession, *, timers: Timers | None = None, **roads: Road
) -> OpenAI:
    return OpenAI(
        Means(session, Pool(100, patience_s=5), timers or Timers(), event_limit=2**20), roads
    )


async def answer(
    openai: OpenAI, *, model: str = "gpt-4o", via: str = "direct", question: ChatRequest = QUESTION
) -> str:
    deadline = asyncio.get_running_loop().time() + 10
    async with openai.stream(question, model=model, via=via, deadline=deadline) as upstream:
        return "".join(
            [
                event.text
                async for batch in upstream.batches
                for chunk in batch
                for event in chunk.events
                if isinstance(event, TextDelta)
            ]
        )


@pytest.mark.parametrize(
    ("model", "field"), [("gpt-4o", "max_tokens"), ("o3", "max_completion_tokens")]
)
async def test_the_limit_has_the_name_the_model_knows(
    world: World, session: aiohttp.ClientSession, model: str, field: str
) -> None:
    openai = provider(session, direct=Road(world.openai_url, KEY))

    assert await answer(openai, model=model)
    assert world.openai.requests[-1].json[field] == 50


async def test_a_server_that_knows_the_other_name_only_is_asked_again_once_and_remembered(
    world: World, session: aiohttp.ClientSession
) -> None:
    openai = provider(session, direct=Road(world.openai_url, KEY))
    world.openai.hold()
    asking = asyncio.ensure_future(answer(openai, model="old-model"))
    first = await world.openai.pen(0)
    await first.begin(400, {"Content-Type": "application/json"})
    await first.say(REFUSAL)
    await first.end()
    second = await world.openai.pen(1)
    await second.say(delta("hi"))
    await second.finish()

    assert await asking == "hi"
    asking = asyncio.ensure_future(answer(openai, model="old-model"))
    third = await world.openai.pen(2)
    await third.say(delta("again"))
    await third.finish()
    assert await asking == "again"
    fields = [
        {"max_tokens", "max_completion_tokens"} & set(request.json)
        for request in world.openai.requests
    ]
    assert fields == [{"max_completion_tokens"}, {"max_tokens"}, {"max_tokens"}]


OTHER_REFUSAL = REFUSAL.replace(b"max_completion_tokens", b"max_tokens")
LOST = orjson.dumps({"error": {"code": "unsupported_parameter", "param": "seed", "message": "x"}})


async def _refuse(world: World, number: int, refusal: bytes) -> None:
    pen = await world.openai.pen(number)
    await pen.begin(400, {"Content-Type": "application/json"})
    await pen.say(refusal)
    await pen.end()


async def test_a_limit_in_the_callers_own_words_is_renamed_where_it_is_refused(
    world: World, session: aiohttp.ClientSession
) -> None:
    openai = provider(session, direct=Road(world.openai_url, KEY))
    own = {"model": "m", "messages": [{"role": "user", "content": "x"}], "max_tokens": 9}
    question = replace(QUESTION, original=Foreign("openai_chat", own))
    world.openai.hold()
    asking = asyncio.ensure_future(answer(openai, model="new-model", question=question))
    await _refuse(world, 0, OTHER_REFUSAL)
    second = await world.openai.pen(1)
    await second.say(delta("hi"))
    await second.finish()

    assert await asking == "hi"
    limits = [
        {
            name: request.json[name]
            for name in ("max_tokens", "max_completion_tokens")
            if name in request.json
        }
        for request in world.openai.requests
    ]
    assert limits == [{"max_tokens": 9}, {"max_completion_tokens": 9}]


async def test_what_refuses_both_names_is_asked_three_times_and_no_more(
    world: World, session: aiohttp.ClientSession
) -> None:
    openai = provider(session, direct=Road(world.openai_url, KEY))
    world.openai.hold()
    asking = asyncio.ensure_future(answer(openai, model="new-model"))
    for number, refusal in enumerate([REFUSAL, OTHER_REFUSAL, REFUSAL]):
        await _refuse(world, number, refusal)

    with pytest.raises(Problem) as refused:
        await asking
    assert (refused.value.status, len(world.openai.requests)) == (400, 3)


async def test_what_cannot_be_left_out_is_not_asked_again(
    world: World, session: aiohttp.ClientSession
) -> None:
    openai = provider(session, direct=Road(world.openai_url, KEY))
    world.openai.hold()
    asking = asyncio.ensure_future(answer(openai, model="new-model"))
    await _refuse(world, 0, LOST)

    with pytest.raises(Problem) as refused:
        await asking
    assert (refused.value.at, len(world.openai.requests)) == ("seed", 1)


async def test_what_was_learned_of_models_that_callers_name_does_not_grow_for_ever(
    world: World, session: aiohttp.ClientSession, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(_openai_words, "_LEARNED_MOST", 1)
    openai = provider(session, direct=Road(world.openai_url, KEY))
    world.openai.hold()
    for number, model in enumerate(["one", "two"]):
        asking = asyncio.ensure_future(answer(openai, model=model))
        await _refuse(world, 2 * number, REFUSAL)
        pen = await world.openai.pen(2 * number + 1)
        await pen.say(delta("hi"))
        await pen.finish()
        await asking

    fields = [openai.traits(model).limit_field for model in ("one", "two")]
    assert fields == ["max_completion_tokens", "max_tokens"]


@pytest.mark.parametrize("refused", ["max_completion_tokens", "stream_options"])
async def test_whoever_is_refused_while_another_learns_is_asked_for_again_too(
    world: World, session: aiohttp.ClientSession, refused: str
) -> None:
    openai = provider(session, direct=Road(world.openai_url, KEY))
    world.openai.hold()
    asking = [asyncio.ensure_future(answer(openai, model="old-model")) for _ in range(3)]
    pens = [await world.openai.pen(number) for number in range(3)]
    for pen in pens:
        await pen.begin(400, {"Content-Type": "application/json"})
        await pen.say(REFUSAL.replace(b"max_completion_tokens", refused.encode()))
        await pen.end()
    for number in range(3, 6):
        pen = await world.openai.pen(number)
        await pen.say(delta("hi"))
        await pen.finish()

    assert await asyncio.gather(*asking) == ["hi"] * 3
    again = list(world.openai.requests)[3:]
    assert not [request for request in again if refused in request.json]


async def test_the_line_is_used_again_after_a_whole_answer(
    world: World, session: aiohttp.ClientSession
) -> None:
    openai = provider(session, direct=Road(world.openai_url, KEY))

    for _ in range(3):
        await answer(openai)

    connector = session.connector
    assert connector is not None
    assert [len(free) for free in connector._conns.values()] == [1]


async def test_a_stored_key_means_that_no_authorization_is_sent_at_all(
    world: World, session: aiohttp.ClientSession
) -> None:
    world.gateway.token = "run-token"
    world.gateway.stored_keys = {"default": "stored"}
    base = Road(f"{world.gateway_url}/a/g/openai", gateway=Gateway("run-token"))
    openai = provider(session, gateway=base)

    assert await answer(openai, via="gateway")


async def test_an_authenticated_gateway_without_its_token_is_our_own_fault(
    world: World, session: aiohttp.ClientSession
) -> None:
    world.gateway.token = "run-token"
    openai = provider(session, gateway=Road(f"{world.gateway_url}/a/g/openai", KEY, Gateway()))

    with pytest.raises(Problem) as caught:
        await answer(openai, via="gateway")

    assert (caught.value.sign, caught.value.status) == (Sign.GATEWAY_CONFIG, 401)


async def test_a_wait_that_is_not_ours_does_not_count_as_silence(
    world: World, session: aiohttp.ClientSession
) -> None:
    """A reader busy elsewhere for longer than the idle limit finds the answer where it left it."""
    openai = provider(
        session, timers=replace(Timers(), idle=0.05), direct=Road(world.openai_url, KEY)
    )
    world.openai.hold()
    await world.openai.say(delta("one"))
    deadline = asyncio.get_running_loop().time() + 10
    async with openai.stream(QUESTION, model="gpt-4o", via="direct", deadline=deadline) as upstream:
        first = await anext(upstream.batches)
        busy = asyncio.Event()
        asyncio.get_running_loop().call_later(0.2, busy.set)
        await busy.wait()
        await world.openai.say(delta("two"))
        second = await anext(upstream.batches)

    texts = [
        e.text for b in (first, second) for c in b for e in c.events if isinstance(e, TextDelta)
    ]
    assert texts == ["one", "two"]


async def test_a_whole_answer_may_take_longer_to_begin_than_a_stream(
    world: World, session: aiohttp.ClientSession
) -> None:
    timers = Timers(first_byte=0.2)
    openai = provider(session, timers=timers, direct=Road(world.openai_url, KEY))
    slow = (Message(Role.USER, "x [[simulate: words=1,delay-ms=400]]"),)
    streamed = replace(QUESTION, messages=slow, max_tokens=4096)

    with pytest.raises(Problem) as late:
        await answer(openai, question=streamed)

    assert late.value.sign is Sign.NO_FIRST_BYTE
    assert await answer(openai, question=replace(streamed, stream=False)) == "word1"


async def test_the_gateway_is_told_how_long_a_whole_answer_may_take(
    world: World, session: aiohttp.ClientSession
) -> None:
    openai = provider(session, gateway=Road(world.openai_url, KEY, gateway=Gateway()))

    for stream in (True, False):
        await answer(
            openai, via="gateway", question=replace(QUESTION, max_tokens=3000, stream=stream)
        )

    told = [asked.headers.get("cf-aig-request-timeout") for asked in world.openai.requests]
    assert told == ["59000", "179000"]


BLOCKED = orjson.dumps(
    {"success": False, "error": [{"code": 2016}], "name": "AiGatewayError", "internalCode": 2016}
)
CHUNKED = b"Transfer-Encoding: chunked\r\n"


def said(content_type: bytes, body: bytes, headers: bytes = b"") -> bytes:
    head = b"HTTP/1.1 200 OK\r\nContent-Type: %b\r\nConnection: close\r\n%b\r\n"
    return head % (content_type, headers) + body


@pytest.mark.parametrize("hang_up", [False, True], ids=["stalled", "ended"])
@pytest.mark.parametrize(
    "answered",
    [
        said(b"text/plain", BLOCKED),
        said(b"text/plain", BLOCKED, b"Content-Length: %d\r\n" % len(BLOCKED)),
        said(b"application/json", BLOCKED, b"Content-Length: 999\r\n"),
        said(b"text/event-stream", BLOCKED),
        said(b"text/event-stream", BLOCKED + b"\n\n"),
        said(b"text/event-stream", b"data: %b" % BLOCKED),
        said(b"text/event-stream", b"%x\r\ndata: %b\r\n" % (len(BLOCKED) + 6, BLOCKED), CHUNKED),
    ],
)
async def test_a_policys_refusal_is_one_in_whatever_wrapping_it_comes(
    session: aiohttp.ClientSession, answered: bytes, hang_up: bool
) -> None:
    """Else it would pass for a gateway that is in the way, and be gone round."""
    timers = replace(Timers(), idle=0.2)
    async with raw_upstream(answered, hang_up=hang_up) as gateway:
        openai = provider(session, timers=timers, gateway=Road(gateway.url, KEY, Gateway()))

        with pytest.raises(Problem) as caught:
            await answer(openai, via="gateway")

    assert caught.value.sign is Sign.GATEWAY_POLICY


async def test_a_page_is_no_answer_and_no_reason_to_go_round_the_gateway(
    session: aiohttp.ClientSession,
) -> None:
    async with raw_upstream(said(b"text/html", b"<html>"), hang_up=True) as gateway:
        openai = provider(session, gateway=Road(gateway.url, KEY, Gateway()))

        with pytest.raises(Problem) as caught:
            await answer(openai, via="gateway")

    assert caught.value.sign is Sign.NOT_AN_ANSWER
