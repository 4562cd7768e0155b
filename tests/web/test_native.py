"""What Claude Code needs: its words reach Anthropic to the byte, and Anthropic's reach it.

Source: api-faces.md §3, §4, §10 (5).
"""

import asyncio
import json
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from io import BytesIO
from pathlib import Path
from typing import Any

import orjson
import pytest

from bff.simulators.anthropic.simulator import STAND_IN, AnthropicSimulator
from tests.support.keys import create_key
from tests.support.service import Service, open_service

MODEL = "claude-sonnet-4-5"
HELLO = {"model": MODEL, "max_tokens": 50, "messages": [{"role": "user", "content": "hello"}]}
SENT = {
    "anthropic-version": "2023-06-01",
    "anthropic-beta": "claude-code-20250219,context-1m-2025-08-07",
    "anthropic-of-tomorrow": "x; y=1",
    "x-claude-code-session-id": "0d7e",
    "x-claude-code-request-class": "main",
    "x-app": "cli",
}
STREAM = [
    (b"message_start", b'{"type":"message_start","message":{"id":"msg_9","odd":[1.0],"usage":{}}}'),
    (b"ping", b'{"type": "ping"}'),
    (
        b"content_block_start",
        b'{"type":"content_block_start", "index":0,"content_block":{"type":"text","text":"","x":1}}',
    ),
    (b"event_of_tomorrow", b'{"type":"event_of_tomorrow","n":1e2}'),
    (
        b"content_block_delta",
        b'{"type":"content_block_delta","index":0,"delta":{"type":"text_delta","text":"H\\u00e9 \xc3\xa9"}}',
    ),
    (b"ping", b'{"type":"ping","since":3}'),
    (
        b"content_block_delta",
        b'{"type":"content_block_delta","index":0,"delta":{"type":"delta_of_tomorrow","v":null}}',
    ),
    (b"content_block_stop", b'{"type":"content_block_stop","index":0 }'),
    (
        b"message_delta",
        b'{"type":"message_delta","delta":{"stop_reason":"end_turn"},"usage":{"output_tokens":2,"x":0}}',
    ),
    (b"message_stop", b'{"type":"message_stop","amazon-bedrock-invocationMetrics":{}}'),
]
FRAMES = [b"event: %b\ndata: %b\n\n" % frame for frame in STREAM]


@dataclass(frozen=True, slots=True)
class Claude:
    """A service with Anthropic behind it, as a caller with a key sees it."""

    service: Service
    vendor: AnthropicSimulator
    key: str

    async def post(self, path: str, body: Any, **headers: str) -> tuple[int, bytes, dict[str, str]]:
        data = body if isinstance(body, bytes) else orjson.dumps(body)
        told = {"x-api-key": self.key, **SENT, **headers}
        url = self.service.url + path
        async with self.service.session.post(url, data=BytesIO(data), headers=told) as response:
            named = {name.lower(): value for name, value in response.headers.items()}
            return response.status, await response.read(), named


@asynccontextmanager
async def open_claude(
    folder: Path, *, gateway: bool = True, **changes: str
) -> AsyncIterator[Claude]:
    async with open_service(folder, vendor=STAND_IN, gateway=gateway, **changes) as service:
        vendor = service.world.vendors["anthropic"]
        assert isinstance(vendor, AnthropicSimulator)
        yield Claude(service, vendor, await create_key(service))


@pytest.fixture(params=["gateway", "direct"])
async def claude(tmp_path: Path, request: pytest.FixtureRequest) -> AsyncIterator[Claude]:
    async with open_claude(tmp_path, gateway=request.param == "gateway") as claude:
        yield claude


# -- the way there ---------------------------------------------------------------------------------


def large_body(model: str) -> bytes:
    """3 MiB with a hundred tools, spelled as nobody else would spell it."""
    tool = {
        "description": "é\n" * 100,
        "input_schema": {"type": "object", "properties": {"model": {"type": "string"}}},
        "defer_loading": True,
    }
    tools: list[dict[str, Any]] = [{"name": f"tool_{number}", **tool} for number in range(100)]
    tools[-1]["cache_control"] = {"ttl": "1h", "type": "ephemeral"}
    said = {"type": "text", "text": 'He said \\"model\\": "x" / \u00e9. ' * 100_000}
    head = f' {{ "of_tomorrow": {{"n": 1.0, "big": 12345678901234567890}}, "model" : "{model}",'
    rest = {"messages": [{"role": "user", "content": [said]}], "tools": tools, "stream": True}
    told = json.dumps(rest, indent=1)[1:]
    return f'{head}"thinking":{{"type":"disabled"}},"max_tokens":64,{told}\n'.encode()


