"""The Anthropic simulator over its socket: what it answers, what that costs, and its faults."""

import asyncio
from typing import Any

import aiohttp
import orjson
import pytest

from bff.dialects.sse import Decoder
from bff.simulators import embedded_model
from bff.simulators.anthropic import frames
from bff.simulators.anthropic.simulator import AnthropicSimulator
from bff.simulators.faults import Fault
from bff.simulators.world import World
from tests.support import raw_http

KEY = {"x-api-key": "key", "anthropic-version": "2023-06-01"}
NOW = {"name": "now", "input_schema": {"type": "object", "properties": {}}}
TICK = {**NOW, "name": "tick"}
MARK = {"cache_control": {"type": "ephemeral"}}
HELLO = "Tell me something"


@pytest.fixture
def anthropic(world: World) -> AnthropicSimulator:
    vendor = world.vendors["anthropic"]
    assert isinstance(vendor, AnthropicSimulator)
    return vendor


@pytest.fixture
def url(world: World) -> str:
    return f"{world.url_of('anthropic')}/v1/messages"


def question(text: Any = HELLO, **more: Any) -> dict[str, Any]:
    messages = [{"role": "user", "content": text}]
    return {"model": "claude-sonnet-4-5", "max_tokens": 500, "messages": messages} | more


async def ask(
    session: aiohttp.ClientSession, url: str, asked: Any, **headers: str
) -> tuple[aiohttp.ClientResponse, Any]:
    async with session.post(url, json=asked, headers={**KEY, **headers}) as response:
        return response, orjson.loads(await response.read())


async def stream(
    url: str, text: str = HELLO, *, fault: str = "", **more: Any
) -> raw_http.RawAnswer:
    asked = question(text, stream=True, **more)
    return await raw_http.post(url, asked, anthropic_version="2023-06-01", x_simulate=fault)


def told(body: bytes) -> list[dict[str, Any]]:
    """The events, each of which is named as its data says."""
    frames = Decoder().feed(body)
    values = [orjson.loads(frame.data) for frame in frames]
    assert [frame.event for frame in frames] == [value["type"] for value in values]
    return values


def said(events: list[dict[str, Any]], kind: str, field: str) -> str:
    deltas = [event["delta"] for event in events if event["type"] == "content_block_delta"]
    return "".join(delta[field] for delta in deltas if delta["type"] == kind)


# -- answers ---------------------------------------------------------------------------------------


async def test_a_stream_is_a_message_its_blocks_and_its_end(url: str) -> None:
    answer = await stream(url, "x [[simulate: words=2]]")

    events = told(answer.body)
    assert b"text/event-stream; charset=utf-8" in answer.head
    assert [event["type"] for event in events] == [
        "message_start",
        "content_block_start",
        "ping",
        "content_block_delta",
        "content_block_delta",
        "content_block_stop",
        "message_delta",
        "message_stop",
    ]
    start, stop = events[0]["message"], events[-2]
    assert (start["model"], start["content"]) == ("claude-sonnet-4-5-20250929", [])
    assert stop["delta"] == {"stop_reason": "end_turn", "stop_sequence": None}
    assert stop["usage"]["output_tokens"] == 2
    assert stop["usage"]["input_tokens"] == start["usage"]["input_tokens"] > 0


async def test_a_whole_answer_says_the_same_as_a_stream(
    url: str, session: aiohttp.ClientSession, anthropic: AnthropicSimulator
) -> None:
    streamed = told((await stream(url)).body)
    response, whole = await ask(session, url, question())

    [block] = whole["content"]
    assert block["text"] == said(streamed, "text_delta", "text") == embedded_model.answer(HELLO)
    assert whole["usage"] == streamed[-2]["usage"]
    assert response.headers["request-id"].startswith("req_")
    assert response.headers["anthropic-ratelimit-requests-remaining"] == "3999"
    assert response.headers["anthropic-ratelimit-tokens-reset"].endswith("Z")
    assert anthropic.bill[0] == anthropic.bill[1]
    assert anthropic.bill[0]["completion_tokens"] == whole["usage"]["output_tokens"]


async def test_a_thought_comes_first_and_is_signed(
    url: str, session: aiohttp.ClientSession
) -> None:
    thinking = {"type": "enabled", "budget_tokens": 1024}
    more: dict[str, Any] = {"thinking": thinking, "max_tokens": 2000}
    events = told((await stream(url, **more)).body)
    _, whole = await ask(session, url, question(**more))

    thought, text = whole["content"]
    assert (thought["type"], text["type"]) == ("thinking", "text")
    assert said(events, "thinking_delta", "thinking") == thought["thinking"]
    assert said(events, "signature_delta", "signature") == thought["signature"]
    assert events[1]["content_block"] == {"type": "thinking", "thinking": "", "signature": ""}
    assert whole["usage"]["output_tokens_details"] == {"thinking_tokens": 2}


