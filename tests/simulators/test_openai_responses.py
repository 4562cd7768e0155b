"""The OpenAI simulator's responses: events and objects that OpenAI's own SDK takes, faults on
demand, and refusals in OpenAI's words.
"""

import asyncio
from collections.abc import Mapping
from typing import Any

import aiohttp
import openai as sdk
import orjson
import pytest
from openai.types.responses import Response, ResponseStreamEvent
from pydantic import TypeAdapter

from bff.dialects.sse import Decoder
from bff.simulators import embedded_model
from bff.simulators.gateway.simulator import GatewaySimulator
from bff.simulators.openai.response_frames import Frames
from bff.simulators.openai.simulator import OpenAISimulator
from bff.simulators.world import World

KEY = {"Authorization": "Bearer key"}
NOW = {"type": "function", "name": "now", "parameters": {"type": "object", "properties": {}}}
TOOLS = [NOW, {"type": "web_search"}, {**NOW, "name": "weather"}]
WISH = 'now {"tz":"Europe/Paris"} and then weather {"city":"Köln"}'
EVENT: TypeAdapter[Any] = TypeAdapter(ResponseStreamEvent)


@pytest.fixture
def url(world: World) -> str:
    return f"{world.openai_url}/responses"


def asking(said: Any = "hello", /, **more: Any) -> dict[str, Any]:
    return {"model": "gpt-4o", "input": said, **more}


async def ask(
    session: aiohttp.ClientSession, url: str, asked: Any, headers: Mapping[str, str] = KEY
) -> tuple[int, bytes]:
    async with session.post(url, json=asked, headers=headers) as response:
        return response.status, await response.read()


async def events_of(session: aiohttp.ClientSession, url: str, asked: Any) -> list[Any]:
    """The events of a stream, each of the name that its data says; the SDK takes all of them."""
    status, body = await ask(session, url, {**asked, "stream": True})
    assert status == 200
    decoder = Decoder()
    read = [(frame.event, orjson.loads(frame.data)) for frame in decoder.feed(body)]
    assert [name for name, _ in read] == [value["type"] for _, value in read]
    for _, value in read:
        EVENT.validate_python(value)
    return [value for _, value in read]


async def whole_of(session: aiohttp.ClientSession, url: str, asked: Any) -> dict[str, Any]:
    status, body = await ask(session, url, asked)
    assert status == 200
    Response.model_validate_json(body)
    value: dict[str, Any] = orjson.loads(body)
    return value


async def test_a_stream_opens_and_closes_what_it_says(
    url: str, session: aiohttp.ClientSession
) -> None:
    events = await events_of(session, url, asking("x [[simulate: words=2]]"))

    assert [event["type"] for event in events] == [
        "response.created",
        "response.in_progress",
        "response.output_item.added",
        "response.content_part.added",
        "response.output_text.delta",
        "response.output_text.delta",
        "response.output_text.done",
        "response.content_part.done",
        "response.output_item.done",
        "response.completed",
    ]
    assert [event["sequence_number"] for event in events] == list(range(10))
    assert [event["delta"] for event in events if "delta" in event] == ["word1", " word2"]
    assert len({event["item_id"] for event in events if "item_id" in event}) == 1
    assert all(event["obfuscation"] for event in events if "delta" in event)
    heads = [event["response"] for event in events if "response" in event]
    assert len({head["id"] for head in heads}) == 1
    assert [(head["status"], len(head["output"])) for head in heads] == [
        ("in_progress", 0),
        ("in_progress", 0),
        ("completed", 1),
    ]


async def test_a_whole_response_is_the_one_that_a_stream_ends_with(
    url: str, session: aiohttp.ClientSession
) -> None:
    asked = asking("Tell me something", metadata={"a": "b"}, temperature=0.5, instructions="Be.")

    *_, last = await events_of(session, url, asked)
    whole = await whole_of(session, url, asked)

    own = ("id", "created_at", "output")
    assert {k: v for k, v in whole.items() if k not in own} == {
        k: v for k, v in last["response"].items() if k not in own
    }
    [said] = whole["output"]
    assert said["content"][0]["text"] == embedded_model.answer("Tell me something", earlier=0)
    assert (whole["temperature"], whole["metadata"], whole["instructions"]) == (
        0.5,
        {"a": "b"},
        "Be.",
    )