@pytest.mark.parametrize("path", ["/v1/messages", "/anthropic/v1/messages"])
@pytest.mark.parametrize("model", [MODEL, f"anthropic/{MODEL}"])
async def test_a_large_question_with_fields_of_tomorrow_arrives_to_the_byte(
    claude: Claude, path: str, model: str
) -> None:
    claude.vendor.strict = False
    body = large_body(model)
    assert len(body) > 3 * 2**20

    status, told, headers = await claude.post(f"{path}?beta=true&jwt=x", body, cookie="a=b")
    assert status == 200, told

    [seen] = claude.vendor.requests
    carried = {name.lower(): value for name, value in seen.headers.items()}
    assert headers["x-stream-mode"] == "native"
    assert seen.body == body.replace(f'"{model}"'.encode(), f'"{MODEL}"'.encode(), 1)
    assert seen.path == "/anthropic/v1/messages?beta=true"
    assert SENT.items() <= carried.items()
    assert carried["x-api-key"] == "sk-ant-simulated"
    assert not {"cookie", "authorization"} & carried.keys()


async def test_nothing_of_it_reaches_another_vendor(service: Service) -> None:
    key = await create_key(service)
    body = orjson.dumps({**HELLO, "model": "openai/gpt-4o"})
    headers = {"Authorization": f"Bearer {key}", **SENT}

    async with service.session.post(
        f"{service.url}/v1/messages?beta=true", data=body, headers=headers
    ) as response:
        assert response.status == 200

    [seen] = service.openai.requests
    assert "?" not in seen.path
    assert not SENT.keys() & {name.lower() for name in seen.headers}


async def test_what_another_vendor_cannot_do_is_left_out_and_named(service: Service) -> None:
    key = await create_key(service)
    asked = {
        **HELLO,
        "model": "openai/gpt-4o",
        "thinking": {"type": "adaptive"},
        "context_management": {"edits": []},
        "mcp_servers": [],
        "metadata": {"user_id": "me"},
        "output_config": {"effort": "low"},
        "tools": [
            {"type": "web_search_20250305", "name": "web_search"},
            {"name": "now", "input_schema": {"type": "object"}},
        ],
    }
    headers = {"Authorization": f"Bearer {key}"}

    async with service.session.post(
        f"{service.url}/v1/messages", json=asked, headers=headers
    ) as response:
        assert response.status == 200, await response.text()
        named = response.headers["x-ignored-params"].split(",")

    [seen] = service.openai.requests
    assert {*named} == {
        *(
            "thinking",
            "context_management",
            "mcp_servers",
            "web_search_20250305",
            "reasoning_effort",
        )
    }
    assert [tool["function"]["name"] for tool in seen.json["tools"]] == ["now"]
    assert not {"thinking", "context_management", "mcp_servers", "metadata"} & seen.json.keys()


async def test_for_a_model_of_anthropics_nothing_is_left_out_nor_named(claude: Claude) -> None:
    claude.vendor.strict = False

    status, _, headers = await claude.post(
        "/v1/messages", {**HELLO, "of_tomorrow": 1, "service_tier": "standard_only"}
    )

    assert status == 200
    assert "x-ignored-params" not in headers


# -- the way back ----------------------------------------------------------------------------------


async def test_a_stream_comes_back_to_the_byte(claude: Claude) -> None:
    claude.vendor.hold()
    asking = asyncio.create_task(claude.post("/v1/messages", {**HELLO, "stream": True}))
    pen = await claude.vendor.pen()
    for frame in FRAMES:
        await pen.say(frame)
    await pen.end()

    status, body, _ = await asking

    assert status == 200
    assert body == b"".join(FRAMES)


async def test_what_anthropics_own_tools_do_is_shown_while_they_do_it(claude: Claude) -> None:
    claude.vendor.hold()
    data = orjson.dumps({**HELLO, "stream": True})
    url, headers = f"{claude.service.url}/v1/messages", {"x-api-key": claude.key}
    began = b'{"type":"content_block_start","index":0,"content_block":{"type":"server_tool_use"}}'
    asking = claude.service.session.post(url, data=data, headers=headers)
    saying = asyncio.create_task(
        claude.vendor.say(FRAMES[0], b"event: content_block_start\ndata: %b\n\n" % began)
    )

    async with asking as response:
        told = await response.content.readuntil(b"server_tool_use")

    await saying
    assert b"content_block_start" in told


async def test_the_headers_its_callers_read_come_back_with_an_answer(claude: Claude) -> None:
    for stream in (False, True):
        status, _, headers = await claude.post("/v1/messages", {**HELLO, "stream": stream})

        assert status == 200
        assert headers["request-id"].startswith("req_00")
        assert headers["x-request-id"] != headers["request-id"]
        assert headers["anthropic-ratelimit-tokens-limit"] == "480000"
        assert "anthropic-organization-id" not in headers


async def test_an_answer_in_one_piece_comes_back_to_the_byte(claude: Claude) -> None:
    claude.vendor.text = "Bonjour é"

    _, body, headers = await claude.post("/v1/messages", HELLO)

    told = orjson.loads(body)
    assert body == orjson.dumps(told)  # as the vendor spells it, not as we do
    assert told["model"] == "claude-sonnet-4-5-20250929"
    assert headers["content-type"].startswith("application/json")


