"""The stand-in site's REST API is as strict as a site: a token counts for one request of one app."""

from collections.abc import AsyncIterator, Callable
from typing import Any

import aiohttp
import pytest

from bff.connect.qsh import query_string_hash
from bff.simulators.host_api import Mood
from tests.support.site import APP, NOW, OpenSite, open_site
from tests.support.tokens import hs256

BELOW = "/rest/api/content/42/property/ai-aide"


@pytest.fixture
async def site() -> AsyncIterator[OpenSite]:
    async with open_site() as site:
        site.api.properties["42", "ai-aide"] = {"approvedBy": []}
        yield site


def claims(site: OpenSite, **changes: Any) -> dict[str, Any]:
    said = {
        "iss": APP,
        "aud": [site.host.client_key],
        "iat": NOW,
        "exp": NOW + 180,
        "qsh": query_string_hash("GET", BELOW),
    }
    return {name: value for name, value in {**said, **changes}.items() if value is not None}


async def status(session: aiohttp.ClientSession, site: OpenSite, authorization: str) -> int:
    headers = {"Authorization": authorization} if authorization else {}
    async with session.get(site.host.site_url + BELOW, headers=headers) as response:
        return response.status


async def test_the_apps_token_for_this_request_is_let_in(
    session: aiohttp.ClientSession, site: OpenSite
) -> None:
    token = hs256(claims(site), site.host.shared_secret)

    assert await status(session, site, f"JWT {token}") == 200


@pytest.mark.parametrize(
    "changes",
    [
        {"qsh": query_string_hash("GET", "/rest/api/content/43/property/ai-aide")},
        {"qsh": query_string_hash("GET", f"/wiki{BELOW}")},  # not relative to the base
        {"qsh": "context-qsh"},
        {"qsh": None},
        {"iss": "another-app"},
        {"aud": ["another-site"]},
        {"aud": None},
        {"exp": NOW},
        {"exp": NOW + 181},
        {"exp": None},
        {"iat": None},
    ],
)
async def test_any_other_token_is_not(
    session: aiohttp.ClientSession, site: OpenSite, changes: dict[str, Any]
) -> None:
    token = hs256(claims(site, **changes), site.host.shared_secret)

    assert await status(session, site, f"JWT {token}") == 401
    assert site.api.seen[0].status == 401


async def test_a_strangers_signature_another_scheme_or_no_token_is_not(
    session: aiohttp.ClientSession, site: OpenSite
) -> None:
    token = hs256(claims(site), site.host.shared_secret)
    foreign = hs256(claims(site), "another-secret-of-at-least-32-bytes")

    said = [f"JWT {foreign}", f"Bearer {token}", "JWT", ""]

    assert [await status(session, site, one) for one in said] == [401] * 4


async def test_while_no_app_is_installed_nobody_is(
    session: aiohttp.ClientSession, site: OpenSite
) -> None:
    token = hs256(claims(site), "")
    site.host.shared_secret = ""

    assert await status(session, site, f"JWT {token}") == 401


async def test_the_forge_app_is_let_in_to_its_own_cloud_by_its_own_token(
    session: aiohttp.ClientSession, site: OpenSite
) -> None:
    async def forge(path: str, token: str) -> int:
        headers = {"Authorization": f"Bearer {token}"}
        async with session.get(f"{site.url}{path}/wiki{BELOW}", headers=headers) as response:
            return response.status

    ours, token = site.api.forge_path, site.api.system_token

    assert await forge(ours, token) == 200
    assert await forge(ours, "another") == 401
    assert await forge("/ex/confluence/another-cloud", token) == 401


MOODS: list[tuple[Mood, int, Callable[[aiohttp.ClientResponse], bool]]] = [
    (Mood.AWAY, 503, lambda answer: answer.content_type == "text/html"),
    (Mood.BUSY, 429, lambda answer: answer.headers["Retry-After"] == "7"),
    (Mood.HTML, 200, lambda answer: answer.content_type == "text/html"),
    (Mood.HUGE, 200, lambda answer: (answer.content_length or 0) > 2**20),
    (Mood.OTHER_SCHEME, 302, lambda answer: answer.headers["Location"].startswith("https://127")),
    (Mood.ELSEWHERE, 302, lambda answer: "elsewhere.example" in answer.headers["Location"]),
]


@pytest.mark.parametrize(("mood", "expected", "is_so"), MOODS)
async def test_its_moods(
    session: aiohttp.ClientSession,
    site: OpenSite,
    mood: Mood,
    expected: int,
    is_so: Callable[[aiohttp.ClientResponse], bool],
) -> None:
    site.api.mood = mood
    headers = {"Authorization": f"JWT {hs256(claims(site), site.host.shared_secret)}"}

    async with session.get(
        site.host.site_url + BELOW, headers=headers, allow_redirects=False
    ) as response:
        assert response.status == expected
        assert is_so(response)
