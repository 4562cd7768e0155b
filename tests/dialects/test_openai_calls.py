"""Calls and thoughts read from completions, as well-behaved and as odd servers send them."""

import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bff.chat.events import (
    FinishReason,
    Started,
    TextDelta,
    ThoughtDelta,
    ToolDelta,
    ToolStarted,
    UsageReported,
)
from bff.chat.reply import Collector, Reply
from bff.chat.request import ToolCall
from bff.dialects.openai_chat import StreamReader, read_completion


def stream(*deltas: dict[str, Any], reason: str = "tool_calls") -> bytes:
    frames = [{"id": "c1", "choices": [{"index": 0, "delta": delta}]} for delta in deltas]
    frames.append({"id": "c1", "choices": [{"index": 0, "delta": {}, "finish_reason": reason}]})
    return b"".join(b"data: " + json.dumps(frame).encode() + b"\n\n" for frame in frames)


def read(data: bytes, size: int = 10**9) -> Reply:
    reader, collector = StreamReader(), Collector()
    for start in range(0, len(data), size):
        collector.feed(reader.feed(data[start : start + size]))
    collector.feed(reader.close())
    assert reader.problem is None
    assert reader.bad_events == 0
    return collector.reply()


def piece(
    index: int | None, id_: str | None = None, name: str | None = None, arguments: str = ""
) -> dict[str, Any]:
    function = {"name": name, "arguments": arguments}
    call = {"index": index, "id": id_, "type": "function", "function": function}
    return {"tool_calls": [{key: value for key, value in call.items() if value is not None}]}


TWO = (ToolCall("a", "now", '{"tz":1}'), ToolCall("b", "here", "{}"))


@pytest.mark.parametrize("size", [1, 7, 10**9])
def test_calls_come_in_pieces(size: int) -> None:
    said = stream(
        piece(0, "a", "now"),
        piece(0, arguments='{"tz"'),
        piece(1, "b", "here"),
        piece(0, arguments=":1}"),
    )

    reply = read(said, size)

    assert (reply.calls, reply.reason, reply.text) == (TWO, FinishReason.TOOL_CALLS, "")


@pytest.mark.parametrize(
    "deltas",
    [
        [piece(None, "a", "now"), piece(None, arguments='{"tz":1}'), piece(None, "b", "here")],
        [piece(0, "a", "now", '{"tz"'), piece(0, "a", "now", ":1}"), piece(1, "b", "here")],
        [
            piece(0, "a"),
            piece(0, arguments='{"tz":'),
            piece(0, "a", "now", "1}"),
            piece(1, "b", "here"),
        ],
        [piece(3, "a", "now", '{"tz":1}'), piece(7, "b", "here")],
        [piece(0, "a", "now", '{"tz":1}'), piece(0, "b", "here", "{}")],
        [piece(0, "a", "now", '{"tz"'), piece(0, "other", None, ":1}"), piece(1, "b", "here")],
        [
            piece(None, "a", "now"),
            piece(None, "b", "here", "{}"),
            piece(None, "a", None, '{"tz":1}'),
        ],
        [
            piece(None, "a", "now", '{"tz"'),
            piece(None, "other", None, ":1}"),
            piece(None, "b", "here"),
        ],
        [
            {
                "tool_calls": [
                    {"index": 0, "id": "a", "function": {"name": "now", "arguments": {"tz": 1}}},
                    {"index": 1, "id": "b", "function": {"name": "here"}},
                ]
            }
        ],
        [
            {"tool_calls": [{"index": 0, "id": "a"}]},
            piece(0, None, "now", '{"tz":1}'),
            piece(1, "b", "here"),
        ],
    ],
)
def test_odd_servers_are_understood(deltas: list[dict[str, Any]]) -> None:
    assert read(stream(*deltas)).calls == TWO


def test_a_call_without_an_id_gets_one_that_openai_would_take() -> None:
    first, second = read(stream(piece(0, None, "now"), piece(1, None, "here"))).calls

    assert first.id != second.id
    assert all(call.id.startswith("call_") and len(call.id) == 29 for call in (first, second))


@pytest.mark.parametrize("name", ["now", "here"])
def test_calls_with_neither_index_nor_id_are_told_apart(name: str) -> None:
    deltas = [piece(None, None, "now", '{"tz"'), piece(None, None, "now", ":1}")]

    reply = read(stream(*deltas, piece(None, None, name, "{}"), reason="stop"))

    assert [(call.name, call.arguments) for call in reply.calls] == [
        ("now", '{"tz":1}'),
        (name, "{}"),
    ]


