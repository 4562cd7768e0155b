"""Salesforce's answers and errors in our words."""

from typing import Any

import orjson
import pytest

from bff.chat.events import Finished, FinishReason, Flagged, Started, TextDelta, UsageReported
from bff.chat.reply import Reply, replay
from bff.chat.request import (
    ChatRequest,
    Format,
    Shape,
    ToolCall,
)
from bff.dialects.salesforce import (
    not_an_answer,
    read_refusal,
    read_reply,
)
from bff.errors import Kind, Problem, Sign
from tests.support.salesforce import CHAT, NOW, asked

# -- the answer ------------------------------------------------------------------------------------


def chat_answer(text: Any = "Hello!", **parameters: Any) -> dict[str, Any]:
    generation = {
        "id": "g-1",
        "role": "assistant",
        "content": text,
        "timestamp": 1760000000000,
        "parameters": {"finish_reason": "stop", **parameters},
        "contentQuality": {"scanToxicity": {"isDetected": False, "categories": []}},
    }
    return {
        "id": "chatcmpl-9",
        "generationDetails": {
            "generations": [generation],
            "parameters": {
                "provider": "OpenAI",
                "model": "gpt-4o-mini",
                "created": 1760000000,
                "usage": {"prompt_tokens": 8, "completion_tokens": 3, "total_tokens": 11},
            },
        },
    }


TEXT_ANSWER = {
    "id": "cmpl-9",
    "generation": {
        "id": "g-2",
        "generatedText": "Hello!",
        "parameters": {"finish_reason": "length", "index": 0},
        "contentQuality": {"scanToxicity": {"isDetected": True, "categories": []}},
    },
    "moreGenerations": None,
    "prompt": None,
    "parameters": {
        "model": "gpt-4o-mini",
        "usage": {"inputTokenCount": 8, "outputTokenCount": 3, "totalTokenCount": 11},
    },
}


def read(wire: Any, request: ChatRequest | None = None) -> Reply:
    data = wire if isinstance(wire, bytes) else orjson.dumps(wire)
    reply, _ = read_reply(data, request or asked(), endpoint=CHAT, new_id=lambda: "call_1")
    return reply


def problem_of(wire: Any) -> Problem:
    with pytest.raises(Problem) as caught:
        read(wire)
    return caught.value


def test_an_answer_of_the_conversation_is_read() -> None:
    assert read(chat_answer()) == Reply(
        "Hello!",
        UsageReported(8, 3, 11),
        reason=FinishReason.STOP,
        started=Started("chatcmpl-9", "gpt-4o-mini", 1760000000, "g-1"),
    )


def test_an_answer_of_the_one_text_is_read() -> None:
    assert read(TEXT_ANSWER) == Reply(
        "Hello!",
        UsageReported(8, 3, 11),
        reason=FinishReason.LENGTH,
        started=Started("cmpl-9", "gpt-4o-mini", 0, "g-2"),
        toxic=True,
    )


def test_an_answer_is_replayed_as_a_stream() -> None:
    events = [event for chunk in replay(read(TEXT_ANSWER)) for event in chunk.events]

    assert events == [
        Started("cmpl-9", "gpt-4o-mini", 0, "g-2"),
        Flagged(),
        TextDelta("Hello!"),
        UsageReported(8, 3, 11),
        Finished(FinishReason.LENGTH),
    ]


PLACES = [
    {"generation": {"generatedText": "0"}},
    {"generation": {"text": "1"}},
    {"generations": [{"text": "2"}]},
    {"generationDetails": {"generations": [{"content": "3"}, {"content": "x"}]}},
    {"choices": [{"message": {"content": "4"}}]},
    {"text": "5"},
    {"content": "6"},
]


@pytest.mark.parametrize("first", range(len(PLACES)))
def test_the_text_is_the_first_there_is(first: int) -> None:
    wire: dict[str, Any] = {}
    for place in reversed(PLACES[first:]):
        wire = {**wire, **{name: _under(wire.get(name), value) for name, value in place.items()}}

    assert read(wire).text == str(first)


def _under(there: Any, value: Any) -> Any:
    return {**there, **value} if isinstance(there, dict) and isinstance(value, dict) else value


@pytest.mark.parametrize(
    ("wire", "text"),
    [
        ("a bare string", "a bare string"),
        ("", ""),
        ({"generation": {"generatedText": ""}, "text": "x"}, ""),
        ({"generation": {"generatedText": None}, "text": "x"}, "x"),
        ({"generation": {"generatedText": ["y"]}, "content": "x"}, "x"),
        ({"generationDetails": {"generations": []}, "content": "x"}, "x"),
        ({"generationDetails": {"generations": {"0": 1}}, "content": "x"}, "x"),
    ],
)
def test_the_text_is_the_first_that_is_a_string(wire: Any, text: str) -> None:
    assert read(wire).text == text