async def test_what_was_used_is_told_and_billed(
    world: World, url: str, session: aiohttp.ClientSession
) -> None:
    *_, last = await events_of(session, url, asking("x [[simulate: words=3]]"))
    whole = await whole_of(session, url, asking("x [[simulate: words=3]]"))

    used = last["response"]["usage"]
    assert used == whole["usage"]
    assert used["output_tokens"] == 3
    assert used["total_tokens"] == used["input_tokens"] + 3
    assert (
        world.openai.bill
        == [
            {
                "model": "gpt-4o-2024-08-06",
                "prompt_tokens": used["input_tokens"],
                "completion_tokens": 3,
            }
        ]
        * 2
    )


async def test_tools_are_called_as_in_completions(url: str, session: aiohttp.ClientSession) -> None:
    events = await events_of(session, url, asking(WISH, tools=TOOLS))

    calls = events[-1]["response"]["output"]
    assert [(call["name"], orjson.loads(call["arguments"])) for call in calls] == [
        ("now", {"tz": "Europe/Paris"}),
        ("weather", {"city": "Köln"}),
    ]
    told = [event for event in events if event["type"].endswith("arguments.delta")]
    for index, call in enumerate(calls):
        pieces = [event["delta"] for event in told if event["output_index"] == index]
        assert "".join(pieces) == call["arguments"]
        assert len(pieces) > 1


async def test_what_a_tool_said_is_told(url: str, session: aiohttp.ClientSession) -> None:
    call = {"type": "function_call", "call_id": "c1", "name": "now", "arguments": "{}"}
    user = {"role": "user", "content": [{"type": "input_text", "text": WISH}]}
    told = {"type": "function_call_output", "call_id": "c1", "output": "noon"}
    items = [user, {"type": "reasoning", "id": "rs_1", "summary": []}, call, told]

    whole = await whole_of(session, url, asking(items, tools=TOOLS))

    assert whole["output"][0]["content"][0]["text"] == embedded_model.told("noon")


@pytest.mark.parametrize(
    ("choice", "names"),
    [
        ("none", []),
        ("required", ["now"]),
        ({"type": "function", "name": "weather"}, ["weather"]),
        ({"type": "file_search"}, ["now"]),
    ],
)
async def test_a_choice_of_tools_is_kept(
    url: str, session: aiohttp.ClientSession, choice: Any, names: list[str]
) -> None:
    asked = asking("now?", tools=TOOLS, tool_choice=choice)

    whole = await whole_of(session, url, asked)

    assert [item["name"] for item in whole["output"] if item["type"] == "function_call"] == names


async def test_a_limit_ends_the_answer_incomplete(url: str, session: aiohttp.ClientSession) -> None:
    *_, last = await events_of(session, url, asking("Hello", max_output_tokens=16))

    assert last["type"] == "response.incomplete"
    assert last["response"]["incomplete_details"] == {"reason": "max_output_tokens"}
    assert last["response"]["output"][0]["status"] == "incomplete"


async def test_who_thinks_first_says_so_and_tells_it_where_asked(
    url: str, session: aiohttp.ClientSession
) -> None:
    asked = asking(model="o3", reasoning={"effort": "low", "summary": "auto"})

    quiet = await events_of(session, url, asking(model="o3"))
    open_ = await events_of(session, url, asked)

    assert [item["type"] for item in quiet[-1]["response"]["output"]] == ["reasoning", "message"]
    told = [event["delta"] for event in open_ if event["type"].endswith("summary_text.delta")]
    assert "".join(told) == open_[-1]["response"]["output"][0]["summary"][0]["text"]
    assert not [event for event in quiet if "summary" in event["type"]]


async def test_padding_is_left_out_where_it_is_not_wanted(
    url: str, session: aiohttp.ClientSession
) -> None:
    asked = asking(stream_options={"include_obfuscation": False})

    events = await events_of(session, url, asked)

    assert not [event for event in events if "obfuscation" in event]


async def test_openais_own_sdk_puts_it_together(world: World) -> None:
    async with sdk.AsyncOpenAI(base_url=world.openai_url, api_key="key", max_retries=0) as client:
        async with client.responses.stream(model="gpt-4o", input=WISH, tools=[NOW]) as stream:  # type: ignore[list-item]  # as it is on the wire
            streamed = await stream.get_final_response()
        whole = await client.responses.create(model="gpt-4o", input="Hello")

    [call] = streamed.output
    assert call.type == "function_call"
    assert call.arguments == '{"tz":"Europe/Paris"}'
    assert whole.output_text == embedded_model.answer("Hello", earlier=0)


# -- faults ----------------------------------------------------------------------------------------


