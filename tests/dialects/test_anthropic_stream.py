"""A streamed message reads the same wherever it is cut, and its end is what it says it is."""

import json
from itertools import pairwise
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bff.chat.events import (
    Chunk,
    Event,
    Finished,
    FinishReason,
    Started,
    TextDelta,
    ThoughtDelta,
    ToolDelta,
    ToolStarted,
    UsageReported,
)
from bff.chat.reply import Collector
from bff.dialects.anthropic_messages import NAME, Hearing, StreamReader
from bff.errors import Kind, Problem, Sign
from bff.simulators.anthropic import frames


def event(type_: str, **said: Any) -> bytes:
    data = json.dumps({"type": type_, **said}, ensure_ascii=False).encode()
    return b"event: %b\ndata: %b\n\n" % (type_.encode(), data)


def opened(index: int, type_: str, **said: Any) -> bytes:
    return event("content_block_start", index=index, content_block={"type": type_, **said})


def delta(index: int, type_: str, **said: Any) -> bytes:
    return event("content_block_delta", index=index, delta={"type": type_, **said})


def text(said: str, index: int = 0) -> bytes:
    return delta(index, "text_delta", text=said)


def closed(index: int) -> bytes:
    return event("content_block_stop", index=index)


def ended(reason: str = "end_turn", sequence: str | None = None, **usage: Any) -> bytes:
    stop = {"stop_reason": reason, "stop_sequence": sequence}
    return event("message_delta", delta=stop, usage={"output_tokens": 9, **usage})


USED = {"input_tokens": 5, "cache_creation_input_tokens": 3, "cache_read_input_tokens": 2}
START = event(
    "message_start", message={"id": "m1", "model": "c", "usage": {**USED, "output_tokens": 1}}
)
PING, STOP = event("ping"), event("message_stop")
STREAM = b"".join(
    [
        START,
        opened(0, "thinking", thinking="", signature=""),
        PING,
        delta(0, "thinking_delta", thinking="Hm"),
        delta(0, "signature_delta", signature="c2ln"),
        closed(0),
        opened(1, "text", text=""),
        text("Hé", 1),
        delta(1, "citations_delta", citation={}),
        text("", 1),
        closed(1),
        opened(2, "server_tool_use", id="s", name="web", input={}),
        delta(2, "input_json_delta", partial_json='{"q":1}'),
        closed(2),
        opened(3, "tool_use", id="a", name="now", input={}),
        delta(3, "input_json_delta", partial_json=""),
        delta(3, "input_json_delta", partial_json='{"tz"'),
        delta(3, "input_json_delta", partial_json=':"U"}'),
        closed(3),
        opened(4, "tool_use", id="b", name="tick", input={}),
        closed(4),
        event("tomorrow", x=1),
        ended("tool_use", output_tokens_details={"thinking_tokens": 4}),
        STOP,
    ]
)
EVENTS = [
    Started("m1", "c", 0),
    ThoughtDelta("Hm"),
    ThoughtDelta("", "c2ln"),
    TextDelta("Hé"),
    ToolStarted(0, "a", "now"),
    ToolDelta(0, '{"tz"'),
    ToolDelta(0, ':"U"}'),
    ToolStarted(1, "b", "tick"),
    ToolDelta(1, "{}"),
    UsageReported(10, 9, 19, 2, 3, 4),
    Finished(FinishReason.TOOL_CALLS),
]


def read(*pieces: bytes, hearing: Hearing | None = None) -> tuple[list[Chunk], StreamReader]:
    reader = StreamReader() if hearing is None else StreamReader(hearing=hearing)
    chunks = [chunk for piece in pieces for chunk in reader.feed(piece)]
    if not reader.done:
        chunks += reader.close()
    return chunks, reader


def events_of(chunks: list[Chunk]) -> list[Event]:
    return [event for chunk in chunks for event in chunk.events]


@pytest.mark.parametrize("size", [*range(1, 70), len(STREAM)])
def test_a_stream_reads_the_same_wherever_it_is_cut(size: int) -> None:
    chunks, reader = read(*(STREAM[i : i + size] for i in range(0, len(STREAM), size)))

    assert events_of(chunks) == EVENTS
    assert (reader.problem, reader.bad_events, reader.done) == (None, 0, True)


def test_every_event_goes_on_in_its_own_words() -> None:
    chunks, _ = read(STREAM)

    frames = [
        c.original and (c.original.dialect, c.original.event, c.original.data) for c in chunks
    ]
    told = [block.split(b"\ndata: ") for block in STREAM.split(b"\n\n") if block]
    assert frames == [(NAME, head.removeprefix(b"event: ").decode(), data) for head, data in told]


