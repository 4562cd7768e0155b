"""Callers who ask for more than their share, at the socket."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager
from pathlib import Path
from typing import Any

import pytest
from aiohttp import web

from bff.dialects.anthropic_messages import rates as anthropic
from bff.dialects.openai_chat import errors
from bff.dialects.openai_chat import rates as openai
from bff.errors import Problem
from bff.records import ApiKey, Caller
from bff.simulators.openai.simulator import delta
from bff.web.body import read_face_body
from bff.web.callers import count_request
from bff.web.middleware import REQUEST_LINE
from bff.web.routes import Route
from tests.support.keys import bearer, create_key
from tests.support.service import Service, open_service
from tests.support.street import open_street

# --- streams at a time ---------------------------------------------------------------------------


@asynccontextmanager
async def open_held(folder: Path, **changes: Any) -> AsyncIterator[Service]:
    """The vendor says nothing until it is told to, and streams begin without it."""
    async with open_service(folder, early_commit_seconds="0.02", **changes) as service:
        service.openai.hold()
        yield service


async def refused(service: Service, **options: str) -> tuple[int, str | None]:
    async with service.ask(**options) as response:
        await response.read()
        return response.status, response.headers.get("Retry-After")


async def test_a_user_has_as_many_streams_as_it_may_and_another_user_its_own(
    tmp_path: Path,
) -> None:
    async with open_held(tmp_path) as service, AsyncExitStack() as stack:
        for number in range(5):
            response = await stack.enter_async_context(service.ask())
            await (await service.openai.pen(number)).say(delta("x"))
            assert response.status == 200

        sixth = await refused(service)
        other = service.host.context_token(account_id="bob")
        another = asyncio.create_task(refused(service, token=other))
        await (await service.openai.pen(5)).finish()

        assert sixth == (429, "5")
        assert await another == (200, None)
        assert len(service.openai.requests) == 6  # nobody was asked for the sixth


async def test_a_stream_that_is_over_makes_room(tmp_path: Path) -> None:
    async with open_held(tmp_path, streams_per_user="1") as service:
        async with service.ask() as response:
            pen = await service.openai.pen()
            await pen.say(delta("x"))
            assert await refused(service) == (429, "5")
            await pen.finish()
            await response.read()
        await service.services.streams.idle()

        asking = asyncio.create_task(refused(service))
        await (await service.openai.pen(1)).finish()

        assert await asking == (200, None)


async def test_a_reader_who_leaves_makes_room(tmp_path: Path) -> None:
    async with open_held(tmp_path, streams_per_user="1") as service:
        async with service.ask() as response:
            pen = await service.openai.pen()
            await pen.say(delta("x"))
            response.close()
        await service.services.streams.idle()

        asking = asyncio.create_task(refused(service))
        await (await service.openai.pen(1)).finish()

        assert await asking == (200, None)


async def test_a_question_its_vendor_refuses_makes_room(tmp_path: Path) -> None:
    async with open_service(tmp_path, streams_per_user="1", visible_errors="never") as service:
        bad = {"messages": [{"content": {"parts": ["hi [[simulate: status=400]]"]}}]}
        for _ in range(3):
            async with service.ask(bad) as response:
                assert response.status == 400


async def test_a_tenants_forge_and_connect_tokens_are_one_user(tmp_path: Path) -> None:
    async with open_held(tmp_path, forge=True, streams_per_user="1") as service, service.ask():
        await service.openai.pen()
        headers = {"Authorization": f"Bearer {service.host.forge_token()}"}
        async with service.session.post(
            f"{service.url}/conversations", json={"messages": []}, headers=headers
        ) as empty:
            unasked = empty.status
        async with service.session.post(
            f"{service.url}/conversations",
            json={"messages": [{"content": {"parts": ["hi"]}}]},
            headers=headers,
        ) as response:
            status = response.status
        await (await service.openai.pen()).finish()

    assert status == 429
    assert unasked != 429  # what is wrong is said first


async def test_the_limit_may_be_lifted(tmp_path: Path) -> None:
    async with (
        open_held(tmp_path, streams_per_user="off") as service,
        AsyncExitStack() as stack,
    ):
        for number in range(7):
            await stack.enter_async_context(service.ask())
            await service.openai.pen(number)


# --- requests within a minute --------------------------------------------------------------------

_KEY = ApiKey("k1", "n8n", "key:k1", requests=2)


async def _with_key(_request: web.Request) -> Caller:
    return Caller("key:k1", None, None, None, "t", "u", key=_KEY)


async def _ask_openai(request: web.Request, caller: Caller) -> web.StreamResponse:
    await count_request(request, caller, write=openai.write_standing)
    await read_face_body(request, 100)
    return web.Response(text="hi")


async def _ask_anthropic(request: web.Request, caller: Caller) -> web.StreamResponse:
    await count_request(request, caller, write=anthropic.write_standing)
    response = web.StreamResponse()
    await response.prepare(request)
    await response.write_eof()
    return response


def _refuse(request: web.Request, problem: Problem) -> web.StreamResponse:
    status, body, headers = errors.write_error(problem, request[REQUEST_LINE].request_id)
    return web.Response(status=status, body=body, headers=headers)


ROUTES = (
    Route("POST", "/openai", _with_key, _ask_openai, _refuse),
    Route("POST", "/anthropic", _with_key, _ask_anthropic, _refuse),
)


async def test_a_keys_requests_are_limited_before_their_body_is_read() -> None:
    async with open_street(ROUTES) as street:
        first = await street.post("/openai", json={})
        bad = await street.post("/openai", data=b"{")
        third = await street.post("/openai", data=b"{")
        street.clock[0] += 60
        later = await street.post("/openai", json={})

    assert [answer.status for answer in (first, bad, third, later)] == [200, 400, 429, 200]
    assert [answer.headers["x-ratelimit-remaining-requests"] for answer in (first, bad, third)] == [
        "1",
        "0",
        "0",
    ]
    assert third.headers["retry-after"] == "60"
    assert "x-should-retry" not in third.headers


async def test_a_stream_tells_how_its_caller_stands_too() -> None:
    async with open_street(ROUTES) as street:
        answer = await street.post("/anthropic", json={})

    assert answer.headers["anthropic-ratelimit-requests-limit"] == "2"
    assert answer.headers["anthropic-ratelimit-requests-remaining"] == "1"
    assert answer.headers["anthropic-ratelimit-requests-reset"] == "2027-01-15T08:01:00Z"


async def test_who_has_no_limit_is_told_none(tmp_path: Path) -> None:
    async with open_service(tmp_path) as service, service.ask() as response:
        await response.read()

    assert [name for name in response.headers if "ratelimit" in name.lower()] == []


# --- both, on the faces --------------------------------------------------------------------------

CHAT = {"model": "openai/gpt-4o", "messages": [{"role": "user", "content": "hi"}]}
OPENAI_FACE, ANTHROPIC_FACE = "/v1/chat/completions", "/v1/messages"
FACES = [(OPENAI_FACE, CHAT), (ANTHROPIC_FACE, {**CHAT, "max_tokens": 50})]


def ask_face(service: Service, path: str, body: Any, key: str, **changes: Any) -> Any:
    return service.session.post(service.url + path, json={**body, **changes}, headers=bearer(key))


@pytest.mark.parametrize(("path", "body"), FACES)
async def test_a_key_has_as_many_streams_as_it_may_on_all_faces_together(
    tmp_path: Path, path: str, body: Any
) -> None:
    async with open_held(tmp_path, streams_per_key="1") as service:
        key, other = await create_key(service), await create_key(service, "other", streams=2)
        async with ask_face(service, OPENAI_FACE, CHAT, key, stream=True):
            async with ask_face(service, path, body, key, stream=True) as second:
                told = await second.json()
            async with ask_face(service, path, body, other, stream=True) as begun:
                assert begun.status == 200

    assert second.status == 429
    assert told["error"]["type"] == "rate_limit_error"
    assert told["error"]["message"].startswith("You have 1 answers under way")
    assert second.headers["retry-after"] == "5"
    assert "x-should-retry" not in second.headers


async def test_a_whole_answer_takes_no_streams_place(tmp_path: Path) -> None:
    async with open_held(tmp_path, streams_per_key="1") as service:
        key = await create_key(service)
        async with ask_face(service, OPENAI_FACE, CHAT, key, stream=True):
            whole = asyncio.create_task(status_of(ask_face(service, OPENAI_FACE, CHAT, key)))
            await (await service.openai.pen(1)).finish()

            assert await whole == 200


async def test_a_user_shares_its_streams_between_the_add_on_and_the_faces(tmp_path: Path) -> None:
    async with open_held(tmp_path, streams_per_user="1") as service, service.ask():
        headers = {"Authorization": f"JWT {service.host.context_token()}"}
        asking = service.session.post(
            service.url + OPENAI_FACE, json={**CHAT, "stream": True}, headers=headers
        )

        assert await status_of(asking) == 429


async def test_every_answer_of_a_face_tells_its_key_how_it_stands(tmp_path: Path) -> None:
    async with open_service(tmp_path) as service:
        key = await create_key(service, requests=4)
        told = []
        for changes in ({}, {"stream": True}, {"model": 5}, {}, {}):
            async with ask_face(service, OPENAI_FACE, CHAT, key, **changes) as response:
                await response.read()
                told.append((response.status, response.headers["x-ratelimit-remaining-requests"]))
        async with ask_face(service, *FACES[1], key) as elsewhere:
            refusal = await elsewhere.json()

    assert told == [(200, "3"), (200, "2"), (400, "1"), (200, "0"), (429, "0")]
    assert response.headers["x-ratelimit-limit-requests"] == "4"
    assert 1 <= int(response.headers["retry-after"]) <= 60
    assert elsewhere.status == 429
    assert elsewhere.headers["anthropic-ratelimit-requests-limit"] == "4"
    assert elsewhere.headers["anthropic-ratelimit-requests-remaining"] == "0"
    assert refusal["error"]["type"] == "rate_limit_error"
    assert len(service.openai.requests) == 3


async def status_of(asking: Any) -> int:
    async with asking as response:
        await response.read()
        return int(response.status)
