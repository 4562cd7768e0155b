"""Calls to a tenant's site over real sockets; the stand-in site verifies every token itself."""

import asyncio
from collections.abc import AsyncIterator
from typing import Any

import aiohttp
import pytest
from aiohttp import web
from aiohttp.test_utils import TestServer

from bff.atlassian.host import HostClient
from bff.errors import Kind, Problem
from bff.simulators.host_api import Mood
from tests.support.site import APP, NOW, OpenSite, open_site

PATH = ("rest", "api", "content", "42", "property", "ai-aide")


@pytest.fixture
async def site() -> AsyncIterator[OpenSite]:
    async with open_site() as site:
        site.api.properties["42", "ai-aide"] = {"approvedBy": ["a", "b"]}
        yield site


@pytest.fixture
def client(session: aiohttp.ClientSession) -> HostClient:
    return host_client(session)


def host_client(session: aiohttp.ClientSession, **changes: Any) -> HostClient:
    facts = {"app_key": APP, "version": "1.2", "development": True, "now": lambda: NOW}
    return HostClient(session, **{**facts, **changes})


async def problem_of(client: HostClient, site: Any, path: Any = PATH) -> Problem:
    with pytest.raises(Problem) as caught:
        await client.get(site, path)
    return caught.value


async def test_the_connect_app_is_let_in_by_a_token_for_this_request(
    client: HostClient, site: OpenSite
) -> None:
    answer = await client.get(site.tenant(), PATH, [("expand", "version, container")])

    assert (answer.status, answer.json()["value"]) == (200, {"approvedBy": ["a", "b"]})
    [call] = site.api.seen
    assert call.target == f"/wiki/{'/'.join(PATH)}?expand=version%2C%20container"
    assert call.headers["User-Agent"] == f"gptdock-bff/1.2 {APP}"
    assert call.headers["Accept"] == "application/json"
    assert call.claims is not None
    assert (call.claims["iss"], call.claims["aud"]) == (APP, [site.host.client_key])
    assert call.claims["exp"] == NOW + 180


async def test_the_forge_app_is_let_in_by_its_system_token(
    client: HostClient, site: OpenSite
) -> None:
    answer = await client.get(site.invocation(), PATH)

    assert answer.json()["value"] == {"approvedBy": ["a", "b"]}
    [call] = site.api.seen
    assert call.target == f"{site.api.forge_path}/wiki/{'/'.join(PATH)}"
    assert call.headers["Authorization"] == f"Bearer {site.api.system_token}"


async def test_a_strangers_token_is_refused_and_the_site_is_not_quoted(
    client: HostClient, site: OpenSite
) -> None:
    for stranger in (
        site.tenant(secrets=("another-secret-of-at-least-32-bytes",)),
        site.tenant(key="another-app"),
        site.tenant(client_key="another-tenant"),
        site.invocation(system_token="another-token"),
    ):
        problem = await problem_of(client, stranger)

        assert (problem.kind, problem.status) == (Kind.UPSTREAM_AUTH, 401)
        assert problem.public == "The site refused the app."


@pytest.mark.parametrize(
    ("mood", "kind", "status"),
    [
        (Mood.AWAY, Kind.UPSTREAM, 503),
        (Mood.BUSY, Kind.UPSTREAM_RATE_LIMIT, 429),
        (Mood.CIRCLE, Kind.UPSTREAM, None),
        (Mood.CUT, Kind.CONNECTION, None),
        (Mood.HUGE, Kind.UPSTREAM, None),
        (Mood.OTHER_SCHEME, Kind.UPSTREAM, 302),
    ],
)
async def test_what_goes_wrong_at_the_site_is_told_in_our_words(
    client: HostClient, site: OpenSite, mood: Mood, kind: Kind, status: int | None
) -> None:
    site.api.mood = mood

    problem = await problem_of(client, site.tenant())

    assert (problem.kind, problem.status) == (kind, status)
    assert "html" not in problem.public.lower()
    assert site.host.site_url not in problem.public


async def test_how_long_a_busy_site_asks_to_wait_is_reported(
    client: HostClient, site: OpenSite
) -> None:
    site.api.mood = Mood.BUSY

    problem = await problem_of(client, site.tenant())

    assert problem.retry_after == 7
    assert len(site.api.seen) == 1


async def test_what_is_not_there_is_a_kind_of_its_own(client: HostClient, site: OpenSite) -> None:
    site.api.properties.clear()

    assert (await problem_of(client, site.tenant())).kind is Kind.NOT_FOUND


