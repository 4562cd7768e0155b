"""`POST /v1/responses` over a socket, asked by OpenAI's own SDK: whoever answers, and however."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import openai
import orjson
import pytest

from bff.simulators.faults import read_fault
from bff.simulators.openai.response_frames import Frames
from bff.simulators.vendors import VENDORS
from tests.support.keys import bearer, create_key
from tests.support.response_stream import HEADS, follow, names, values
from tests.support.service import Service, open_service

VENDOR = {row.name: row for row in VENDORS}
OURS = {"openai": "openai/gpt-4o", "anthropic": VENDOR["anthropic"].model}
NOW = {"type": "function", "name": "now", "parameters": {"type": "object"}, "strict": False}


@asynccontextmanager
async def open_client(service: Service) -> AsyncIterator[openai.AsyncOpenAI]:
    key = await create_key(service)
    async with openai.AsyncOpenAI(api_key=key, base_url=f"{service.url}/v1") as client:
        yield client


@pytest.mark.parametrize("vendor", ["openai", "anthropic", "salesforce"])
async def test_any_vendor_answers_in_one_piece_and_as_a_stream(tmp_path: Path, vendor: str) -> None:
    row = VENDOR[vendor]
    async with open_service(tmp_path, vendor=row, gateway=False) as service:
        service.world.vendors[vendor].text = text = "Bonjour 中文 🚀!"  # type: ignore[attr-defined]
        async with open_client(service) as client:
            whole = await client.responses.create(model=row.model, input="Say hello")
            async with client.responses.stream(model=row.model, input="Say hello") as stream:
                seen = [event.type async for event in stream]
                streamed = await stream.get_final_response()

    assert (whole.output_text, streamed.output_text) == (text, text)
    assert (whole.status, streamed.status) == ("completed", "completed")
    assert seen[:2] == HEADS
    assert whole.usage is not None
    assert streamed.usage is not None
    assert whole.usage.total_tokens > 0
    assert streamed.usage.total_tokens > 0


@pytest.mark.parametrize("vendor", ["openai", "anthropic"])
async def test_calls_are_made_and_their_results_answered(tmp_path: Path, vendor: str) -> None:
    row = VENDOR[vendor]
    asked: Any = {"model": row.model, "instructions": "Be kind.", "tools": [NOW]}
    async with (
        open_service(tmp_path, vendor=row, gateway=False) as service,
        open_client(service) as client,
    ):
        items: list[Any] = [{"role": "user", "content": "What time is it?"}]
        first = await client.responses.create(**asked, input=items, tool_choice="required")
        async with client.responses.stream(**asked, input=items, tool_choice="required") as stream:
            events = [event async for event in stream]
            streamed = await stream.get_final_response()
        calls = [item for item in first.output if item.type == "function_call"]
        items += [item.to_dict() for item in first.output]
        items += [
            {"type": "function_call_output", "call_id": call.call_id, "output": "12:00"}
            for call in calls
        ]
        second = await client.responses.create(**asked, input=items)

    assert calls
    assert all(call.name == "now" for call in calls)
    pieces = [e.delta for e in events if e.type == "response.function_call_arguments.delta"]
    assert "".join(pieces) == "".join(call.arguments for call in calls)
    assert [item.type for item in streamed.output] == [item.type for item in first.output]
    assert second.output_text
    assert second.status == "completed"


async def test_what_lies_with_openai_is_a_400_that_names_it(tmp_path: Path) -> None:
    async with open_service(tmp_path) as service, open_client(service) as client:
        with pytest.raises(openai.BadRequestError) as caught:
            await client.responses.create(
                model=OURS["openai"], input="hi", previous_response_id="resp_1"
            )

        assert (caught.value.code, caught.value.param) == (
            "unsupported_parameter",
            "previous_response_id",
        )
        assert not service.openai.requests


async def test_openai_is_asked_in_the_callers_own_words(tmp_path: Path) -> None:
    body = {"model": "openai/gpt-4o", "input": "hi", "store": False, "text": {"verbosity": "low"}}
    async with open_service(tmp_path) as service:
        key = await create_key(service)
        async with service.session.post(
            f"{service.url}/v1/responses", json=body, headers=bearer(key)
        ) as response:
            told = await response.json()
        seen = service.openai.requests[-1]

    assert (response.status, told["object"]) == (200, "response")
    assert seen.path.endswith("/responses")
    assert orjson.loads(seen.body) == body | {"model": "gpt-4o"}
    assert "x-ignored-params" not in response.headers


async def test_a_stream_that_waits_begins_as_a_response_and_keeps_its_id(tmp_path: Path) -> None:
    async with open_service(
        tmp_path, early_commit_seconds="0.05", heartbeat_seconds="0.05"
    ) as service:
        key = await create_key(service)
        service.openai.hold()
        async with service.session.post(
            f"{service.url}/v1/responses",
            json={"model": "openai/gpt-4o", "input": "hi", "stream": True},
            headers=bearer(key),
        ) as response:
            begun = [await response.content.readuntil(b"\n\n") for _ in range(3)]
            pen = await service.openai.pen()
            theirs = Frames()
            await pen.say(theirs.created(), theirs.in_progress(), *theirs.message(["Hi"]))
            await pen.say(theirs.end("stop", (1, 2)))
            await pen.end()
            rest = await response.read()

    assert begun[2].startswith(b":")
    frames = [frame for frame in (b"".join(begun) + rest).split(b"\n\n") if frame[:1] != b":"]
    assert follow(values(b"\n\n".join(frames)))["status"] == "completed"


async def test_a_failure_in_the_stream_is_told_to_the_sdk(tmp_path: Path) -> None:
    async with open_service(tmp_path, gateway=False) as service, open_client(service) as client:
        service.openai.faults.append(read_fault("cut-after=5"))

        stream = await client.responses.create(model=OURS["openai"], input="hi", stream=True)
        events = [event async for event in stream]

    assert names([event.to_dict() for event in events])[-2:] == ["error", "response.failed"]
