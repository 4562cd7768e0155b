"""The monitor against a stand-in of Axiom: what is told, what is not, and that nobody waits for it."""

import asyncio
from collections import Counter
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from typing import Any

import aiohttp
import pytest
from hypothesis import given
from hypothesis import strategies as st

from bff.simulators.axiom import AxiomSimulator
from bff.simulators.world import World, open_world
from bff.telemetry.axiom import (
    QUEUE_MOST,
    Dataset,
    Monitor,
    NoMonitor,
    Origin,
    write_event,
)
from tests.support.clock import FakeClock

NOW = 1_800_000_000.0
ORIGIN = Origin("Dev", 77)
PAYLOAD = {
    "key": "gptdock-confluence",
    "clientKey": "site-1",
    "sharedSecret": "canary-secret",
    "publicKey": "canary-key",
    "oauthClientId": "canary-client",
    "clientSecret": "canary-client-secret",
    "jwt": "canary-jwt",
    "displayUrl": "canary-url",
    "serverVersion": "6452",
    "pluginsVersion": "1000.0.0",
    "baseUrl": "https://site-1.atlassian.net/wiki",
    "productType": "confluence",
    "description": "canary-description",
    "eventType": "installed",
}
EVENT = {
    "_time": "2027-01-15T08:00:00+00:00",
    "event_type": "installed",
    "worker_id": 77,
    "environment": "Dev",
    "platform": "ACE-Server",
    "client_id": "site-1",
    "product_id": "gptdock-confluence",
    "product_type": "confluence",
    "plugins_version": "1000.0.0",
    "server_version": "6452",
    "host_base_url": "https://site-1.atlassian.net/wiki",
}

Opener = Callable[..., Any]


@pytest.fixture
async def world() -> AsyncIterator[World]:
    async with open_world() as world:
        yield world


@pytest.fixture
def axiom(world: World) -> AxiomSimulator:
    return world.axiom


@pytest.fixture
def outcomes() -> Counter[str]:
    return Counter()


@pytest.fixture
def clock() -> FakeClock:
    return FakeClock()


@pytest.fixture
def monitor(world: World, axiom: AxiomSimulator, outcomes: Counter, clock: FakeClock) -> Opener:
    """Opens a monitor; what becomes of its events is counted."""

    @asynccontextmanager
    async def open_monitor(url: str = world.axiom_url, **changes: Any) -> AsyncIterator[Monitor]:
        facts = {
            "clock": clock,
            "now": lambda: NOW,
            "note": lambda outcome, count: outcomes.update({outcome: count}),
        }
        dataset = Dataset(url, "gptdock", axiom.token)
        async with (
            aiohttp.ClientSession() as session,
            Monitor(session, dataset, ORIGIN, **{**facts, **changes}).running() as monitor,
        ):
            yield monitor

    return open_monitor


# --- what is told --------------------------------------------------------------------------------


def test_an_event_has_the_node_apps_shape_and_nothing_else() -> None:
    assert write_event("installed", PAYLOAD, ORIGIN, now=NOW) == EVENT


def test_what_a_call_does_not_say_is_left_out() -> None:
    told = write_event("uninstalled", {"clientKey": "", "key": 5, "baseUrl": None}, ORIGIN, now=NOW)

    assert set(told) == {"_time", "event_type", "worker_id", "environment", "platform"}


def test_no_token_hides_in_a_field_that_is_told() -> None:
    payload = {
        "baseUrl": "https://user:canary@site.example/wiki?jwt=canary#canary",
        "serverVersion": "Bearer canary",
        "clientKey": "eyJhbGciOiJIUzI1NiJ9.canary.canary",
        "key": "x" * 10_000,
        "productType": "a\r\nb\ud800",
    }

    told = write_event("installed", payload, ORIGIN, now=NOW)

    assert "canary" not in str(told)
    assert told["host_base_url"] == "https://user:***@site.example/wiki"
    assert told["product_id"] == "x" * 255
    assert told["product_type"] == "a\ufffd\ufffdb\ufffd"


@given(st.dictionaries(st.text(max_size=12), st.text(min_size=1, max_size=8), max_size=5))
def test_a_field_that_is_not_named_never_leaves(strange: dict[str, str]) -> None:
    strange = {name: value for name, value in strange.items() if name not in PAYLOAD}

    assert write_event("installed", {**strange, **PAYLOAD}, ORIGIN, now=NOW) == EVENT


# --- how it is sent ------------------------------------------------------------------------------


async def test_an_event_arrives_in_its_dataset(
    monitor: Opener, axiom: AxiomSimulator, outcomes: Counter[str]
) -> None:
    async with monitor() as open_monitor:
        open_monitor.tell("installed", PAYLOAD)
        await axiom.received(1)

    assert list(axiom.events) == [("gptdock", EVENT)]
    assert outcomes == {"sent": 1}
    assert b"canary" not in b"".join(axiom.bodies)


async def test_what_waits_together_goes_together_and_in_order(
    monitor: Opener, axiom: AxiomSimulator
) -> None:
    async with monitor() as open_monitor:
        for number in range(250):
            open_monitor.tell("installed", {"clientKey": f"site-{number}"})
        events = await axiom.received(250)

    assert [event["client_id"] for event in events] == [f"site-{number}" for number in range(250)]
    assert [body.count(b"\n") for body in axiom.bodies] == [100, 100, 50]


