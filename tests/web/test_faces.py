"""What is true of every integrator's face, on the wire: who may enter, whose envelope an error has,
what every answer carries. Source: api-faces.md §1.
"""

import asyncio
import gzip
from dataclasses import replace
from pathlib import Path
from typing import Any

import aiohttp
import orjson
import pytest

from bff.connect.qsh import query_string_hash
from bff.simulators.openai.simulator import DONE, delta, finish, role
from bff.simulators.vendors import VENDORS
from tests.support.keys import create_key
from tests.support.service import Service, open_service

CHAT = {"model": "openai/gpt-4o", "messages": [{"role": "user", "content": "hi"}]}
MESSAGE = {**CHAT, "max_tokens": 50}
RESPONSE = {"model": "openai/gpt-4o", "input": "hi"}
FACES = [
    pytest.param("/v1/chat/completions", CHAT, id="openai"),
    pytest.param("/v1/responses", RESPONSE, id="responses"),
    pytest.param("/v1/messages", MESSAGE, id="anthropic"),
    pytest.param("/anthropic/v1/messages", MESSAGE, id="anthropic-mounted"),
]
ANTHROPIC = next(row for row in VENDORS if row.name == "anthropic")
CREATED = (
    b'event: response.created\ndata: {"type":"response.created","sequence_number":0,"response":'
    b'{"id":"resp_scripted","object":"response","created_at":1,"model":"gpt-4o-2024-08-06",'
    b'"status":"in_progress","output":[]}}\n\n'
)
STREAMED = (("/v1/chat/completions", CHAT), ("/v1/messages", MESSAGE))
OPENAI_MEMBERS = {"message", "type", "param", "code", "suggestion", "request_id"}


def is_openai(path: str) -> bool:
    return not path.startswith(("/anthropic", "/v1/messages"))


def error_of(path: str, body: Any) -> dict[str, Any]:
    """The error object, after a look at the envelope around it."""
    if is_openai(path):
        assert set(body) == {"error"}
        assert set(body["error"]) == OPENAI_MEMBERS
    else:
        assert set(body) == {"type", "error", "request_id"}
        assert body["type"] == "error"
        assert set(body["error"]) == {"type", "message"}
    error: dict[str, Any] = body["error"]
    return error


async def post(service: Service, path: str, body: Any, **headers: str) -> tuple[int, Any, Any]:
    data = body if isinstance(body, bytes) else orjson.dumps(body)
    async with service.session.post(service.url + path, data=data, headers=headers) as response:
        return response.status, orjson.loads(await response.read()), response.headers


# -- who may enter ---------------------------------------------------------------------------------


@pytest.mark.parametrize(("path", "body"), FACES)
@pytest.mark.parametrize(
    "carrying",
    [
        {},
        {"Authorization": "Bearer sk-bff-" + "z" * 43},
        {"Authorization": "Bearer sk-of-somebody-else"},
        {"Authorization": "Basic eDp5"},
        {"x-api-key": "sk-bff-" + "z" * 43},
        {"x-api-key": "é"},
    ],
    ids=["nothing", "unknown", "foreign", "basic", "unknown x-api-key", "not ascii"],
)
async def test_a_missing_key_and_a_wrong_one_are_told_the_same(
    service: Service, path: str, body: Any, carrying: dict[str, str]
) -> None:
    status, told, headers = await post(service, path, body, **carrying)
    _, other, _ = await post(service, path, body)

    assert status == 401
    assert error_of(path, told)["message"] == error_of(path, other)["message"]
    assert headers["x-should-retry"] == "false"
    assert not service.openai.requests


@pytest.mark.parametrize(("path", "body"), FACES)
async def test_a_key_opens_the_door_as_bearer_and_as_x_api_key(
    service: Service, path: str, body: Any
) -> None:
    key = await create_key(service)
    other = "sk-bff-" + "z" * 43

    for carried in (
        {"Authorization": f"Bearer {key}"},
        {"Authorization": f"bearer {key}"},
        {"x-api-key": key},
        {"x-api-key": key, "Authorization": f"Bearer {key}"},
        {"x-api-key": key, "Authorization": "Bearer placeholder"},
        {"x-api-key": other, "Authorization": f"Bearer {key}"},
        {"x-api-key": "", "Authorization": f"Bearer {key}"},
    ):
        status, _, _ = await post(service, path, body, **carried)
        assert status == 200, sorted(carried)


