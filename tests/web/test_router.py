"""Behind a router that hangs up on an answer which has not begun: api-faces.md §8, §10 (10)."""

import asyncio
from pathlib import Path

import pytest

from tests.support.keys import bearer, create_key
from tests.support.service import open_service

CHAT = {"model": "openai/gpt-4o", "messages": [{"role": "user", "content": "hi"}]}


@pytest.mark.parametrize(
    ("path", "type_"), [("/v1/chat/completions", "server_error"), ("/v1/messages", "timeout_error")]
)
async def test_a_whole_answer_that_does_not_come_is_our_own_504_before_the_routers(
    tmp_path: Path, path: str, type_: str
) -> None:
    body = {**CHAT, "max_tokens": 50}
    async with open_service(tmp_path, router_first_byte_seconds="1") as service:
        service.openai.hold()
        headers = bearer(await create_key(service))
        async with asyncio.timeout(1):
            async with service.session.post(
                service.url + path, json=body, headers=headers
            ) as response:
                told = await response.json()
        await (await service.openai.pen()).hung_up.wait()

    assert response.status == 504
    assert told["error"]["type"] == type_
    assert "stream" in told["error"].get("suggestion", told["error"]["message"])
    assert response.headers["x-should-retry"] == "false"


async def test_where_there_is_no_router_a_whole_answer_is_waited_for(tmp_path: Path) -> None:
    async with open_service(tmp_path, router_first_byte_seconds="0") as service:
        service.openai.hold()
        headers = bearer(await create_key(service))
        async with asyncio.TaskGroup() as tasks:
            asking = tasks.create_task(
                service.session.post(
                    f"{service.url}/v1/chat/completions", json=CHAT, headers=headers
                )
            )
            await (await service.openai.pen()).finish()

    assert asking.result().status == 200
