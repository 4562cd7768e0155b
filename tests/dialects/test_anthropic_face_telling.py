"""Our answer in Anthropic's words: block after block, or passed on where it came in them."""

import json
from collections.abc import Sequence
from dataclasses import replace
from itertools import permutations
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bff.chat.events import (
    Chunk,
    Event,
    Finished,
    FinishReason,
    Flagged,
    Original,
    Started,
    TextDelta,
    ThoughtDelta,
    ToolDelta,
    ToolStarted,
    UsageReported,
)
from bff.chat.reply import Reply
from bff.chat.request import ToolCall
from bff.dialects.anthropic_messages import NAME
from bff.dialects.anthropic_messages.telling import HEARTBEAT, StreamWriter
from bff.dialects.anthropic_messages.told_whole import write_reply
from bff.dialects.sse import Decoder
from bff.errors import Kind, Problem, Said
from tests.support.faces import batched, chunk, cut_into, replies

BEGUN = Started("theirs", "their-model", 7)
USED = UsageReported(10, 4, 14, 3, 2)
TOLD_USAGE = {
    "input_tokens": 5,
    "cache_creation_input_tokens": 2,
    "cache_read_input_tokens": 3,
    "output_tokens": 4,
}
STOP = Finished(FinishReason.STOP)
MESSAGE = {
    "id": "msg_1",
    "type": "message",
    "role": "assistant",
    "model": "asked",
    "content": [],
    "stop_reason": None,
    "stop_sequence": None,
    "usage": {"input_tokens": 6, "output_tokens": 1},
}
REASONS = {
    "end_turn": FinishReason.STOP,
    "max_tokens": FinishReason.LENGTH,
    "tool_use": FinishReason.TOOL_CALLS,
    "refusal": FinishReason.CONTENT_FILTER,
}


def writer() -> StreamWriter:
    return StreamWriter(model="asked", answer_id="msg_1", input_tokens=6, request_id="req_1")


def values(body: bytes) -> list[Any]:
    """Each frame's value. Every frame must have an event line with the type of its data."""
    assert not body or body.endswith(b"\n\n")
    frames = Decoder().feed(body)
    said = [json.loads(frame.data) for frame in frames]
    assert [frame.event for frame in frames] == [value["type"] for value in said]
    assert body.count(b"\n\n") == len(frames)
    return said


def told(*events: Event) -> list[Any]:
    telling = writer()
    return values(b"".join([*[telling.feed(chunk(event)) for event in events], telling.end()]))


def blocks(frames: Sequence[Any]) -> list[dict[str, Any]]:
    """The content as a client would put it together; no two blocks may be open at a time."""
    content: list[dict[str, Any]] = []
    is_open = False
    for frame in frames:
        match frame["type"]:
            case "content_block_start":
                assert not is_open
                assert frame["index"] == len(content)
                is_open = True
                content.append(dict(frame["content_block"]))
            case "content_block_delta":
                assert is_open
                assert frame["index"] == len(content) - 1
                _add(content[-1], frame["delta"])
            case "content_block_stop":
                assert is_open
                assert frame["index"] == len(content) - 1
                is_open = False
    assert not is_open
    return content


def _add(block: dict[str, Any], delta: dict[str, Any]) -> None:
    field = {
        "text_delta": "text",
        "thinking_delta": "thinking",
        "signature_delta": "signature",
        "input_json_delta": "partial_json",
    }[delta["type"]]
    block[field] = block.get(field, "") + delta[field]


