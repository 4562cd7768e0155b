"""A whole answer that takes its time: begun early, kept alive, and never without an end."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import orjson
import pytest

from bff.errors import Kind, Problem
from bff.policy.pace import Pace
from bff.simulators.openai.frames import completion, tokens
from bff.simulators.pen import Pen
from tests.support.quotas import until
from tests.support.service import Service, open_service
from tests.web.test_diagrams import BESIDE, BODIES, BOTH, FAILED, FULL, always

JSON = {"Content-Type": "application/json"}
SPENT = tokens(20, 3)


@pytest.fixture
async def hasty(tmp_path: Path) -> AsyncIterator[Service]:
    """Answers begin after a moment, and are kept alive every moment."""
    async with open_service(
        tmp_path, early_commit_seconds="0.05", heartbeat_seconds="0.05"
    ) as service:
        yield service


@asynccontextmanager
async def asking(service: Service, path: str, **options: Any) -> AsyncIterator[Any]:
    url = f"{service.url}{path}?jwt={service.host.context_token()}"
    async with service.session.post(url, json=BODIES[path], **options) as response:
        yield response


def spoken(text: str) -> bytes:
    return orjson.dumps(
        completion(text, id="c", model="gpt-4o", created=1, reason="stop", spent=SPENT)
    )


@BOTH
async def test_a_late_answer_comes_behind_blanks_and_is_the_same_value(
    hasty: Service, path: str
) -> None:
    hasty.openai.hold()
    async with asking(hasty, path) as response:
        blanks = await response.content.readexactly(3)
        pen = await hasty.openai.pen()
        await pen.begin(200, JSON)
        await pen.say(spoken("graph TD"))
        await pen.end()
        rest = await response.read()

    assert (response.status, blanks) == (200, b"   ")
    assert response.headers["Content-Type"] == "application/json; charset=utf-8"
    assert response.headers["X-Acpt"]
    told = orjson.loads(rest)
    assert (told if isinstance(told, str) else told["answer"]) == "graph TD"
    assert await hasty.quota() == FULL - SPENT["total_tokens"]


@BOTH
async def test_a_late_failure_is_said_behind_blanks(hasty: Service, path: str) -> None:
    hasty.openai.hold()
    async with asking(hasty, path) as response:
        await response.content.readexactly(1)
        pen = await hasty.openai.pen()
        await pen.begin(400, JSON)
        await pen.say(b'{"error":{"message":"no"}}')
        await pen.end()
        rest = await response.read()

    assert (response.status, orjson.loads(rest)) == (200, FAILED[path])
    assert await hasty.quota() == FULL


@BOTH
async def test_an_answer_that_comes_soon_has_its_length_and_says_which_way(
    service: Service, path: str
) -> None:
    async with asking(service, path) as response:
        body = await response.read()

    assert response.headers["Content-Length"] == str(len(body))
    assert response.headers["X-Upstream-Via"] == "gateway"
    assert response.headers["X-Aig-Log-Id"] == service.world.gateway.logs[-1].id


@BOTH
async def test_the_old_protocol_hears_the_end_by_the_end_of_the_connection(
    hasty: Service, path: str
) -> None:
    always(hasty.openai.faults, "delay-ms=200")
    body = orjson.dumps(BODIES[path])
    reader, writer = await asyncio.open_connection(*hasty.url.removeprefix("http://").split(":"))
    writer.write(
        f"POST {path}?jwt={hasty.host.context_token()} HTTP/1.0\r\nHost: x\r\n"
        f"Content-Type: application/json\r\nContent-Length: {len(body)}\r\n\r\n".encode()
        + body
    )
    head = await reader.readuntil(b"\r\n\r\n")
    answer = await reader.read()
    writer.close()

    assert b" 200 OK" in head
    assert b"chunked" not in head
    assert answer.startswith(b" ")
    assert orjson.loads(answer)


@BOTH
async def test_b8_a_caller_who_leaves_a_late_answer_hangs_up_upstream(
    hasty: Service, path: str
) -> None:
    hasty.openai.hold()
    async with asking(hasty, path) as response:
        await response.content.readexactly(1)
        response.close()

        async with asyncio.timeout(1):
            await hasty.openai.hung_up.wait()

    assert await hasty.quota() == FULL


@BOTH
async def test_a_service_that_stops_says_so_to_whoever_waits(service: Service, path: str) -> None:
    service.openai.hold()
    async with asyncio.TaskGroup() as tasks:
        tasks.create_task(_stop_when(service, service.openai.asked))
        async with asking(service, path) as response:
            body = await response.read()

    assert (response.status, orjson.loads(body)) == (200, FAILED[path])
    async with asyncio.timeout(1):
        await service.openai.hung_up.wait()


@BOTH
async def test_a_service_that_stops_says_so_behind_blanks(hasty: Service, path: str) -> None:
    hasty.openai.hold()
    async with asking(hasty, path) as response:
        await response.content.readexactly(1)
        await _stop_when(hasty, hasty.openai.asked)
        body = await response.read()

    assert (response.status, orjson.loads(body)) == (200, FAILED[path])


async def test_the_wait_for_tokens_counts_towards_an_early_begin(
    hasty: Service, monkeypatch: pytest.MonkeyPatch
) -> None:
    begun: list[float] = []
    now, make_pace = asyncio.get_running_loop().time, hasty.services.streams.pace

    def pace() -> Pace:
        begun.append(now())
        return make_pace()

    monkeypatch.setattr(hasty.services.streams, "pace", pace)
    await hasty.get("/v2/client/info")
    await hasty.set_quota(2 * SPENT["total_tokens"])
    hasty.openai.hold()
    async with asyncio.TaskGroup() as tasks:
        tasks.create_task(hasty.post(BESIDE, json=BODIES[BESIDE]))
        pen = await hasty.openai.pen()
        tasks.create_task(hasty.post(BESIDE, json=BODIES[BESIDE]))
        await until(lambda: len(hasty.services.quotas._lines) == 1)  # type: ignore[attr-defined]
        freed = now()
        await _speak(pen)
        await _speak(await hasty.openai.pen(1))

    assert await hasty.quota() == 0
    assert max(begun) < freed


async def _speak(pen: Pen) -> None:
    await pen.begin(200, JSON)
    await pen.say(spoken("graph TD"))
    await pen.end()


async def _stop_when(service: Service, reached: asyncio.Event) -> None:
    await reached.wait()
    service.services.streams.end_all(Problem(Kind.SHUTTING_DOWN, "The service is restarting."))


async def test_an_answer_on_its_way_is_counted(hasty: Service) -> None:
    hasty.openai.hold()
    async with asking(hasty, BESIDE) as response:
        await response.content.readexactly(1)
        on_their_way = await hasty.metric("bff_streams_open")
        pen = await hasty.openai.pen()
        await pen.begin(200, JSON)
        await pen.say(spoken("x"))
        await pen.end()
        await response.read()

    assert on_their_way == 1
    assert await hasty.metric("bff_streams_open") == 0
