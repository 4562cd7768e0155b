"""What n8n and Claude Code send, byte for byte over a socket (api-faces.md §4, §10 items 4 and 5)."""

import asyncio
from pathlib import Path
from typing import Any

import orjson
import pytest

from bff.simulators.anthropic.simulator import STAND_IN as ANTHROPIC
from bff.simulators.stand_in import StandIn
from bff.simulators.vendors import VENDORS
from tests.clients.scenarios import EVERY
from tests.support.keys import bearer, create_key
from tests.support.raw_http import RawAnswer, ask
from tests.support.recorded_requests import FOLDER, read_recorded
from tests.support.service import Service, open_service

BEHIND = [pytest.param(row, id=row.name) for row in VENDORS if row.name in EVERY]
N8N = "n8n-chat-model-whole", "n8n-agent-streamed", "n8n-agent-answered", "n8n-responses"
CALLED = {"name": "weather", "arguments": '{"city":"Köln"}'}


def frames(answer: RawAnswer) -> list[Any]:
    """The JSON of every frame, in order."""
    lines = answer.body.split(b"\n")
    data = [line.removeprefix(b"data: ") for line in lines if line.startswith(b"data: ")]
    return [orjson.loads(one) for one in data if one != b"[DONE]"]


async def send(service: Service, name: str, **values: Any) -> RawAnswer:
    return await read_recorded(name, **values).send(service.url)


# -- n8n -------------------------------------------------------------------------------------------


@pytest.mark.parametrize("vendor", BEHIND)
async def test_what_n8ns_nodes_send_is_answered_by_any_vendor(
    tmp_path: Path, vendor: StandIn
) -> None:
    async with open_service(tmp_path, vendor=vendor, gateway=False) as service:
        told = {"key": await create_key(service), "model": vendor.model}

        whole, streamed, answered, responded = [await send(service, name, **told) for name in N8N]

    assert [answer.status for answer in (whole, streamed, answered, responded)] == [200] * 4
    message = orjson.loads(whole.rest)["choices"][0]["message"]
    assert "What is it?" in message["content"]
    assert streamed.body.endswith(b"data: [DONE]\n\n")
    assert call_of(frames(streamed)) == CALLED
    assert frames(streamed)[-1]["usage"]["total_tokens"] > 0
    assert "rain" in text_of(frames(answered))
    assert frames(responded)[-1]["response"]["status"] == "completed"
    assert "What is it?" in frames(responded)[-1]["response"]["output"][-1]["content"][0]["text"]


def deltas_of(chunks: list[Any]) -> list[Any]:
    return [choice["delta"] for chunk in chunks for choice in chunk["choices"]]


def text_of(chunks: list[Any]) -> str:
    return "".join(delta.get("content") or "" for delta in deltas_of(chunks))


def call_of(chunks: list[Any]) -> dict[str, str]:
    """The one call, as LangChain puts it together."""
    pieces = [call for delta in deltas_of(chunks) for call in delta.get("tool_calls") or ()]
    functions = [piece["function"] for piece in pieces]
    assert {piece["index"] for piece in pieces} == {0}
    arguments = orjson.loads("".join(function["arguments"] for function in functions))
    return {
        "name": functions[0]["name"],
        "arguments": orjson.dumps(arguments).decode(),
    }


@pytest.mark.parametrize("vendor", BEHIND)
async def test_both_of_n8ns_credential_tests_tell_a_good_key_from_a_bad_one(
    tmp_path: Path, vendor: StandIn
) -> None:
    aliases = orjson.dumps({"claude*": vendor.model}).decode()
    async with open_service(
        tmp_path, vendor=vendor, gateway=False, model_aliases=aliases
    ) as service:
        key = await create_key(service)
        names = ("n8n-openai-credential-test", "n8n-anthropic-credential-test")

        good = [await send(service, name, key=key) for name in names]
        asked = len(service.world.vendors[vendor.name].requests)
        bad = [await send(service, name, key="sk-nobodys") for name in names]

        assert len(service.world.vendors[vendor.name].requests) == asked
    assert [answer.status for answer in good] == [200, 200]
    assert [answer.status for answer in bad] == [401, 401]
    ids = [model["id"] for model in orjson.loads(good[0].rest)["data"]]
    assert ids
    message = orjson.loads(good[1].rest)
    assert (message["type"], message["role"]) == ("message", "assistant")


# -- Claude Code -----------------------------------------------------------------------------------

MODEL = "claude-sonnet-4-6"
TOOLS = [
    {
        "name": f"tool_{number}",
        "description": "What it does, at length. " * 400,
        "input_schema": {
            "type": "object",
            "properties": {"path": {"type": "string"}},
            "$schema": "https://json-schema.org/draft/2020-12/schema",
        },
        "eager_input_streaming": True,
    }
    for number in range(100)
]
LARGE = 'Grüße \u2028 "model":"x" \U0001f44b\n' * 80_000


