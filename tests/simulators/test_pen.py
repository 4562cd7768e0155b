"""Holding the pen: a test says each frame, and knows when it is on the wire."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import aiohttp
import pytest

from bff.simulators.openai.simulator import (
    DONE,
    OpenAISimulator,
    delta,
    error_frame,
    finish,
    role,
    usage,
)
from bff.simulators.world import open_world
from tests.support import raw_http
from tests.support.chat import question, text

KEY = {"Authorization": "Bearer key"}


@asynccontextmanager
async def asking(session: aiohttp.ClientSession, url: str) -> AsyncIterator[aiohttp.ClientResponse]:
    async with session.post(url, json=question(), headers=KEY) as response:
        yield response


async def test_what_is_said_arrives_frame_by_frame(
    openai: OpenAISimulator, openai_url: str, session: aiohttp.ClientSession
) -> None:
    openai.hold()
    await openai.say(role())  # before anybody asked

    async with asking(session, openai_url) as response:
        assert await response.content.readany() == role()
        await openai.say(delta("one"))
        assert await response.content.readany() == delta("one")
        await openai.say(usage(), error_frame())
        await openai.finish()
        rest = await response.content.read()

    assert rest == usage() + error_frame() + finish() + DONE
    assert not openai.hung_up.is_set()


async def test_a_held_answer_can_be_cut(openai: OpenAISimulator, openai_url: str) -> None:
    openai.hold()
    await openai.say(delta("one"))
    await openai.cut()

    answer = await raw_http.post(openai_url, question())

    assert answer.reset
    assert answer.chunks == [delta("one")]
    assert not openai.hung_up.is_set()


async def test_a_cut_before_anything_is_said_comes_before_the_headers(
    openai: OpenAISimulator, openai_url: str
) -> None:
    openai.hold()
    await openai.cut()

    assert await raw_http.post(openai_url, question()) == raw_http.RawAnswer(b"", reset=True)


async def test_it_is_known_when_the_client_hung_up(
    openai: OpenAISimulator, openai_url: str, session: aiohttp.ClientSession
) -> None:
    openai.hold()
    async with asyncio.TaskGroup() as tasks:
        tasks.create_task(openai.say(delta("one")))
        async with asking(session, openai_url) as response:
            await response.content.readany()
            assert openai.answering == 1

    await openai.hung_up.wait()
    await openai.idle()
    await openai.say(delta("nobody hears this"))


async def test_several_held_requests_have_a_pen_each(
    openai: OpenAISimulator, openai_url: str
) -> None:
    openai.hold()
    async with asyncio.TaskGroup() as tasks:
        first = tasks.create_task(raw_http.post(openai_url, question("1")))
        one = await openai.pen(0)
        second = tasks.create_task(raw_http.post(openai_url, question("2")))
        two = await openai.pen(1)
        await two.say(delta("to the second"))
        await openai.say(delta("to the first"))
        await two.finish()
        await one.finish()

    assert text(first.result().body) == "to the first"
    assert text(second.result().body) == "to the second"
    assert two.request.json["messages"][0]["content"] == "2"


async def test_headers_can_be_chosen(openai: OpenAISimulator, openai_url: str) -> None:
    openai.hold()
    async with asyncio.TaskGroup() as tasks:
        asked = tasks.create_task(raw_http.post(openai_url, question()))
        pen = await openai.pen()
        await pen.begin(503, {"Content-Type": "application/json"})
        await pen.say(b"{}")
        await pen.end()

    assert asked.result().head.startswith(b"HTTP/1.1 503")
    assert asked.result().body == b"{}"


async def test_after_release_the_model_answers_again(
    openai: OpenAISimulator, openai_url: str
) -> None:
    openai.hold()
    openai.release()

    assert "Hello" in text((await raw_http.post(openai_url, question())).body)


async def test_the_end_of_the_world_ends_held_answers() -> None:
    async with aiohttp.ClientSession() as session:
        async with open_world() as world:
            world.openai.hold()
            await world.openai.say(delta("one"))
            response = await session.post(
                f"{world.openai_url}/chat/completions", json=question(), headers=KEY
            )
            assert await response.content.readany() == delta("one")
        with pytest.raises(aiohttp.ClientError):
            await response.read()

    assert world.openai.answering == 0
    assert not world.openai.hung_up.is_set()
