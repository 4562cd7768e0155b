"""The two addresses of the description: open, tagged, offline, and without a secret."""

import orjson
import pytest
from openapi_spec_validator import validate

from bff.web.surface import routes
from tests.support.raw_http import ask
from tests.support.service import Service

PATHS = ("/openapi.json", "/docs")


async def test_programs_get_the_description_of_this_very_service(service: Service) -> None:
    answer = await ask("GET", f"{service.url}/openapi.json")

    document = orjson.loads(answer.rest)
    validate(document)
    assert answer.all("content-type") == ["application/json; charset=utf-8"]
    assert document["servers"] == [{"url": service.url}]
    assert document["info"]["version"] == service.services.version
    assert answer.all("access-control-allow-origin") == ["*"]


@pytest.mark.parametrize("path", PATHS)
async def test_who_has_it_is_told_so(service: Service, path: str) -> None:
    first = await ask("GET", service.url + path)

    [etag] = first.all("etag")
    again = await ask("GET", service.url + path, If_None_Match=etag)
    other = await ask("GET", service.url + path, If_None_Match='"another"')

    assert first.all("cache-control") == ["public, max-age=0"]
    assert (again.status, again.rest) == (304, b"")
    assert again.all("etag") == [etag]
    assert (other.status, other.rest) == (200, first.rest)


async def test_the_page_loads_nothing_and_runs_nothing(service: Service) -> None:
    answer = await ask("GET", f"{service.url}/docs")

    [policy] = answer.all("content-security-policy")
    text = answer.rest.decode()
    assert policy.startswith("default-src 'none'; style-src 'sha256-")
    assert not any(
        word in text for word in ("<script", "<img", "<link", " src=", "@import", "url(")
    )


@pytest.mark.parametrize("path", PATHS)
async def test_no_secret_is_in_it(service: Service, path: str) -> None:
    answer = await ask("GET", service.url + path)

    assert b"sk-test-key" not in answer.rest
    assert service.host.shared_secret.encode() not in answer.rest
    assert service.host.client_key.encode() not in answer.rest


def test_it_is_written_once_and_not_for_each_who_asks() -> None:
    document, page = routes((), base_url="https://here.example", version="9")

    assert (document.path, page.path) == PATHS
