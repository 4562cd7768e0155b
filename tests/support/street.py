"""The street alone: the real application and server with chosen routes, tenants in memory, Atlassian's
keys on a socket, and a clock that stands still. No database, no engine.
"""

import asyncio
from collections.abc import AsyncIterator, Iterable, Mapping
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass, replace
from functools import cache
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import aiohttp
import orjson
from aiohttp import web
from cryptography.hazmat.primitives.asymmetric import rsa
from yarl import URL

from bff.atlassian.install_keys import InstallKeys
from bff.connect import descriptor
from bff.connect.hosts import AllowedHosts
from bff.connect.memory import RememberedTokens
from bff.connect.qsh import query_string_hash
from bff.records import Caller
from bff.store.memory import CallerCounts
from bff.telemetry.axiom import NoMonitor
from bff.telemetry.metrics import Metrics
from bff.web import app as web_app
from bff.web.body import read_body
from bff.web.live import Beat, LiveStreams
from bff.web.routes import Route
from bff.web.server import open_server
from bff.web.services import CallerLimits, ConnectFacts, ForgeFacts, Limits, Services
from tests.support.key_host import KeyHost, open_key_host
from tests.support.tenants import InMemoryTenants
from tests.support.tokens import hs256, public_pem, rs256, with_claims

NOW = 1_800_000_000
APP = "gptdock-confluence"
SITE = "site-1"
SECRET = "the-shared-secret-of-site-1"
ALLOWED = "*.atlassian.net,*.jira.com"
TEMPLATE = (Path(__file__).parents[2] / "atlassian-connect.json").read_bytes()


@cache
def signing_key() -> rsa.RSAPrivateKey:
    return rsa.generate_private_key(public_exponent=65537, key_size=2048)


def payload(**changes: Any) -> dict[str, Any]:
    """What Atlassian sends on an install; `...` takes a field away."""
    return with_claims(
        {
            "key": APP,
            "clientKey": SITE,
            "sharedSecret": SECRET,
            "baseUrl": "https://site-1.atlassian.net/wiki",
            "displayUrl": "https://site-1.atlassian.net/wiki",
            "productType": "confluence",
            "description": "A site",
            "eventType": "installed",
            "publicKey": "",
            "serverVersion": "6452",
            "pluginsVersion": "1000.0.0",
            "installationId": "ari:cloud:ecosystem::installation/1",
        },
        **changes,
    )


def context_token(*, secret: str = SECRET, header: Any = None, **changes: Any) -> str:
    claims = {
        "iss": SITE,
        "sub": "account-1",
        "qsh": "context-qsh",
        "iat": NOW,
        "exp": NOW + 180,
    }
    return hs256(with_claims(claims, **changes), secret, header=header)


async def show_caller(request: web.Request, caller: Caller) -> web.StreamResponse:
    body = await read_body(request)
    return web.Response(
        body=orjson.dumps(
            {"tenant": caller.client_key, "user": caller.account_id, "body": body.json}
        ),
        content_type="application/json",
    )


@dataclass(frozen=True)
class Answer:
    status: int
    text: str
    headers: Mapping[str, str]


