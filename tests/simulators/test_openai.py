"""The OpenAI simulator without faults: what it answers, and what it refuses as OpenAI does."""

from typing import Any

import aiohttp
import pytest

from bff.simulators.openai.simulator import OpenAISimulator
from bff.simulators.world import World
from tests.support import raw_http
from tests.support.chat import chunks, frames, question, text

KEY = {"Authorization": "Bearer key"}


async def test_a_stream_is_a_role_words_a_finish_and_done(openai_url: str) -> None:
    answer = await raw_http.post(openai_url, question())

    said = chunks(answer.body)
    assert b"HTTP/1.1 200 OK" in answer.head
    assert b"text/event-stream; charset=utf-8" in answer.head
    assert said[0]["choices"][0]["delta"] == {"role": "assistant", "content": "", "refusal": None}
    assert said[-1]["choices"][0] == {
        "index": 0,
        "delta": {},
        "logprobs": None,
        "finish_reason": "stop",
    }
    assert frames(answer.body)[-1] == b"[DONE]"
    assert {chunk["object"] for chunk in said} == {"chat.completion.chunk"}
    assert {chunk["model"] for chunk in said} == {"gpt-4o-2024-08-06"}
    assert len({chunk["id"] for chunk in said}) == 1
    assert not any("usage" in chunk for chunk in said)


async def test_each_word_is_a_write_of_its_own(openai_url: str) -> None:
    answer = await raw_http.post(openai_url, question("x [[simulate: words=3]]"))

    assert [text(write) for write in answer.chunks[1:-2]] == ["word1", " word2", " word3"]


async def test_usage_comes_only_when_asked_and_is_null_before(openai_url: str) -> None:
    asked = question("x [[simulate: words=2]]", stream_options={"include_usage": True})

    *said, last = chunks((await raw_http.post(openai_url, asked)).body)

    assert [chunk["usage"] for chunk in said] == [None] * 4
    assert last["choices"] == []
    assert last["usage"]["completion_tokens"] == 2
    assert last["usage"]["total_tokens"] == last["usage"]["prompt_tokens"] + 2


async def test_a_whole_answer_says_the_same_as_a_stream(
    openai_url: str, session: aiohttp.ClientSession
) -> None:
    streamed = await raw_http.post(openai_url, question("Tell me something"))
    async with session.post(
        openai_url, json=question("Tell me something", stream=False), headers=KEY
    ) as response:
        whole = await response.json()

    assert whole["object"] == "chat.completion"
    assert whole["choices"][0]["message"]["content"] == text(streamed.body)
    assert whole["choices"][0]["finish_reason"] == "stop"
    assert whole["usage"]["completion_tokens"] > 0
    assert response.headers["x-request-id"].startswith("req_")
    assert response.headers["x-ratelimit-remaining-requests"] == "9999"
    assert response.headers["x-ratelimit-reset-tokens"] == "3ms"


async def test_a_limit_ends_the_answer_with_length(openai_url: str) -> None:
    said = chunks((await raw_http.post(openai_url, question(max_tokens=3))).body)

    assert len(said) == 5
    assert said[-1]["choices"][0]["finish_reason"] == "length"


@pytest.mark.parametrize(
    ("asked", "shown"),
    [
        ("Hello", "## Hello! 👋"),
        ("Draw a sequence diagram", "```mermaid\nsequenceDiagram"),
        ("Show me some code", "```python"),
        ("Thank you", "You are welcome"),
        ("What is *this* `x`?", "*“What is ·this· 'x'?”*"),
    ],
)
async def test_the_model_answers_what_was_asked(openai_url: str, asked: str, shown: str) -> None:
    answer = await raw_http.post(openai_url, question(asked))

    assert shown in text(answer.body)


async def test_the_model_remembers_how_much_was_said(openai_url: str) -> None:
    said = [
        {"role": "system", "content": "s"},
        {"role": "user", "content": "one"},
        {"role": "assistant", "content": "two"},
        {"role": "user", "content": "three"},
    ]

    answer = await raw_http.post(openai_url, question(messages=said))

    assert "I remember the 2 earlier messages" in text(answer.body)


