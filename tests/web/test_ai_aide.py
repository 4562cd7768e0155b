"""`GET /ai-aide`: a page whatever the site says, node-bff.md §3.5 and §9 (B11)."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import replace
from pathlib import Path
from typing import Any

import aiohttp
import pytest
from aiohttp import web

from bff import __version__
from bff.atlassian.host import HostClient
from bff.connect.qsh import query_string_hash
from bff.errors import Kind, Problem
from bff.records import Caller
from bff.simulators.host_api import Mood
from bff.web import ai_aide, doors
from bff.web.routes import Route
from tests.support.service import open_service
from tests.support.site import OpenSite, open_site
from tests.support.street import (
    APP,
    NOW,
    SITE,
    Answer,
    Street,
    context_token,
    open_street,
    payload,
)

TARGET = "/ai-aide?contentId=42"
EVIL = "</script><script>alert('x')</script>"


@pytest.fixture
async def site() -> AsyncIterator[OpenSite]:
    async with open_site() as site:
        site.api.properties["42", "ai-aide"] = {"approvedBy": ["a", "b"]}
        yield site


@asynccontextmanager
async def street_for(site: OpenSite, routes: Any = ai_aide.ROUTES) -> AsyncIterator[Street]:
    """The site's own tenant is installed."""
    async with aiohttp.ClientSession() as session:
        client = HostClient(
            session, app_key=APP, version="1", development=True, now=lambda: NOW, timeout_s=0.5
        )
        async with open_street(routes, host=client) as street:
            site.host.client_key = SITE
            install = payload(baseUrl=site.host.site_url, sharedSecret=site.host.shared_secret)
            street.tenants.put(SITE, install)
            yield street


@pytest.fixture
async def street(site: OpenSite) -> AsyncIterator[Street]:
    async with street_for(site) as street:
        yield street


async def ask(street: Street, site: OpenSite, target: str = TARGET, method: str = "GET") -> Answer:
    token = context_token(secret=site.host.shared_secret, qsh=query_string_hash(method, target))
    return await street.call(method, f"{target}&jwt={token}")


def is_page(answer: Answer, status: int, *texts: str) -> bool:
    return (
        answer.status == status
        and answer.headers["Content-Type"] == "text/html; charset=utf-8"
        and all(text in answer.text for text in texts)
        and answer.text.count("<script") == 1
    )


@pytest.mark.parametrize(
    ("approved_by", "shown"),
    [([], "0 approvals"), (["a"], "1 approval"), (["a", "b"], "2 approvals")],
)
async def test_the_number_of_approvals_is_shown(
    street: Street, site: OpenSite, approved_by: list[str], shown: str
) -> None:
    site.api.properties["42", "ai-aide"] = {"approvedBy": approved_by}

    answer = await ask(street, site)

    assert is_page(answer, 200, f'<b class="number-approvals">{shown}</b>')
    assert answer.headers["Strict-Transport-Security"] == "max-age=31536000"
    assert answer.headers["Pragma"] == "no-cache"
    assert "X-Acpt" in answer.headers
    assert "X-Frame-Options" not in answer.headers
    [call] = site.api.seen
    assert call.target == "/wiki/rest/api/content/42/property/ai-aide"
    assert call.claims is not None


async def test_a_page_without_the_property_has_none(street: Street, site: OpenSite) -> None:
    site.api.properties.clear()

    assert is_page(await ask(street, site), 200, "0 approvals")


async def test_b11_nothing_the_site_says_gets_into_the_page(street: Street, site: OpenSite) -> None:
    site.api.properties["42", "ai-aide"] = {"approvedBy": [EVIL, {"id": EVIL}, None]}

    answer = await ask(street, site)

    assert is_page(answer, 200, "3 approvals")
    assert "alert" not in answer.text


@pytest.mark.parametrize(
    ("mood", "status", "says"),
    [
        (Mood.AWAY, 502, "The site could not answer."),
        (Mood.BUSY, 429, "The site is asked too often."),
        (Mood.CIRCLE, 502, "The site led round in a circle."),
        (Mood.CUT, 502, "The site could not be reached."),
        (Mood.ELSEWHERE, 502, "The site led elsewhere."),
        (Mood.HTML, 502, "The site&#x27;s answer cannot be read."),
        (Mood.HUGE, 502, "The site&#x27;s answer is too large."),
        (Mood.ODD, 502, "The site&#x27;s answer cannot be read."),
        (Mood.OTHER_SCHEME, 502, "The site led elsewhere."),
        (Mood.SLOW, 504, "The site did not answer in time."),
    ],
)
async def test_b11_whatever_goes_wrong_at_the_site_there_is_a_page_and_the_service_lives(
    street: Street, site: OpenSite, mood: Mood, status: int, says: str
) -> None:
    site.api.mood = mood

    answer = await ask(street, site)
    site.api.open.set()
    site.api.mood = Mood.WELL
    again = await ask(street, site)

    assert is_page(answer, status, says)
    assert is_page(again, 200, "2 approvals")