async def test_a_connect_token_opens_the_openai_face_only(service: Service) -> None:
    token = service.host.context_token()

    in_header, _, _ = await post(
        service, "/v1/chat/completions", CHAT, Authorization=f"JWT {token}"
    )
    in_query, _, _ = await post(service, f"/v1/chat/completions?jwt={token}", CHAT)
    elsewhere, _, _ = await post(service, f"/v1/messages?jwt={token}", MESSAGE)

    assert (in_header, in_query, elsewhere) == (200, 200, 401)


@pytest.mark.parametrize(
    ("qsh", "status"),
    [("context-qsh", 200), (None, 200), ("right", 200), ("0" * 64, 401)],
)
async def test_a_connect_token_that_names_a_request_must_name_this_one(
    service: Service, qsh: str | None, status: int
) -> None:
    if qsh == "right":
        qsh = query_string_hash("POST", "/v1/chat/completions")
    token = service.host.context_token(claims={"qsh": qsh})

    got, _, _ = await post(service, "/v1/chat/completions", CHAT, Authorization=f"JWT {token}")

    assert got == status


async def test_a_forge_token_opens_the_openai_face_and_a_key_still_does(tmp_path: Path) -> None:
    async with open_service(tmp_path, forge=True) as service:
        key = await create_key(service)
        token = service.host.forge_token()

        invited, _, _ = await post(
            service, "/v1/chat/completions", CHAT, Authorization=f"Bearer {token}"
        )
        with_key, _, _ = await post(
            service, "/v1/chat/completions", CHAT, Authorization=f"Bearer {key}"
        )
        wrong, _, _ = await post(service, "/v1/chat/completions", CHAT, Authorization="Bearer x")

    assert (invited, with_key, wrong) == (200, 200, 401)


async def test_a_key_for_some_models_is_refused_the_others(service: Service) -> None:
    key = await create_key(service, models=("openai/gpt-4o-mini", "openai/o*"))
    bearer = {"Authorization": f"Bearer {key}"}

    allowed, _, _ = await post(
        service, "/v1/chat/completions", {**CHAT, "model": "gpt-4o-mini"}, **bearer
    )
    refused, told, _ = await post(service, "/v1/chat/completions", CHAT, **bearer)
    missing, _, _ = await post(service, "/v1/messages", {**MESSAGE, "model": "nope"}, **bearer)

    assert (allowed, refused, missing) == (200, 403, 404)
    assert told["error"]["param"] == "model"
    assert [seen.json["model"] for seen in service.openai.requests] == ["gpt-4o-mini"]


async def test_no_spelling_of_an_alias_gets_round_what_a_key_is_for(tmp_path: Path) -> None:
    async with open_service(tmp_path, model_aliases='{"smart":"openai/gpt-4o"}') as service:
        key = await create_key(service, models=("*mini*",))
        bearer = {"Authorization": f"Bearer {key}"}
        told = []
        for model in (
            "smart",
            "smart[mini]",
            "smart[mini]-20260101",
            "gpt-4o[mini]",
            "gpt-4o-mini",
        ):
            status, _, _ = await post(
                service, "/v1/chat/completions", {**CHAT, "model": model}, **bearer
            )
            told.append(status)
        async with service.session.get(
            f"{service.url}/v1/models/smart[mini]", headers=bearer
        ) as shown:
            assert shown.status == 404

    assert told == [403, 403, 404, 404, 200]


@pytest.mark.parametrize(("path", "body"), FACES)
@pytest.mark.parametrize("stream", [True, False])
async def test_a_book_for_a_models_name_is_told_to_nobody(
    service: Service, written: Any, path: str, body: Any, stream: bool
) -> None:
    key = await create_key(service)
    bearer = {"Authorization": f"Bearer {key}"}

    for book in ("gpt-" + "canary" * 100, "gpt-4o\ncanary"):
        status, told, _ = await post(
            service, path, {**body, "model": book, "stream": stream}, **bearer
        )
        assert (status, "canary" in str(error_of(path, told))) == (404, False)

    assert not service.openai.requests
    assert "canary" not in written.text


# -- what an error looks like ----------------------------------------------------------------------


