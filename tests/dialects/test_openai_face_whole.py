"""Our answer in one piece, in OpenAI's words: spelled, or passed on and mended."""

import json
from typing import Any

import pytest

from bff.chat.events import (
    FinishReason,
    Original,
)
from bff.chat.reply import Collector, Reply
from bff.chat.request import ToolCall
from bff.dialects.openai_chat import NAME, read_reply
from bff.dialects.openai_chat.told_whole import write_reply
from tests.support.openai_face import (
    HEAD,
    TOLD_USAGE,
    USED,
)


def whole(reply: Reply, **more: Any) -> Any:
    return json.loads(write_reply(reply, model="asked", created=5, answer_id="chatcmpl-1", **more))


def test_an_answer_in_one_piece_has_every_field() -> None:
    assert whole(Reply("Hé", USED, reason=FinishReason.LENGTH)) == {
        "id": "chatcmpl-1",
        "object": "chat.completion",
        "created": 5,
        "model": "asked",
        "choices": [
            {
                "index": 0,
                "message": {"role": "assistant", "content": "Hé", "refusal": None},
                "logprobs": None,
                "finish_reason": "length",
            }
        ],
        "usage": TOLD_USAGE,
    }


@pytest.mark.parametrize("text", ["", None])
def test_an_empty_answer_is_an_empty_text_and_null_only_beside_calls(text: str | None) -> None:
    call = ToolCall("c0", "now", "")
    called = whole(Reply(text, None, (call,), FinishReason.STOP))["choices"][0]

    assert whole(Reply(text, None))["choices"][0]["message"]["content"] == ""
    assert called["message"]["content"] is None
    assert called["message"]["tool_calls"] == [
        {"id": "c0", "type": "function", "function": {"name": "now", "arguments": "{}"}}
    ]
    assert called["finish_reason"] == "tool_calls"


def test_calls_in_one_piece_have_names_and_ids_of_their_own() -> None:
    calls = (ToolCall("a", "", "{}"), ToolCall("a", "f", "{}"), ToolCall("a", "g", "{}"))

    [choice] = whole(Reply("x", None, calls))["choices"]

    assert [call["id"] for call in choice["message"]["tool_calls"]] == ["a", f"call_{1:024d}"]
    assert choice["message"]["content"] == "x"
    assert whole(Reply("x", None, calls[:1], FinishReason.TOOL_CALLS))["choices"][0] == {
        "index": 0,
        "message": {"role": "assistant", "content": "x", "refusal": None},
        "logprobs": None,
        "finish_reason": "stop",
    }


def test_a_function_call_in_one_piece_is_the_first_of_the_calls() -> None:
    calls = (ToolCall("a", "f", "{}"), ToolCall("b", "g", "{}"))

    [choice] = whole(Reply(None, None, calls), legacy=True)["choices"]

    assert choice["message"]["function_call"] == {"name": "f", "arguments": "{}"}
    assert choice["finish_reason"] == "function_call"


THEIRS: dict[str, Any] = {
    "id": "theirs",
    "object": "chat.completion",
    "created": 7,
    "model": "their-model",
    "choices": [
        {
            "index": 0,
            "message": {"role": "assistant", "content": "Hé", "refusal": None, "odd": 1},
            "logprobs": None,
            "finish_reason": "stop",
        }
    ],
    "usage": {"prompt_tokens": 3, "completion_tokens": 4, "total_tokens": 7},
    "odd": 1,
}


def theirs(message: Any = None, **choice: Any) -> dict[str, Any]:
    """A completion of upstream's, with another *message*."""
    [first] = THEIRS["choices"]
    said = {**first, **choice, "message": message or first["message"]}
    return {**THEIRS, "choices": [said]}


def passed_whole(value: Any, **more: Any) -> bytes:
    data = json.dumps(value, indent=1).encode()
    collector = Collector()
    collector.feed(read_reply(data))
    head = {"model": "asked", "created": 5, "answer_id": "chatcmpl-1"}
    return write_reply(collector.reply(), original=Original(NAME, data), **head, **more)