@dataclass
class Street:
    """*url* has no slash at its end."""

    url: str
    services: Services
    tenants: InMemoryTenants
    keys: KeyHost
    session: aiohttp.ClientSession
    clock: list[float]

    async def call(self, method: str, target: str, **options: Any) -> Answer:
        async with self.session.request(
            method, URL(self.url + target, encoded=True), allow_redirects=False, **options
        ) as response:
            return Answer(response.status, await response.text(), response.headers)

    async def get(self, target: str, **options: Any) -> Answer:
        return await self.call("GET", target, **options)

    async def post(self, target: str, **options: Any) -> Answer:
        return await self.call("POST", target, **options)

    async def announce(
        self, body: Any, *, target: str = "/installed", token: str | None = None, **options: Any
    ) -> Answer:
        """A lifecycle call, signed as Atlassian signs unless a *token* is given ("" for none)."""
        token = self.install_token(target) if token is None else token
        headers = {**({"Authorization": f"JWT {token}"} if token else {})}
        headers |= options.pop("headers", {})
        options = options or {"json": body}
        return await self.post(target, headers=headers, **options)

    def install_token(
        self, target: str = "/installed", *, key: Any = None, kid: Any = "kid-1", **changes: Any
    ) -> str:
        base_url = self.services.connect.base_url
        claims = {
            "iss": SITE,
            "aud": [base_url],
            "iat": NOW,
            "exp": NOW + 180,
            "qsh": query_string_hash("POST", target, urlsplit(base_url).path),
        }
        return rs256(with_claims(claims, **changes), key or signing_key(), kid=kid)

    async def send(self, data: bytes) -> tuple[asyncio.StreamReader, asyncio.StreamWriter]:
        """Bytes of our own on a connection of our own."""
        address = urlsplit(self.url)
        reader, writer = await asyncio.open_connection(address.hostname, address.port)
        writer.write(data)
        return reader, writer

    async def say(self, data: bytes) -> tuple[int, bytes]:
        """The status and the rest of what comes back before the body has been sent whole."""
        reader, writer = await self.send(data)
        head = await reader.readuntil(b"\r\n\r\n")
        length = int(dict(_header_lines(head)).get(b"content-length", b"0"))
        rest = await reader.readexactly(length)
        writer.close()
        return int(head.split()[1]), rest


def _header_lines(head: bytes) -> Iterable[tuple[bytes, bytes]]:
    for line in head.split(b"\r\n")[1:]:
        name, _, value = line.partition(b":")
        yield name.lower(), value.strip()


@asynccontextmanager
async def open_street(
    routes: Iterable[Route[Any]],
    *,
    base_url: str = "https://bff.example",
    development: bool = False,
    limits: Limits | None = None,
    forge: ForgeFacts | None = None,
    host: Any = None,
    monitor: Any = None,
    callers: CallerLimits | None = None,
    **facts: Any,
) -> AsyncIterator[Street]:
    """Nobody is installed yet. *facts* go over ConnectFacts."""
    clock = [float(NOW)]
    tenants = InMemoryTenants()
    rendered = descriptor.render(TEMPLATE, base_url)
    connect = ConnectFacts(
        app_key=APP,
        base_url=base_url,
        audiences=(base_url,),
        hosts=AllowedHosts.read(ALLOWED),
        development=development,
        descriptor=rendered,
        etag=descriptor.etag(rendered),
    )
    async with AsyncExitStack() as stack:
        keys = await stack.enter_async_context(open_key_host())
        keys.keys["kid-1"] = public_pem(signing_key())
        outgoing = await stack.enter_async_context(aiohttp.ClientSession())
        metrics = Metrics()
        services = Services(
            tenants=tenants,
            quotas=None,
            keys=None,
            install_keys=InstallKeys(outgoing, (keys.url,)),
            host=host,
            remembered=RememberedTokens(),
            engine=None,  # no chat is asked here
            catalogue=None,
            metrics=metrics,
            monitor=monitor or NoMonitor(),
            streams=LiveStreams(Beat(), note_open=lambda _: None),
            callers=callers or CallerCounts(per_user=None, per_key=None, now=lambda: clock[0]),
            connect=replace(connect, **facts),
            forge=forge,
            chat=None,
            diagrams=None,
            limits=limits or Limits(),
            readiness=None,
            admin_token=None,
            version="test",
            now=lambda: clock[0],
        )

        @asynccontextmanager
        async def give() -> AsyncIterator[Services]:
            yield services

        url = await stack.enter_async_context(open_server(web_app.build(give, routes)))
        session = await stack.enter_async_context(aiohttp.ClientSession())
        yield Street(url, services, tenants, keys, session, clock)
