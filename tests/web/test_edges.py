"""What lies at the edge of every route: odd paths, odd expectations, requests nobody could read."""

import asyncio
from urllib.parse import urlsplit

import jwt
import pytest

from tests.support.service import Service


async def talk(service: Service, data: bytes) -> bytes:
    address = urlsplit(service.url)
    reader, writer = await asyncio.open_connection(address.hostname, address.port)
    writer.write(data)
    answer = await reader.read()
    writer.close()
    return answer


@pytest.mark.parametrize(
    "request_line",
    [b"GET /nowhere HTTP/1.1", b"GET /a%0ab HTTP/1.1", b"PUT /conversations HTTP/1.1",
     b"DELETE /health HTTP/1.1"],
)  # fmt: skip
async def test_what_is_not_there_is_the_node_apps_404_without_the_query(
    service: Service, request_line: bytes
) -> None:
    answer = await talk(service, request_line + b"\r\nHost: localhost\r\nConnection: close\r\n\r\n")

    assert answer.startswith(b"HTTP/1.1 404 ")
    assert b"Content-Security-Policy: default-src 'none'" in answer
    assert b"<pre>Cannot " in answer
    assert b"X-Request-Id: req_" in answer


async def test_an_unknown_expectation_is_refused_and_not_repeated(service: Service) -> None:
    answer = await talk(
        service,
        b"POST /conversations HTTP/1.1\r\nHost: x\r\nExpect: my.secret.token\r\n"
        b"Connection: close\r\nContent-Length: 0\r\n\r\n",
    )

    assert answer.startswith(b"HTTP/1.1 417 ")
    assert b"my.secret.token" not in answer
    assert b"X-Request-Id: req_" in answer


async def test_a_caller_who_waits_for_a_word_gets_it(service: Service) -> None:
    answer = await talk(
        service,
        b"POST /conversations HTTP/1.1\r\nHost: x\r\nExpect: 100-continue\r\n"
        b"Connection: close\r\nContent-Type: application/json\r\nContent-Length: 2\r\n\r\n{}",
    )

    assert answer.startswith(b"HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 401 ")


async def test_a_request_that_cannot_be_read_has_an_id_too(service: Service) -> None:
    answer = await talk(service, b"GET / HTTP/1.1\r\nBad header\r\n\r\n")

    assert b" 400 Bad Request" in answer
    assert b"X-Request-Id: req_" in answer


@pytest.mark.parametrize("path", ["/Health", "/HEALTH/", "/health/"])
async def test_paths_ignore_case_and_one_slash(service: Service, path: str) -> None:
    async with service.session.get(service.url + path) as response:
        assert response.status == 200
    async with service.session.options(service.url + path) as response:
        assert (response.status, response.headers["Allow"]) == (200, "GET,HEAD")


async def test_a_sane_request_id_is_kept_and_another_replaced(service: Service) -> None:
    for given, kept in (("abc-1.2_3", True), ("x" * 129, False), ("a b", False)):
        headers = {"X-Request-Id": given}
        async with service.session.get(f"{service.url}/health", headers=headers) as response:
            assert (response.headers["X-Request-Id"] == given) is kept


@pytest.mark.parametrize("path", ["/installed", "/uninstalled"])
async def test_half_a_surrogate_pair_is_refused_like_any_other_host(
    service: Service, path: str
) -> None:
    headers = {"Content-Type": "application/json"}
    body = b'{"baseUrl":"https://x.atlassian.net/\\ud800"}'
    async with service.session.post(service.url + path, data=body, headers=headers) as response:
        assert response.status == 401


async def test_a_name_no_database_holds_is_nobody(service: Service) -> None:
    for issuer in ("a\0b", "x" * 300):
        claims = {"iss": issuer, "exp": 4102444800}
        token = jwt.encode(claims, "s" * 40, algorithm="HS256")
        async with service.ask(token=token) as response:
            assert response.status == 401


async def test_a_signed_install_under_a_name_no_database_holds_is_a_400(service: Service) -> None:
    service.host.client_key = "x" * 256

    assert (await service.host.install(service.url)).status == 400
