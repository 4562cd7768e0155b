"""A caller's request for a response, passed on; and whole responses, as we read them."""

from dataclasses import replace
from typing import Any

import orjson
import pytest
from hypothesis import given
from hypothesis import strategies as st

from bff.chat.events import (
    Chunk,
    Event,
    Finished,
    FinishReason,
    Original,
    Started,
    TextDelta,
    ThoughtDelta,
    ToolDelta,
    ToolStarted,
    UsageReported,
)
from bff.chat.request import ChatRequest, Foreign, Message, Role, Tags
from bff.dialects.openai_responses import (
    NAME,
    is_native,
    read_reply,
    read_response,
    write_request,
)
from bff.errors import Kind, Problem, Sign

TAGS = Tags("bff", "t:1", "u:1", "-", "req_1")
OWN = {
    "tomorrow": {"x": [1]},
    "model": "mine",
    "input": "Hé",
    "store": True,
    "stream": True,
    "stream_options": {"include_obfuscation": False},
    "reasoning": {"effort": "high"},
    "max_output_tokens": 16,
}


def asked(own: dict[str, Any], *, stream: bool = True) -> ChatRequest:
    return ChatRequest(
        "mine",
        (Message(Role.USER, "Hé"),),
        TAGS,
        stream=stream,
        passes=NAME,
        original=Foreign(NAME, own),
    )


def test_a_callers_own_request_goes_out_as_it_is_but_for_the_model() -> None:
    written = write_request(asked(OWN), model="gpt-4o")

    assert orjson.loads(written.body) == {**OWN, "model": "gpt-4o"}
    assert list(orjson.loads(written.body)) == list(OWN)
    assert written.ignored == ()


@pytest.mark.parametrize(
    ("said", "stream", "sent"),
    [
        ({"stream": False}, False, {"stream": False}),
        ({"stream": None}, False, {"stream": None}),
        ({}, False, {}),
        ({}, True, {"stream": True}),
        ({"stream": True}, False, {"stream": False}),
    ],
)
def test_whether_it_is_streamed_is_said_as_we_read_it(
    said: dict[str, Any], stream: bool, sent: dict[str, Any]
) -> None:
    written = write_request(asked({"model": "mine", **said}, stream=stream), model="gpt-4o")

    assert orjson.loads(written.body) == {"model": "gpt-4o", **sent}


def test_half_a_surrogate_pair_is_sent_on_as_it_came() -> None:
    written = write_request(asked({"input": "\ud83d"}, stream=False), model="m")

    assert written.body == b'{"input":"\\ud83d","model":"m"}'


@pytest.mark.parametrize(
    ("request_", "native"),
    [
        (asked(OWN), True),
        (replace(asked(OWN), original=None), False),
        (replace(asked(OWN), original=Foreign("openai_chat", {})), False),
        (replace(asked(OWN), passes="openai_chat"), False),
    ],
)
def test_only_what_was_asked_and_is_answered_in_this_dialect_is_native(
    request_: ChatRequest, native: bool
) -> None:
    assert is_native(request_) is native


def test_what_was_asked_in_other_words_cannot_be_passed_on() -> None:
    with pytest.raises(ValueError, match="not asked in this dialect"):
        write_request(replace(asked(OWN), original=None), model="m")


# -- whole -----------------------------------------------------------------------------------------

OUTPUT = [
    {
        "type": "reasoning",
        "summary": [{"text": "Hm"}, {"text": ""}],
        "content": [{"text": "so"}],
    },
    {
        "type": "message",
        "content": [
            {"type": "output_text", "text": "Hé", "annotations": []},
            {"type": "output_text", "text": ""},
            {"type": "refusal", "refusal": " no"},
        ],
    },
    {"type": "web_search_call", "id": "ws_1"},
    {"type": "function_call", "call_id": "call_1", "name": "now", "arguments": "{}"},
    {"type": "function_call", "call_id": "call_2", "name": "weather", "arguments": ""},
    {"type": "function_call", "call_id": "call_3", "name": "last", "arguments": ""},
]
USED = {"input_tokens": 5, "output_tokens": 4, "total_tokens": 9}
WHOLE: dict[str, Any] = {
    "id": "resp_1",
    "created_at": 7,
    "model": "gpt",
    "status": "completed",
    "error": None,
    "output": OUTPUT,
    "usage": USED,
}
EVENTS = [
    Started("resp_1", "gpt", 7),
    ThoughtDelta("Hm"),
    ThoughtDelta("so"),
    TextDelta("Hé"),
    TextDelta(" no"),
    ToolStarted(0, "call_1", "now"),
    ToolDelta(0, "{}"),
    ToolStarted(1, "call_2", "weather"),
    ToolStarted(2, "call_3", "last"),
    UsageReported(5, 4, 9),
    Finished(FinishReason.TOOL_CALLS),
]
READERS = pytest.mark.parametrize("read", [read_response, read_reply])