async def test_a_site_that_is_not_there_is_a_page(street: Street, site: OpenSite) -> None:
    install = payload(baseUrl="http://127.0.0.1:1/wiki", sharedSecret=site.host.shared_secret)
    street.tenants.put(SITE, install)

    assert is_page(await ask(street, site), 502, "The site could not be reached.")


@pytest.mark.parametrize(
    "said",
    [None, 5, "x", [], {}, {"value": None}, {"value": []}, {"value": {}},
     {"value": {"approvedBy": None}}, {"value": {"approvedBy": "ab"}}, {"value": {"approvedBy": {}}}],
)  # fmt: skip
def test_a_property_of_another_shape_is_a_problem(said: Any) -> None:
    with pytest.raises(Problem) as caught:
        ai_aide.count_approvals(said)

    assert caught.value.kind is Kind.UPSTREAM


@pytest.mark.parametrize(
    "query",
    ["x=1", "contentId=", "contentId=%2042", "contentId=42%2F..%2F43", "contentId=4e2", "contentId=-1",
     "contentId=%D9%A4%D9%A2", "contentId=%3Cscript%3E", "contentId=" + "1" * 21],
)  # fmt: skip
async def test_a_page_that_is_not_named_by_a_number_is_not_asked_for(
    street: Street, site: OpenSite, query: str
) -> None:
    answer = await ask(street, site, f"/ai-aide?{query}")

    assert is_page(answer, 400, "No page is named.")
    assert not site.api.seen


@pytest.mark.parametrize(
    "token",
    [
        "",
        context_token(secret="no-secret-of-this-site", qsh=query_string_hash("GET", TARGET)),
    ],
)
async def test_who_has_no_token_of_the_site_gets_no_page(
    street: Street, site: OpenSite, token: str
) -> None:
    answer = await street.get(f"{TARGET}&jwt={token}")

    assert (answer.status, "approvals" in answer.text) == (401, False)
    assert not site.api.seen


async def test_a_token_for_no_request_or_for_another_is_not_enough(
    street: Street, site: OpenSite
) -> None:
    for qsh in ("context-qsh", query_string_hash("GET", "/ai-aide?contentId=43")):
        token = context_token(secret=site.host.shared_secret, qsh=qsh)
        assert (await street.get(f"{TARGET}&jwt={token}")).status == 401


async def test_a_forge_callers_site_is_asked_as_the_forge_app(site: OpenSite) -> None:
    caller = Caller("forge:1", None, None, None, "t:1", "u:1")

    async def forge_door(_: web.Request) -> Caller:
        return replace(caller, forge=site.invocation())

    route = Route("GET", "/ai-aide", forge_door, ai_aide.show_approvals, ai_aide.refuse)
    async with street_for(site, (route,)) as street:
        answer = await street.get(TARGET)

    assert is_page(answer, 200, "2 approvals")
    [call] = site.api.seen
    assert call.headers["Authorization"] == f"Bearer {site.api.system_token}"


def test_the_door_wants_a_token_for_this_request() -> None:
    assert [route.door for route in ai_aide.ROUTES] == [doors.context_token_with_qsh]


async def test_the_whole_service_asks_its_site_and_no_proxy_of_its_environment(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    async with open_service(tmp_path) as service:
        monkeypatch.setenv("HTTP_PROXY", service.world.closed_url)
        host = service.host
        host.api.properties["42", "ai-aide"] = {"approvedBy": ["a"]}
        token = host.context_token(qsh=query_string_hash("GET", TARGET))
        async with service.session.get(f"{service.url}{TARGET}&jwt={token}") as response:
            text = await response.text()

    assert (response.status, "1 approval<" in text) == (200, True)
    [call] = host.api.seen
    assert call.headers["User-Agent"] == f"gptdock-bff/{__version__} {APP}"


@pytest.mark.parametrize(("brought", "status"), [("a-system-token", 200), (None, 502)])
async def test_the_whole_service_asks_as_the_forge_app_with_what_the_invocation_brought(
    tmp_path: Path, written: Any, brought: str | None, status: int
) -> None:
    async with open_service(tmp_path, forge=True) as service:
        host = service.host
        host.forge.api_base_url = service.world.atlassian_url + host.api.forge_path
        host.api.properties["42", "ai-aide"] = {"approvedBy": ["a"]}
        headers = {"Authorization": f"Bearer {host.forge_token()}"}
        if brought is not None:
            headers["x-forge-oauth-system"] = brought
        async with service.session.get(service.url + TARGET, headers=headers) as response:
            text = await response.text()

    assert (response.status, "1 approval<" in text) == (status, brought is not None)
    assert len(host.api.seen) == (brought is not None)
    assert "a-system-token" not in written.text