def folded(frames: Sequence[Any]) -> Reply:
    first, delta, last = frames[0], frames[-2], frames[-1]
    assert first == {"type": "message_start", "message": MESSAGE}
    assert (delta["type"], last) == ("message_delta", {"type": "message_stop"})
    usage, content = delta["usage"], blocks(frames)
    cached, written = usage["cache_read_input_tokens"], usage["cache_creation_input_tokens"]
    prompt = usage["input_tokens"] + cached + written
    output = usage["output_tokens"]
    return Reply(
        text="".join(block["text"] for block in content if block["type"] == "text"),
        usage=UsageReported(prompt, output, prompt + output, cached, written),
        calls=tuple(
            ToolCall(block["id"], block["name"], block["partial_json"])
            for block in content
            if block["type"] == "tool_use"
        ),
        reason=REASONS[delta["delta"]["stop_reason"]],
        thought="".join(block["thinking"] for block in content if block["type"] == "thinking"),
    )


def known(reply: Reply) -> Reply:
    """What of *reply* this dialect can say."""
    assert reply.usage is not None
    return replace(
        reply, started=Started("", "", 0), usage=replace(reply.usage, reasoning_tokens=0)
    )


# -- spelled ---------------------------------------------------------------------------------------


def test_an_answer_is_spelled_event_by_event() -> None:
    assert told(BEGUN, TextDelta("Hé"), TextDelta("!"), STOP, USED) == [
        {"type": "message_start", "message": MESSAGE},
        {
            "type": "content_block_start",
            "index": 0,
            "content_block": {"type": "text", "text": ""},
        },
        {
            "type": "content_block_delta",
            "index": 0,
            "delta": {"type": "text_delta", "text": "Hé"},
        },
        {
            "type": "content_block_delta",
            "index": 0,
            "delta": {"type": "text_delta", "text": "!"},
        },
        {"type": "content_block_stop", "index": 0},
        {
            "type": "message_delta",
            "delta": {"stop_reason": "end_turn", "stop_sequence": None},
            "usage": TOLD_USAGE,
        },
        {"type": "message_stop"},
    ]


def test_the_first_word_leaves_as_soon_as_the_answer_has_begun() -> None:
    telling = writer()

    assert telling.feed(chunk(USED)) == b""
    assert values(telling.feed(chunk(BEGUN)))[0]["type"] == "message_start"
    assert telling.feed(chunk(BEGUN)) == b""
    assert len(values(telling.feed(chunk(TextDelta("x"))))) == 2
    assert telling.feed(chunk(STOP)) == b""


def test_an_answer_without_content_has_no_block() -> None:
    frames = told(BEGUN, TextDelta(""), Flagged(), STOP)

    assert [frame["type"] for frame in frames] == [
        *("message_start", "message_delta", "message_stop")
    ]
    assert told() == frames


def test_a_usage_that_nobody_reported_is_estimated() -> None:
    frames = told(BEGUN, TextDelta("12345"), ToolStarted(0, "c", "f"), ToolDelta(0, "{}"), STOP)

    assert frames[-2]["usage"] == {"input_tokens": 6, "output_tokens": 2}


def test_input_is_never_less_than_nothing() -> None:
    frames = told(BEGUN, UsageReported(1, 4, 5, 3, 2), STOP)

    assert frames[-2]["usage"]["input_tokens"] == 0


@pytest.mark.parametrize(
    ("finished", "ending"),
    [
        (STOP, ("end_turn", None)),
        (Finished(FinishReason.STOP, "END"), ("stop_sequence", "END")),
        (Finished(FinishReason.LENGTH), ("max_tokens", None)),
        (Finished(FinishReason.CONTENT_FILTER), ("refusal", None)),
        (Finished(FinishReason.TOOL_CALLS), ("end_turn", None)),
    ],
)
def test_why_it_ended_is_said(finished: Finished, ending: tuple[str, str | None]) -> None:
    delta = told(BEGUN, TextDelta("x"), finished)[-2]["delta"]

    assert (delta["stop_reason"], delta["stop_sequence"]) == ending


def test_an_answer_with_calls_ends_with_them() -> None:
    frames = told(BEGUN, TextDelta("I look."), ToolStarted(0, "c", "f"), STOP)

    assert frames[-2]["delta"]["stop_reason"] == "tool_use"
    assert blocks(frames) == [
        {"type": "text", "text": "I look."},
        {"type": "tool_use", "id": "c", "name": "f", "input": {}},  # no delta: `{}` stands
    ]


