"""The stand-in for the Node app is like it, faults included: else a rehearsal would prove nothing.

Source: node-bff.md §2, §3, §4.4, §9.
"""

import asyncio
from dataclasses import dataclass

import aiohttp
import pytest
import pytest_asyncio

from bff.simulators.atlassian import AtlassianHost, Forgery
from bff.simulators.openai.frames import delta
from bff.simulators.world import World, open_world
from tests.support.node_server import NodeServer, needs_node, node_environment, open_node_app

pytestmark = [needs_node, pytest.mark.asyncio(loop_scope="module")]

QUESTION = {"messages": [{"author": {"role": "user"}, "content": {"parts": ["Say hello"]}}]}
NO_CACHE = {
    "Strict-Transport-Security": "max-age=31536000",
    "Referrer-Policy": "origin",
    "Surrogate-Control": "no-store",
    "Cache-Control": "no-store, no-cache, must-revalidate, proxy-revalidate",
    "Pragma": "no-cache",
    "Expires": "0",
}


@dataclass
class Scene:
    world: World
    host: AtlassianHost
    node: NodeServer
    session: aiohttp.ClientSession

    def call(self, method: str, path: str, token: str | None = None, **options):
        token = self.host.context_token() if token is None else token
        url = f"{self.node.url}{path}"
        return self.session.request(method, url, params={"jwt": token}, **options)

    async def used(self) -> tuple[int, int]:
        async with self.call("GET", "/v2/client/info") as response:
            return response.status, (await response.json())["quota_used"]


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def scene(postgres):
    """One app for all of them: each test leaves it as it found it, but for the quota."""
    host = AtlassianHost("https://site.atlassian.net/wiki")
    url = await postgres.create("node_app")
    async with open_world(atlassian=host) as world, aiohttp.ClientSession() as session:
        environment = node_environment(url, world.openai_url, world.install_keys_url)
        async with open_node_app(environment) as node:
            assert (await host.install(node.url)).status == 204
            yield Scene(world, host, node, session)


async def test_its_answers_carry_the_headers_of_the_contract(scene) -> None:
    async with scene.session.get(f"{scene.node.url}/hello-world") as response:
        page = await response.text()

    assert {name: response.headers.get(name) for name in NO_CACHE} == NO_CACHE
    assert 'data-props="{&quot;title&quot;:&quot;Atlassian Connect&quot;,' in page


@pytest.mark.parametrize(
    ("method", "path", "status", "says"),
    [
        ("GET", "/atlassian-connect.json", 200, '"key":"gptdock-confluence"'),
        ("GET", "/ATLASSIAN-connect.json/", 200, '"key":"gptdock-confluence"'),
        ("GET", "/attachment?uuid=<b>", 200, 'ri:filename="zenuml-<b>.png"'),
        ("GET", "/conversations", 404, "Cannot GET /conversations"),
        ("OPTIONS", "/conversations", 200, "POST"),
        ("POST", "/uninstalled", 404, "Cannot POST /uninstalled"),
    ],
)
async def test_express_answers_what_has_no_handler(scene, method, path, status, says) -> None:
    async with scene.session.request(method, f"{scene.node.url}{path}") as response:
        assert response.status == status
        assert says in await response.text()


async def test_a_stream_is_gzipped_and_so_held_back_until_its_end(scene) -> None:
    openai = scene.world.openai
    openai.hold()
    headers = {"Accept-Encoding": "gzip"}
    call = scene.call("POST", "/conversations", json=QUESTION, headers=headers)
    asked = asyncio.create_task(call.__aenter__())
    await openai.pen()
    await openai.say(delta("Hello"))
    async with await asked as response:
        first = asyncio.create_task(response.content.read(1000))
        await openai.say(delta(" and more"))
        openai.release()

        assert response.headers["Content-Type"] == "text/event-stream"
        assert response.headers["Content-Encoding"] == "gzip"
        assert not first.done()
        await openai.finish()
        assert b"Hello" in await first


@pytest.mark.parametrize(
    ("body", "status", "answer"),
    [
        ({"messages": []}, 422, {"error": "Messages array is required"}),
        ({"messages": [None]}, 500, {"error": "Cannot read properties of null (reading 'author')"}),
    ],
)
async def test_a_bad_question_is_answered_as_there(scene, body, status, answer) -> None:
    async with scene.call("POST", "/conversations", json=body) as response:
        assert (response.status, await response.json()) == (status, answer)


@pytest.mark.parametrize(
    ("forgery", "status", "says"),
    [
        (Forgery.EXPIRED, 401, "Authentication request has expired."),
        (Forgery.WRONG_KEY, 400, "Unable to decodeSymmetric JWT token"),
        (Forgery.NO_EXPIRY, 422, "Messages array is required"),
    ],
)
async def test_its_door_is_ace_s_own(scene, forgery, status, says) -> None:
    token = scene.host.context_token(forgery=forgery)
    async with scene.call("POST", "/conversations", token, json={}) as response:
        assert response.status == status
        assert says in await response.text()


async def test_malformed_json_is_refused_in_html_before_the_door(scene) -> None:
    headers = {"Content-Type": "application/json"}
    async with scene.call("POST", "/conversations", "none", data="{", headers=headers) as response:
        assert response.status == 400
        assert "<pre>Bad Request</pre>" in await response.text()


async def test_a_diagram_is_paid_for(scene) -> None:
    body = {"messages": [{"role": "user", "content": "draw"}]}
    _, before = await scene.used()
    async with scene.call("POST", "/image-to-dsl2", json=body) as response:
        assert (await response.json())["messages"] == body["messages"]
    status, after = await scene.used()

    assert status == 200
    assert after > before


async def test_an_unreachable_vendor_hangs_a_diagram_for_ever(scene) -> None:
    body = {"messages": [{"role": "user", "content": "[[simulate: reset]]"}]}
    with pytest.raises(TimeoutError):
        async with asyncio.timeout(1):
            await scene.call("POST", "/image-to-dsl2", json=body)