async def test_claude_codes_question_reaches_anthropic_to_the_byte_with_its_headers(
    tmp_path: Path,
) -> None:
    async with open_service(tmp_path, vendor=ANTHROPIC, gateway=False) as service:
        vendor = service.world.vendors["anthropic"]
        vendor.strict = False  # type: ignore[attr-defined]  # fields of tomorrow
        told = {"model": MODEL, "text": LARGE, "tools": TOOLS}
        recorded = read_recorded("claude-code-message", key=await create_key(service), **told)
        assert recorded.body is not None
        assert len(recorded.body) > 3 * 2**20

        answer = await recorded.send(service.url)

        [seen] = vendor.requests
    assert answer.status == 200
    assert seen.body == recorded.body
    assert seen.path.endswith("/v1/messages?beta=true")
    said = {name.lower(): value for name, value in recorded.headers.items()}
    for name, value in said.items():
        own = name.startswith(("anthropic-", "x-claude-code-")) or name == "x-app"
        if own and not name.startswith("anthropic-dangerous-"):
            assert seen.headers.get(name) == value, name
    assert "Authorization" not in seen.headers
    events = frames(answer)
    assert (events[0]["type"], events[-1]["type"]) == ("message_start", "message_stop")


async def test_claude_code_hears_a_ping_in_every_silence_and_loses_nothing(tmp_path: Path) -> None:
    async with open_service(
        tmp_path,
        vendor=ANTHROPIC,
        gateway=False,
        early_commit_seconds="0.05",
        heartbeat_seconds="0.05",
    ) as service:
        vendor = service.world.vendors["anthropic"]
        vendor.hold()
        told = {"model": MODEL, "text": "hi", "tools": TOOLS[:1]}
        recorded = read_recorded("claude-code-message", key=await create_key(service), **told)
        async with service.session.post(
            service.url + recorded.path, data=recorded.body, headers=dict(recorded.headers)
        ) as response:
            silent = [await response.content.readuntil(b"\n\n") for _ in range(5)]
            pen = await vendor.pen()
            await pen.say(*SAID[:3])
            spoken = [await response.content.readuntil(b"\n\n") for _ in range(6)]
            await pen.say(*SAID[3:])
            await pen.end()
            rest = await response.read()

    assert silent[0].startswith(b"event: message_start\n")
    assert [one.split(b"\n")[0] for one in silent[1:]] == [b"event: ping"] * 4
    assert [one.split(b"\n")[0] for one in spoken[-3:]] == [b"event: ping"] * 3
    everything = b"".join([*silent, *spoken, rest])
    assert everything.count(b"event: message_start") == 1
    kept = [one for one in SAID[1:] if not one.startswith(b"event: message_delta")]
    assert all(everything.count(one) == 1 for one in kept)
    assert everything.endswith(b'data: {"type":"message_stop"}\n\n')


def said(type_: str, more: str = "") -> bytes:
    return f'event: {type_}\ndata: {{"type":"{type_}"{more}}}\n\n'.encode()


SAID = (
    said(
        "message_start",
        ',"message":{"id":"msg_9","type":"message","role":"assistant","model":"claude-x","content":[],'
        '"stop_reason":null,"stop_sequence":null,"usage":{"input_tokens":9,"output_tokens":1}}',
    ),
    said("content_block_start", ',"index":0,"content_block":{"type":"text","text":""}'),
    said("content_block_delta", ',"index":0,"delta":{"type":"text_delta","text":"one"}'),
    said("content_block_delta", ',"index":0,"delta":{"type":"text_delta","text":"two"}'),
    said("content_block_stop", ',"index":0'),
    said(
        "message_delta",
        ',"delta":{"stop_reason":"end_turn","stop_sequence":null},"usage":{"output_tokens":2}',
    ),
    said("message_stop"),
)
REFUSED = (
    b'{"type": "error", "error": {"type": "invalid_request_error", "message": "prompt is too long: '
    b'214000 tokens > 200000 maximum"}, "request_id": "req_theirs"}'
)


async def test_claude_code_reads_anthropics_own_refusal(tmp_path: Path) -> None:
    async with open_service(tmp_path, vendor=ANTHROPIC, gateway=False) as service:
        vendor = service.world.vendors["anthropic"]
        vendor.hold()
        told = {"model": MODEL, "text": "hi", "tools": TOOLS[:1]}
        recorded = read_recorded("claude-code-message", key=await create_key(service), **told)
        async with asyncio.TaskGroup() as tasks:
            asking = tasks.create_task(recorded.send(service.url))
            pen = await vendor.pen()
            await pen.begin(400, {"Content-Type": "application/json", "request-id": "req_theirs"})
            await pen.say(REFUSED)
            await pen.end()
        answer = asking.result()

    assert answer.status == 400
    assert answer.rest == REFUSED
    assert answer.all("request-id") == ["req_theirs"]


async def test_claude_codes_other_requests_are_answered_quickly(tmp_path: Path) -> None:
    aliases = orjson.dumps({"claude-via-openai": "openai/gpt-4o"}).decode()
    async with open_service(tmp_path, gateway=False, model_aliases=aliases) as service:
        key = await create_key(service)

        probe = await send(service, "claude-code-probe")
        hello = await ask("HEAD", f"{service.url}/api/hello")
        models = await send(service, "claude-code-models", key=key)
        counted = await send(service, "claude-code-count", key=key, model="claude-via-openai")

        assert not service.openai.requests
    assert (probe.status, hello.status) == (302, 404)  # anything quick: the first is the Node app's
    assert (probe.rest, hello.rest) == (b"", b"")
    listed = orjson.loads(models.rest)["data"]
    [claude] = [model for model in listed if "claude" in model["id"]]
    assert claude["id"] == "claude-via-openai"
    assert claude["display_name"]
    assert orjson.loads(counted.rest)["input_tokens"] > 0


def test_the_recordings_hold_no_key() -> None:
    text = "".join(path.read_text() for path in FOLDER.glob("*.json"))

    assert "{{key}}" in text
    assert "sk-" not in text
    assert bearer("")["Authorization"] + "{{key}}" in text