def test_thoughts_are_blocks_of_their_own_closed_by_their_signature() -> None:
    frames = told(
        *(BEGUN, ThoughtDelta("h"), ThoughtDelta("m"), ThoughtDelta("", "s1")),
        *(ThoughtDelta("again", "s2"), ThoughtDelta("", ""), TextDelta("x"), STOP),
    )

    assert blocks(frames) == [
        {"type": "thinking", "thinking": "hm", "signature": "s1"},
        {"type": "thinking", "thinking": "again", "signature": "s2"},
        {"type": "text", "text": "x"},
    ]


def test_a_call_begins_when_the_one_before_it_is_whole() -> None:
    telling = writer()
    for event in (BEGUN, ToolStarted(0, "a", "f"), ToolDelta(0, '{"x":{"y":1}')):
        telling.feed(chunk(event))

    assert telling.feed(chunk(ToolStarted(1, "b", "g"))) == b""
    assert telling.feed(chunk(ToolDelta(1, "{}"))) == b""
    frames = values(telling.feed(chunk(ToolDelta(0, "}"))))

    assert [frame["type"] for frame in frames] == [
        *("content_block_delta", "content_block_stop"),
        *("content_block_start", "content_block_delta"),
    ]
    assert values(telling.feed(chunk(TextDelta("x"))))[0]["type"] == "content_block_stop"


ARGUMENTS = ('{"a":', '{"b":"}"}}')
EVENTS = [ToolDelta(index, piece) for index in (0, 1, 2) for piece in ARGUMENTS]


@pytest.mark.parametrize(
    "order",
    [
        order
        for order in permutations(range(6))
        if all(order.index(i) < order.index(i + 1) for i in (0, 2, 4))
    ],
)
def test_calls_told_at_the_same_time_come_one_after_the_other(order: Sequence[int]) -> None:
    started = [ToolStarted(index, f"c{index}", f"f{index}") for index in (0, 1, 2)]

    frames = told(BEGUN, *started, *[EVENTS[i] for i in order], TextDelta("x"), STOP)

    assert [(b.get("id"), b.get("partial_json")) for b in blocks(frames)] == [
        *[(f"c{index}", "".join(ARGUMENTS)) for index in (0, 1, 2)],
        (None, None),
    ]


def test_arguments_that_were_cut_off_hold_nothing_back_at_the_end() -> None:
    frames = told(
        *(BEGUN, ToolStarted(0, "a", "f"), ToolDelta(0, '{"x":'), ToolStarted(1, "b", "g")),
        *(ToolStarted(2, "c", "h"), ToolDelta(2, "5"), TextDelta("x"), STOP),
    )

    assert [block.get("partial_json", "") for block in blocks(frames)] == ['{"x":', "", "5", ""]


def test_what_is_said_of_a_call_that_is_none_or_is_over_is_left_out() -> None:
    frames = told(
        *(BEGUN, ToolStarted(0, "a", ""), ToolDelta(0, "{}"), ToolStarted(1, "b", "g")),
        *(ToolDelta(1, "{}"), ToolDelta(1, ""), TextDelta("x"), ToolDelta(1, " "), STOP),
    )

    assert [block.get("id") for block in blocks(frames)] == ["b", None]


@given(answer=batched(replies(thoughts=True)), size=st.integers(1, 60))
def test_any_answer_in_any_batches_is_put_together_again_by_a_client(
    answer: tuple[Reply, list[Chunk]], size: int
) -> None:
    reply, chunks = answer
    telling, decoder = writer(), Decoder()

    body = b"".join([*map(telling.feed, chunks), telling.end()])
    frames = [frame for piece in cut_into(body, size) for frame in decoder.feed(piece)]

    assert folded([json.loads(frame.data) for frame in frames]) == known(reply)


