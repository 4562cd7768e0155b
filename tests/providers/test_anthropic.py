"""The provider alone against the simulator: what is asked, under which headers, and how it is read."""

import asyncio
from collections.abc import AsyncIterator
from dataclasses import replace
from typing import Any

import aiohttp
import orjson
import pytest

from bff.chat.reply import Collector, Reply
from bff.chat.request import ChatRequest, Foreign, Format, Message, Role, Shape, Tags, Tool
from bff.dialects.anthropic_messages import NAME
from bff.errors import Kind, Problem, Said, Sign
from bff.policy.deadline import Timers
from bff.providers._pool import Pool
from bff.providers._vendor import Means, Road
from bff.providers.anthropic import Anthropic
from bff.providers.cloudflare import Gateway
from bff.simulators.anthropic import frames
from bff.simulators.anthropic.simulator import AnthropicSimulator
from bff.simulators.world import World, open_world

TAGS = Tags("anthropic", "t:1", "u:1", "-", "req_1")
QUESTION = ChatRequest("anthropic/claude-x", (Message(Role.USER, "hello"),), TAGS)
KEY = {"x-api-key": "key"}
MODEL = "claude-sonnet-4-5"


@pytest.fixture
async def world() -> AsyncIterator[World]:
    async with open_world() as world:
        yield world


@pytest.fixture
async def session() -> AsyncIterator[aiohttp.ClientSession]:
    async with aiohttp.ClientSession() as session:
        yield session


@pytest.fixture
def vendor(world: World) -> AnthropicSimulator:
    vendor = world.vendors["anthropic"]
    assert isinstance(vendor, AnthropicSimulator)
    return vendor


@pytest.fixture
def anthropic(world: World, session: aiohttp.ClientSession) -> Anthropic:
    roads = {
        "direct": Road(world.url_of("anthropic"), KEY),
        "gateway": Road(f"{world.gateway_url}/a/g/anthropic", KEY, Gateway()),
    }
    return Anthropic(Means(session, Pool(100, patience_s=5), Timers(), event_limit=2**20), roads)


async def answer(
    anthropic: Anthropic, question: ChatRequest, *, model: str = MODEL, via: str = "direct"
) -> tuple[Reply, list[Any], tuple[str, ...]]:
    """The reply, the originals, and what was not told."""
    deadline = asyncio.get_running_loop().time() + 10
    collector, originals = Collector(), []
    async with anthropic.stream(question, model=model, via=via, deadline=deadline) as upstream:
        async for batch in upstream.batches:
            collector.feed(batch)
            originals += [chunk.original for chunk in batch if chunk.original]
    return collector.reply(), originals, upstream.ignored


@pytest.mark.parametrize("stream", [True, False])
@pytest.mark.parametrize("via", ["direct", "gateway"])
async def test_it_is_asked_with_its_key_its_version_and_a_limit(
    anthropic: Anthropic, vendor: AnthropicSimulator, stream: bool, via: str
) -> None:
    reply, originals, _ = await answer(anthropic, replace(QUESTION, stream=stream), via=via)

    asked = vendor.requests[-1]
    assert reply.text is not None
    assert reply.text.startswith("## Hello!")
    assert (asked.headers["x-api-key"], asked.headers["anthropic-version"]) == ("key", "2023-06-01")
    assert (asked.path, asked.json["max_tokens"]) == ("/anthropic/v1/messages", 64_000)
    assert [original.dialect for original in originals] == [NAME] * len(originals)
    assert len(originals) == 1 or stream


async def test_a_callers_own_body_goes_out_under_the_callers_version(
    anthropic: Anthropic, vendor: AnthropicSimulator
) -> None:
    own = {"model": "alias", "max_tokens": 9, "messages": [{"role": "user", "content": "hi"}]}
    headers = {"anthropic-version": "2026-10-21", "anthropic-beta": "a-1,b-2"}
    question = replace(QUESTION, original=Foreign(NAME, own), headers=headers, stream=False)

    await answer(anthropic, question)
    await answer(anthropic, replace(question, original=None))

    passed, written = vendor.requests
    assert passed.json == {**own, "model": MODEL}
    assert passed.headers["anthropic-version"] == "2026-10-21"
    assert passed.headers["anthropic-beta"] == "a-1,b-2"
    assert written.headers["anthropic-version"] == "2023-06-01"
    assert "anthropic-beta" not in written.headers


