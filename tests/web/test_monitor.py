"""The monitor on the street: told after a lifecycle call was verified and kept, never waited for.
node-bff.md §6 "Analytics", §9 (B20, B31).
"""

from collections import Counter
from collections.abc import AsyncIterator, Mapping
from pathlib import Path
from typing import Any

import pytest

from bff.errors import Kind, Problem
from bff.simulators.atlassian import Forgery
from bff.web import lifecycle
from tests.support.service import open_service
from tests.support.street import Street, open_street, payload

TOKEN = {"axiom_token": "xaat-simulated"}
CANARIES = {
    "clientSecret": "canary-client-secret",
    "accessToken": "canary-token",
    "oauthClientId": "canary-oauth",
    "publicKey": "canary-public-key",
    "sharedSecret": "canary-shared-secret",
    "nested": {"sharedSecret": "canary-nested", "description": "canary-words"},
}


class Listener:
    def __init__(self) -> None:
        self.told: list[tuple[str, Mapping[str, Any]]] = []

    def tell(self, event: str, payload: Mapping[str, Any]) -> None:
        self.told.append((event, payload))


@pytest.fixture
def monitor() -> Listener:
    return Listener()


@pytest.fixture
async def street(monitor: Listener) -> AsyncIterator[Street]:
    async with open_street(lifecycle.routes(""), monitor=monitor) as street:
        yield street


async def test_what_was_verified_and_kept_is_told(street: Street, monitor: Listener) -> None:
    uninstalled = payload(eventType="uninstalled", sharedSecret=...)

    await street.announce(payload())
    await street.announce(uninstalled, target="/uninstalled")

    assert monitor.told == [("installed", payload()), ("uninstalled", uninstalled)]


@pytest.mark.parametrize("target", ["/installed", "/uninstalled"])
async def test_b31_of_a_call_that_was_not_verified_nothing_is_told(
    street: Street, monitor: Listener, target: str
) -> None:
    other = street.install_token(target, iss="another-site")
    expired = street.install_token(target, exp=1)
    answers = [
        await street.announce(payload(), target=target, token=token)
        for token in ("", "no.to.ken", other, expired)
    ]
    answers.append(await street.announce(payload(key="another-app"), target=target))

    assert [answer.status for answer in answers] == [401, 401, 401, 401, 400]
    assert monitor.told == []


@pytest.mark.parametrize("target", ["/installed", "/uninstalled"])
async def test_of_a_call_that_could_not_be_kept_nothing_is_told(
    street: Street, monitor: Listener, target: str
) -> None:
    async def away(*_: Any) -> None:
        raise Problem(Kind.INTERNAL, "Internal server error")

    street.tenants.save = street.tenants.retire = away  # type: ignore[method-assign]

    assert (await street.announce(payload(), target=target)).status == 500
    assert monitor.told == []


async def test_the_whole_service_tells_the_node_apps_events(tmp_path: Path) -> None:
    async with open_service(tmp_path, **TOKEN) as service:
        await service.host.uninstall()
        events = await service.world.axiom.received(2)

        assert [event["event_type"] for event in events] == ["installed", "uninstalled"]
        assert {dataset for dataset, _ in service.world.axiom.events} == {"gptdock"}
        for event in events:
            assert event["client_id"] == service.host.client_key
            assert event["host_base_url"] == service.host.site_url
            assert (event["environment"], event["platform"]) == ("Dev", "ACE-Server")
            assert set(event) == {
                "_time", "event_type", "worker_id", "environment", "platform", "client_id",
                "product_id", "product_type", "plugins_version", "server_version", "host_base_url",
            }  # fmt: skip
        assert await service.metric('bff_monitor_events_total{outcome="sent"}') == 2


async def test_without_a_token_nobody_is_told(tmp_path: Path) -> None:
    async with open_service(tmp_path) as service:
        await service.host.uninstall()

        assert await service.metric("bff_monitor_events_total") == 0
    assert not service.world.axiom.bodies


async def test_b20_b31_no_secret_of_an_install_leaves_or_is_logged(
    tmp_path: Path, written: Any
) -> None:
    async with open_service(tmp_path, **TOKEN) as service:
        axiom, host = service.world.axiom, service.host
        installed = await host.install(service.url, changes=CANARIES)
        uninstalled = await host.uninstall(changes=CANARIES)
        forged = await host.install(service.url, changes=CANARIES, forgery=Forgery.WRONG_KEY)
        await axiom.received(3)

    assert [installed.status, uninstalled.status, forged.status] == [204, 204, 401]
    assert len(axiom.events) == 3
    assert b"canary" not in b"".join(axiom.bodies)
    assert "request.ended" in written.text
    assert "canary" not in written.text
    assert axiom.token not in written.text


@pytest.mark.parametrize("how", ["hangs", "away", "refuses", "fails"])
async def test_b31_an_ingest_in_trouble_neither_delays_nor_fails_an_install(
    tmp_path: Path, how: str
) -> None:
    async with open_service(tmp_path, **TOKEN) as service:
        axiom, host = service.world.axiom, service.host
        await axiom.received(1)  # of the install that opened the service
        axiom.asked.clear()
        axiom.hangs = how == "hangs"
        axiom.status = {"refuses": 403, "fails": 500, "away": 503}.get(how, 200)

        answers = [await host.install(service.url) for _ in range(20)]
        await axiom.asked.wait()

        assert Counter(answer.status for answer in answers) == {204: 20}
        if how == "hangs":  # twenty installs were answered within the patience of one try
            assert len(axiom.bodies) == 2
            assert await service.metric('bff_monitor_events_total{outcome="failed"}') == 0
