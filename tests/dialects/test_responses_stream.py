"""OpenAI's streamed responses, as we read them."""

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
from bff.dialects.openai_responses import NAME, StreamReader
from bff.errors import Kind, Problem, Sign

HEAD = {"id": "resp_1", "object": "response", "created_at": 7, "model": "gpt", "error": None}
USED = {
    "input_tokens": 5,
    "input_tokens_details": {"cached_tokens": 3, "cache_write_tokens": 1},
    "output_tokens": 4,
    "output_tokens_details": {"reasoning_tokens": 2},
    "total_tokens": 9,
}
CALL = {"id": "fc_1", "type": "function_call", "call_id": "call_1", "name": "now", "arguments": ""}
MESSAGE = {"id": "msg_1", "type": "message", "role": "assistant", "content": []}


def frame(type_: str, **said: Any) -> bytes:
    return b"event: %b\ndata: %b\n\n" % (type_.encode(), orjson.dumps({"type": type_, **said}))


def text(piece: Any, **more: Any) -> bytes:
    return frame("response.output_text.delta", **{"output_index": 0, "delta": piece, **more})


def added(item: Any, index: Any = 0) -> bytes:
    return frame("response.output_item.added", output_index=index, item=item)


def done(item: Any, index: Any = 0) -> bytes:
    return frame("response.output_item.done", output_index=index, item=item)


def arguments(piece: Any, index: Any = 0) -> bytes:
    return frame("response.function_call_arguments.delta", output_index=index, delta=piece)


def completed(**more: Any) -> bytes:
    said = {**HEAD, "status": "completed", "usage": USED, **more}
    return frame("response.completed", response=said)


CREATED = frame("response.created", response={**HEAD, "status": "in_progress"})
PREAMBLE = [
    CREATED,
    frame("response.in_progress", response=HEAD),
    added({"id": "rs_1", "type": "reasoning", "summary": []}),
    added(MESSAGE, 1),
    frame("response.content_part.added", output_index=1, part={"type": "output_text", "text": ""}),
]
FRAMES = [
    *PREAMBLE,
    text("Hé", output_index=1, obfuscation="x1"),
    text(" you", output_index=1),
    frame("response.output_text.done", output_index=1, text="Hé you"),
    done(MESSAGE, 1),
    added(CALL, 2),
    arguments('{"tz":', 2),
    arguments('"UTC"}', 2),
    frame("response.function_call_arguments.done", output_index=2, arguments='{"tz":"UTC"}'),
    done({**CALL, "arguments": '{"tz":"UTC"}'}, 2),
    completed(),
]
USAGE = UsageReported(5, 4, 9, 3, 1, 2)
EVENTS = [
    Started("resp_1", "gpt", 7),
    TextDelta("Hé"),
    TextDelta(" you"),
    ToolStarted(0, "call_1", "now"),
    ToolDelta(0, '{"tz":'),
    ToolDelta(0, '"UTC"}'),
    USAGE,
    Finished(FinishReason.TOOL_CALLS),
]
STREAM = b"".join(FRAMES)


def read(*pieces: bytes) -> tuple[list[Chunk], StreamReader]:
    reader = StreamReader()
    chunks = [chunk for piece in pieces for chunk in reader.feed(piece)]
    if not reader.done:
        chunks += reader.close()
    return chunks, reader


def events_of(chunks: list[Chunk]) -> list[Event]:
    return [event for chunk in chunks for event in chunk.events]


@pytest.mark.parametrize("size", [*range(1, 60), len(STREAM)])
def test_a_stream_reads_the_same_wherever_it_is_cut(size: int) -> None:
    chunks, reader = read(*(STREAM[i : i + size] for i in range(0, len(STREAM), size)))

    assert events_of(chunks) == EVENTS
    assert (reader.problem, reader.bad_events, reader.done, reader.finished) == (
        None,
        0,
        True,
        True,
    )


def test_every_event_goes_with_the_bytes_and_the_name_it_came_with() -> None:
    chunks, _ = read(STREAM)

    originals = [chunk.original for chunk in chunks]
    assert originals == [
        Original(NAME, one.partition(b"data: ")[2][:-2], one[7 : one.index(b"\n")].decode())
        for one in FRAMES
    ]


def test_what_only_begins_something_is_no_content_and_what_says_something_is() -> None:
    chunks, _ = read(STREAM)

    content = [chunk.content for chunk in chunks]
    assert content == [False] * 5 + [
        True,
        True,
        False,
        False,
        True,
        True,
        True,
        False,
        False,
        False,
    ]


@pytest.mark.parametrize("type_", ["response.refusal.delta", "response.output_text.delta"])
def test_a_refusal_is_text_as_well(type_: str) -> None:
    chunks, _ = read(CREATED, frame(type_, output_index=0, delta="No."), completed())

    assert events_of(chunks)[1:-2] == [TextDelta("No.")]


