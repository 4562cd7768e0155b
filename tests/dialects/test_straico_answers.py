"""What Straico answers: flat or by the model's name, and one result whichever it is."""

from dataclasses import replace
from itertools import count
from typing import Any

import orjson
import pytest

from bff.chat.events import FinishReason, Started, UsageReported
from bff.chat.reply import Reply
from bff.chat.request import ChatRequest, Format, Message, Role, Shape, Tags, Tool, ToolCall
from bff.dialects.straico import Endpoint, read_reply
from bff.errors import Kind, Problem, Sign

TAGS = Tags("bff", "t:1", "u:1", "-", "req_1")
MODEL = "openai/gpt-4o-mini"
HELLO = ChatRequest(f"straico/{MODEL}", (Message(Role.USER, "hello"),), TAGS)
WITH_TOOLS = replace(HELLO, tools=(Tool("now"), Tool("add")))
PRICE = {"input": 0.1, "output": 0.2, "total": 0.3}
CALLS = '<tool_calls>[{"name":"now","arguments":{"tz":"UTC"}},{"name":"add","arguments":{}}]</tool_calls>'


def completion(content: Any = "Hello", reason: Any = "stop", **more: Any) -> dict[str, Any]:
    return {
        "id": "c1",
        "object": "chat.completion",
        "created": 1760000000,
        "model": MODEL,
        "choices": [
            {
                "index": 0,
                "message": {"role": "assistant", "content": content},
                "finish_reason": reason,
            }
        ],
        "usage": {"prompt_tokens": 3, "completion_tokens": 1, "total_tokens": 4},
    } | more


def flat(content: Any = "Hello", reason: Any = "stop", **more: Any) -> dict[str, Any]:
    return completion(content, reason, price=PRICE, words=PRICE, **more)


def wrapped(**completions: Any) -> dict[str, Any]:
    by_name = {
        name.replace("__", "/"): {"completion": said, "price": PRICE, "words": PRICE}
        for name, said in completions.items()
    }
    return {"success": True, "data": {"completions": by_name, "overall_price": PRICE}}


def heard(
    said: Any, request: ChatRequest = HELLO, endpoint: Endpoint = Endpoint.CHAT
) -> tuple[Reply, int]:
    numbers = count(1)
    data = said if isinstance(said, bytes) else orjson.dumps(said)
    return read_reply(
        data, request, model=MODEL, endpoint=endpoint, new_id=lambda: f"call_{next(numbers)}"
    )


def read(said: Any, request: ChatRequest = HELLO) -> Reply:
    reply, failed = heard(said, request)
    assert failed == 0
    return reply


EXPECTED = Reply(
    text="Hello",
    usage=UsageReported(3, 1, 4, coins=0.3),
    reason=FinishReason.STOP,
    started=Started("c1", MODEL, 1760000000),
)


@pytest.mark.parametrize(
    "said",
    [
        flat(),
        flat([{"type": "text", "text": "Hel"}, {"text": "lo"}, {"type": "image", "url": "x"}]),
        wrapped(openai__gpt_4o_mini=completion()),
        wrapped(**{"openai__gpt-4o-mini": completion(), "other": completion("Not I")}),
        {"data": completion(price=PRICE), "success": True},
        {"data": {"completion": completion(), "price": PRICE}, "success": True},
    ],
)
def test_every_form_gives_one_result(said: dict[str, Any]) -> None:
    assert read(said) == EXPECTED


def test_the_model_that_answered_is_named_even_when_it_was_replaced() -> None:
    said = wrapped(other__model=completion(model="other/model"))

    assert read(said).started.model == "other/model"


def test_a_completion_that_names_no_model_is_the_one_that_was_asked() -> None:
    assert read(flat(model=None)).started.model == MODEL


def test_an_empty_text_stays_empty() -> None:
    reply = read(flat(""))

    assert (reply.text, reply.reason) == ("", FinishReason.STOP)


@pytest.mark.parametrize(("refusal", "text"), [("No.", "No."), (None, "")])
def test_without_content_the_refusal_is_the_text(refusal: str | None, text: str) -> None:
    message = {"message": {"content": None, "refusal": refusal}}

    assert read({"choices": [message]}).text == text


@pytest.mark.parametrize(
    ("said", "reason"),
    [
        ("stop", FinishReason.STOP),
        ("STOP", FinishReason.STOP),
        ("MAX_TOKENS", FinishReason.LENGTH),
        ("length", FinishReason.LENGTH),
        ("refusal", FinishReason.CONTENT_FILTER),
        ("tool_calls", FinishReason.STOP),
        ("something new", FinishReason.STOP),
        (None, FinishReason.STOP),
    ],
)
def test_why_it_ended_is_said_in_our_words(said: str | None, reason: FinishReason) -> None:
    assert read(flat(reason=said)).reason is reason