@pytest.mark.parametrize("stream", [True, False])
@pytest.mark.parametrize(
    ("fault", "status", "type_"),
    [
        ("status=400,code=invalid_request_error", 400, "invalid_request_error"),
        ("status=404", 404, "not_found_error"),
        ("status=413", 413, "request_too_large"),
        ("status=429,retry-after=77", 429, "rate_limit_error"),
        ("status=529", 529, "overloaded_error"),
    ],
)
async def test_what_anthropic_refuses_with_comes_back_to_the_byte(
    claude: Claude, fault: str, status: int, type_: str, stream: bool
) -> None:
    question = {"role": "user", "content": f"x [[simulate: {fault}]]"}

    got, body, headers = await claude.post(
        "/v1/messages", {**HELLO, "stream": stream, "messages": [question]}
    )

    told = orjson.loads(body)
    assert (got, told["error"]["type"]) == (status, type_)
    assert told["error"]["message"] in (f"Simulated error {status}.", "Overloaded")
    assert told["request_id"] == headers["request-id"]
    assert headers["x-should-retry"] == ("true" if status in (429, 529) else "false")
    assert headers.get("retry-after") == ("77" if status == 429 else None)
    assert "anthropic-ratelimit-requests-limit" in headers


@pytest.mark.parametrize("fault", ["status=401", "status=402", "status=403", "quota"])
async def test_what_anthropic_says_of_our_key_is_told_to_nobody(claude: Claude, fault: str) -> None:
    question = {"role": "user", "content": f"x [[simulate: {fault}]]"}

    status, body, headers = await claude.post("/v1/messages", {**HELLO, "messages": [question]})

    told = orjson.loads(body)
    assert (status, told["error"]["type"]) == (500, "api_error")
    assert told["request_id"] == headers["x-request-id"] == headers["request-id"]
    assert headers["x-should-retry"] == "false"
    assert b"Simulated" not in body
    assert b"credit" not in body


async def test_an_error_in_the_stream_comes_back_to_the_byte(claude: Claude) -> None:
    claude.vendor.hold()
    asking = asyncio.create_task(claude.post("/v1/messages", {**HELLO, "stream": True}))
    pen = await claude.vendor.pen()
    error = b'{"type":"error", "error":{"type":"overloaded_error","message":"Busy","details":null}}'
    for frame in (*FRAMES[:5], b"event: error\ndata: %b\n\n" % error):
        await pen.say(frame)
    await pen.end()

    _, body, _ = await asking

    assert body.endswith(b"\n\nevent: error\ndata: %b\n\n" % error)


# -- counting --------------------------------------------------------------------------------------

COUNT = {"model": MODEL, "messages": HELLO["messages"]}


@pytest.mark.parametrize("mount", ["/v1", "/anthropic/v1"])
async def test_anthropic_counts_what_it_will_be_asked(claude: Claude, mount: str) -> None:
    body = b' {"model": "anthropic/claude-sonnet-4-5","messages":[{"role":"user","content":"hi"}]}'

    status, told, _ = await claude.post(f"{mount}/messages/count_tokens?beta=true", body)

    [seen] = claude.vendor.requests
    assert status == 200
    assert orjson.loads(told)["input_tokens"] > 0
    assert seen.path == "/anthropic/v1/messages/count_tokens?beta=true"
    assert seen.body == body.replace(b"anthropic/", b"")


async def test_what_anthropic_finds_wrong_when_it_counts_is_told_to_the_byte(
    claude: Claude,
) -> None:
    status, told, headers = await claude.post("/v1/messages/count_tokens", {**COUNT, "odd": 1})

    error = orjson.loads(told)
    assert (status, error["error"]["message"]) == (400, "odd: Extra inputs are not permitted")
    assert error["request_id"] == headers["request-id"]


async def test_tokens_of_other_models_are_estimated(service: Service) -> None:
    key = await create_key(service)
    headers = {"Authorization": f"Bearer {key}"}
    tool = {"name": "now", "description": "x" * 4000, "input_schema": {"type": "object"}}

    counts = []
    for more in ({}, {"tools": [tool]}):
        async with service.session.post(
            f"{service.url}/v1/messages/count_tokens",
            json={**COUNT, "model": "openai/gpt-4o", **more},
            headers=headers,
        ) as response:
            assert response.status == 200
            counts.append((await response.json())["input_tokens"])

    assert 0 < counts[0] < counts[1] - 1000
    assert not service.openai.requests


async def test_a_key_for_other_models_counts_nothing(claude: Claude) -> None:
    key = await create_key(claude.service, "other", models=("openai/*",))

    status, _, _ = await claude.post("/v1/messages/count_tokens", COUNT, **{"x-api-key": key})

    assert status == 403
    assert not claude.vendor.requests