async def test_a_question_that_names_tools_is_answered_by_calls(
    url: str, session: aiohttp.ClientSession
) -> None:
    wish, more = 'now {"tz":"UTC"} and tick', {"tools": [NOW, TICK]}
    events = told((await stream(url, wish, **more)).body)
    _, whole = await ask(session, url, question(wish, **more))

    calls = [(block["name"], block["input"]) for block in whole["content"]]
    assert calls == [("now", {"tz": "UTC"}), ("tick", {})]
    assert whole["stop_reason"] == events[-2]["delta"]["stop_reason"] == "tool_use"
    assert said(events, "input_json_delta", "partial_json") == '{"tz":"UTC"}'
    opened = [e["content_block"] for e in events if e["type"] == "content_block_start"]
    assert [block["input"] for block in opened] == [{}, {}]
    assert len({block["id"] for block in opened}) == 2


@pytest.mark.parametrize(
    ("choice", "names"),
    [
        ({"type": "none"}, []),
        ({"type": "any"}, ["now", "tick"]),
        ({"type": "any", "disable_parallel_tool_use": True}, ["now"]),
        ({"type": "tool", "name": "tick"}, ["tick"]),
    ],
)
async def test_a_choice_among_tools_is_kept(
    url: str, session: aiohttp.ClientSession, choice: Any, names: list[str]
) -> None:
    asked = question("now and tick", tools=[NOW, TICK], tool_choice=choice)
    _, whole = await ask(session, url, asked)

    assert [b["name"] for b in whole["content"] if b["type"] == "tool_use"] == names


async def test_who_must_call_calls_something(url: str, session: aiohttp.ClientSession) -> None:
    _, whole = await ask(session, url, question(tools=[NOW], tool_choice={"type": "any"}))

    assert whole["content"][0]["name"] == "now"


async def test_the_result_of_a_call_is_told(url: str, session: aiohttp.ClientSession) -> None:
    call = {"type": "tool_use", "id": "a", "name": "now", "input": {}}
    result = {"type": "tool_result", "tool_use_id": "a", "content": "noon"}
    turns = [
        {"role": "user", "content": "now"},
        {"role": "assistant", "content": [call]},
        {"role": "user", "content": [result]},
    ]
    _, whole = await ask(session, url, question(messages=turns, tools=[NOW]))

    assert whole["content"][0]["text"] == embedded_model.told("noon")


async def test_a_limit_a_stop_sequence_and_a_schema_are_kept(
    url: str, session: aiohttp.ClientSession, anthropic: AnthropicSimulator
) -> None:
    anthropic.text = "one two three"
    _, limited = await ask(session, url, question(max_tokens=2))
    _, stopped = await ask(session, url, question(stop_sequences=["four", "thr", "three"]))
    shape = {"type": "json_schema", "schema": {}}
    _, shaped = await ask(session, url, question(output_config={"format": shape}))

    assert (limited["content"][0]["text"], limited["stop_reason"]) == ("one two", "max_tokens")
    assert stopped["content"][0]["text"] == "one two "
    assert (stopped["stop_reason"], stopped["stop_sequence"]) == ("stop_sequence", "thr")
    assert orjson.loads(shaped["content"][0]["text"]) == {"answer": "one two three"}


async def test_a_marked_beginning_is_written_once_and_read_after_that(
    url: str, session: aiohttp.ClientSession
) -> None:
    system = [{"type": "text", "text": "be brief " * 50, **MARK}]
    uses = [
        (await ask(session, url, question(text, system=system)))[1]["usage"]
        for text in ("one", "two")
    ]

    first, second = uses
    assert first["cache_creation_input_tokens"] == second["cache_read_input_tokens"] > 100
    assert first["cache_read_input_tokens"] == second["cache_creation_input_tokens"] == 0
    assert first["input_tokens"] == second["input_tokens"] > 0
    _, whole = await ask(session, url, question(**MARK))
    assert (whole["usage"]["input_tokens"], whole["usage"]["cache_creation_input_tokens"]) == (3, 5)


# -- its other doors -------------------------------------------------------------------------------