def events_of(chunks: list[Chunk]) -> list[Event]:
    return [event for chunk in chunks for event in chunk.events]


@READERS
def test_a_whole_response_is_read_as_it_could_have_been_streamed(read: Any) -> None:
    chunks = read(orjson.dumps(WHOLE))

    assert events_of(chunks) == EVENTS
    assert [chunk.content for chunk in chunks] == [False] + [True] * 8 + [False] * 2


def test_one_that_was_asked_for_is_the_original_of_its_first_chunk() -> None:
    data = orjson.dumps(WHOLE)

    first, *rest = read_reply(data)

    assert first.original == Original(NAME, data, "message")
    assert {chunk.original for chunk in rest} == {None}
    assert {chunk.original for chunk in read_response(data)} == {None}


@READERS
def test_an_answer_without_a_word_has_an_empty_text(read: Any) -> None:
    chunks = read(orjson.dumps({**WHOLE, "output": []}))

    assert events_of(chunks) == [EVENTS[0], TextDelta(""), EVENTS[-2], Finished(FinishReason.STOP)]
    assert not any(chunk.content for chunk in chunks)


@READERS
def test_one_that_is_incomplete_says_why(read: Any) -> None:
    said = {"status": "incomplete", "incomplete_details": {"reason": "max_output_tokens"}}

    chunks = read(orjson.dumps({**WHOLE, **said}))

    assert events_of(chunks)[-1] == Finished(FinishReason.LENGTH)


@READERS
@pytest.mark.parametrize(
    ("wire", "kind"),
    [
        ({"error": {"code": "server_error", "message": "x"}}, Kind.UPSTREAM),
        ({**WHOLE, "status": "failed"}, Kind.UPSTREAM),
        ({**WHOLE, "status": "failed", "error": {"code": "invalid_prompt"}}, Kind.CONTENT_POLICY),
        ({"error": {"code": "insufficient_quota"}}, Kind.BUDGET),
    ],
)
def test_an_error_in_its_place_is_one(read: Any, wire: Any, kind: Kind) -> None:
    with pytest.raises(Problem) as failed:
        read(orjson.dumps(wire))

    assert failed.value.kind is kind


UNREADABLE = [{}, {"output": None}, {"output": [5]}, {"output": [{"type": "function_call"}]}]


@READERS
@pytest.mark.parametrize(
    "data", [b"", b"<html>", b"null", b"[]", b"5", *map(orjson.dumps, UNREADABLE)]
)
def test_what_is_no_response_is_no_answer(read: Any, data: bytes) -> None:
    with pytest.raises(Problem) as failed:
        read(data)

    assert failed.value.sign is Sign.NOT_AN_ANSWER


@pytest.mark.parametrize("wire", UNREADABLE)
def test_one_whose_output_cannot_be_read_still_says_what_it_used(wire: dict[str, Any]) -> None:
    data = orjson.dumps({"id": "resp_1", "usage": USED, **wire})

    assert read_reply(data) == [Chunk((Started("resp_1", "", 0), UsageReported(5, 4, 9)))]
    with pytest.raises(Problem):
        read_response(data)


VALUES = st.recursive(
    st.none() | st.booleans() | st.integers(-1, 3) | st.text(max_size=2),
    lambda inner: (
        st.lists(inner, max_size=3)
        | st.dictionaries(
            st.sampled_from(
                ["type", "content", "text", "summary", "call_id", "name", "arguments", "reason"]
            ),
            inner | st.sampled_from(["message", "reasoning", "function_call"]),
            max_size=5,
        )
    ),
    max_leaves=12,
)


@READERS
@given(
    wire=st.dictionaries(
        st.sampled_from(["output", "usage", "status", "incomplete_details", "id", "created_at"]),
        VALUES,
    )
)
def test_whatever_comes_it_is_an_answer_or_a_problem(read: Any, wire: dict[str, Any]) -> None:
    try:
        chunks = read(orjson.dumps(wire))
    except Problem:
        return

    assert isinstance(chunks[0].events[0], Started)