async def test_text_of_its_own_can_be_set(openai: OpenAISimulator, openai_url: str) -> None:
    openai.text = "exactly  this\n"

    assert text((await raw_http.post(openai_url, question())).body) == "exactly  this\n"


def _messages(*messages: Any) -> dict[str, Any]:
    return question(messages=list(messages))


_CALL = {"role": "assistant", "content": None, "tool_calls": [{"id": "call_a"}]}
_USER = {"role": "user", "content": "x"}
_O3 = {"model": "o3"}
_LONG_CALL = {"role": "assistant", "content": None, "tool_calls": [{"id": "c" * 41}]}
_SHOWN = {"role": "tool", "tool_call_id": "call_a", "content": [{"type": "image_url"}]}


@pytest.mark.parametrize(
    ("asked", "status", "param", "code"),
    [
        (question(model=None), 400, None, None),
        (question(model="no-such-model"), 404, None, "model_not_found"),
        (question(messages=None), 400, "messages", "missing_required_parameter"),
        (question(messages="hi"), 400, "messages", "invalid_type"),
        (_messages(), 400, "messages", "empty_array"),
        (_messages("hi"), 400, "messages[0]", "invalid_type"),
        (_messages({"role": "god", "content": "x"}), 400, "messages[0].role", "invalid_value"),
        (_messages({"role": "user"}), 400, "messages[0].content", "invalid_type"),
        (_messages({"role": "user", "content": 5}), 400, "messages[0].content", "invalid_type"),
        (_messages({"role": "user", "content": []}), 400, "messages[0].content", "empty_array"),
        (
            _messages({"role": "user", "content": [{"type": "smell"}]}),
            400,
            "messages[0].content[0].type",
            "invalid_value",
        ),
        (_messages(_CALL, _USER), 400, "messages[1]", "invalid_value"),
        (_messages(_USER, _CALL), 400, "messages", "invalid_value"),
        (
            _messages({"role": "tool", "tool_call_id": "call_a", "content": "x"}),
            400,
            "messages[0].role",
            "invalid_value",
        ),
        (question(**_O3, max_tokens=5), 400, "max_tokens", "unsupported_parameter"),
        (question(**_O3, temperature=0.5), 400, "temperature", "unsupported_value"),
        (question(temperature=3), 400, "temperature", "invalid_value"),
        (question(max_tokens=0), 400, "max_tokens", "invalid_value"),
        (question(stream=False, stream_options={}), 400, "stream_options", None),
        (question(stream="yes"), 400, "stream", "invalid_value"),
        (question(temprature=1), 400, None, None),
        (question("x [[simulate: statsu=1]]"), 400, None, "wrong_simulation"),
        (["x"], 400, None, None),
        (_messages(_USER, _LONG_CALL), 400, "messages[1].tool_calls", "string_above_max_length"),
        (
            _messages(_USER, _CALL, _SHOWN),
            400,
            "messages[2].content[0].type",
            "invalid_value",
        ),
        (question(stop=["a"] * 5), 400, "stop", "array_above_max_length"),
        (question(max_tokens=5, max_completion_tokens=5), 400, "max_tokens", "invalid_value"),
        (question(reasoning_effort="low"), 400, None, None),
        (question(**_O3, logprobs=True), 400, "logprobs", "unsupported_parameter"),
        (question(**_O3, presence_penalty=1), 400, "presence_penalty", "unsupported_parameter"),
        (question(parallel_tool_calls=False), 400, "parallel_tool_calls", "invalid_value"),
    ],
)
async def test_what_openai_refuses_is_refused(
    openai_url: str,
    session: aiohttp.ClientSession,
    asked: Any,
    status: int,
    param: str | None,
    code: str | None,
) -> None:
    async with session.post(openai_url, json=asked, headers=KEY) as response:
        refused = (await response.json())["error"]

    assert response.status == status
    assert (refused["param"], refused["code"]) == (param, code)
    assert refused["type"] == "invalid_request_error"
    assert refused["message"]