async def test_tokens_are_counted_as_they_are_charged(
    url: str, session: aiohttp.ClientSession
) -> None:
    picture = {"type": "image", "source": {"type": "url", "url": "https://x.test/x.png"}}
    asked = question([{"type": "text", "text": "see"}, picture], tools=[NOW])
    _, whole = await ask(session, url, asked)
    counted = {name: value for name, value in asked.items() if name != "max_tokens"}
    _, count = await ask(session, f"{url}/count_tokens", counted)
    refused, _ = await ask(session, f"{url}/count_tokens", asked)

    assert count == {"input_tokens": whole["usage"]["input_tokens"]}
    assert refused.status == 400


async def test_models_are_listed_in_pages(
    world: World, session: aiohttp.ClientSession, anthropic: AnthropicSimulator
) -> None:
    base = f"{world.url_of('anthropic')}/v1/models"

    async def page(query: str) -> Any:
        async with session.get(base + query, headers=KEY) as response:
            return response.status, await response.json()

    _, first = await page("?limit=2")
    _, rest = await page(f"?after_id={first['last_id']}&limit=1000")
    shown = [model["id"] for model in first["data"] + rest["data"]]
    assert (first["has_more"], rest["has_more"]) == (True, False)
    assert "claude-sonnet-4-5" in shown
    assert len(set(shown)) == len(shown)
    assert (await page("/claude-sonnet-4-5"))[1]["display_name"] == "Claude Sonnet 4 5"
    assert (await page("/x"))[0] == 404
    anthropic.models = frozenset({"mine"})
    assert [model["id"] for model in (await page(""))[1]["data"]] == ["mine"]
    anthropic.models = frozenset()
    assert (await page(""))[1]["first_id"] is None
    for path in ("", "/mine"):
        async with session.get(base + path) as response:
            assert response.status == 401


async def test_a_refusal_has_anthropics_form(url: str, session: aiohttp.ClientSession) -> None:
    response, body = await ask(session, url, question(n=2))

    assert (response.status, body["type"]) == (400, "error")
    assert body["error"]["type"] == "invalid_request_error"
    assert body["request_id"] == response.headers["request-id"]
    assert response.headers["x-should-retry"] == "false"
    assert (await ask(session, f"{url}/x", {}))[0].status == 404
    async with session.post(url, data=b"{}", headers=KEY) as plain:
        assert plain.status == 400
    assert (await ask(session, url, question("[[simulate: x]]")))[0].status == 400


# -- faults ----------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("fault", "status", "type_", "again"),
    [
        ("status=529", 529, "overloaded_error", "true"),
        ("status=429,retry-after=1.5", 429, "rate_limit_error", "true"),
        ("status=409", 409, "conflict_error", "true"),
        ("status=503,code=overloaded_error", 503, "overloaded_error", "true"),
        ("status=402", 402, "billing_error", "false"),
        ("quota", 400, "invalid_request_error", "false"),
        ("status=302", 302, "api_error", "false"),
    ],
)
async def test_an_ordered_status_comes_with_anthropics_error(
    url: str, session: aiohttp.ClientSession, fault: str, status: int, type_: str, again: str
) -> None:
    asked = question(f"[[simulate: {fault}]]")
    async with session.post(url, json=asked, headers=KEY, allow_redirects=False) as response:
        body = await response.json()

    assert (response.status, body["error"]["type"]) == (status, type_)
    assert response.headers["x-should-retry"] == again
    assert response.headers.get("retry-after") == ("2" if "after" in fault else None)
    assert ("Location" in response.headers) is (status == 302)


@pytest.mark.parametrize(
    ("fault", "kinds"),
    [
        ("role-only", ["message_start"]),
        ("end-after=4", ["message_start", "content_block_start", "ping", "content_block_delta"]),
        ("error-after=1", ["message_start", "error"]),
    ],
)
async def test_a_stream_ends_where_it_is_told_to(url: str, fault: str, kinds: list[str]) -> None:
    answer = await stream(url, f"x [[simulate: words=3,{fault}]]")

    assert [event["type"] for event in told(answer.body)] == kinds
    assert answer.ended


async def test_only_the_farewell_can_be_missing(url: str) -> None:
    events = told((await stream(url, "x [[simulate: words=3,no-done]]")).body)

    assert events[-1]["type"] == "message_delta"


@pytest.mark.parametrize("spelling", ["multiline", "no-space", "crlf", "cr", "split", "burst"])
async def test_a_stream_says_the_same_in_every_spelling(url: str, spelling: str) -> None:
    plain = told((await stream(url, fault="words=3")).body)
    other = told((await stream(url, fault=f"words=3,{spelling}")).body)

    assert other[1:] == plain[1:]