@pytest.mark.parametrize(("path", "body"), FACES)
@pytest.mark.parametrize(
    ("sent", "status", "more"),
    [
        (b"", 400, {}),
        (b"{", 400, {}),
        (b"[]", 400, {}),
        (b"null", 400, {}),
        (b'{"model":' + b"[" * 99 + b"]" * 99 + b"}", 400, {}),
        (b"{}", 415, {"Content-Encoding": "compress"}),
        (b"{}", 400, {"Content-Encoding": "gzip"}),
    ],
    ids=["none", "half", "list", "null", "deep", "unknown packing", "no gzip"],
)
async def test_a_body_that_cannot_be_read_is_told_so_in_the_faces_envelope(
    service: Service, path: str, body: Any, sent: bytes, status: int, more: dict[str, str]
) -> None:
    key = await create_key(service)

    got, told, headers = await post(service, path, sent, Authorization=f"Bearer {key}", **more)

    assert got == status
    assert error_of(path, told)["message"]
    assert headers["x-should-retry"] == "false"


@pytest.mark.parametrize(("path", "body"), FACES)
async def test_a_body_that_is_too_large_is_a_413_in_the_faces_envelope(
    tmp_path: Path, path: str, body: Any
) -> None:
    async with open_service(tmp_path, max_face_body_bytes="2000") as service:
        key = await create_key(service)
        large = {**body, "metadata": {"x": "y" * 3000}}

        plain, told, _ = await post(service, path, large, Authorization=f"Bearer {key}")
        packed, also, _ = await post(
            service,
            path,
            gzip.compress(orjson.dumps(large)),
            **{"Authorization": f"Bearer {key}", "Content-Encoding": "gzip"},
        )

    assert (plain, packed) == (413, 413)
    assert error_of(path, told)["message"] == error_of(path, also)["message"]


CALLED = '{"a":[[],[],[],[],[],[]]}'
WITH_CALLS = [
    (
        "/v1/chat/completions",
        {
            "messages": [
                {"role": "user", "content": "hi"},
                {
                    "role": "assistant",
                    "tool_calls": [
                        {
                            "id": "c",
                            "type": "function",
                            "function": {"name": "f", "arguments": CALLED},
                        }
                    ],
                },
                {"role": "tool", "tool_call_id": "c", "content": "x"},
            ]
        },
    ),
    (
        "/v1/responses",
        {
            "input": [
                {"role": "user", "content": "hi"},
                {"type": "function_call", "call_id": "c", "name": "f", "arguments": CALLED},
                {"type": "function_call_output", "call_id": "c", "output": "x"},
            ]
        },
    ),
]


@pytest.mark.parametrize(("path", "body"), WITH_CALLS)
async def test_what_calls_hold_is_counted_as_what_the_body_holds(
    tmp_path: Path, path: str, body: Any
) -> None:
    async with open_service(tmp_path, max_json_values="40") as service:
        bearer = {"Authorization": f"Bearer {await create_key(service)}"}
        asked = {"model": "openai/gpt-4o", **body}

        few, _, _ = await post(service, path, asked, **bearer)
        many = orjson.dumps(asked).replace(b"[],[],[]", b"[]" + b",[]" * 40)
        refused, told, _ = await post(service, path, many, **bearer)

    assert (few, refused) == (200, 413)
    assert "arguments" in error_of(path, told)["message"]


@pytest.mark.parametrize(("path", "body"), FACES)
async def test_a_body_is_read_whatever_its_content_type_says(
    service: Service, path: str, body: Any
) -> None:
    key = await create_key(service)

    for content_type in ("text/plain", "application/x-www-form-urlencoded", "application/json"):
        status, _, _ = await post(
            service,
            path,
            gzip.compress(orjson.dumps(body)),
            **{
                "Authorization": f"Bearer {key}",
                "Content-Type": content_type,
                "Content-Encoding": "gzip",
            },
        )
        assert status == 200, content_type


@pytest.mark.parametrize(
    ("method", "path", "status"),
    [
        ("POST", "/v1/embeddings", 404),
        ("POST", "/v1/completions", 404),
        ("GET", "/v1/v1/models", 404),
        ("GET", "/v1", 404),
        ("POST", "/chat/completions", 404),
        ("GET", "/models/", 404),
        ("GET", "/v1/chat/completions", 405),
        ("DELETE", "/v1/messages", 405),
        ("PUT", "/anthropic/v1/messages/", 405),
        ("POST", "/anthropic/v1/complete", 404),
        ("GET", "/anthropic", 404),
        ("GET", "/V1/Models/gpt-4o", 404),
        ("POST", "/anthropic/v1/%0a", 404),
    ],
)
async def test_a_wrong_address_is_answered_in_the_envelope_of_its_face(
    service: Service, method: str, path: str, status: int
) -> None:
    async with service.session.request(method, service.url + path) as response:
        told = orjson.loads(await response.read())

    assert response.status == status
    error = error_of(path, told)
    assert error["message"]
    if is_openai(path):
        assert error["code"] == ("unknown_url" if status == 404 else "method_not_allowed")
        assert error["suggestion"]
    assert response.headers.get("Allow") == ("POST" if status == 405 else None)
    assert response.headers["x-should-retry"] == "false"