@pytest.mark.parametrize("status", [408, 429, 500, 503])
async def test_what_may_pass_is_tried_again_after_a_pause(
    monitor: Opener, axiom: AxiomSimulator, clock: FakeClock, outcomes: Counter[str], status: int
) -> None:
    axiom.statuses.extend([status, status])

    async with monitor() as open_monitor:
        open_monitor.tell("installed", PAYLOAD)
        await axiom.received(1)

    assert clock.slept == [1.0, 5.0]
    assert outcomes == {"sent": 1}


async def test_a_wait_that_was_asked_for_is_kept_within_a_minute(
    monitor: Opener, axiom: AxiomSimulator, clock: FakeClock
) -> None:
    axiom.statuses.extend([429, 429])
    axiom.retry_after = "3600"

    async with monitor() as open_monitor:
        open_monitor.tell("installed", PAYLOAD)
        await axiom.received(1)

    assert clock.slept == [60.0, 60.0]


@pytest.mark.parametrize("status", [302, 400, 401, 403, 404])
async def test_what_will_not_pass_is_given_up_at_once_and_the_next_goes_on(
    monitor: Opener,
    axiom: AxiomSimulator,
    clock: FakeClock,
    outcomes: Counter[str],
    written: Any,
    status: int,
) -> None:
    axiom.statuses.append(status)

    async with monitor() as open_monitor:
        open_monitor.tell("installed", PAYLOAD)
        await axiom.asked.wait()
        open_monitor.tell("uninstalled", PAYLOAD)
        await axiom.received(1)

    assert outcomes == {"failed": 1, "sent": 1}
    assert clock.slept == []
    [line] = written.lines
    assert (line["message"], line["why"], line["events"]) == (
        "monitor.gave_up",
        f"status {status}",
        1,
    )
    assert "canary" not in written.text
    assert axiom.token not in written.text


async def test_an_ingest_that_is_away_is_given_up_after_four_tries(
    monitor: Opener, world: World, clock: FakeClock, outcomes: Counter[str]
) -> None:
    async with monitor(world.closed_url) as open_monitor:
        open_monitor.tell("installed", PAYLOAD)

    assert clock.slept == [1.0, 5.0, 30.0]
    assert outcomes == {"failed": 1}


async def test_an_ingest_that_hangs_is_tried_again_then_given_up(
    monitor: Opener, axiom: AxiomSimulator, clock: FakeClock, outcomes: Counter[str]
) -> None:
    axiom.hangs = True

    async with monitor(timeout_s=0.01) as open_monitor:
        open_monitor.tell("installed", PAYLOAD)

    assert clock.slept == [1.0, 5.0, 30.0]
    assert outcomes == {"failed": 1}


async def test_ten_thousand_events_for_a_dead_ingest_stay_within_the_bound(
    monitor: Opener, world: World, outcomes: Counter[str]
) -> None:
    class Stuck(FakeClock):
        def __init__(self) -> None:
            super().__init__()
            self.asked = asyncio.Event()

        async def sleep(self, seconds: float) -> None:
            self.asked.set()
            await asyncio.Event().wait()

    clock = Stuck()
    async with monitor(world.closed_url, clock=clock, close_s=0.01) as open_monitor:
        open_monitor.tell("installed", PAYLOAD)
        await clock.asked.wait()  # the first is under way, and its next try far away
        for _ in range(10_000):
            open_monitor.tell("installed", PAYLOAD)

    assert outcomes == {"dropped": 10_000 - QUEUE_MOST, "failed": QUEUE_MOST + 1}


async def test_what_waits_when_the_service_ends_is_still_sent(
    monitor: Opener, axiom: AxiomSimulator, outcomes: Counter[str]
) -> None:
    async with monitor() as open_monitor:
        for _ in range(150):
            open_monitor.tell("uninstalled", PAYLOAD)

    assert len(axiom.events) == 150
    assert outcomes == {"sent": 150}


async def test_the_end_does_not_wait_for_an_ingest_that_hangs(
    monitor: Opener, axiom: AxiomSimulator, outcomes: Counter[str], written: Any
) -> None:
    axiom.hangs = True
    now = asyncio.get_running_loop().time

    async with monitor() as open_monitor:
        for _ in range(150):
            open_monitor.tell("installed", PAYLOAD)
        await axiom.asked.wait()
        ending = now()

    assert now() - ending < 4.0  # one second, on a machine that has much else to do
    assert outcomes == {"failed": 150}
    assert [line["why"] for line in written.lines] == ["the service ended"]


async def test_a_failure_of_the_service_ends_the_monitor_too(monitor: Opener) -> None:
    with pytest.raises(ExceptionGroup) as caught:
        async with monitor():
            raise RuntimeError("something else")

    assert caught.group_contains(RuntimeError, match="something else")


def test_without_a_token_nothing_is_told() -> None:
    assert NoMonitor().tell("installed", PAYLOAD) is None  # type: ignore[func-returns-value]


def test_a_dataset_does_not_print_its_token() -> None:
    dataset = Dataset("https://api.axiom.example", "gptdock", "xaat-canary")

    assert "canary" not in repr(dataset)
    assert dataset.ingest_url == "https://api.axiom.example/v1/datasets/gptdock/ingest"