async def test_an_error_in_the_stream_is_an_event_and_the_responses_end(
    url: str, session: aiohttp.ClientSession
) -> None:
    events = await events_of(session, url, asking("x [[simulate: error-after=6]]"))

    assert [event["type"] for event in events][-2:] == ["error", "response.failed"]
    assert events[-2]["code"] == events[-1]["response"]["error"]["code"] == "server_error"
    numbers = [event["sequence_number"] for event in events]
    assert numbers == sorted(set(numbers))


async def test_a_stream_can_end_without_its_end(url: str, session: aiohttp.ClientSession) -> None:
    events = await events_of(session, url, asking("x [[simulate: end-after=5]]"))

    assert [event["type"] for event in events][-1] == "response.output_text.delta"


async def test_a_cut_breaks_the_line(url: str, session: aiohttp.ClientSession) -> None:
    with pytest.raises(aiohttp.ClientError):
        await ask(session, url, asking("x [[simulate: cut-after=5]]", stream=True))


async def test_a_line_that_is_no_json_comes_between(
    url: str, session: aiohttp.ClientSession
) -> None:
    status, body = await ask(
        session, url, asking("x [[simulate: words=2,bad-line-after=4]]", stream=True)
    )

    data = [frame.data for frame in Decoder().feed(body)]
    assert status == 200
    with pytest.raises(orjson.JSONDecodeError):
        orjson.loads(data[4])
    assert len(data) == 11


async def test_an_endless_answer_goes_on_as_far_as_the_reader_reads(
    world: World, url: str, session: aiohttp.ClientSession
) -> None:
    asked = asking("[[simulate: endless=16384]]", stream=True)
    async with session.post(url, json=asked, headers=KEY) as response:
        await world.openai.blocked.wait()
        first = await response.content.readline()

    assert first == b"event: response.output_text.delta\n"
    await world.openai.hung_up.wait()


@pytest.mark.parametrize(
    ("fault", "status", "code"),
    [
        ("status=429,retry-after=2", 429, "rate_limit_exceeded"),
        ("status=500", 500, None),
        ("quota", 429, "insufficient_quota"),
    ],
)
async def test_an_ordered_status_comes_with_openais_error(
    url: str, session: aiohttp.ClientSession, fault: str, status: int, code: str | None
) -> None:
    told, body = await ask(session, url, asking(f"x [[simulate: {fault}]]", stream=True))

    assert (told, orjson.loads(body)["error"]["code"]) == (status, code)


@pytest.mark.parametrize("fault", ["no-usage", "no-choices", "empty-choices", "error-object"])
async def test_what_a_whole_response_lacks_is_all_it_lacks(
    url: str, session: aiohttp.ClientSession, fault: str
) -> None:
    _, body = await ask(session, url, asking(f"x [[simulate: words=3,{fault}]]"))

    told = orjson.loads(body)
    assert ("usage" in told, "output" in told) == (fault != "no-usage", fault != "no-choices")
    assert (told["status"] == "failed") is (told["error"] is not None) is (fault == "error-object")


async def test_a_held_answer_says_what_a_test_says_and_ends_like_a_response(
    openai: OpenAISimulator, url: str, session: aiohttp.ClientSession
) -> None:
    openai.hold()
    says = Frames()
    asked = asyncio.ensure_future(ask(session, url, asking(stream=True)))
    pen = await openai.pen()
    await pen.say(says.created(), says.delta("one"))
    await pen.finish()
    _, body = await asked

    names = [frame.event for frame in Decoder().feed(body)]
    assert names == ["response.created", "response.output_text.delta", "response.completed"]


# -- through the gateway ---------------------------------------------------------------------------


async def test_the_gateway_passes_responses_on_and_reads_what_they_used(
    world: World, gateway: GatewaySimulator, session: aiohttp.ClientSession
) -> None:
    url = f"{world.gateway_url}/account/gateway/openai/responses"

    events = await events_of(session, url, asking("x [[simulate: words=3]]"))

    used = events[-1]["response"]["usage"]
    log = gateway.logs[-1]
    assert (log.path, log.model) == ("responses", "gpt-4o")
    assert (log.tokens_in, log.tokens_out) == (used["input_tokens"], used["output_tokens"])


async def test_the_gateways_own_faults_are_read_in_a_text_too(
    world: World, session: aiohttp.ClientSession
) -> None:
    url = f"{world.gateway_url}/account/gateway/openai/responses"

    status, body = await ask(session, url, asking("x [[simulate: gateway=2003]]"))

    assert (status, orjson.loads(body)["internalCode"]) == (429, 2003)
    assert len(world.openai.requests) == 0