def mended(value: Any, **more: Any) -> Any:
    return json.loads(passed_whole(value, **more))


def test_an_answer_that_came_whole_in_this_dialect_is_passed_on_byte_by_byte() -> None:
    called = {"role": "assistant", "content": None, "refusal": None, "tool_calls": [THEIR_CALL]}
    custom = {"id": "c0", "type": "custom", "custom": {"name": "sql", "input": "SELECT 1"}}
    other = Original("other", b"{}")

    for value in (
        theirs(),
        theirs(called, finish_reason="tool_calls"),
        theirs({**called, "tool_calls": [custom]}, finish_reason="tool_calls"),
        theirs(finish_reason="content_filter"),
    ):
        assert passed_whole(value) == json.dumps(value, indent=1).encode()
    assert whole(Reply("x", None), original=other) == whole(Reply("x", None))


def test_of_a_whole_answer_of_upstreams_only_what_is_amiss_is_mended() -> None:
    bare = {
        "choices": [{"message": {"content": "Hé"}, "finish_reason": "eos"}, {"odd": 2}],
        "created": None,
        "odd": 1,
    }

    told = mended(bare)

    assert told["choices"][0] == {
        "index": 0,
        "message": {"role": "assistant", "content": "Hé", "refusal": None},
        "logprobs": None,
        "finish_reason": "stop",
    }
    assert (told["choices"][1], told["odd"]) == ({"odd": 2}, 1)
    assert {name: told[name] for name in HEAD} == HEAD | {"object": "chat.completion"}
    assert told["usage"]["total_tokens"] == 0


@pytest.mark.parametrize(
    "message",
    [
        {},
        {"content": None},
        {"content": None, "tool_calls": []},
        {"content": None, "refusal": "No"},
    ],
)
def test_a_text_is_never_null_but_beside_calls(message: dict[str, Any]) -> None:
    told = mended(theirs({"role": "assistant", **message}))["choices"][0]["message"]

    assert (told["content"], told["refusal"]) == ("", message.get("refusal"))


THEIR_CALL = {"id": "c0", "type": "function", "function": {"name": "now", "arguments": '{"a":1}'}}


@pytest.mark.parametrize(
    "call",
    [
        {**THEIR_CALL, "function": {"name": "now", "arguments": {"a": 1}}},
        {"id": "c0", "function": THEIR_CALL["function"]},
    ],
    ids=["arguments as an object", "no type"],
)
def test_a_call_of_a_whole_answer_is_one_that_can_be_made(call: dict[str, Any]) -> None:
    message = {"role": "assistant", "content": None, "tool_calls": [call]}

    [choice] = mended(theirs(message))["choices"]

    assert choice["message"]["tool_calls"] == [THEIR_CALL]
    assert (choice["message"]["content"], choice["finish_reason"]) == (None, "tool_calls")


def test_a_call_that_cannot_be_made_is_left_out_of_a_whole_answer() -> None:
    nameless = {"id": "c0", "type": "function", "function": {"arguments": "{}"}}
    message = {"role": "assistant", "content": None, "tool_calls": [nameless]}

    [choice] = mended(theirs(message, finish_reason="tool_calls"))["choices"]

    assert choice["message"] == {"role": "assistant", "content": "", "refusal": None}
    assert choice["finish_reason"] == "stop"


def test_a_whole_answer_has_calls_in_the_words_they_were_asked_for_in() -> None:
    function = THEIR_CALL["function"]
    as_function = {"role": "assistant", "content": None, "function_call": function}
    as_tool = {"role": "assistant", "content": None, "tool_calls": [THEIR_CALL]}

    for message in (as_function, as_tool):
        [new] = mended(theirs(message))["choices"]
        [old] = mended(theirs(message), legacy=True)["choices"]
        assert new["message"]["tool_calls"][0]["function"] == function
        assert "function_call" not in new["message"]
        assert old["message"] == {**as_function, "refusal": None}
        assert (new["finish_reason"], old["finish_reason"]) == ("tool_calls", "function_call")