@given(text=st.text(st.characters()), head=st.text(st.sampled_from("\ud83d\ude00"), max_size=1))
def test_half_a_character_may_come_before_the_other_half(text: str, head: str) -> None:
    frames = told(BEGUN, TextDelta(head), TextDelta(text), STOP)

    said = "".join(f["delta"]["text"] for f in frames if f["type"] == "content_block_delta")
    assert said == head + text


def test_a_failure_in_the_stream_is_an_error_event() -> None:
    [error] = values(writer().fail(Problem(Kind.OVERLOADED, "Busy.")))

    assert error == {
        "type": "error",
        "error": {"type": "overloaded_error", "message": "Busy."},
        "request_id": "req_1",
    }


def test_a_failure_in_anthropics_own_words_is_told_in_them() -> None:
    problem = Problem(Kind.OVERLOADED, "Busy.")
    problem.original = Said(NAME, 529, b'{"type":"error",\r\n"odd": \r1}')

    assert (
        writer().fail(problem)
        == b'event: error\ndata: {"type":"error",\ndata: "odd": \ndata: 1}\n\n'
    )


def test_the_heartbeat_is_a_ping() -> None:
    assert values(HEARTBEAT) == [{"type": "ping"}]


def test_our_own_beginning_is_the_only_one() -> None:
    telling = writer()

    assert values(telling.begin()) == [{"type": "message_start", "message": MESSAGE}]
    assert telling.begin() == b""
    assert telling.feed(chunk(BEGUN)) == b""


# -- passed on -------------------------------------------------------------------------------------

NATIVE = [
    ("message_start", b'{"type":"message_start","message":{"id":"theirs","odd":1}}', (BEGUN,)),
    ("ping", b'{"type":"ping"}', ()),
    ("content_block_start", b'{"type":"content_block_start","index":0,"odd":"\xc3\xa9"}', ()),
    ("content_block_delta", b'{"type":"content_block_delta","index":0}', (TextDelta("x"),)),
    ("content_block_stop", b'{"type":"content_block_stop","index":0}', ()),
    ("message_delta", b'{"type":"message_delta","usage":{"output_tokens":2}}', (STOP, USED)),
    ("message_stop", b'{"type":"message_stop"}', ()),
]


def native(name: str, data: bytes, events: tuple[Event, ...]) -> Chunk:
    content = any(isinstance(event, TextDelta) for event in events)
    return Chunk(events, Original(NAME, data, name), content)


def spelled(frames: Sequence[tuple[str, bytes, tuple[Event, ...]]]) -> bytes:
    return b"".join(
        [b"event: %b\ndata: %b\n\n" % (name.encode(), data) for name, data, _ in frames]
    )


def test_frames_of_this_dialect_are_passed_on_byte_by_byte() -> None:
    telling = writer()

    body = b"".join([*[telling.feed(native(*frame)) for frame in NATIVE], telling.end()])

    assert body == spelled(NATIVE)


def test_an_answer_of_this_dialect_without_content_is_passed_on_at_its_end() -> None:
    telling, empty = writer(), [NATIVE[0], *NATIVE[5:]]

    assert b"".join([telling.feed(native(*f)) for f in empty]) + telling.end() == spelled(empty)


def test_an_answer_of_this_dialect_that_lacks_its_farewell_is_bid_it() -> None:
    telling = writer()

    body = b"".join([telling.feed(native(*frame)) for frame in NATIVE[:6]])

    assert values(body + telling.feed(Chunk((STOP,))) + telling.end()) == values(spelled(NATIVE))


def test_a_block_that_another_try_begins_anew_is_begun_once() -> None:
    telling, tries = writer(), [*NATIVE[:3], *NATIVE]

    body = b"".join([*[telling.feed(native(*frame)) for frame in tries], telling.end()])

    assert body == spelled([*NATIVE[:2], *NATIVE[1:]])