@pytest.mark.parametrize("via", ["direct", "gateway"])
async def test_a_callers_own_bytes_headers_and_query_reach_it_unchanged(
    anthropic: Anthropic, vendor: AnthropicSimulator, via: str
) -> None:
    vendor.strict = False
    body = b'{ "odd": {"n":1.0, "model":"x"}, "model" : "alias","max_tokens":9, "messages":'
    body += b'[{"role":"user","content":"\\u0068i"}] }'
    headers = {"anthropic-tomorrow": "a;b", "x-claude-code-session-id": "s", "x-app": "cli"}
    question = replace(
        QUESTION,
        original=Foreign(NAME, orjson.loads(body)),
        body=body,
        headers=headers,
        query="beta=true",
        stream=False,
    )

    await answer(anthropic, question, via=via)
    await answer(anthropic, replace(question, original=None), via=via)

    passed, written = vendor.requests
    assert passed.body == body.replace(b'"alias"', f'"{MODEL}"'.encode())
    assert passed.path == "/anthropic/v1/messages?beta=true"
    assert headers.items() <= {n.lower(): v for n, v in passed.headers.items()}.items()
    assert passed.headers["x-api-key"] == "key"
    assert written.path == "/anthropic/v1/messages"
    assert not headers.keys() & {name.lower() for name in written.headers}


@pytest.mark.parametrize("via", ["direct", "gateway"])
async def test_it_counts_what_is_asked_in_its_own_words(
    anthropic: Anthropic, vendor: AnthropicSimulator, via: str
) -> None:
    body = b'{"model" : "alias", "messages":[{"role":"user","content":"one two three"}]}'
    question = replace(
        QUESTION,
        original=Foreign(NAME, orjson.loads(body)),
        body=body,
        headers={"anthropic-tomorrow": "a"},
        query="beta=true",
        stream=False,
    )
    deadline = asyncio.get_running_loop().time() + 10

    counted = await anthropic.count(question, model=MODEL, via=via, deadline=deadline)

    [seen] = vendor.requests
    assert counted is not None
    assert counted.original is not None
    assert counted.tokens == orjson.loads(counted.original.data)["input_tokens"] > 0
    assert seen.body == body.replace(b'"alias"', f'"{MODEL}"'.encode())
    assert seen.path == "/anthropic/v1/messages/count_tokens?beta=true"
    assert seen.headers["anthropic-tomorrow"] == "a"
    assert seen.headers["x-api-key"] == "key"


async def test_it_does_not_count_what_is_asked_in_other_words(
    anthropic: Anthropic, vendor: AnthropicSimulator
) -> None:
    assert await anthropic.count(QUESTION, model=MODEL, via="direct", deadline=0) is None
    assert not vendor.requests


async def test_what_it_cannot_be_told_is_named(anthropic: Anthropic) -> None:
    question = replace(QUESTION, temperature=0.5, top_p=0.5, effort="low", others={"seed": 1})

    older = await answer(anthropic, question)
    newest = await answer(anthropic, question, model="claude-opus-4-7")

    assert older[2] == ("top_p", "reasoning_effort", "seed")
    assert newest[2] == ("temperature", "top_p", "seed")


@pytest.mark.parametrize("stream", [True, False])
async def test_calls_come_back_under_the_names_they_have_with_the_caller(
    anthropic: Anthropic, vendor: AnthropicSimulator, stream: bool
) -> None:
    question = replace(
        QUESTION,
        messages=(Message(Role.USER, 'use n_ow {"a":1}'),),
        tools=(Tool("n.ow"),),
        stream=stream,
    )

    reply, originals, _ = await answer(anthropic, question)

    [call] = reply.calls
    assert (call.name, call.arguments) == ("n.ow", '{"a":1}')
    assert vendor.requests[-1].json["tools"][0]["name"] == "n_ow"
    assert originals == []


@pytest.mark.parametrize("stream", [True, False])
async def test_an_older_model_answers_by_a_schema_in_text(
    anthropic: Anthropic, stream: bool
) -> None:
    schema = {"type": "object", "properties": {}}
    question = replace(
        QUESTION,
        messages=(Message(Role.USER, 'fill form {"a":1}'),),
        format=Format(Shape.SCHEMA, schema, "form"),
        stream=stream,
    )

    reply, _, _ = await answer(anthropic, question, model="claude-3-haiku-20240307")

    assert (reply.text, reply.calls, str(reply.reason)) == ('{"a":1}', (), "stop")


