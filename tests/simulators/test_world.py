"""One port for everybody, and an end that leaves nothing open."""

import aiohttp
import pytest
from aiohttp import web

from bff.simulators.openai.simulator import OpenAISimulator
from bff.simulators.world import open_world
from tests.support.chat import question


class Site:
    def app(self) -> web.Application:
        app = web.Application()
        app.router.add_get("/install-keys/{kid}", self._key)
        return app

    async def _key(self, request: web.Request) -> web.Response:
        return web.Response(text=request.match_info["kid"])


async def test_everybody_has_an_address_of_their_own() -> None:
    openai = OpenAISimulator(keys={"mine"})

    async with (
        open_world(atlassian=Site(), openai=openai) as world,
        aiohttp.ClientSession() as session,
    ):
        async with session.get(f"{world.install_keys_url}/k1") as response:
            assert await response.text() == "k1"
        async with session.get(
            f"{world.openai_url}/models", headers={"Authorization": "Bearer mine"}
        ) as response:
            assert response.status == 200
        assert world.openai is openai
        assert world.atlassian_url == f"{world.url}/atlassian"


async def test_a_port_that_is_taken_is_an_error() -> None:
    async with open_world() as world:
        port = int(world.url.rpartition(":")[2])
        with pytest.raises(OSError, match="address"):
            async with open_world(port=port):
                pass  # pragma: no cover


async def test_the_world_ends_while_an_answer_hangs() -> None:
    asked = question("[[simulate: hang-after=0]]")
    async with aiohttp.ClientSession() as session:
        async with open_world() as world:
            response = await session.post(
                f"{world.openai_url}/chat/completions",
                json=asked,
                headers={"Authorization": "Bearer key"},
            )
        with pytest.raises(aiohttp.ClientError):
            await response.read()

    assert world.openai.answering == 0


async def test_each_chunk_waits_as_long_as_it_is_told() -> None:
    async with open_world(delay_s=0.01) as world, aiohttp.ClientSession() as session:
        asked = question("[[simulate: words=2]]")
        url = f"{world.openai_url}/chat/completions"
        async with session.post(
            url, json=asked, headers={"Authorization": "Bearer key"}
        ) as response:
            first = await response.content.readany()

    assert first.count(b"data: ") == 1