@pytest.mark.parametrize("path", ["/v1/nothing", "/v1/models/a/b/c?x=1"])
async def test_who_speaks_anthropic_is_answered_so_where_the_path_does_not_say(
    service: Service, path: str
) -> None:
    async with service.session.post(
        service.url + path, headers={"anthropic-version": "2023-06-01"}
    ) as response:
        told = orjson.loads(await response.read())

    assert told["type"] == "error"


@pytest.mark.parametrize(("path", "body"), FACES)
@pytest.mark.parametrize("stream", [True, False])
async def test_what_nobody_foresaw_is_a_500_in_the_faces_envelope(
    service: Service,
    monkeypatch: pytest.MonkeyPatch,
    path: str,
    body: Any,
    stream: bool,
) -> None:
    def crash(*_: object) -> None:
        raise RuntimeError("secret words")

    key = await create_key(service)
    monkeypatch.setattr(type(service.services.engine), "answer", crash)

    status, told, headers = await post(
        service, path, {**body, "stream": stream}, Authorization=f"Bearer {key}"
    )

    assert status == 500
    assert "secret" not in error_of(path, told)["message"]
    assert headers["x-should-retry"] == "false"


# -- what every answer carries ---------------------------------------------------------------------


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


# -- streams that wait -----------------------------------------------------------------------------


async def test_a_stream_that_waits_begins_with_the_faces_own_first_words(tmp_path: Path) -> None:
    async with open_service(
        tmp_path, early_commit_seconds="0.05", heartbeat_seconds="0.05"
    ) as service:
        key = await create_key(service)
        first: dict[str, list[bytes]] = {}
        service.openai.hold()
        for number, (path, body) in enumerate(STREAMED):
            async with service.session.post(
                service.url + path,
                json={**body, "stream": True},
                headers={"Authorization": f"Bearer {key}"},
            ) as response:
                assert response.status == 200
                begun = [await response.content.readuntil(b"\n\n") for _ in range(3)]
                pen = await service.openai.pen(number)
                await pen.say(role(), delta("Hello"), finish(), DONE)
                await pen.end()
                rest = await response.read()
            first[path] = [*begun, rest]

    chat, message = first["/v1/chat/completions"], first["/v1/messages"]
    role_chunk = orjson.loads(chat[0].removeprefix(b"data: "))
    assert role_chunk["choices"][0]["delta"] == {"role": "assistant", "content": ""}
    assert all(beat.startswith(b":") for beat in chat[1:3])
    assert chat[3].endswith(b"data: [DONE]\n\n")
    ids = {
        orjson.loads(line[6:])["id"]
        for line in b"".join(chat).splitlines()
        if line.startswith(b"data: {")
    }
    assert len(ids) == 1
    assert message[0].startswith(b"event: message_start\n")
    assert orjson.loads(message[0].split(b"data: ")[1])["message"]["usage"]["input_tokens"] > 0
    assert all(beat == b'event: ping\ndata: {"type": "ping"}\n\n' for beat in message[1:3])
    assert b"".join(message).count(b"event: message_start") == 1
    assert message[3].rstrip().endswith(b'data: {"type":"message_stop"}')


async def test_a_failure_after_a_stream_began_early_is_its_last_words(tmp_path: Path) -> None:
    async with open_service(tmp_path, gateway=False, early_commit_seconds="0.05") as service:
        key = await create_key(service)
        said = {}
        service.openai.hold()
        for number, (path, body) in enumerate(STREAMED):
            async with service.session.post(
                service.url + path,
                json={**body, "stream": True},
                headers={"Authorization": f"Bearer {key}"},
            ) as response:
                await response.content.readuntil(b"\n\n")
                pen = await service.openai.pen(number)
                await pen.begin(400, {"Content-Type": "application/json"})
                await pen.say(b'{"error":{"message":"no","type":"invalid_request_error"}}')
                await pen.end()
                said[path] = await response.read()

    assert said["/v1/chat/completions"].endswith(b"}}\n\ndata: [DONE]\n\n")
    assert b'data: {"error":{"message":' in said["/v1/chat/completions"]
    assert b"event: error\ndata: " in said["/v1/messages"]