def test_content_is_what_a_reader_would_see() -> None:
    chunks, _ = read(STREAM)

    seen = [event for chunk in chunks if chunk.content for event in chunk.events]
    assert seen == [event for event in EVENTS[1:9] if event != ThoughtDelta("", "c2ln")]


@pytest.mark.parametrize(
    ("said", "reason", "stopped_by"),
    [
        (ended("end_turn"), FinishReason.STOP, ""),
        (ended("stop_sequence", "END"), FinishReason.STOP, "END"),
        (ended("pause_turn"), FinishReason.STOP, ""),
        (ended("max_tokens"), FinishReason.LENGTH, ""),
        (ended("model_context_window_exceeded"), FinishReason.LENGTH, ""),
        (ended("refusal"), FinishReason.CONTENT_FILTER, ""),
        (ended("tool_use"), FinishReason.STOP, ""),
        (ended("a new one"), FinishReason.STOP, ""),
    ],
)
def test_each_stop_reason_has_its_word(said: bytes, reason: FinishReason, stopped_by: str) -> None:
    chunks, reader = read(START, text("x"), said, STOP)

    assert (reader.problem, chunks[-1].events) == (None, (Finished(reason, stopped_by),))


def test_an_answer_with_calls_ends_with_them_whatever_it_says() -> None:
    chunks, _ = read(START, opened(0, "tool_use", id="a", name="n"), closed(0), ended(), STOP)

    assert chunks[-1].events == (Finished(FinishReason.TOOL_CALLS),)


def test_blocks_that_bring_their_content_at_once_are_read() -> None:
    said = (
        opened(0, "thinking", thinking="Hm"),
        opened(1, "text", text="Hi"),
        opened(2, "tool_use", id="a", name="n", input={"a": 1}),
        closed(2),
    )
    chunks, _ = read(START, *said, ended(), STOP)

    assert events_of(chunks)[1:5] == [
        ThoughtDelta("Hm"),
        TextDelta("Hi"),
        ToolStarted(0, "a", "n"),
        ToolDelta(0, '{"a":1}'),
    ]


# -- the end ---------------------------------------------------------------------------------------


def test_the_end_after_a_stop_reason_is_complete_without_a_farewell() -> None:
    chunks, reader = read(START, text("x"), closed(0), ended("max_tokens"))

    assert (reader.problem, reader.finished, reader.done) == (None, True, True)
    assert chunks[-1] == Chunk((Finished(FinishReason.LENGTH),))


@pytest.mark.parametrize(
    ("stream", "sign"),
    [
        ([START, text("x"), closed(0)], Sign.CUT),
        ([START, text("x"), event("message_delta", delta={}, usage={})], Sign.CUT),
        ([START, opened(0, "text", text=""), PING], Sign.EMPTY_STREAM),
        ([], Sign.EMPTY_STREAM),
        ([START, STOP], Sign.EMPTY_STREAM),
    ],
)
def test_the_end_before_it_is_a_failure(stream: list[bytes], sign: Sign) -> None:
    chunks, reader = read(*stream)

    assert reader.problem is not None
    assert (reader.problem.kind, reader.problem.sign) == (Kind.UPSTREAM, sign)
    assert not any(isinstance(event, Finished) for event in events_of(chunks))


def test_an_answer_without_a_word_is_one_when_it_says_why() -> None:
    chunks, reader = read(START, ended("refusal"), STOP)

    assert (reader.problem, chunks[-1].events) == (None, (Finished(FinishReason.CONTENT_FILTER),))


def test_a_farewell_without_a_reason_is_a_stop_and_tells_what_is_known() -> None:
    chunks, reader = read(START, text("x"), STOP)

    assert reader.problem is None
    assert chunks[-1].events == (UsageReported(10, 1, 11, 2, 3), Finished(FinishReason.STOP))


def test_a_farewell_without_its_last_line_is_one() -> None:
    chunks, reader = read(START, text("x"), ended("max_tokens"), STOP.rstrip())

    assert (reader.problem, chunks[-1].events) == (None, (Finished(FinishReason.LENGTH),))
    assert chunks[-1].original is not None


def test_nothing_after_the_farewell_is_read() -> None:
    chunks, reader = read(START, text("x"), ended(), STOP + text("y") + b"data: bad\n\n")

    assert [e for e in events_of(chunks) if isinstance(e, TextDelta)] == [TextDelta("x")]
    assert (reader.bad_events, reader.feed(text("z"))) == (0, [])


