import asyncio
from contextlib import asynccontextmanager
from types import SimpleNamespace

import aiohttp
import pytest

from bff.telemetry.metrics import Metrics
from bff.web import app, ops
from bff.web.server import open_server

TOKEN = "an-admin-token-é"


class World:
    """A service of which only the operation is there."""

    def __init__(self) -> None:
        self.failing: str | Exception | None = None
        self.services = SimpleNamespace(
            metrics=Metrics(),
            readiness=self._readiness,
            draining=False,
            streams=SimpleNamespace(draining=False, open_count=0, end_all=lambda _problem: None),
            admin_token=None,
            version="1.2.3",
            now=lambda: 0.0,
        )

    async def _readiness(self) -> str | None:
        if isinstance(self.failing, Exception):
            raise self.failing
        return self.failing

    @asynccontextmanager
    async def open(self):
        yield self.services


@pytest.fixture
def world() -> World:
    return World()


@pytest.fixture
async def ask(world):
    """Asks over a real socket: status, body and headers."""
    async with (
        open_server(app.build(world.open, ops.ROUTES)) as url,
        aiohttp.ClientSession() as session,
    ):

        async def ask(path: str, *, at: str = url, **headers: str):
            named = {name.replace("_", "-"): value for name, value in headers.items()}
            async with session.get(f"{at}{path}", headers=named) as response:
                return response.status, await response.text(), response.headers

        ask.url = url
        yield ask


async def test_health_tells_the_version_whatever_fails(ask, world) -> None:
    world.failing = "database"

    status, body, _ = await ask("/health")

    assert status == 200
    assert body == '{"status":"ok","version":"1.2.3"}'


async def test_ready_says_so(ask) -> None:
    status, body, headers = await ask("/ready")

    assert (status, body) == (200, '{"status":"ok"}')
    assert "no-store" in headers["Cache-Control"]


@pytest.mark.parametrize(
    ("failing", "body"),
    [
        ("database", '{"status":"unavailable","failing":"database"}'),
        (
            "migrations: run bff migrate",
            '{"status":"unavailable","failing":"migrations","mend":"run bff migrate"}',
        ),
        (OSError("canary"), '{"status":"unavailable","failing":"database"}'),
        (TimeoutError(), '{"status":"unavailable","failing":"database"}'),
    ],
)
async def test_what_is_not_ready_is_named(ask, world, failing, body) -> None:
    world.failing = failing

    assert (await ask("/ready"))[:2] == (503, body)


async def test_a_probe_is_answered_when_the_database_does_not(ask, world, monkeypatch) -> None:
    monkeypatch.setattr(ops, "READY_SECONDS", 0.01)
    world.services.readiness = asyncio.Event().wait

    assert (await ask("/ready"))[0] == 503


async def test_a_draining_process_is_not_ready(ask, world) -> None:
    world.services.draining = True

    status, body, _ = await ask("/ready")

    assert (status, body) == (503, '{"status":"unavailable","failing":"draining"}')


async def test_metrics_are_open_to_this_machine(ask) -> None:
    await ask("/health")

    status, body, headers = await ask("/metrics")

    assert status == 200
    assert headers["Content-Type"] == "text/plain; version=0.0.4; charset=utf-8"
    assert 'bff_requests_total{method="GET",route="/health",status="200"} 1.0' in body


FORWARDING = [
    "X_Forwarded_For",
    "X_Forwarded_Server",
    "X_Client_IP",
    "CF_Connecting_IP",
    "Forwarded",
    "Via",
    "X_Real_IP",
]


@pytest.mark.parametrize("header", FORWARDING)
async def test_metrics_are_not_there_for_the_world_behind_a_proxy(ask, header) -> None:
    assert (await ask("/metrics", **{header: "127.0.0.1"}))[0] == 404


@pytest.mark.parametrize("host", ["bff.example.com", "bff.example.com:80", "10.0.0.1", "x:y:z"])
async def test_metrics_are_not_there_under_a_foreign_name(ask, host) -> None:
    assert (await ask("/metrics", Host=host))[0] == 404


@pytest.mark.parametrize("host", ["localhost", "LOCALHOST:3000", "127.0.0.1", "[::1]:3000"])
async def test_this_machine_may_be_called_by_its_names(ask, host) -> None:
    assert (await ask("/metrics", Host=host))[0] == 200


async def test_metrics_are_not_there_for_another_machine(ask, world, monkeypatch) -> None:
    monkeypatch.setattr(ops, "_is_loopback", lambda host: host == "localhost")

    assert (await ask("/metrics", Host="localhost"))[0] == 404


@pytest.mark.parametrize(
    ("given", "status"),
    [
        (f"Bearer {TOKEN}", 200),
        (f"bearer  {TOKEN}", 200),
        (f"Basic {TOKEN}", 401),
        (f"Bearer {TOKEN}x", 401),
        ("Bearer ", 401),
        (TOKEN, 401),
        ("", 401),
    ],
)
async def test_the_admin_token_opens_metrics_to_everybody(ask, world, given, status) -> None:
    world.services.admin_token = TOKEN

    answer = await ask("/metrics", X_Forwarded_For="1.2.3.4", Authorization=given)

    assert answer[0] == status
    assert ("bff_requests_total" in answer[1]) == (status == 200)
    assert answer[2].get("WWW-Authenticate") == (None if status == 200 else "Bearer")


@pytest.mark.parametrize(
    ("host", "local"),
    [
        ("127.0.0.1", True),
        ("127.8.8.8", True),
        ("::1", True),
        ("::ffff:127.0.0.1", True),
        ("::ffff:10.0.0.1", False),
        ("10.0.0.1", False),
        ("fe80::1", False),
        ("localhost.example.com", False),
        ("", False),
        (None, False),
    ],
)
def test_loopback_is_known_in_all_its_forms(host, local) -> None:
    assert ops._is_loopback(host) is local


async def test_a_head_request_is_answered_like_a_get(ask) -> None:
    async with aiohttp.ClientSession() as session, session.head(f"{ask.url}/health") as response:
        assert response.status == 200


def test_probes_need_no_token() -> None:
    from bff.web.doors import anyone

    assert {route.door for route in ops.ROUTES} == {anyone}
