"""Streams of the faces that wait, that begin anew, and how many a caller may have.

Source: api-faces.md §1, §7.2.
"""

import asyncio
from dataclasses import replace
from pathlib import Path

import aiohttp
import orjson

from bff.simulators.openai.simulator import DONE, delta, finish, role
from bff.simulators.vendors import VENDORS
from tests.support.face_asking import (
    CHAT,
    MESSAGE,
    RESPONSE,
    STREAMED,
    error_of,
    post,
)
from tests.support.keys import create_key
from tests.support.service import Service, open_service

ANTHROPIC = next(row for row in VENDORS if row.name == "anthropic")
CREATED = (
    b'event: response.created\ndata: {"type":"response.created","sequence_number":0,"response":'
    b'{"id":"resp_scripted","object":"response","created_at":1,"model":"gpt-4o-2024-08-06",'
    b'"status":"in_progress","output":[]}}\n\n'
)


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
