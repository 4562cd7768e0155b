"""Each way a whole completion can be incomplete is on the wire what its name says."""

from typing import Any

import aiohttp
import orjson
import pytest

from bff.simulators.world import World
from tests.support.chat import question

KEY = {"Authorization": "Bearer key"}
PICTURE = {"type": "image_url", "image_url": {"url": "data:image/png;base64,AAAA"}}


async def ask(
    session: aiohttp.ClientSession, url: str, fault: str, **more: Any
) -> tuple[int, bytes]:
    asked = question(f"x [[simulate: words=3,{fault}]]", stream=False, **more)
    async with session.post(url, json=asked, headers=KEY) as response:
        return response.status, await response.read()


@pytest.mark.parametrize("fault", ["no-usage", "no-choices", "empty-choices", "error-object"])
async def test_what_a_completion_lacks_is_all_it_lacks(
    openai_url: str, session: aiohttp.ClientSession, fault: str
) -> None:
    status, body = await ask(session, openai_url, fault)

    told = orjson.loads(body)
    assert status == 200
    assert ("usage" in told) is (fault in ("no-choices", "empty-choices"))
    assert ("error" in told) is (fault == "error-object")
    choices = told.get("choices", "none")
    if fault == "no-usage":
        assert choices[0]["message"]["content"] == "word1 word2 word3"
    else:
        assert choices == ([] if fault == "empty-choices" else "none")


async def test_a_half_completion_is_a_200_that_is_no_json(
    openai_url: str, session: aiohttp.ClientSession
) -> None:
    status, body = await ask(session, openai_url, "not-json")

    assert status == 200
    with pytest.raises(orjson.JSONDecodeError):
        orjson.loads(body)


async def test_the_gateway_passes_an_incomplete_completion_on(
    world: World, session: aiohttp.ClientSession
) -> None:
    url = f"{world.gateway_url}/account/gateway/openai/chat/completions"
    status, body = await ask(session, url, "no-choices")

    assert (status, "choices" in orjson.loads(body)) == (200, False)
    assert world.gateway.logs[-1].tokens_out > 0


async def test_a_picture_is_a_part_like_another(
    openai_url: str, session: aiohttp.ClientSession
) -> None:
    content = [{"type": "text", "text": "x [[simulate: words=2]]"}, PICTURE]
    asked = question(stream=False, messages=[{"role": "user", "content": content}])
    async with session.post(openai_url, json=asked, headers=KEY) as response:
        told = await response.json()

    assert told["choices"][0]["message"]["content"] == "word1 word2"