@pytest.mark.parametrize(
    "asked",
    [
        question(**_O3, temperature=1, presence_penalty=0, logprobs=False, reasoning_effort="low"),
        question(model="gpt-5-chat-latest", temperature=0.5),
        question(stop=["a"] * 4),
    ],
)
async def test_what_asks_for_nothing_new_is_accepted(openai_url: str, asked: Any) -> None:
    assert b"200 OK" in (await raw_http.post(openai_url, asked)).head


@pytest.mark.parametrize("stream", [True, False])
async def test_each_answer_is_on_the_bill_once_its_end_was_told(
    openai: OpenAISimulator, openai_url: str, stream: bool
) -> None:
    options = {"include_usage": True} if stream else None
    await raw_http.post(
        openai_url, question("x [[simulate: words=3]]", stream=stream, stream_options=options)
    )
    await raw_http.post(openai_url, question("x [[simulate: cut-after=2]]"))

    [billed] = openai.bill
    assert (billed["model"], billed["completion_tokens"]) == ("gpt-4o-2024-08-06", 3)
    assert billed["prompt_tokens"] > 0


async def test_tool_calls_that_were_answered_are_accepted(openai_url: str) -> None:
    answered = {"role": "tool", "tool_call_id": "call_a", "content": "x"}

    answer = await raw_http.post(openai_url, _messages(_USER, _CALL, answered, _USER))

    assert answer.ended


@pytest.mark.parametrize(
    "headers", [{}, {"Authorization": "Basic x"}, {"Authorization": "Bearer "}]
)
async def test_without_a_key_nothing_is_answered(
    openai_url: str, session: aiohttp.ClientSession, headers: dict[str, str]
) -> None:
    async with session.post(openai_url, json=question(), headers=headers) as response:
        refused = (await response.json())["error"]

    assert (response.status, refused["code"]) == (401, "invalid_api_key")


async def test_keys_that_open_can_be_chosen(
    openai: OpenAISimulator, openai_url: str, session: aiohttp.ClientSession
) -> None:
    statuses = []
    for keys, key in ((None, "bad-key"), (None, "any"), (frozenset({"one"}), "any")):
        openai.keys = keys
        headers = {"Authorization": f"Bearer {key}"}
        async with session.post(openai_url, json=question(), headers=headers) as response:
            statuses.append(response.status)

    assert statuses == [401, 200, 401]


async def test_only_json_is_read(openai_url: str, session: aiohttp.ClientSession) -> None:
    for data, type_ in ((b"{", "application/json"), (b"{}", "text/plain")):
        headers = {**KEY, "Content-Type": type_}
        async with session.post(openai_url, data=data, headers=headers) as response:
            assert response.status == 400


async def test_a_double_version_is_no_url(world: World, session: aiohttp.ClientSession) -> None:
    url = f"{world.openai_url}/v1/chat/completions"
    async with session.post(url, json=question(), headers=KEY) as response:
        refused = (await response.json())["error"]

    assert response.status == 404
    assert refused["message"] == "Invalid URL (POST /v1/v1/chat/completions)"


async def test_models_are_listed_and_found(world: World, session: aiohttp.ClientSession) -> None:
    async with session.get(f"{world.openai_url}/models", headers=KEY) as response:
        listed = await response.json()
    statuses = []
    for name in ("gpt-4o", "no-such-model"):
        async with session.get(f"{world.openai_url}/models/{name}", headers=KEY) as response:
            statuses.append(response.status)
    async with session.get(f"{world.openai_url}/models") as response:
        statuses.append(response.status)

    assert "gpt-4o" in [model["id"] for model in listed["data"]]
    assert statuses == [200, 404, 401]


async def test_what_was_asked_can_be_looked_at(openai: OpenAISimulator, openai_url: str) -> None:
    await raw_http.post(f"{openai_url}?a=1", question("look"), X_Client_Request_Id="r1")

    seen = await openai.question()
    assert (seen.method, seen.path) == ("POST", "/openai/v1/chat/completions?a=1")
    assert seen.headers["x-client-request-id"] == "r1"
    assert seen.json["messages"][0]["content"] == "look"
    assert openai.asked.is_set()