async def test_an_answer_that_is_no_json_is_a_problem(client: HostClient, site: OpenSite) -> None:
    site.api.mood = Mood.HTML

    answer = await client.get(site.tenant(), PATH)

    with pytest.raises(Problem, match="cannot be read"):
        answer.json()


async def test_a_slow_site_is_waited_for_only_so_long(
    session: aiohttp.ClientSession, site: OpenSite
) -> None:
    site.api.mood = Mood.SLOW

    problem = await problem_of(host_client(session, timeout_s=0.05), site.tenant())
    site.api.open.set()

    assert problem.kind is Kind.TIMEOUT


async def test_a_site_that_is_not_there_is_a_problem(client: HostClient, site: OpenSite) -> None:
    site.host.site_url = "http://127.0.0.1:1/wiki"

    assert (await problem_of(client, site.tenant())).kind is Kind.CONNECTION


async def test_a_move_within_the_site_is_followed_with_a_token_made_anew(
    client: HostClient, site: OpenSite
) -> None:
    site.api.mood = Mood.MOVED

    answer = await client.get(site.tenant(), PATH)

    assert answer.json()["value"] == {"approvedBy": ["a", "b"]}
    first, second = site.api.seen
    assert second.target == first.target.replace("/wiki/", "/wiki/moved/")
    assert first.claims is not None
    assert second.claims is not None
    assert first.claims["qsh"] != second.claims["qsh"]


async def test_a_circle_is_left_after_three_rounds(client: HostClient, site: OpenSite) -> None:
    site.api.mood = Mood.CIRCLE

    problem = await problem_of(client, site.tenant())

    assert problem.public == "The site led round in a circle."
    assert len(site.api.seen) == 4


async def test_another_host_is_never_asked_and_never_sees_a_token(
    client: HostClient, site: OpenSite
) -> None:
    came: list[web.Request] = []

    async def note(request: web.Request) -> web.Response:
        came.append(request)
        return web.json_response({"value": {"approvedBy": []}})

    trap = web.Application()
    trap.router.add_get("/{path:.*}", note)
    async with TestServer(trap) as elsewhere:
        site.api.mood, site.api.elsewhere = Mood.ELSEWHERE, str(elsewhere.make_url("")).rstrip("/")

        problems = [await problem_of(client, one) for one in (site.tenant(), site.invocation())]

    assert [problem.public for problem in problems] == ["The site led elsewhere."] * 2
    assert came == []


@pytest.mark.parametrize(
    "base_url", ["http://site.example/wiki", "http://127.0.0.1/wiki", "https://u@x/", "", "wiki"]
)
async def test_in_production_only_plain_https_addresses_are_asked(
    session: aiohttp.ClientSession, site: OpenSite, base_url: str
) -> None:
    client = host_client(session, development=False)

    for one in (site.tenant(base_url=base_url), site.invocation(api_base_url=base_url)):
        problem = await problem_of(client, one)
        assert (problem.kind, problem.public) == (
            Kind.UPSTREAM,
            "The site's address cannot be used.",
        )


async def test_who_has_no_secret_and_no_token_asks_nothing(
    client: HostClient, site: OpenSite
) -> None:
    for one in (
        site.tenant(secrets=()),
        site.invocation(system_token=None),
        site.invocation(system_token=""),
        site.invocation(system_token="two words"),
        site.invocation(system_token="a\r\nHost: evil.example"),
    ):
        assert (await problem_of(client, one)).kind is Kind.UPSTREAM_AUTH
    assert not site.api.seen


@pytest.mark.parametrize("segment", ["..", "", "a\nb", "\ud800"])
async def test_a_piece_of_a_path_that_is_none_asks_nothing(
    client: HostClient, site: OpenSite, segment: str
) -> None:
    problem = await problem_of(client, site.tenant(), ("rest", segment))

    assert problem.kind is Kind.BAD_REQUEST
    assert not site.api.seen


async def test_who_leaves_while_the_site_thinks_has_left(
    client: HostClient, site: OpenSite
) -> None:
    site.api.mood = Mood.SLOW
    async with asyncio.TaskGroup() as tasks:
        asking = tasks.create_task(client.get(site.tenant(), PATH))
        await site.api.asked.wait()

        asking.cancel()

    assert asking.cancelled()


def test_nothing_that_opens_a_door_is_ever_printed(site: OpenSite) -> None:
    assert site.api.system_token not in repr(site.invocation())
    assert site.host.shared_secret not in repr(site.tenant())