async def test_what_it_says_of_asking_again_is_heard(
    anthropic: Anthropic, vendor: AnthropicSimulator
) -> None:
    for fault, kind, again in (
        ("status=529,retry-after=3", Kind.OVERLOADED, True),
        ("quota", Kind.UPSTREAM_AUTH, False),
    ):
        asked = (Message(Role.USER, f"x [[simulate: {fault}]]"),)
        with pytest.raises(Problem) as caught:
            await answer(anthropic, replace(QUESTION, messages=asked))

        assert (caught.value.kind, caught.value.should_retry) == (kind, again)
    assert len(vendor.requests) == 2


@pytest.mark.parametrize("via", ["direct", "gateway"])
async def test_what_it_refuses_with_is_kept_to_the_byte_with_the_headers_its_callers_read(
    anthropic: Anthropic, vendor: AnthropicSimulator, via: str
) -> None:
    asked = (Message(Role.USER, "x [[simulate: status=529,retry-after=3]]"),)
    with pytest.raises(Problem) as caught:
        await answer(anthropic, replace(QUESTION, messages=asked), via=via)

    said = caught.value.original
    assert said is not None
    told = orjson.loads(said.body)
    assert (said.dialect, said.status, told["error"]["type"]) == (NAME, 529, "overloaded_error")
    assert said.headers["request-id"] == told["request_id"]
    assert (said.headers["retry-after"], said.headers["x-should-retry"]) == ("3", "true")
    assert "anthropic-ratelimit-requests-limit" in said.headers
    assert "anthropic-organization-id" not in said.headers


@pytest.mark.parametrize("fault", ["gateway=2003", "gateway=7013", "gateway-status=502"])
async def test_what_the_gateway_refuses_with_is_not_anthropics(
    anthropic: Anthropic, fault: str
) -> None:
    asked = (Message(Role.USER, f"x [[simulate: {fault}]]"),)
    with pytest.raises(Problem) as caught:
        await answer(anthropic, replace(QUESTION, messages=asked), via="gateway")

    assert caught.value.original is None


async def test_an_error_in_the_stream_is_kept_to_the_byte(
    anthropic: Anthropic, vendor: AnthropicSimulator
) -> None:
    vendor.hold()
    asking = asyncio.ensure_future(answer(anthropic, QUESTION))
    pen = await vendor.pen()
    error = b'{"type":"error", "error":{"type":"overloaded_error","message":"Busy","odd":1}}'
    await pen.say(frames.start(), b"event: error\ndata: " + error + b"\n\n")
    with pytest.raises(Problem) as caught:
        await asking

    assert caught.value.original == Said(NAME, 0, error)


@pytest.mark.parametrize("stream", [True, False])
async def test_the_headers_its_callers_read_go_along_with_an_answer(
    anthropic: Anthropic, stream: bool
) -> None:
    question = replace(QUESTION, stream=stream)
    deadline = asyncio.get_running_loop().time() + 10
    async with anthropic.stream(question, model=MODEL, via="direct", deadline=deadline) as upstream:
        passed = upstream.passed

    assert passed["request-id"] == upstream.headers["request-id"]
    assert all(name == "request-id" or name.startswith("anthropic-rate") for name in passed)


async def test_a_message_for_a_stream_is_read_all_the_same(anthropic: Anthropic) -> None:
    asked = (Message(Role.USER, "x [[simulate: words=2,json]]"),)

    reply, originals, _ = await answer(anthropic, replace(QUESTION, messages=asked))

    assert (reply.text, originals) == ("word1 word2", [])


async def test_a_page_is_no_answer(anthropic: Anthropic) -> None:
    asked = (Message(Role.USER, "x [[simulate: html]]"),)

    with pytest.raises(Problem) as caught:
        await answer(anthropic, replace(QUESTION, messages=asked))

    assert caught.value.sign is Sign.NOT_AN_ANSWER


async def test_silence_after_the_end_is_not_waited_out(
    anthropic: Anthropic, vendor: AnthropicSimulator
) -> None:
    """The reason has come: what is missing is only the farewell."""
    vendor.hold()
    asking = asyncio.ensure_future(answer(anthropic, QUESTION))
    pen = await vendor.pen()
    await pen.say(frames.start(), frames.text_start(), frames.delta("hi"), frames.finish())
    await pen.end()

    assert (await asking)[0].text == "hi"


def test_it_may_take_ten_minutes_or_what_the_settings_say(session: Any) -> None:
    def total(seconds: float) -> float:
        means = Means(session, Pool(1, patience_s=1), Timers(total=seconds))
        return Anthropic(means, {}).timers(QUESTION, MODEL).total

    assert (total(900), total(60)) == (600, 60)
