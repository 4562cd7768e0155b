"""The stand-in site: its signed calls verify, its forgeries do not, its diary tells no secret."""

import asyncio
import hashlib
from collections.abc import AsyncIterator
from dataclasses import dataclass, field
from typing import Any

import aiohttp
import jwt
import pytest
from aiohttp import web
from aiohttp.test_utils import TestServer

from bff.simulators.atlassian import AtlassianHost, Forgery

NOW = 1_800_000_000


@dataclass
class AddOn:
    """The least an add-on is: a descriptor, and ears for the lifecycle."""

    url: str = ""
    status: int = 204
    heard: list[tuple[str, str, dict[str, Any]]] = field(default_factory=list)  # path, token, body

    async def descriptor(self, _: web.Request) -> web.Response:
        return web.json_response(
            {
                "key": "add-on",
                "baseUrl": self.url,
                "lifecycle": {"installed": "/installed", "uninstalled": "/uninstalled"},
                "modules": {"generalPages": [{"url": "/hello-world?spaceKey={space.key}&v=1"}]},
            }
        )

    async def listen(self, request: web.Request) -> web.Response:
        scheme, token = request.headers["Authorization"].split(" ")
        assert scheme == "JWT"
        self.heard.append((request.path, token, await request.json()))
        return web.Response(status=self.status)


@pytest.fixture
async def add_on() -> AsyncIterator[AddOn]:
    add_on = AddOn()
    app = web.Application()
    app.router.add_get("/atlassian-connect.json", add_on.descriptor)
    app.router.add_post("/{event}", add_on.listen)
    async with TestServer(app) as server:
        add_on.url = str(server.make_url("")).rstrip("/")
        yield add_on


@pytest.fixture
def host() -> AtlassianHost:
    return AtlassianHost(now=lambda: NOW)


@pytest.fixture
async def site(host: AtlassianHost) -> AsyncIterator[str]:
    async with TestServer(host.app()) as server:
        yield str(server.make_url("")).rstrip("/")


def read_unchecked(token: str) -> dict[str, Any]:
    claims: dict[str, Any] = jwt.decode(token, options={"verify_signature": False})
    return claims


async def test_an_install_is_signed_by_the_key_it_names(
    host: AtlassianHost, site: str, add_on: AddOn
) -> None:
    answer = await host.install(add_on.url)

    [(path, token, body)] = add_on.heard
    kid = jwt.get_unverified_header(token)["kid"]
    async with aiohttp.ClientSession() as session, session.get(f"{site}/install-keys/{kid}") as got:
        key = await got.text()
    options = {"verify_exp": False, "verify_iat": False}
    claims = jwt.decode(token, key, ["RS256"], audience=add_on.url, options=options)
    assert (answer.status, path) == (204, "/installed")
    assert claims["iss"] == body["clientKey"] == host.client_key
    assert claims["exp"] - claims["iat"] == 180
    assert claims["qsh"] == hashlib.sha256(b"POST&/installed&").hexdigest()
    assert (body["key"], body["eventType"]) == ("add-on", "installed")
    assert body["sharedSecret"] == host.shared_secret != ""


async def test_a_secret_counts_only_when_the_add_on_took_it(
    host: AtlassianHost, add_on: AddOn
) -> None:
    await host.install(add_on.url)
    first = host.shared_secret
    add_on.status = 401
    await host.install(add_on.url)
    assert (host.shared_secret, host.old_secret) == (first, "")

    add_on.status = 204
    await host.install(add_on.url)

    assert host.old_secret == first != host.shared_secret


async def test_an_uninstall_carries_no_secret(host: AtlassianHost, add_on: AddOn) -> None:
    await host.install(add_on.url)

    answer = await host.uninstall(changes={"description": None, "user": "ada"})

    path, token, body = add_on.heard[-1]
    assert (answer.status, path, body["eventType"]) == (204, "/uninstalled", "uninstalled")
    assert "sharedSecret" not in body
    assert ("description" in body, body["user"]) == (False, "ada")
    assert read_unchecked(token)["qsh"] == hashlib.sha256(b"POST&/uninstalled&").hexdigest()


async def test_a_context_token_says_who_asks(host: AtlassianHost, add_on: AddOn) -> None:
    await host.install(add_on.url)

    token = host.context_token(account_id="someone", lifetime_s=60)

    claims = jwt.decode(token, host.shared_secret, ["HS256"], options={"verify_exp": False, "verify_iat": False})  # fmt: skip
    assert (claims["iss"], claims["sub"], claims["qsh"]) == (
        host.client_key,
        "someone",
        "context-qsh",
    )
    assert claims["exp"] == NOW + 60
    assert claims["context"]["user"]["accountId"] == "someone"


@pytest.mark.parametrize("forgery", Forgery)
async def test_every_forgery_differs_from_the_honest_token(
    host: AtlassianHost, add_on: AddOn, forgery: Forgery
) -> None:
    await host.install(add_on.url)
    await host.install(add_on.url)
    honest = host.install_token(f"{add_on.url}/installed", add_on.url)

    await host.install(add_on.url, forgery=forgery)

    _, token, _ = add_on.heard[-1]
    same_claims = read_unchecked(token) == read_unchecked(honest)
    same_header = jwt.get_unverified_header(token) == jwt.get_unverified_header(honest)
    try:
        jwt.decode(token, host.public_key, ["RS256"], options={"verify_exp": False, "verify_iat": False, "verify_aud": False})  # fmt: skip
        verifies = True
    except jwt.InvalidTokenError:
        verifies = False
    assert not (same_claims and same_header and verifies)