# -- refusals --------------------------------------------------------------------------------------

CALL = {"type": "function_call", "call_id": "c1", "name": "now", "arguments": "{}"}
OUTPUT = {"type": "function_call_output", "call_id": "c1", "output": "x"}
MOVED = "unsupported_parameter"
MISSING = "missing_required_parameter"


def part(type_: str, role: str = "user") -> list[Any]:
    return [{"role": role, "content": [{"type": type_, "text": "x"}]}]


@pytest.mark.parametrize(
    ("asked", "param", "code"),
    [
        ([], None, None),
        (asking(tomorrow=1), "tomorrow", "unknown_parameter"),
        (asking(messages=[]), None, MOVED),
        (asking(max_tokens=9), "max_tokens", MOVED),
        (asking(response_format={}), "response_format", MOVED),
        ({"input": "x"}, "model", MISSING),
        ({"model": "gpt-4o"}, "input", MISSING),
        (asking(model="claude"), None, "model_not_found"),
        (asking(model=5), None, None),
        (
            asking(previous_response_id="resp_0"),
            "previous_response_id",
            "previous_response_not_found",
        ),
        (asking(5), "input", "invalid_type"),
        (asking([5]), "input[0]", "invalid_type"),
        (asking([{"type": "tomorrow"}]), "input[0].type", "invalid_value"),
        (asking([{"role": "tool", "content": "x"}]), "input[0].role", "invalid_value"),
        (asking([{"role": "user"}]), "input[0].content", MISSING),
        (asking(part("text")), "input[0].content[0].type", "invalid_value"),
        (asking(part("input_text", "assistant")), "input[0].content[0].type", "invalid_value"),
        (asking([{"role": "user", "content": [5]}]), "input[0].content[0].type", "invalid_value"),
        (asking([CALL]), "input", None),
        (asking([OUTPUT]), "input", None),
        (asking([{**OUTPUT, "output": None}]), "input[0].output", MISSING),
        (asking([{**CALL, "name": None}]), "input[0].name", MISSING),
        (asking(max_output_tokens=15), "max_output_tokens", "integer_below_min_value"),
        (asking(temperature=3), "temperature", "invalid_value"),
        (asking(top_p="x"), "top_p", "invalid_value"),
        (asking(model="o3", temperature=0.5), "temperature", MOVED),
        (asking(reasoning={"effort": "low"}), "reasoning.effort", MOVED),
        (asking(tools=[5]), "tools[0].type", MISSING),
        (asking(tools=[{"type": "function", "function": NOW}]), "tools[0].name", MISSING),
        (asking(tools=[{**NOW, "name": "a b"}]), "tools[0].name", "invalid_value"),
        (asking(tool_choice={"type": "function", "name": "now"}), "tool_choice", None),
        (asking(tool_choice="maybe"), "tool_choice", None),
        (asking(text={"format": {"type": "xml"}}), "text.format.type", "invalid_value"),
        (
            asking(text={"format": {"type": "json_schema", "schema": {}}}),
            "text.format.name",
            MISSING,
        ),
        (asking(stream="yes"), "stream", "invalid_type"),
    ],
)
async def test_what_openai_refuses_is_refused(
    url: str, session: aiohttp.ClientSession, asked: Any, param: str | None, code: str | None
) -> None:
    status, body = await ask(session, url, asked)

    refused = orjson.loads(body)["error"]
    assert status == (404 if code == "model_not_found" else 400)
    assert (refused["param"], refused["code"]) == (param, code)
    assert refused["type"] == "invalid_request_error"


@pytest.mark.parametrize(
    "more",
    [
        {"input": [CALL, OUTPUT], "instructions": "x"},
        {"input": part("output_text", "assistant")},
        {"text": {"format": {"type": "json_object"}, "verbosity": "low"}, "store": False},
        {"model": "gpt-5", "temperature": 1, "include": ["reasoning.encrypted_content"]},
        {"tools": TOOLS, "parallel_tool_calls": False, "truncation": "auto", "user": "u"},
    ],
)
async def test_what_openai_takes_is_taken(
    url: str, session: aiohttp.ClientSession, more: dict[str, Any]
) -> None:
    assert (await whole_of(session, url, asking() | more))["status"] == "completed"


async def test_a_key_and_a_type_are_wanted_here_too(
    url: str, session: aiohttp.ClientSession
) -> None:
    nobody, _ = await ask(session, url, asking(), headers={})
    async with session.post(url, data=b"{}", headers=KEY) as response:
        untyped = response.status

    assert (nobody, untyped) == (401, 400)
