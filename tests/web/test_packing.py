"""gzip: who gets it, what is worth it, what never is. node-bff.md §2 (compression), §9 B6."""

import gzip
from collections.abc import AsyncIterator

import orjson
import pytest
from aiohttp import web

from bff.web import doors
from bff.web.packing import LEAST_BYTES, is_worth_packing, likes_gzip
from bff.web.routes import Route
from tests.support.raw_http import ask
from tests.support.service import QUESTION, Service
from tests.support.street import Street, open_street

LONG = "ä line of some length\n" * 100


async def show(request: web.Request, _: None) -> web.StreamResponse:
    """A body of the length and type that the query names."""
    query = request.query
    return web.Response(
        body=LONG.encode()[: int(query.get("size", "2000"))],
        status=int(query.get("status", "200")),
        headers={
            "Content-Type": query.get("type", "text/plain; charset=utf-8"),
            **({"Cache-Control": query["cache"]} if "cache" in query else {}),
            **({"Content-Encoding": query["coding"]} if "coding" in query else {}),
        },
    )


@pytest.fixture
async def street() -> AsyncIterator[Street]:
    async with open_street([Route("GET", "/show", doors.anyone, show)]) as street:
        yield street


@pytest.mark.parametrize(
    ("accepted", "expected"),
    [
        ("gzip", True),
        ("gzip, deflate, br, zstd", True),
        ("br;q=1.0, GZIP;q=0.8, *;q=0.1", True),
        ("x-gzip", True),
        ("*", True),
        ("gzip;q=0.001", True),
        ("gzip ; q=1", True),
        ("identity, gzip", True),
        ("", False),
        ("identity", False),
        ("br", False),
        ("gzip;q=0", False),
        ("gzip;q=0.000", False),
        ("gzip;q=0, *", False),
        ("*;q=0", False),
        ("gzip;q=0.5, identity;q=1", False),
        ("gzip;q=nan", False),
        ("gzip;q=-1", False),
        ("gzip;q=", False),
        ("gzipped", False),
    ],
)
def test_who_wants_it(accepted: str, expected: bool) -> None:
    assert likes_gzip(accepted) is expected


@pytest.mark.parametrize(
    ("content_type", "expected"),
    [
        ("text/html; charset=utf-8", True),
        ("TEXT/PLAIN", True),
        ("text/css", True),
        ("application/json; charset=utf-8", True),
        ("application/javascript; charset=UTF-8", True),
        ("image/svg+xml", True),
        ("font/ttf", True),
        ("text/event-stream", False),
        ("text/event-stream; charset=utf-8", False),
        ("image/png", False),
        ("font/woff2", False),
        ("application/zip", False),
        ("application/octet-stream", False),
        ("", False),
    ],
)
def test_what_is_worth_it(content_type: str, expected: bool) -> None:
    assert is_worth_packing(content_type) is expected


async def test_who_asks_gets_the_same_words_in_fewer_bytes(street: Street) -> None:
    plain = await ask("GET", f"{street.url}/show")
    packed = await ask("GET", f"{street.url}/show", Accept_Encoding="gzip, deflate, br")

    assert plain.all("content-encoding") == []
    assert packed.all("content-encoding") == ["gzip"]
    assert packed.all("content-length") == [str(len(packed.rest))]
    assert gzip.decompress(packed.rest) == plain.rest
    assert len(packed.rest) < len(plain.rest) / 2
    assert plain.all("vary") == packed.all("vary") == ["Accept-Encoding"]


@pytest.mark.parametrize(
    "query",
    [
        pytest.param(f"size={LEAST_BYTES - 1}", id="little"),
        pytest.param("size=0", id="nothing"),
        pytest.param("type=image/png", id="a picture"),
        pytest.param("type=text/event-stream", id="events"),
        pytest.param("cache=no-transform", id="what must stay as it is"),
        pytest.param("coding=br", id="what is packed already"),
    ],
)
async def test_what_is_sent_as_it_is(street: Street, query: str) -> None:
    answer = await ask("GET", f"{street.url}/show?{query}", Accept_Encoding="gzip")

    assert "gzip" not in answer.all("content-encoding")
    assert answer.all("vary") == []
    assert LONG.encode().startswith(answer.rest)


@pytest.mark.parametrize("status", [200, 201, 404, 500])
async def test_from_one_kibibyte_on_whatever_the_status(street: Street, status: int) -> None:
    url = f"{street.url}/show?size={LEAST_BYTES}&status={status}"

    answer = await ask("GET", url, Accept_Encoding="gzip")

    assert (answer.status, answer.all("content-encoding")) == (status, ["gzip"])


async def test_a_head_tells_of_the_packed_body(street: Street) -> None:
    got, head = [
        await ask(method, f"{street.url}/show", Accept_Encoding="gzip")
        for method in ("GET", "HEAD")
    ]

    assert head.rest == b""
    assert head.all("content-encoding") == ["gzip"]
    assert head.all("content-length") == got.all("content-length")


@pytest.mark.parametrize("path", ["/atlassian-connect.json", "/listView", "/gptdock/chat.js"])
async def test_our_own_pages_are_packed_under_the_tag_they_have(
    service: Service, path: str
) -> None:
    plain = await ask("GET", service.url + path)
    packed = await ask("GET", service.url + path, Accept_Encoding="gzip")

    assert gzip.decompress(packed.rest) == plain.rest
    assert packed.all("etag") == plain.all("etag")
    if tag := "".join(packed.all("etag")):
        assert tag.startswith('W/"')
        known = await ask("GET", service.url + path, Accept_Encoding="gzip", If_None_Match=tag)
        assert (known.status, known.rest) == (304, b"")


async def test_an_event_stream_is_never_packed_and_says_so(service: Service) -> None:
    url = f"{service.url}/conversations?jwt={service.host.context_token()}"
    answer = await ask(
        "POST",
        url,
        orjson.dumps(QUESTION),
        Content_Type="application/json",
        Accept_Encoding="gzip, deflate, br, zstd",
    )

    assert answer.all("content-type") == ["text/event-stream"]
    assert answer.all("content-encoding") == []
    assert answer.body.startswith(b"data: {")
    assert answer.body.endswith(b"data: [DONE]\n\n")