@pytest.mark.parametrize(
    "type_", ["response.reasoning_summary_text.delta", "response.reasoning_text.delta"]
)
def test_a_thought_is_told_as_one(type_: str) -> None:
    chunks, _ = read(CREATED, frame(type_, output_index=0, delta="Hm"), frame(type_, delta=""))

    assert events_of(chunks)[1:] == [ThoughtDelta("Hm")]
    assert [chunk.content for chunk in chunks] == [False, True, False]


def test_what_we_cannot_say_is_passed_on_and_seen_all_the_same() -> None:
    unknown = frame("response.tomorrow.delta", delta="x")

    chunks, reader = read(CREATED, unknown, frame("response.tomorrow", more=1), completed())

    assert [chunk.events for chunk in chunks][1:3] == [(), ()]
    assert [chunk.content for chunk in chunks] == [False, True, False, False]
    assert (reader.problem, reader.bad_events) == (None, 0)


@pytest.mark.parametrize("empty", [text(""), arguments("", 0)])
def test_an_empty_piece_says_nothing(empty: bytes) -> None:
    chunks, reader = read(CREATED, added(CALL), empty)

    assert (chunks[-1].events, chunks[-1].content, reader.bad_events) == ((), False, 0)


# -- calls -----------------------------------------------------------------------------------------


def test_calls_are_counted_whatever_stands_between_them() -> None:
    other = {**CALL, "call_id": "call_2", "name": "weather"}

    chunks, _ = read(
        CREATED, added(CALL, 1), added(other, 4), arguments("{}", 4), arguments("[]", 1)
    )

    assert events_of(chunks)[1:] == [
        ToolStarted(0, "call_1", "now"),
        ToolStarted(1, "call_2", "weather"),
        ToolDelta(1, "{}"),
        ToolDelta(0, "[]"),
    ]


def test_a_call_whose_arguments_did_not_come_in_pieces_tells_them_at_its_end() -> None:
    chunks, _ = read(CREATED, added(CALL), done({**CALL, "arguments": "{}"}), completed())

    assert events_of(chunks)[1:3] == [ToolStarted(0, "call_1", "now"), ToolDelta(0, "{}")]


def test_a_call_that_is_told_at_its_end_only_is_one() -> None:
    whole = done({**CALL, "arguments": "{}"})

    chunks, _ = read(CREATED, whole, whole, completed())

    assert events_of(chunks)[1:] == [
        ToolStarted(0, "call_1", "now"),
        ToolDelta(0, "{}"),
        USAGE,
        Finished(FinishReason.TOOL_CALLS),
    ]


def test_the_arguments_of_a_call_are_told_once() -> None:
    chunks, _ = read(CREATED, added(CALL), arguments("{}"), done({**CALL, "arguments": "{}"}))

    assert events_of(chunks)[1:] == [ToolStarted(0, "call_1", "now"), ToolDelta(0, "{}")]


def test_an_item_without_a_place_goes_by_its_name() -> None:
    begun = frame("response.output_item.added", item_id="fc_1", item=CALL)
    piece = frame("response.function_call_arguments.delta", item_id="fc_1", delta="{}")

    chunks, reader = read(CREATED, begun, piece)

    assert events_of(chunks)[1:] == [ToolStarted(0, "call_1", "now"), ToolDelta(0, "{}")]
    assert reader.bad_events == 0


# -- how it ends -----------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("details", "reason"),
    [
        ({"reason": "max_output_tokens"}, FinishReason.LENGTH),
        ({"reason": "content_filter"}, FinishReason.CONTENT_FILTER),
        ({"reason": "tomorrow"}, FinishReason.LENGTH),
        (None, FinishReason.LENGTH),
    ],
)
def test_an_incomplete_response_is_a_whole_answer_that_says_why(
    details: Any, reason: FinishReason
) -> None:
    response = {**HEAD, "status": "incomplete", "incomplete_details": details, "usage": USED}

    chunks, reader = read(CREATED, text("x"), frame("response.incomplete", response=response))

    assert events_of(chunks)[-2:] == [USAGE, Finished(reason)]
    assert (reader.problem, reader.finished) == (None, True)


def test_an_answer_without_a_word_is_complete() -> None:
    chunks, reader = read(CREATED, completed())

    assert events_of(chunks) == [EVENTS[0], USAGE, Finished(FinishReason.STOP)]
    assert reader.problem is None