def test_an_empty_list_of_calls_beside_a_legacy_one_is_no_call() -> None:
    said = {"tool_calls": [], "function_call": {"name": "now", "arguments": "{}"}}

    [call] = read(stream(said)).calls

    assert call.name == "now"


def test_nothing_of_a_delta_that_cannot_be_read_is_remembered() -> None:
    """Arguments without their call would break whoever collects the answer."""
    good = {"index": 0, "id": "a", "function": {"name": "now", "arguments": ""}}
    reader, collector = StreamReader(), Collector()

    collector.feed(
        reader.feed(stream({"tool_calls": [good, 5]}, piece(0, arguments="{}"), {"content": "Hi"}))
    )

    assert collector.reply().calls == ()
    assert collector.reply().text == "Hi"
    assert reader.bad_events == 1


def test_a_first_event_that_cannot_be_read_costs_the_answer_nothing_of_its_name() -> None:
    reader, collector = StreamReader(), Collector()

    collector.feed(reader.feed(stream({"content": 5}, {"content": "Hi"}, reason="stop")))

    assert collector.reply().started.id == "c1"
    assert reader.bad_events == 1


def test_a_thought_a_text_and_a_call_of_one_delta_come_in_this_order() -> None:
    said = {**piece(0, "a", "now", "{}"), "content": "Hi", "reasoning_content": "hm"}

    [chunk, *_] = StreamReader().feed(stream(said))

    kinds = [Started, ThoughtDelta, TextDelta, ToolStarted, ToolDelta]
    assert [type(event) for event in chunk.events] == kinds


def test_what_only_annotates_begins_no_answer_and_opens_none_again() -> None:
    """As Azure's filter does, before the answer and after its finish."""
    note = {"index": 0, "finish_reason": None, "content_filter_results": {}}
    frame = b"data: " + json.dumps({"id": "", "model": "", "choices": [note]}).encode() + b"\n\n"
    reader, collector = StreamReader(), Collector()

    first = reader.feed(frame)
    collector.feed(reader.feed(stream({"content": "Hi"}, reason="stop")))
    last = reader.feed(frame)

    assert [(chunk.events, chunk.content, chunk.delta) for chunk in (*first, *last)] == [
        ((), False, False)
    ] * 2
    assert (reader.finished, reader.done) == (True, False)
    assert collector.reply().started.id == "c1"


frames_of_anything = st.lists(
    st.fixed_dictionaries(
        {},
        optional={
            "content": st.sampled_from(["", "x", 5, None]),
            "reasoning_content": st.sampled_from(["hm", "", 5, None]),
            "function_call": st.sampled_from([None, {}, 5, {"name": "f"}, {"arguments": "1"}]),
            "tool_calls": st.none()
            | st.lists(
                st.one_of(
                    st.just(5),
                    st.fixed_dictionaries(
                        {},
                        optional={
                            "index": st.sampled_from([0, 1, None, "0"]),
                            "id": st.sampled_from(["a", "b", "", None, 5]),
                            "function": st.sampled_from(
                                [
                                    None,
                                    5,
                                    {},
                                    {"name": "now"},
                                    {"name": "here", "arguments": "{"},
                                    {"arguments": "}"},
                                    {"arguments": {}},
                                    {"arguments": 5},
                                ]
                            ),
                        },
                    ),
                ),
                max_size=3,
            ),
        },
    ),
    max_size=6,
)


@given(deltas=frames_of_anything)
def test_whatever_a_server_says_of_calls_can_be_collected(deltas: list[dict[str, Any]]) -> None:
    reader, collector = StreamReader(), Collector()

    collector.feed(reader.feed(stream(*deltas)))

    assert reader.problem is None
    assert all(call.name and call.id for call in collector.reply().calls)


def test_a_call_that_never_gets_a_name_is_none() -> None:
    reply = read(stream({"content": "Hi"}, piece(0, "a", None, "{}"), reason="stop"))

    assert (reply.calls, reply.text, reply.reason) == ((), "Hi", FinishReason.STOP)


@pytest.mark.parametrize("reason", ["stop", "tool_calls", "function_call"])
def test_an_answer_with_calls_ends_with_them(reason: str) -> None:
    reply = read(stream(piece(0, "a", "now"), reason=reason))

    assert reply.reason is FinishReason.TOOL_CALLS
    cut = read(stream(piece(0, "a", "now"), reason="length"))
    assert cut.reason is FinishReason.LENGTH


