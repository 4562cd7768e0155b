"""Forge invocation tokens at the doors: who gets in, and some hundreds who do not."""

import asyncio
import base64
from collections.abc import AsyncIterator, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import jwt
import orjson
import pytest
from aiohttp import web
from aiohttp.test_utils import TestServer
from cryptography.hazmat.primitives.asymmetric import ec, rsa

from bff.connect.tokens import tags
from bff.simulators.atlassian import AtlassianHost
from tests.support.service import QUESTION, Answer, Service, open_service
from tests.support.tokens import base64url, hs256, public_pem, rs256, segment

SAID = {"messages": [{"role": "user", "content": "Draw"}]}
ROUTES: list[tuple[str, str, Any]] = [
    ("POST", "/conversations", QUESTION),
    ("GET", "/v2/client/info", None),
    ("GET", "/client/info", None),
    ("POST", "/image-to-dsl", {"imageUrl": "https://a.example/x.png"}),
    ("POST", "/image-to-dsl2", SAID),
]
STRANGER = rsa.generate_private_key(public_exponent=65537, key_size=2048)
SHORT = rsa.generate_private_key(public_exponent=65537, key_size=1024)  # noqa: S505 - to be refused
CURVE = ec.generate_private_key(ec.SECP256R1())


@pytest.fixture
async def service(tmp_path: Path) -> AsyncIterator[Service]:
    async with open_service(tmp_path, forge=True) as service:
        yield service


async def bring(
    service: Service, token: str, *, scheme: str = "Bearer ", route: Any = ROUTES[1], **options: Any
) -> Answer:
    method, path, body = route
    headers = {"Authorization": f"{scheme}{token}", **options.pop("headers", {})}
    return await service.call(method, path, token="", json=body, headers=headers, **options)


@pytest.mark.parametrize("route", ROUTES, ids=lambda route: route[1])
async def test_it_opens_every_door_that_a_connect_token_opens(
    service: Service, route: tuple[str, str, Any]
) -> None:
    answer = await bring(service, service.host.forge_token(), route=route)

    assert answer.status in (200, 201)
    assert answer.headers["X-Acpt"]


async def test_a_session_token_of_a_forge_caller_opens_the_next_door(service: Service) -> None:
    answer = await bring(service, service.host.forge_token())

    assert (await service.get("/v2/client/info", token=answer.headers["X-Acpt"])).status == 200


async def test_both_tokens_are_of_the_same_tenant_and_user(service: Service) -> None:
    await service.post("/image-to-dsl2", json=SAID)
    by_connect = service.world.gateway.logs[-1].metadata
    await bring(service, service.host.forge_token(), route=ROUTES[4])
    by_forge = service.world.gateway.logs[-1].metadata

    tenant, user = tags(service.host.client_key, service.host.account_id)
    who = {"tenant": tenant, "user": user}
    assert {name: by_connect[name] for name in who} == who
    assert {name: by_forge[name] for name in who} == who
    [[rows]] = await service.run_sql("SELECT count(*) FROM gpt_dock_user_data")
    assert rows == 1


async def test_a_hundred_first_calls_and_a_rotation_cost_a_fetch_each(service: Service) -> None:
    forge = service.host.forge
    first = await asyncio.gather(*(bring(service, service.host.forge_token()) for _ in range(100)))
    assert {answer.status for answer in first} <= {200, 201}
    assert forge.fetches == 1

    old = service.host.forge_token()
    forge.rotate()
    second = await asyncio.gather(*(bring(service, service.host.forge_token()) for _ in range(100)))

    assert {answer.status for answer in second} == {200}
    assert forge.fetches == 2
    assert (await bring(service, old)).status == 401


async def test_keys_that_are_away_do_not_shut_who_was_known(service: Service) -> None:
    await bring(service, service.host.forge_token())
    service.host.forge.mood = 503

    assert (await bring(service, service.host.forge_token())).status == 200