async def test_a_question_that_waits_for_its_whole_answer_is_told_of_a_restart(
    tmp_path: Path,
) -> None:
    async with aiohttp.ClientSession() as session, asyncio.TaskGroup() as tasks:
        async with open_service(tmp_path, gateway=False) as opened:
            service = replace(opened, session=session)
            key = await create_key(service)
            service.openai.hold()
            asking = tasks.create_task(
                post(service, "/v1/chat/completions", CHAT, Authorization=f"Bearer {key}")
            )
            await service.openai.pen()
        status, told, headers = await asking

    assert status == 503
    assert told["error"]["code"] == "shutting_down"
    assert headers["retry-after"] == "1"


# -- how much of it --------------------------------------------------------------------------------


async def test_a_key_has_no_more_streams_at_a_time_than_it_may(service: Service) -> None:
    key = await create_key(service, streams=1)
    bearer = {"Authorization": f"Bearer {key}"}
    service.openai.hold()
    refused = {}
    async with service.session.post(
        f"{service.url}/v1/messages", json={**MESSAGE, "stream": True}, headers=bearer
    ) as first:
        pen = await service.openai.pen()
        await pen.say(role(), delta("Hello"))
        await first.content.readuntil(b"\n\n")
        for path, body in STREAMED:
            refused[path] = await post(service, path, {**body, "stream": True}, **bearer)
        await pen.say(finish(), DONE)
        await pen.end()
        await first.read()
    await service.services.streams.idle()
    service.openai.release()
    again, _, _ = await post(service, "/v1/chat/completions", CHAT, **bearer)

    for path, (status, told, headers) in refused.items():
        assert status == 429, path
        assert error_of(path, told)["type"] == "rate_limit_error"
        assert int(headers["retry-after"]) >= 1
    assert again == 200


async def test_a_keys_requests_are_counted_on_every_face_and_told(service: Service) -> None:
    key = await create_key(service, requests=2)
    bearer = {"Authorization": f"Bearer {key}"}

    _, _, first = await post(service, "/v1/chat/completions", CHAT, **bearer)
    _, _, second = await post(service, "/v1/messages", {"not": "a question"}, **bearer)
    status, told, third = await post(service, "/v1/messages", MESSAGE, **bearer)

    assert first["x-ratelimit-limit-requests"] == "2"
    assert first["x-ratelimit-remaining-requests"] == "1"
    assert second["anthropic-ratelimit-requests-remaining"] == "0"
    assert status == 429
    assert error_of("/v1/messages", told)["type"] == "rate_limit_error"
    assert int(third["retry-after"]) >= 1


async def fail_twice(service: Service, first: int, head: bytes) -> None:
    """The tries of that number and the next: begun, and cut."""
    for number in (first, first + 1):
        pen = await service.openai.pen(number)
        await pen.say(head)
        await pen.cut()


async def test_what_a_try_said_of_itself_is_forgotten_when_another_one_answers(
    tmp_path: Path,
) -> None:
    async with open_service(
        tmp_path, gateway=False, vendor=ANTHROPIC, openai_api_key="sk-test-key",
        model_fallbacks='{"openai/gpt-4o":["anthropic/claude-sonnet-4-5"]}',
    ) as service:  # fmt: skip
        key = await create_key(service)
        service.openai.hold()
        said = {}
        tries = 0
        for path, body in (*STREAMED, ("/v1/responses", RESPONSE)):
            async with asyncio.TaskGroup() as tasks:
                head = CREATED if path == "/v1/responses" else role()
                tasks.create_task(fail_twice(service, tries, head))
                async with service.session.post(
                    service.url + path,
                    json={**body, "stream": True},
                    headers={"Authorization": f"Bearer {key}"},
                ) as response:
                    said[path] = await response.read()
            tries += 2
            assert response.headers["x-model-used"] == "anthropic/claude-sonnet-4-5"

    for path, frames in said.items():
        assert b"scripted" not in frames, path
        assert b"gpt-4o-2024" not in frames, path
        assert frames.count(b'"role":"assistant","content":""') == (path == STREAMED[0][0]), path
        assert frames.count(b"event: message_start") == (path == STREAMED[1][0]), path
        assert frames.count(b"event: response.created") == (path == "/v1/responses"), path