@pytest.mark.parametrize(
    ("said", "reason"),
    [
        ("stop", FinishReason.STOP),
        ("END_TURN", FinishReason.STOP),
        ("stop_sequence", FinishReason.STOP),
        ("STOP", FinishReason.STOP),
        ("MAX_TOKENS", FinishReason.LENGTH),
        ("length", FinishReason.LENGTH),
        ("content_filter", FinishReason.CONTENT_FILTER),
        ("refusal", FinishReason.CONTENT_FILTER),
        ("tool_calls", FinishReason.STOP),  # there are none
        ("error", FinishReason.STOP),
        ("", FinishReason.STOP),
        (None, FinishReason.STOP),
        (7, FinishReason.STOP),
    ],
)
def test_why_it_ended_is_said_in_our_words(said: Any, reason: FinishReason) -> None:
    assert read(chat_answer(finish_reason=said)).reason is reason


@pytest.mark.parametrize(
    ("wire", "used"),
    [
        (
            {"usage": {"prompt_tokens": 1, "outputTokenCount": 2}},
            UsageReported(1, 2, 3),
        ),
        (
            {
                "usage": {"prompt_tokens": 9, "completion_tokens": 9},
                "parameters": {"usage": {"prompt_tokens": 1, "completion_tokens": 2}},
            },
            UsageReported(1, 2, 3),
        ),
        (
            {
                "generationDetails": {
                    "parameters": {"usage": {"prompt_tokens": 0, "completion_tokens": 0}}
                },
                "parameters": {"usage": {"prompt_tokens": 1, "completion_tokens": 2}},
            },
            UsageReported(0, 0, 0),
        ),
        (
            {
                "parameters": {"usage": {"prompt_tokens": "many"}},
                "usage": {"prompt_tokens": 1, "completion_tokens": 2, "total_tokens": 4},
            },
            UsageReported(1, 2, 4),
        ),
    ],
)
def test_what_it_used_is_the_first_that_can_be_read(wire: Any, used: UsageReported) -> None:
    assert read({"text": "x", **wire}).usage == used


@pytest.mark.parametrize(
    "usage",
    [
        None,
        {},
        [],
        {"prompt_tokens": True, "completion_tokens": 1},
        {"prompt_tokens": -1, "completion_tokens": 1},
        {"prompt_tokens": 2**53, "completion_tokens": 1},
        {"total_tokens": 3},
    ],
)
def test_what_it_used_is_estimated_where_it_cannot_be_read(usage: Any) -> None:
    assert read({"text": "twelve chars", "usage": usage}).usage == UsageReported(
        1, 3, 4, estimated=True
    )


def test_an_estimate_counts_what_was_told_of_tools() -> None:
    used = read({"text": "x"}, asked(tools=(NOW,))).usage

    assert used is not None
    assert used.estimated
    assert used.prompt_tokens > 20


CALL = '<tool_calls>[{"name":"now","arguments":{"tz":"UTC"}}]</tool_calls>'


def test_calls_in_the_text_are_calls() -> None:
    reply = read(chat_answer(f"Let me see.\n{CALL}"), asked(tools=(NOW,)))

    assert reply.calls == (ToolCall("call_1", "now", '{"tz":"UTC"}'),)
    assert (reply.text, reply.reason) == ("Let me see.", FinishReason.TOOL_CALLS)


def test_calls_are_text_where_no_tools_were_offered() -> None:
    reply = read(chat_answer(CALL))

    assert (reply.calls, reply.text, reply.reason) == ((), CALL, FinishReason.STOP)


def test_an_answer_cut_by_its_length_says_so_with_calls_too() -> None:
    reply = read(chat_answer(CALL, finish_reason="length"), asked(tools=(NOW,)))

    assert (len(reply.calls), reply.reason) == (1, FinishReason.LENGTH)


def test_calls_that_cannot_be_read_are_counted() -> None:
    data = orjson.dumps(chat_answer("<tool_calls>[{"))

    reply, failed = read_reply(data, asked(tools=(NOW,)), endpoint=CHAT, new_id=lambda: "call_1")

    assert (reply.text, reply.calls, failed) == ("<tool_calls>[{", (), 1)


def test_a_stop_sequence_cuts_the_text() -> None:
    reply = read(chat_answer("one STOP two", finish_reason="length"), asked(stop=("two", "STOP")))

    assert (reply.text, reply.stopped_by, reply.reason) == ("one ", "STOP", FinishReason.STOP)


def test_a_stop_sequence_before_the_calls_stops_before_them() -> None:
    reply = read(chat_answer(f"one STOP two\n{CALL}"), asked(tools=(NOW,), stop=("STOP",)))

    assert (reply.text, reply.calls, reply.reason) == ("one ", (), FinishReason.STOP)


def test_a_stop_sequence_inside_a_call_is_not_one() -> None:
    reply = read(chat_answer(CALL), asked(tools=(NOW,), stop=("UTC", "}", "\n")))

    assert (len(reply.calls), reply.reason, reply.stopped_by) == (1, FinishReason.TOOL_CALLS, "")


def test_json_comes_out_of_its_fence_where_it_was_asked_for() -> None:
    fenced = chat_answer('```json\n{"a":1}\n```')

    assert read(fenced, asked(format=Format(Shape.JSON))).text == '{"a":1}'
    assert read(fenced).text == '```json\n{"a":1}\n```'