async def test_a_tenant_that_left_is_refused_until_it_comes_back(service: Service) -> None:
    assert (await bring(service, service.host.forge_token())).status == 201

    await service.host.uninstall()
    assert (await bring(service, service.host.forge_token())).status == 401

    await service.host.install(service.url)
    assert (await bring(service, service.host.forge_token())).status == 200


async def test_a_token_in_the_query_goes_first(service: Service) -> None:
    headers = {"Authorization": f"Bearer {service.host.forge_token()}"}

    assert (await service.get("/v2/client/info", token="bad", headers=headers)).status == 401
    assert (await service.get("/v2/client/info", headers=headers)).status == 201


async def test_without_an_app_id_a_bearer_is_nobody(tmp_path: Path) -> None:
    async with open_service(tmp_path) as service:
        answer = await bring(service, service.host.forge_token())

        assert (answer.status, answer.text) == (
            401,
            "Could not find authentication data on request",
        )
        assert service.host.forge.fetches == 0


# --- who does not get in ----------------------------------------------------------------------------


def signed(host: AtlassianHost, claims: Any, *, key: Any = None, **header: Any) -> str:
    return rs256(claims, key or host.forge.private_key, **{"kid": host.forge.kid, **header})


def wrong_claims(claims: dict[str, Any]) -> Iterator[tuple[str, Any]]:
    """Every claim as everything it may not be."""
    odd: list[Any] = [0, 1, True, False, " ", [], ["x"], 1.5, "x" * 300, "\u0000", -1, [{}]]
    fine = {"principal": {" "}, "nbf": {0, 1, 1.5, -1}}
    for name in ("iss", "aud", "exp", "app", "context", "principal", "nbf"):
        for value in odd:
            known = fine.get(name, set())
            if isinstance(value, list) or value not in known or isinstance(value, bool):
                yield f"{name} {value!r:.20}", {**claims, name: value}
    for name in ("iss", "aud", "exp", "app"):
        yield f"{name} null", {**claims, name: None}
        yield f"no {name}", {key: value for key, value in claims.items() if key != name}
        yield f"{name} object", {**claims, name: {"a": 1}}
    yield "context null", {**claims, "context": None}
    app = claims["app"]
    for value in [None, "", *odd, "ari:cloud:ecosystem::installation/none"]:
        yield f"installation {value!r:.20}", {**claims, "app": {**app, "installationId": value}}
    for value in [value for value in odd if value != " "]:
        yield f"base {value!r:.20}", {**claims, "app": {**app, "apiBaseUrl": value}}
        yield f"cloud {value!r:.20}", {**claims, "context": {"cloudId": value}}
    for value in _spellings(claims["iss"]):
        yield f"iss {value!r:.40}", {**claims, "iss": value}
    for value in _spellings(claims["aud"]):
        yield f"aud {value!r:.60}", {**claims, "aud": value}
        yield f"aud list {value!r:.60}", {**claims, "aud": [value]}
        yield f"aud two {value!r:.60}", {**claims, "aud": [claims["aud"], value]}
    for late in (0, 1, 60, 3600, 10**9):
        yield f"expired by {late}", {**claims, "exp": claims["iat"] - late}
    yield "not yet", {**claims, "nbf": claims["iat"] + 1000}


def _spellings(text: str) -> Iterator[str]:
    yield from (text.upper(), text + "/", "/" + text, text + " ", " " + text, text[:-1], text[1:])
    yield from (text.replace("/", "//"), text + "\n", text + "\x00", text[::-1], f"{text},{text}")