@pytest.mark.parametrize(
    "price", [None, "dear", {}, {"total": "0.3"}, {"total": True}, {"total": -1}]
)
def test_a_price_that_cannot_be_read_is_none(price: Any) -> None:
    assert read(completion(price=price)).usage == UsageReported(3, 1, 4)


@pytest.mark.parametrize("endpoint", Endpoint)
@pytest.mark.parametrize("usage", [None, {}, {"prompt_tokens": "3"}])
def test_missing_usage_is_estimated_and_the_coins_are_kept(endpoint: Endpoint, usage: Any) -> None:
    reply, _ = heard(flat("12345678", usage=usage), HELLO, endpoint)

    assert reply.usage == UsageReported(2, 2, 4, coins=0.3, estimated=True)


def test_the_definitions_of_tools_count_in_an_estimate() -> None:
    plain = read(flat(usage=None)).usage
    with_tools = read(flat(usage=None), WITH_TOOLS).usage

    assert plain
    assert with_tools
    assert with_tools.prompt_tokens > plain.prompt_tokens + 50


def test_the_text_is_cut_at_a_stop_sequence() -> None:
    reply = read(flat("one two three", "length"), replace(HELLO, stop=("three", " two")))

    assert (reply.text, reply.stopped_by) == ("one", " two")
    assert reply.reason is FinishReason.STOP


def test_a_stop_sequence_before_the_calls_stops_before_them() -> None:
    reply = read(flat(f"one STOP two\n{CALLS}"), replace(WITH_TOOLS, stop=("STOP",)))

    assert (reply.text, reply.calls, reply.reason) == ("one ", (), FinishReason.STOP)


def test_a_stop_sequence_inside_a_call_is_not_one() -> None:
    reply = read(flat(CALLS), replace(WITH_TOOLS, stop=("UTC", "}")))

    assert (len(reply.calls), reply.reason) == (2, FinishReason.TOOL_CALLS)
    assert reply.stopped_by == ""


def test_calls_are_read_from_the_text() -> None:
    reply = read(flat(f"One moment.\n{CALLS}"), WITH_TOOLS)

    assert reply.text == "One moment."
    assert reply.calls == (
        ToolCall("call_1", "now", '{"tz":"UTC"}'),
        ToolCall("call_2", "add", "{}"),
    )
    assert reply.reason is FinishReason.TOOL_CALLS


def test_only_the_first_call_is_kept_where_one_at_a_time_was_asked_for() -> None:
    reply = read(flat(CALLS), replace(WITH_TOOLS, parallel_calls=False))

    assert [call.name for call in reply.calls] == ["now"]


def test_without_tools_markup_is_text() -> None:
    reply = read(flat(CALLS))

    assert (reply.text, reply.calls, reply.reason) == (CALLS, (), FinishReason.STOP)


def test_cut_markup_is_text_and_counted() -> None:
    reply, failed = heard(flat(CALLS[:40], "length"), WITH_TOOLS)

    assert (reply.text, reply.calls, reply.reason) == (CALLS[:40], (), FinishReason.LENGTH)
    assert failed == 1


def test_json_is_taken_out_of_its_fence_only_where_it_was_asked_for() -> None:
    fenced = flat('```json\n{"a":1}\n```')

    assert read(fenced, replace(HELLO, format=Format(Shape.JSON))).text == '{"a":1}'
    assert read(fenced).text == '```json\n{"a":1}\n```'


@pytest.mark.parametrize(
    "said",
    [
        b"",
        b"[]",
        b'"Hello"',
        b'{"choices":[{"message":{"content":"Hel',
        {},
        {"success": True},
        {"data": None},
        {"data": {"completions": {}}},
        wrapped(other=completion(), another=completion()),
        {"data": {"completions": {MODEL: "Hello"}}},
        {"data": {"completions": {MODEL: {"completion": "Hello"}}}},
        flat(choices=[]),
        flat(choices=[{"index": 0}]),
        flat(5),
        flat(["Hello"]),
        flat([{"type": "text"}]),
    ],
)
def test_what_is_no_completion_is_not_an_answer(said: Any) -> None:
    with pytest.raises(Problem) as caught:
        heard(said)

    assert (caught.value.kind, caught.value.sign) == (Kind.UPSTREAM, Sign.NOT_AN_ANSWER)


@pytest.mark.parametrize(
    "said",
    [
        {"success": False, "error": "The model is overloaded"},
        {"success": False, "message": "Service unavailable"},
        {"error": {"message": "Rate limit reached"}},
        {"error": "This model is in high demand"},
        {"data": {"completions": {MODEL: {"error": "overloaded"}}}, "success": True},
    ],
)
def test_an_error_inside_a_success_is_an_error(said: Any) -> None:
    with pytest.raises(Problem) as caught:
        heard(said)

    assert (caught.value.kind, caught.value.sign) == (Kind.OVERLOADED, Sign.PROVIDER_BUSY)