async def test_a_bad_line_and_a_huge_event_are_anthropics(url: str) -> None:
    answer = await stream(url, "x [[simulate: words=3,bad-line-after=2,huge=900]]")

    names = [frame.event for frame in Decoder().feed(answer.body)]
    assert names.count("content_block_delta") == 5
    assert any(len(write) == 900 for write in answer.chunks)


@pytest.mark.parametrize("fault", ["reset", "cut-after=2"])
@pytest.mark.parametrize("streaming", [True, False])
async def test_a_line_that_breaks_is_reset(url: str, fault: str, streaming: bool) -> None:
    asked = question(f"x [[simulate: words=3,{fault}]]", stream=streaming)
    answer = await raw_http.post(url, asked, anthropic_version="2023-06-01")

    assert answer.reset
    assert bool(answer.data) is (fault != "reset")


@pytest.mark.parametrize(
    ("fault", "lacks"),
    [("no-usage", "usage"), ("no-choices", "content"), ("error-object", "content")],
)
async def test_what_a_message_lacks_is_all_it_lacks(
    url: str, session: aiohttp.ClientSession, fault: str, lacks: str
) -> None:
    response, whole = await ask(session, url, question(f"x [[simulate: {fault}]]"))

    assert (response.status, lacks in whole) == (200, False)
    assert ("error" in whole) is (fault == "error-object")


async def test_other_bodies_come_with_200(url: str, session: aiohttp.ClientSession) -> None:
    async def body(fault: str, **more: Any) -> tuple[str, bytes]:
        asked = question(f"x [[simulate: words=2,{fault}]]", **more)
        async with session.post(url, json=asked, headers=KEY) as response:
            assert response.status == 200
            return response.content_type, await response.read()

    assert (await body("html"))[0] == "text/html"
    assert await body("empty", stream=True) == ("text/event-stream", b"")
    assert orjson.loads((await body("empty-choices"))[1])["content"] == []
    kind, whole = await body("json,delay-ms=1", stream=True)
    assert (kind, orjson.loads(whole)["content"][0]["text"]) == ("application/json", "word1 word2")
    with pytest.raises(orjson.JSONDecodeError):
        orjson.loads((await body("not-json"))[1])
    with pytest.raises(aiohttp.ClientError):
        await body("garbage")


@pytest.mark.parametrize(("fault", "streaming"), [("hang", True), ("hang-after=1", False)])
async def test_silence_lasts_until_the_client_goes(
    url: str, anthropic: AnthropicSimulator, fault: str, streaming: bool
) -> None:
    asked = question(f"[[simulate: {fault}]]", stream=streaming)
    async with aiohttp.ClientSession(timeout=aiohttp.ClientTimeout(total=0.3)) as impatient:
        with pytest.raises(TimeoutError):
            await ask(impatient, url, asked)

    await anthropic.hung_up.wait()


async def test_an_endless_answer_waits_for_its_reader(
    url: str, session: aiohttp.ClientSession, anthropic: AnthropicSimulator
) -> None:
    asked = question("[[simulate: endless=20000]]", stream=True)
    async with session.post(url, json=asked, headers=KEY) as response:
        assert (await response.content.readline()) == b"event: message_start\n"
        await anthropic.blocked.wait()
        response.close()
    await anthropic.hung_up.wait()


async def test_a_test_can_hold_the_pen(
    url: str, session: aiohttp.ClientSession, anthropic: AnthropicSimulator
) -> None:
    anthropic.hold()
    async with asyncio.TaskGroup() as group:
        asking = group.create_task(stream(url))
        pen = await anthropic.pen()
        await pen.say(frames.start(), frames.text_start(), frames.delta("hi"))
        await pen.finish(reason="length")

    events = told(asking.result().body)
    assert (events[0]["type"], events[-1]["type"]) == ("message_start", "message_stop")
    assert events[-2]["delta"]["stop_reason"] == "max_tokens"
    assert said(events, "text_delta", "text") == "hi"


async def test_queued_faults_go_before_the_questions_own(
    url: str, session: aiohttp.ClientSession, anthropic: AnthropicSimulator
) -> None:
    anthropic.faults.append(Fault(status=529))

    assert (await ask(session, url, question("[[simulate: status=500]]")))[0].status == 529
    header = {"x-simulate": "status=504"}
    assert (await ask(session, url, question(), **header))[0].status == 504