@pytest.mark.parametrize(
    "usage", [None, 5, {}, {"input_tokens": "1", "output_tokens": 1}, {"input_tokens": True}]
)
def test_a_usage_that_cannot_be_read_costs_nothing_else(usage: Any) -> None:
    chunks, reader = read(CREATED, completed(usage=usage))

    assert events_of(chunks)[1:] == [Finished(FinishReason.STOP)]
    assert reader.bad_events == 0


@pytest.mark.parametrize("details", [None, 5, {"cached_tokens": None, "reasoning_tokens": -1}])
def test_a_usage_without_details_is_read(details: Any) -> None:
    used = {
        "input_tokens": 1,
        "output_tokens": 2,
        "input_tokens_details": details,
        "output_tokens_details": details,
    }

    chunks, _ = read(CREATED, completed(usage=used))

    assert events_of(chunks)[1] == UsageReported(1, 2, 3)


@pytest.mark.parametrize("end", [b"", b"data: [DONE]\n\n", frame("response.output_text.done")])
def test_an_answer_that_does_not_say_that_it_is_complete_is_cut(end: bytes) -> None:
    chunks, reader = read(CREATED, text("x"), end)

    assert reader.problem is not None
    assert (reader.problem.kind, reader.problem.sign) == (Kind.UPSTREAM, Sign.CUT)
    assert (reader.finished, events_of(chunks)[-1]) == (False, TextDelta("x"))


@pytest.mark.parametrize("stream", [b"", b"".join(PREAMBLE), b": a comment\n\n", b"data: [DONE]"])
def test_a_stream_that_says_nothing_is_empty(stream: bytes) -> None:
    _, reader = read(stream)

    assert reader.problem is not None
    assert reader.problem.sign is Sign.EMPTY_STREAM


def test_nothing_after_done_is_read() -> None:
    chunks, reader = read(CREATED + text("x") + b"data: [DONE]\n\n" + completed())

    assert events_of(chunks)[-1] == TextDelta("x")
    assert reader.problem is not None


def test_nothing_after_the_end_is_read() -> None:
    chunks, reader = read(CREATED + completed() + text("y") + b"data: bad\n\n")

    assert events_of(chunks)[-1] == Finished(FinishReason.STOP)
    assert (reader.bad_events, reader.feed(text("z")), reader.close()) == (0, [], [])


# -- what goes wrong -------------------------------------------------------------------------------

FAILURES: list[tuple[Any, Kind, Sign]] = [
    ({"code": "server_error", "message": "x"}, Kind.UPSTREAM, Sign.PROVIDER_DOWN),
    ({"code": "rate_limit_exceeded"}, Kind.UPSTREAM_RATE_LIMIT, Sign.PROVIDER_BUSY),
    ({"code": "insufficient_quota"}, Kind.BUDGET, Sign.PROVIDER_REFUSED),
    ({"code": "invalid_prompt"}, Kind.CONTENT_POLICY, Sign.PROVIDER_REFUSED),
    ({"code": "image_content_policy_violation"}, Kind.CONTENT_POLICY, Sign.PROVIDER_REFUSED),
    ({"code": "invalid_image_url"}, Kind.BAD_REQUEST, Sign.PROVIDER_REFUSED),
    ({"code": "vector_store_timeout"}, Kind.TIMEOUT, Sign.PROVIDER_DOWN),
    ({"code": None}, Kind.UPSTREAM, Sign.PROVIDER_DOWN),
    ({"code": 429}, Kind.UPSTREAM_RATE_LIMIT, Sign.PROVIDER_BUSY),
]
HOW = [
    lambda error: frame("error", param=None, **error),
    lambda error: frame("error", error={"type": "server_error", **error}),
    lambda error: frame("response.failed", response={**HEAD, "error": error}),
    lambda error: frame("response.in_progress", error=error),
    lambda error: b"data: %b\n\n" % orjson.dumps({"error": error}),
]


@pytest.mark.parametrize("how", HOW, ids=["flat", "inside", "failed", "beside", "nameless"])
@pytest.mark.parametrize(("error", "kind", "sign"), FAILURES)
def test_an_error_ends_it_and_keeps_what_came_before(
    how: Any, error: Any, kind: Kind, sign: Sign
) -> None:
    chunks, reader = read(CREATED + text("a") + how(error) + text("b") + completed())

    assert reader.problem is not None
    assert (reader.problem.kind, reader.problem.sign) == (kind, sign)
    assert reader.problem.code == (error["code"] if kind is Kind.BAD_REQUEST else "")
    assert events_of(chunks)[1:] == [TextDelta("a")]


@pytest.mark.parametrize(
    "failed",
    [
        frame("error"),
        frame("response.failed"),
        frame("response.failed", response=5),
        frame("response.failed", response={"error": None}),
        frame("error", error="just words"),
    ],
)
def test_a_failure_that_says_nothing_of_itself_is_one(failed: bytes) -> None:
    _, reader = read(CREATED + failed)

    assert reader.problem is not None
    assert (reader.problem.kind, reader.problem.sign) == (Kind.UPSTREAM, Sign.PROVIDER_DOWN)