@pytest.mark.parametrize(
    ("block", "content"),
    [
        ("server_tool_use", True),
        ("web_search_tool_result", True),
        ("block_of_tomorrow", True),
        ("redacted_thinking", False),
        ("text", False),
        ("tool_use", True),
    ],
)
def test_what_its_own_tools_do_is_seen_and_what_only_begins_is_not(
    block: str, content: bool
) -> None:
    chunks, _ = read(START, opened(0, block, name="x"))

    assert [chunk.content for chunk in chunks] == [False, content]


def test_an_error_is_the_end_and_what_came_before_it_stands() -> None:
    error = event("error", error={"type": "overloaded_error", "message": "Overloaded"})
    chunks, reader = read(START + text("x") + error + text("y"))

    assert events_of(chunks)[1:] == [TextDelta("x")]
    assert reader.problem is not None
    assert (reader.problem.kind, reader.problem.sign) == (Kind.OVERLOADED, Sign.PROVIDER_DOWN)


def test_an_error_after_the_answer_takes_nothing_away() -> None:
    chunks, reader = read(START, text("x"), ended(), event("error", error={"type": "api_error"}))

    assert (reader.problem, chunks[-1].events) == (None, (Finished(FinishReason.STOP),))


def test_who_stands_in_between_is_asked_first() -> None:
    ours = Problem(Kind.BUDGET, "Ours.")
    reader = StreamReader(read_refusal=lambda data: ours if b"2041" in data else None)
    reader.feed(b'data: {"error":[{"code":2041}]}\n\n')

    assert reader.problem is ours


# -- what is not as it should be -------------------------------------------------------------------


@pytest.mark.parametrize(
    "bad",
    [
        b"not json",
        b"null",
        b"[1]",
        b"{}",
        b'{"type":5}',
        b'{"type":"content_block_delta","index":0,"delta":null}',
        b'{"type":"content_block_delta","index":[],"delta":{"type":"input_json_delta","partial_json":"x"}}',
        b'{"type":"content_block_delta","index":0,"delta":{"type":"text_delta","text":5}}',
        b'{"type":"content_block_delta","index":0,"delta":{"type":"text_delta"}}',
        b'{"type":"content_block_start","index":0,"content_block":"x"}',
        b'{"type":"content_block_start","index":0,"content_block":{"type":"tool_use","id":"a"}}',
        b'{"type":"message_start"}',
        b'{"type":"message_delta","delta":[]}',
    ],
)
def test_a_bad_event_is_dropped_and_counted_and_the_answer_goes_on(bad: bytes) -> None:
    chunks, reader = read(START, text("x"), b"data: " + bad + b"\n\n", text("y"), ended(), STOP)

    assert "".join(e.text for e in events_of(chunks) if isinstance(e, TextDelta)) == "xy"
    assert (reader.problem, reader.bad_events) == (None, 1)


@pytest.mark.parametrize("usage", [None, 5, {"input_tokens": -1, "output_tokens": True}, {}])
def test_a_usage_that_cannot_be_read_costs_nothing(usage: Any) -> None:
    start = event("message_start", message={"id": "m1", "model": "c", "usage": usage})
    stop = event("message_delta", delta={"stop_reason": "end_turn"}, usage=usage)
    chunks, reader = read(start, text("x"), stop, STOP)

    assert (reader.problem, reader.bad_events) == (None, 0)
    assert events_of(chunks)[1:] == [TextDelta("x"), Finished(FinishReason.STOP)]


def test_the_last_counts_overrule_the_first() -> None:
    chunks, _ = read(START, text("x"), ended(input_tokens=7, cache_read_input_tokens=0), STOP)

    assert UsageReported(10, 9, 19, 0, 3) in events_of(chunks)


def test_a_second_beginning_is_none() -> None:
    chunks, _ = read(START, text("x"), START, ended(), STOP)

    assert [e for e in events_of(chunks) if isinstance(e, Started)] == [Started("m1", "c", 0)]


def test_an_event_beyond_the_limit_is_the_end() -> None:
    reader = StreamReader(200)
    chunks = reader.feed(text("x") + text("y" * 300))

    assert chunks[0].events[-1] == TextDelta("x")
    assert reader.problem is not None
    assert reader.problem.sign is Sign.CUT
    assert reader.feed(text("z")) == []


# -- when it was asked in other words --------------------------------------------------------------


def test_calls_are_told_under_the_callers_names_and_without_an_original() -> None:
    said = (START, opened(0, "tool_use", id="a", name="n_ow"), closed(0), ended("tool_use"), STOP)
    chunks, _ = read(*said, hearing=Hearing({"n_ow": "n.ow"}))

    assert ToolStarted(0, "a", "n.ow") in events_of(chunks)
    assert not any(chunk.original for chunk in chunks)