# -- failures --------------------------------------------------------------------------------------

ERROR = {"errorCode": "X", "message": "secret words", "messageCode": "X"}


@pytest.mark.parametrize(
    "wire",
    [b"", b"not json", b"<html>", {}, [], [1], 5, None, {"generation": None}, chat_answer(None)],
)
def test_what_is_no_answer_is_none(wire: Any) -> None:
    problem = problem_of(b"null" if wire is None else wire)

    assert (problem.kind, problem.sign) == (Kind.UPSTREAM, Sign.NOT_AN_ANSWER)
    assert not_an_answer().sign is Sign.NOT_AN_ANSWER


@pytest.mark.parametrize("wire", [ERROR, [ERROR], {"error": {"message": "x"}}, {"error": "x"}])
def test_an_error_in_place_of_an_answer_is_a_failure(wire: Any) -> None:
    problem = problem_of(wire)

    assert (problem.kind, problem.sign) == (Kind.UPSTREAM, Sign.PROVIDER_DOWN)


def test_an_error_in_place_of_an_answer_may_say_that_it_was_too_long() -> None:
    assert problem_of({**ERROR, "message": "prompt is too long"}).kind is Kind.CONTEXT_LENGTH
    late = f"{'x' * 2000} prompt is too long"  # megabytes are not looked through
    assert problem_of({**ERROR, "message": late}).kind is Kind.UPSTREAM


@pytest.mark.parametrize(
    ("status", "kind", "sign"),
    [
        (302, Kind.UPSTREAM, Sign.PROVIDER_REFUSED),
        (400, Kind.BAD_REQUEST, Sign.PROVIDER_REFUSED),
        (401, Kind.UPSTREAM_AUTH, Sign.PROVIDER_REFUSED),
        (402, Kind.UPSTREAM_AUTH, Sign.PROVIDER_REFUSED),
        (403, Kind.UPSTREAM_AUTH, Sign.PROVIDER_REFUSED),
        (404, Kind.NOT_FOUND, Sign.PROVIDER_REFUSED),
        (408, Kind.TIMEOUT, Sign.PROVIDER_DOWN),
        (409, Kind.UPSTREAM, Sign.PROVIDER_DOWN),
        (413, Kind.TOO_LARGE, Sign.PROVIDER_REFUSED),
        (422, Kind.BAD_REQUEST, Sign.PROVIDER_REFUSED),
        (429, Kind.UPSTREAM_RATE_LIMIT, Sign.PROVIDER_BUSY),
        (500, Kind.UPSTREAM, Sign.PROVIDER_DOWN),
        (503, Kind.OVERLOADED, Sign.PROVIDER_DOWN),
        (504, Kind.TIMEOUT, Sign.PROVIDER_DOWN),
        (529, Kind.OVERLOADED, Sign.PROVIDER_DOWN),
    ],
)
@pytest.mark.parametrize("data", [orjson.dumps(ERROR), orjson.dumps([ERROR]), b"<html>", b""])
def test_a_refusal_is_called_what_it_is(status: int, kind: Kind, sign: Sign, data: bytes) -> None:
    problem = read_refusal(status, data, known=False, retry_after=2.0)

    assert (problem.kind, problem.sign, problem.status) == (kind, sign, status)
    assert problem.at == ("model" if kind is Kind.NOT_FOUND else "")
    assert problem.retry_after == (None if status < 400 else 2.0)
    assert "secret" not in problem.public


def test_a_model_we_were_told_of_is_missing_by_our_own_fault() -> None:
    assert read_refusal(404, b"{}", known=True).kind is Kind.UPSTREAM_AUTH


@pytest.mark.parametrize(
    ("message", "kind"),
    [
        ("Prompt is too long: 210000 tokens > 200000 maximum", Kind.CONTEXT_LENGTH),
        ("This model's maximum context length is 128000 tokens.", Kind.CONTEXT_LENGTH),
        ("Input exceeds the context window", Kind.CONTEXT_LENGTH),
        ("Too many input tokens", Kind.CONTEXT_LENGTH),
        ("The number of tokens exceeds the limit", Kind.CONTEXT_LENGTH),
        ("Exceeded the token limit of the model", Kind.CONTEXT_LENGTH),
        ("max_tokens is not supported", Kind.BAD_REQUEST),
        ("Unrecognized field tools", Kind.BAD_REQUEST),
        (5, Kind.BAD_REQUEST),
    ],
)
def test_a_prompt_that_is_too_long_is_known_by_its_words(message: Any, kind: Kind) -> None:
    shapes = [{"message": message}, {**ERROR, "message": message}, [{**ERROR, "message": message}]]
    shapes.append({"error": {"message": message}})

    found = {read_refusal(400, orjson.dumps(shape), known=True).kind for shape in shapes}

    assert found == {kind}
    assert read_refusal(500, orjson.dumps(shapes[0]), known=True).kind is Kind.UPSTREAM