@pytest.mark.parametrize(
    "said", [b'{"success":false,"error":[{"code":2016}]}', b"blocked", b'{"blocked":1}']
)
def test_who_stands_in_between_is_asked_first(said: bytes) -> None:
    blocked = Problem(Kind.CONTENT_POLICY, "Blocked.")
    reader = StreamReader(read_refusal=lambda data: blocked if data == said else None)

    reader.feed(CREATED + b"data: %b\n\n" % said)

    assert (reader.problem, reader.done) == (blocked, True)


BAD = [
    b"not json",
    b"null",
    b"5",
    b"[1]",
    b"{}",
    b'{"type":5}',
    b'{"type":["x"]}',
    b'{"type":""}',
    b'{"type":"a\\nb"}',
    '{"type":"é"}'.encode(),
    b'{"type":"response.created"}',
    b'{"type":"response.completed","response":5}',
    b'{"type":"response.output_text.delta"}',
    b'{"type":"response.output_text.delta","delta":["x"]}',
    b'{"type":"response.reasoning_text.delta","delta":5}',
    b'{"type":"response.function_call_arguments.delta","output_index":9,"delta":"x"}',
    b'{"type":"response.function_call_arguments.delta","delta":"x"}',
    b'{"type":"response.output_item.added","output_index":0,"item":5}',
    b'{"type":"response.output_item.added","output_index":0,"item":{"type":"function_call"}}',
]


@pytest.mark.parametrize("bad", BAD)
def test_a_bad_event_is_dropped_and_counted_and_the_stream_goes_on(bad: bytes) -> None:
    chunks, reader = read(CREATED, text("a") + b"data: %b\n\n" % bad + text("b"), completed())

    texts = [event.text for event in events_of(chunks) if isinstance(event, TextDelta)]
    assert (texts, reader.bad_events, reader.problem) == (["a", "b"], 1, None)


def test_a_call_that_could_not_be_read_is_not_remembered() -> None:
    nameless = {"type": "function_call", "call_id": "call_0"}

    chunks, _ = read(CREATED, added(nameless), added(CALL, 1), completed())

    assert events_of(chunks)[1] == ToolStarted(0, "call_1", "now")


def test_an_answer_whose_head_was_lost_begins_with_what_is_there() -> None:
    chunks, _ = read(text("x"), CREATED, completed())

    assert events_of(chunks)[:2] == [Started("", "", 0), TextDelta("x")]
    assert chunks[1].events == ()


@pytest.mark.parametrize(
    ("created", "seconds"), [(7, 7), (7.9, 7), (-1, 0), ("7", 0), (None, 0), (1e300, 0)]
)
def test_when_it_began_is_told_in_whole_seconds(created: Any, seconds: int) -> None:
    head = {"id": 5, "model": None, "created_at": created}

    chunks, _ = read(frame("response.created", response=head))

    assert chunks[0].events == (Started("", "", seconds),)


def test_an_event_that_is_too_large_ends_it() -> None:
    reader = StreamReader(event_limit=200)

    chunks = reader.feed(text("a") + text("x" * 400))

    assert events_of(chunks)[-1] == TextDelta("a")
    assert reader.problem is not None
    assert reader.problem.sign is Sign.CUT


TYPES = sorted({one[7 : one.index(b"\n")].decode() for one in FRAMES} | {"error"})
VALUES = st.recursive(
    st.none() | st.booleans() | st.integers(-2, 3) | st.text(max_size=3),
    lambda inner: (
        st.lists(inner, max_size=2)
        | st.dictionaries(
            st.sampled_from(["type", "id", "call_id", "name", "arguments", "usage", "error"]),
            inner,
            max_size=4,
        )
    ),
    max_leaves=8,
)


@given(
    st.lists(
        st.tuples(
            st.sampled_from(TYPES),
            st.dictionaries(
                st.sampled_from(["response", "item", "delta", "output_index", "item_id", "error"]),
                VALUES,
            ),
        ),
        max_size=6,
    )
)
def test_whatever_comes_nothing_is_raised_and_calls_are_told_in_order(
    said: list[tuple[str, dict[str, Any]]],
) -> None:
    chunks, reader = read(*(frame(type_, **fields) for type_, fields in said))

    events = events_of(chunks)
    assert reader.done
    assert [event.index for event in events if isinstance(event, ToolStarted)] == list(
        range(sum(isinstance(event, ToolStarted) for event in events))
    )
    assert (reader.problem is None) is any(isinstance(event, Finished) for event in events)
    assert not events or isinstance(events[0], Started)