def wrong_headers(host: AtlassianHost, elsewhere: str) -> Iterator[tuple[str, str]]:
    claims = host.forge.claims(host.account_id)
    for alg in (
        "none",
        "None",
        "",
        "HS256",
        "HS512",
        "RS384",
        "RS512",
        "PS256",
        "ES256",
        "rs256",
        5,
        [],
        True,
    ):
        yield f"alg {alg}", signed(host, claims, alg=alg)
    for alg in ("RS384", "RS512", "PS256", "PS384", "PS512"):
        ours = jwt.encode(claims, host.forge.private_key, alg, {"kid": host.forge.kid})
        yield f"our key by {alg}", ours
        yield f"our key by {alg}, RS256 said", _relabelled(ours)
    for kid in (
        "",
        "../x",
        "unknown",
        5,
        [],
        {},
        True,
        "x" * 300,
        host.kid,
        "\x00",
        "https://a.example/k",
    ):
        yield f"kid {kid!r:.20}", signed(host, claims, kid=kid)
    yield "no kid", signed(host, claims, kid=None)
    yield "crit", signed(host, claims, crit=["exp"])
    own = jwt.algorithms.RSAAlgorithm.to_jwk(STRANGER.public_key(), as_dict=True)
    for name, value in {
        "jwk": own,
        "jku": f"{elsewhere}jwks.json",
        "x5u": f"{elsewhere}x5u.pem",
        "x5c": ["MIIB"],
    }.items():
        yield f"a stranger's key by {name}", signed(host, claims, key=STRANGER, **{name: value})
    yield "a stranger's key", signed(host, claims, key=STRANGER)
    yield "a short key", signed(host, claims, key=SHORT)
    pem = public_pem(host.forge.private_key)
    header = {"typ": "JWT", "alg": "HS256", "kid": host.forge.kid}
    yield "the public key as a secret", hs256(claims, pem, header=header)
    yield (
        "the public key as a secret, RS256 said",
        hs256(claims, pem, header={**header, "alg": "RS256"}),
    )
    yield "the tenant's secret", hs256(claims, host.shared_secret, header=header)
    yield "a curve", jwt.encode(claims, CURVE, "ES256", {"kid": host.forge.kid})
    yield "unsigned", jwt.encode(claims, "", "none", {"kid": host.forge.kid})
    yield "the install key", rs256(claims, host._private_key, kid=host.forge.kid)


def _relabelled(token: str) -> str:
    """Its signature under another header: no longer over what was signed."""
    header, rest = token.split(".", 1)
    said = jwt.get_unverified_header(token) | {"alg": "RS256"}
    assert segment(said) != header
    return f"{segment(said)}.{rest}"


def broken(token: str) -> Iterator[tuple[str, str]]:
    for cut in range(1, len(token), 17):
        yield f"cut at {cut}", token[:cut]
    head, body, tail = token.split(".")
    for place in range(0, len(tail), 12):
        other = "A" if tail[place] != "A" else "B"
        yield (
            f"signature changed at {place}",
            f"{head}.{body}.{tail[:place]}{other}{tail[place + 1 :]}",
        )
    yield from {
        "four segments": f"{token}.x",
        "two dots": f"{head}..{tail}",
        "swapped": f"{body}.{head}.{tail}",
        "twice": f"{token}{token}",
        "padded": f"{head}.{body}.{tail}=",
        "dots": "..",
        "one dot": ".",
        "word": "bearer",
        "empty objects": f"{segment({})}.{segment({})}.{tail}",
        "not JSON": f"{base64url(b'{')}.{body}.{tail}",
        "an array": f"{segment([])}.{body}.{tail}",
        "two tokens": f"{token} {token}",
        "comma": f"{token},{token}",
        "quotes": f'"{token}"',
        "standard base64": base64.b64encode(token.encode()).decode(),
    }.items()