def test_the_arguments_of_the_answers_tool_are_its_text() -> None:
    said = (
        opened(0, "tool_use", id="a", name="form"),
        delta(0, "input_json_delta", partial_json='{"a":'),
        delta(0, "input_json_delta", partial_json="1}"),
        closed(0),
    )
    chunks, _ = read(START, *said, ended("tool_use"), STOP, hearing=Hearing(answer_tool="form"))

    assert events_of(chunks)[1:3] == [TextDelta('{"a":'), TextDelta("1}")]
    assert chunks[-1].events == (Finished(FinishReason.STOP),)
    empty, _ = read(START, said[0], said[3], ended(), STOP, hearing=Hearing(answer_tool="form"))
    assert TextDelta("{}") in events_of(empty)


PIECES = st.sampled_from(
    [
        START,
        PING,
        text("x"),
        opened(0, "text", text=""),
        opened(1, "tool_use", id="a", name="n"),
        delta(1, "input_json_delta", partial_json="{}"),
        closed(1),
        event("error", error={"type": "api_error"}),
        event("x"),
        ended(),
        STOP,
        b"data: {\n\n",
    ]
)


@given(st.lists(PIECES, max_size=12).map(b"".join), st.lists(st.integers(0, 2000), max_size=6))
def test_any_stream_reads_the_same_however_it_is_cut(stream: bytes, cuts: list[int]) -> None:
    places = [0, *sorted(min(cut, len(stream)) for cut in cuts), len(stream)]
    pieces = [stream[a:b] for a, b in pairwise(places)]
    whole, one = read(stream)
    parts, other = read(*pieces)

    assert whole == parts
    assert (one.done, str(one.problem), one.bad_events) == (
        other.done,
        str(other.problem),
        other.bad_events,
    )
    collector = Collector()
    collector.feed(whole)
    collector.reply()
    assert one.problem is not None or isinstance(events_of(whole)[-1], Finished)


def test_an_answer_whose_head_comes_late_is_not_begun_anew() -> None:
    begun = {
        "type": "content_block_start",
        "index": 0,
        "content_block": {"type": "tool_use", "id": "a", "name": "n"},
    }
    head = {"type": "message_start", "message": {"id": "m", "model": "c", "usage": {}}}
    piece = {
        "type": "content_block_delta",
        "index": 0,
        "delta": {"type": "input_json_delta", "partial_json": "{}"},
    }
    reader, collector = StreamReader(), Collector()

    for event in (begun, head, piece):
        collector.feed(reader.feed(b"data: " + json.dumps(event).encode() + b"\n\n"))

    assert [call.arguments for call in collector.reply().calls] == ["{}"]


# -- what no honest vendor sends -------------------------------------------------------------------


def test_the_answer_is_heard_where_its_call_comes_whole() -> None:
    reader = StreamReader(hearing=Hearing(answer_tool="form"))

    chunks = reader.feed(
        frames.start()
        + frames.block_start(0, {"type": "tool_use", "id": "t", "name": "form", "input": {"a": 1}})
        + frames.block_stop()
        + frames.finish("tool_use")
        + frames.STOP
    )

    collector = Collector()
    collector.feed(chunks)
    assert collector.reply().text == '{"a":1}'


@pytest.mark.parametrize("type_", [r"\ud800", r"a\n\nevent: error", r"a\rb", "é", ""])
def test_a_type_that_is_no_name_of_an_event_is_dropped(type_: str) -> None:
    reader = StreamReader()

    chunks = reader.feed(b'data: {"type":"%b"}\n\n' % type_.encode())

    assert (chunks, reader.bad_events, reader.problem) == ([], 1, None)


@pytest.mark.parametrize("depth", range(900, 1030, 10))
def test_what_is_nested_too_deeply_is_dropped_and_does_not_raise(depth: int) -> None:
    deep = b'{"a":' + b"[" * depth + b"]" * depth + b"}"
    call = b'{"type":"tool_use","id":"t","name":"n","input":%b}' % deep
    start = b'{"type":"content_block_start","index":0,"content_block":%b}' % call
    head = b'{"type":"message_start","message":{"id":%b,"model":%b}}' % (deep, deep)
    reader = StreamReader()

    chunks = reader.feed(b"data: %b\n\ndata: %b\n\n" % (head, start))
    chunks += reader.feed(frames.block_delta(0, "input_json_delta", partial_json="{}"))

    collector = Collector()
    collector.feed(chunks)
    assert (reader.problem, collector.reply().started.id) == (None, "")