def test_done_without_a_finish_ends_with_the_calls() -> None:
    frame = {"id": "c", "choices": [{"delta": piece(0, "a", "now")}]}

    reply = read(b"data: " + json.dumps(frame).encode() + b"\n\ndata: [DONE]\n\n")

    assert reply.reason is FinishReason.TOOL_CALLS


def test_a_legacy_call_is_a_call() -> None:
    reply = read(
        stream(
            {"function_call": {"name": "now", "arguments": '{"tz"'}},
            {"function_call": {"arguments": ":1}"}},
            reason="function_call",
        )
    )

    [call] = reply.calls
    assert (call.name, call.arguments) == ("now", '{"tz":1}')


def test_thoughts_are_kept_apart_from_the_text() -> None:
    reply = read(stream({"reasoning_content": "hm"}, {"content": "Hi"}, reason="stop"))

    assert (reply.thought, reply.text) == ("hm", "Hi")


@pytest.mark.parametrize(
    "delta",
    [
        {"tool_calls": [5]},
        {"tool_calls": 5},
        {"tool_calls": [{"index": 0, "function": {"name": 5}}]},
        {"tool_calls": [{"index": 0, "function": {"name": "x", "arguments": {}}}, 5]},
        {"reasoning_content": ["x"]},
    ],
)
def test_a_call_that_cannot_be_read_is_a_bad_event(delta: dict[str, Any]) -> None:
    reader = StreamReader()

    reader.feed(stream(delta, {"content": "Hi"}, reason="stop"))

    assert reader.bad_events == 1


def test_a_whole_completion_holds_calls_thoughts_and_usage() -> None:
    message = {
        "content": None,
        "reasoning_content": "hm",
        "tool_calls": [
            {"id": "a", "type": "function", "function": {"name": "now", "arguments": "{}"}}
        ],
    }
    usage = {
        "prompt_tokens": 1,
        "completion_tokens": 2,
        "completion_tokens_details": {"reasoning_tokens": 2},
    }

    chunks = read_completion(
        json.dumps(
            {"id": "c", "choices": [{"message": message, "finish_reason": "stop"}], "usage": usage}
        ).encode()
    )

    events = [event for chunk in chunks for event in chunk.events]
    assert events[1:4] == [ThoughtDelta("hm"), ToolStarted(0, "a", "now"), ToolDelta(0, "{}")]
    assert events[4] == UsageReported(1, 2, 3, reasoning_tokens=2)
    assert [chunk.content for chunk in chunks] == [False, True, True, True, False, False]


def test_a_delta_that_is_half_unreadable_leaves_no_trace() -> None:
    """Else arguments came for a call that nobody had heard of."""
    half = piece(0, "a", "now")
    half["tool_calls"].append(5)
    said = stream(half, piece(0, arguments="{}"), {"content": "Hi"}, reason="stop")

    reader, collector = StreamReader(), Collector()
    collector.feed([*reader.feed(said), *reader.close()])

    assert (reader.bad_events, reader.problem) == (1, None)
    reply = collector.reply()
    assert (reply.text, reply.calls, reply.reason) == ("Hi", (), FinishReason.STOP)
    assert reply.started.id == "c1"


def test_a_first_frame_that_cannot_be_read_does_not_take_the_head_along() -> None:
    said = stream({"content": 5}, {"content": "Hi"}, reason="stop")

    reader = StreamReader()
    chunks = [*reader.feed(said), *reader.close()]

    assert reader.bad_events == 1
    assert chunks[0].events == (Started("c1", "", 0), TextDelta("Hi"))


@pytest.mark.parametrize(
    ("head", "started"),
    [
        ({"id": 7, "model": "m", "created": True}, Started("7", "m", 0)),
        ({"id": {"a": [1]}, "model": [], "created": -1}, Started("", "", 0)),
        ({"id": True, "model": None, "created": 2**53}, Started("", "", 0)),
    ],
)
def test_a_head_of_the_wrong_types_is_none(head: dict[str, Any], started: Started) -> None:
    wire = {**head, "choices": [{"message": {"content": "Hi"}}]}

    first = read_completion(json.dumps(wire).encode())[0]

    assert first.events == (started,)


def test_a_head_nested_deeply_is_none() -> None:
    wire = b'{"id":%b%b,"choices":[{"message":{"content":"Hi"}}]}' % (b"[" * 1000, b"]" * 1000)

    assert read_completion(wire)[0].events == (Started("", "", 0),)