def vectors(host: AtlassianHost, elsewhere: str) -> list[tuple[str, dict[str, str]]]:
    """Name and headers, of tokens that open nothing."""
    good = host.forge_token()
    found = [
        (name, signed(host, claims))
        for name, claims in wrong_claims(host.forge.claims(host.account_id))
    ]
    found += wrong_headers(host, elsewhere)
    found += broken(good)
    found += [
        ("a context token", host.context_token()),
        ("an install token", host.install_token(f"{host.add_on_url}/installed", host.add_on_url)),
    ]
    bearers = [(name, {"Authorization": f"Bearer {token}"}) for name, token in found]
    return [
        *bearers,
        ("no token", {"Authorization": "Bearer "}),
        ("no word", {"Authorization": "Bearer"}),
        ("as a Connect token", {"Authorization": f"JWT {good}"}),
        ("without a scheme", {"Authorization": good}),
        ("as Basic", {"Authorization": f"Basic {good}"}),
        ("as a session token", {"X-acpt": good}),
        ("in a cookie", {"Cookie": f"jwt={good}"}),
        ("in another header", {"x-forge-oauth-system": good}),
    ]


@dataclass
class Trap:
    """An address that a token names. *asked* is every path it was asked for."""

    url: str = ""
    asked: list[str] = field(default_factory=list)


@pytest.fixture
async def trap() -> AsyncIterator[Trap]:
    trap = Trap()

    async def note(request: web.Request) -> web.Response:
        trap.asked.append(request.path)
        return web.Response()

    app = web.Application()
    app.router.add_get("/{path:.*}", note)
    async with TestServer(app) as server:
        trap.url = str(server.make_url("/"))
        yield trap


async def test_where_a_token_says_its_key_is_nobody_looks(service: Service, trap: Trap) -> None:
    host = service.host
    claims = host.forge.claims(host.account_id)
    places = {"jku": f"{trap.url}jwks.json", "x5u": f"{trap.url}x5u.pem"}

    answers = [
        await bring(service, signed(host, claims, **places)),
        await bring(service, signed(host, claims, key=STRANGER, **places)),
        await bring(service, signed(host, claims, kid=f"{trap.url}kid", **places)),
    ]

    assert [answer.status for answer in answers] == [201, 401, 401]
    assert trap.asked == []


async def test_three_hundred_wrong_tokens_are_refused_alike(service: Service, trap: Trap) -> None:
    host = service.host
    tried = vectors(host, trap.url)
    assert len({name for name, _ in tried}) >= 300

    shapes = set()
    for name, headers in tried:
        answer = await service.call("GET", "/v2/client/info", token="", headers=headers)
        assert answer.status == 401, name
        assert not answer.text.startswith(("{", "<")), name
        names = tuple(sorted(set(answer.headers) - {"Content-Length"}))
        shapes.add((answer.headers["Content-Type"], names))

    assert len(shapes) == 1
    assert trap.asked == []
    assert host.forge.fetches <= 5
    assert (await bring(service, host.forge_token())).status == 201


async def test_a_context_too_deep_to_be_copied_is_refused(service: Service) -> None:
    deep = orjson.loads("[" * 300 + "]" * 300)
    token = service.host.forge_token(context={"cloudId": "c", "extension": deep})

    assert (await bring(service, token)).status == 401


@pytest.mark.parametrize("place", ["jwt", "acpt"])
async def test_in_the_query_it_is_no_connect_token(service: Service, place: str) -> None:
    path = f"/v2/client/info?{place}={service.host.forge_token()}"

    assert (await service.call("GET", path, token="")).status == 401


async def test_every_door_refuses_a_wrong_one(service: Service) -> None:
    wrong = service.host.forge_token(aud="ari:cloud:ecosystem::app/another")

    for route in ROUTES:
        answer = await bring(service, wrong, route=route)
        assert answer.status == 401, route
    assert not service.openai.requests


async def test_nothing_of_a_token_is_said_or_logged(
    service: Service, capsys: pytest.CaptureFixture[str]
) -> None:
    token = service.host.forge_token(principal="canary-account", iss="canary-issuer")

    answer = await bring(service, token, headers={"x-forge-oauth-system": "canary-system"})

    told = capsys.readouterr()
    for text in (answer.text, told.out, told.err):
        assert "canary" not in text
        assert token not in text
    assert "canary" not in str(answer.headers)
