"""What every answer of the faces carries, and who may read it. Source: api-faces.md §1."""

from typing import Any

import pytest

from tests.support.face_asking import CHAT, FACES, MESSAGE, is_openai, post
from tests.support.keys import create_key
from tests.support.service import Service


@pytest.mark.parametrize(("path", "body"), FACES)
async def test_every_answer_carries_its_id_and_may_be_read_by_any_page(
    service: Service, path: str, body: Any
) -> None:
    key = await create_key(service)
    bearer = {"Authorization": f"Bearer {key}", "x-request-id": "mine-1"}

    for sent, carrying in (
        ({**body, "stream": True}, bearer),
        ({**body, "stream": False}, bearer),
        ({**body, "model": 5}, bearer),
        (body, {"x-request-id": "mine-1"}),
    ):
        async with service.session.post(service.url + path, json=sent, headers=carrying) as answer:
            await answer.read()
        headers = answer.headers
        assert headers["x-request-id"] == "mine-1"
        assert headers.get("request-id") == (None if is_openai(path) else "mine-1")
        assert headers["access-control-allow-origin"] == "*"
        assert "x-request-id" in headers["access-control-expose-headers"]
        assert headers["x-content-type-options"] == "nosniff"
        assert "set-cookie" not in headers
        assert "x-acpt" not in headers


@pytest.mark.parametrize("named", ["theirs-1", "two words", ""])
async def test_what_the_caller_calls_a_request_stands_beside_our_id_where_it_is_sane(
    service: Service, written: Any, named: str
) -> None:
    key = await create_key(service)

    _, _, headers = await post(
        service,
        "/v1/chat/completions",
        CHAT,
        **{"Authorization": f"Bearer {key}", "x-client-request-id": named},
    )

    [line] = [line for line in written.lines if line["message"] == "request.ended"]
    assert line["request_id"] == headers["x-request-id"]
    assert line.get("client_request_id") == ("theirs-1" if named == "theirs-1" else None)


async def test_a_whole_answer_says_how_long_it_took_and_is_never_kept(service: Service) -> None:
    key = await create_key(service)

    _, _, headers = await post(service, "/v1/chat/completions", CHAT, Authorization=f"Bearer {key}")

    assert headers["content-type"] == "application/json; charset=utf-8"
    assert headers["cache-control"] == "no-cache, no-store, must-revalidate"
    assert int(headers["x-proxy-latency-ms"]) >= 0
    assert headers["x-upstream-via"] == "gateway"
    assert headers["x-stream-mode"] == "native"


async def test_a_stream_is_never_packed_nor_measured(service: Service) -> None:
    key = await create_key(service)

    async with service.session.post(
        f"{service.url}/v1/messages",
        json={**MESSAGE, "stream": True},
        headers={"x-api-key": key, "Accept-Encoding": "gzip"},
    ) as response:
        await response.read()

    assert response.headers["content-type"] == "text/event-stream; charset=utf-8"
    assert response.headers["cache-control"] == "no-cache, no-transform"
    assert response.headers["x-accel-buffering"] == "no"
    assert response.headers["x-stream-mode"] == "translated"
    assert {"content-length", "content-encoding"}.isdisjoint(map(str.lower, response.headers))


async def test_a_browser_may_ask_from_any_page(service: Service) -> None:
    async with service.session.options(
        f"{service.url}/v1/messages",
        headers={
            "Origin": "https://elsewhere.example",
            "Access-Control-Request-Method": "POST",
            "Access-Control-Request-Headers": "authorization, x-stainless-os, anthropic-beta, cookie",
        },
    ) as response:
        assert await response.read() == b""

    assert response.status == 204
    assert response.headers["access-control-allow-origin"] == "*"
    allowed = response.headers["access-control-allow-headers"].split(", ")
    assert allowed == ["authorization", "x-stainless-os", "anthropic-beta"]
    assert "POST" in response.headers["access-control-allow-methods"]
    assert "access-control-allow-credentials" not in response.headers


async def test_the_add_ons_own_routes_stay_closed_to_other_pages(service: Service) -> None:
    async with service.ask(headers={"Origin": "https://elsewhere.example"}) as response:
        await response.read()

    assert "access-control-allow-origin" not in response.headers