@pytest.mark.parametrize(
    "forgery", [Forgery.WRONG_KEY, Forgery.OLD_SECRET, Forgery.PUBLIC_KEY_AS_SECRET, Forgery.UNSIGNED]
)  # fmt: skip
async def test_a_forged_context_token_is_not_signed_with_the_secret(
    host: AtlassianHost, add_on: AddOn, forgery: Forgery
) -> None:
    await host.install(add_on.url)
    await host.install(add_on.url)

    token = host.context_token(forgery=forgery)

    with pytest.raises(jwt.InvalidTokenError):
        jwt.decode(token, host.shared_secret, ["HS256"], options={"verify_exp": False, "verify_iat": False})  # fmt: skip


async def test_the_key_host_can_be_away_or_slow(host: AtlassianHost, site: str) -> None:
    async with aiohttp.ClientSession() as session:
        host.keys.away = True
        async with session.get(f"{site}/install-keys/{host.kid}") as response:
            assert response.status == 503
        host.keys.away = False
        host.keys.open.clear()
        with pytest.raises(TimeoutError):
            await session.get(
                f"{site}/install-keys/{host.kid}", timeout=aiohttp.ClientTimeout(total=0.05)
            )
        host.keys.open.set()
        async with session.get(f"{site}/install-keys/other") as response:
            assert response.status == 404

    assert host.keys.asked == [host.kid, host.kid, "other"]


async def test_an_expired_token_is_given_once(
    host: AtlassianHost, add_on: AddOn, site: str
) -> None:
    await host.install(add_on.url)
    async with aiohttp.ClientSession() as session:
        await session.post(f"{site}/expire-next")
        tokens = [(await (await session.post(f"{site}/token")).json())["token"] for _ in range(2)]

    assert [read_unchecked(token)["exp"] < NOW for token in tokens] == [True, False]


async def test_the_diary_is_told_live_and_holds_no_secret(
    host: AtlassianHost, add_on: AddOn, site: str
) -> None:
    async with aiohttp.ClientSession() as session, session.get(f"{site}/events") as events:
        assert events.content_type == "text/event-stream"
        await host.install(add_on.url)
        token = host.token_for_page()
        told = b""
        while b"Context token minted" not in told:
            told += await events.content.readuntil(b"\r\n\r\n")

    assert b"Descriptor fetched" in told
    assert b"accepted" in told
    assert host.shared_secret.encode() not in told
    assert token.encode() not in told
    assert token.rpartition(".")[2].encode() not in told


async def test_the_diary_goes_on_where_a_reader_left_it(host: AtlassianHost, site: str) -> None:
    host.diary.note("one", "")
    host.diary.note("two", "")
    headers = {"Last-Event-ID": "1"}
    async with (
        aiohttp.ClientSession() as session,
        session.get(f"{site}/events", headers=headers) as events,
    ):
        first = await events.content.readuntil(b"\r\n\r\n")

    assert b'"title":"two"' in first


async def test_closing_lets_the_diary_s_readers_go(host: AtlassianHost) -> None:
    host.diary.note("one", "")

    async def read() -> list[str]:
        return [happening.title async for happening in host.diary.read()]

    reading = asyncio.ensure_future(read())
    late = host.diary.read()
    assert (await anext(late)).title == "one"
    host.diary.close()

    assert await reading == ["one"]
    assert [happening.title async for happening in host.diary.read()] == ["one"]
    assert [happening async for happening in late] == []


async def test_the_frame_is_the_add_on_s_page_with_a_token_for_exactly_that_page(
    host: AtlassianHost, add_on: AddOn, site: str
) -> None:
    async with aiohttp.ClientSession() as session:
        nothing = await (await session.get(f"{site}/frame")).json()
        await host.install(add_on.url)
        frame = await (
            await session.get(f"{site}/frame", params={"origin": "http://a.example"})
        ).json()

    assert nothing == {"base": "", "path": ""}
    assert frame["base"] == add_on.url
    assert frame["path"].startswith("/hello-world?spaceKey=DEMO&v=1&xdm_e=http://a.example")
    assert "&jwt=" in frame["path"]


async def test_a_page_of_another_site_is_refused(host: AtlassianHost, site: str) -> None:
    async with aiohttp.ClientSession(headers={"Sec-Fetch-Site": "cross-site"}) as session:
        statuses = [
            (await session.post(f"{site}/{name}")).status
            for name in ("install", "uninstall", "token", "expire-next")
        ]

    assert statuses == [403] * 4


async def test_an_add_on_that_is_away_is_told_in_words(host: AtlassianHost, site: str) -> None:
    host.add_on_url = "http://127.0.0.1:1"
    host.descriptor = {"key": "k", "baseUrl": host.add_on_url, "lifecycle": {"uninstalled": "/u"}}
    async with aiohttp.ClientSession() as session:
        for name in ("install", "uninstall"):
            response = await session.post(f"{site}/{name}")
            assert response.status == 502
            assert (await response.json())["error"] == "The add-on does not answer."
