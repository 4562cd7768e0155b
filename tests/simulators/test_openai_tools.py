"""Tools as the OpenAI simulator has them."""

from typing import Any

import aiohttp
import orjson
import pytest

from tests.support.chat import chunks, question

HEADERS = {"Authorization": "Bearer key"}
TOOL = {"type": "function", "function": {"name": "now", "parameters": {"type": "object"}}}
OTHER = {"type": "function", "function": {"name": "here"}}


async def post(
    session: aiohttp.ClientSession, url: str, text: str = 'now {"tz":"UTC"}', **more: Any
) -> tuple[int, bytes]:
    asked = question(text, **({"tools": [TOOL, OTHER]} | more))
    async with session.post(url, json=asked, headers=HEADERS) as answer:
        return answer.status, await answer.read()


async def calls(session: aiohttp.ClientSession, url: str, text: str, **more: Any) -> list[str]:
    _, body = await post(session, url, text, stream=False, **more)
    message = orjson.loads(body)["choices"][0]["message"]
    return [call["function"]["name"] for call in message.get("tool_calls", [])]


async def test_arguments_come_in_pieces(session: aiohttp.ClientSession, openai_url: str) -> None:
    _, body = await post(session, openai_url)

    deltas = [
        call
        for chunk in chunks(body)
        for choice in chunk["choices"]
        for call in choice["delta"].get("tool_calls", [])
    ]
    assert (deltas[0]["function"], deltas[0]["type"]) == (
        {"name": "now", "arguments": ""},
        "function",
    )
    assert "".join(delta["function"]["arguments"] for delta in deltas) == '{"tz":"UTC"}'
    assert len(deltas) == 3
    assert [c["choices"][0]["finish_reason"] for c in chunks(body)][-1] == "tool_calls"


@pytest.mark.parametrize(
    ("text", "more", "called"),
    [
        ("now and here", {}, ["now", "here"]),
        ("now and here", {"parallel_tool_calls": False}, ["now"]),
        ("now", {"tool_choice": "none"}, []),
        ("hello", {}, []),
        ("hello", {"tool_choice": "required"}, ["now"]),
        ("now", {"tool_choice": {"type": "function", "function": {"name": "here"}}}, ["here"]),
    ],
)
async def test_the_tools_that_are_wanted_are_called(
    session: aiohttp.ClientSession,
    openai_url: str,
    text: str,
    more: dict[str, Any],
    called: list[str],
) -> None:
    assert await calls(session, openai_url, text, **more) == called


async def test_a_result_is_repeated(session: aiohttp.ClientSession, openai_url: str) -> None:
    call = {"id": "c", "type": "function", "function": {"name": "now", "arguments": "{}"}}
    messages = [
        {"role": "user", "content": "now"},
        {"role": "assistant", "content": None, "tool_calls": [call]},
        {"role": "tool", "tool_call_id": "c", "content": "12:00"},
    ]

    _, body = await post(session, openai_url, messages=messages, stream=False)

    assert orjson.loads(body)["choices"][0]["message"]["content"] == "The tool says: 12:00"


@pytest.mark.parametrize(
    "wrong",
    [
        {"tools": []},
        {"tools": 5},
        {"tools": [5]},
        {"tools": [{"type": "function"}]},
        {"tools": [{"type": "function", "function": {"name": "a b"}}]},
        {"tools": [{"type": "function", "function": {"name": "a", "parameters": 5}}]},
        {"tools": None, "tool_choice": "auto"},
        {"tool_choice": "sometimes"},
        {"tool_choice": {"type": "function", "function": {"name": "nobody"}}},
    ],
)
async def test_what_openai_refuses_of_tools(
    session: aiohttp.ClientSession, openai_url: str, wrong: dict[str, Any]
) -> None:
    assert (await post(session, openai_url, **wrong))[0] == 400