def test_another_dialect_may_go_on_where_this_one_only_began() -> None:
    telling = writer()
    for frame in NATIVE[:3]:
        telling.feed(native(*frame))

    body = b"".join([telling.feed(chunk(e)) for e in (BEGUN, TextDelta("x"), STOP)])

    assert blocks(values(body + telling.end())) == [{"type": "text", "text": "x"}]


def test_after_our_own_beginning_upstreams_is_left_out_and_its_true_input_told_at_the_end() -> None:
    telling = writer()

    body = b"".join([telling.begin(), *[telling.feed(native(*frame)) for frame in NATIVE]])

    frames = values(body)
    assert [frame["type"] for frame in frames].count("message_start") == 1
    assert frames[-2]["usage"] == TOLD_USAGE | {"output_tokens": 2}


def test_a_usage_that_cannot_be_read_is_passed_on_all_the_same() -> None:
    telling = writer()

    body = telling.begin() + telling.feed(native("message_delta", b'{"type":"message_delta"}', ()))

    frames = values(body + telling.feed(native(*NATIVE[6])))
    assert frames[1:] == [{"type": "message_delta", "usage": {}}, {"type": "message_stop"}]


def test_nothing_stands_before_the_beginning() -> None:
    telling = writer()

    assert telling.feed(native(*NATIVE[1])) == b""
    assert values(telling.feed(native(*NATIVE[3])))[0]["type"] == "message_start"


def test_a_frame_without_a_name_is_named_after_its_type() -> None:
    telling = writer()

    name, data, events = NATIVE[0]
    assert telling.feed(Chunk(events, Original(NAME, data))) == spelled([(name, data, events)])


def test_a_frame_over_several_lines_stays_one_frame() -> None:
    telling = writer()

    body = telling.feed(native("message_start", b'{"type":\n"message_start"}', (BEGUN,)))

    assert values(body) == [{"type": "message_start"}]


# -- in one piece ----------------------------------------------------------------------------------


def whole(reply: Reply, **more: Any) -> Any:
    return json.loads(write_reply(reply, model="asked", answer_id="msg_1", **more))


def test_an_answer_in_one_piece_has_every_field() -> None:
    calls = (ToolCall("c", "f", '{"tz":"UTC"}'), ToolCall("d", "g", '{"cut'))

    assert whole(Reply("Hé", USED, calls, FinishReason.STOP, thought="hm")) == {
        "id": "msg_1",
        "type": "message",
        "role": "assistant",
        "model": "asked",
        "content": [
            {"type": "thinking", "thinking": "hm", "signature": ""},
            {"type": "text", "text": "Hé"},
            {"type": "tool_use", "id": "c", "name": "f", "input": {"tz": "UTC"}},
            {"type": "tool_use", "id": "d", "name": "g", "input": {}},
        ],
        "stop_reason": "tool_use",
        "stop_sequence": None,
        "usage": TOLD_USAGE,
    }


@pytest.mark.parametrize("text", ["", None])
def test_an_empty_answer_in_one_piece_has_no_block(text: str | None) -> None:
    said = whole(Reply(text, None, stopped_by="END"))

    assert said["content"] == []
    assert (said["stop_reason"], said["stop_sequence"]) == ("stop_sequence", "END")
    assert said["usage"]["output_tokens"] == 0


def test_an_answer_that_came_whole_in_this_dialect_is_passed_on() -> None:
    reply = Reply("x", None)

    assert whole(reply, original=Original(NAME, b'{"odd":1}')) == {"odd": 1}
    assert whole(reply, original=Original("other", b"{}")) == whole(reply)


@pytest.mark.parametrize("depth", range(900, 1030, 10))
def test_arguments_that_are_nested_too_deeply_to_be_written_are_left_out(depth: int) -> None:
    deep = '{"a":' + "[" * depth + "]" * depth + "}"

    body = write_reply(Reply(None, None, (ToolCall("c", "n", deep),)), model="m", answer_id="msg_1")

    assert json.loads(body)["content"][0]["input"] == {}
