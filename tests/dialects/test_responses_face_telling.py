"""Our answer as a streamed response: spelled from events, or passed on where it came as one."""

import json
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
from bff.chat.request import ChatRequest
from bff.dialects.openai_responses.echo import write_echo
from bff.dialects.openai_responses.names import NAME
from bff.dialects.openai_responses.telling import HEARTBEAT, StreamWriter
from bff.errors import Kind, Problem
from tests.support.faces import TAGS, chunk
from tests.support.response_stream import HEADS, follow, names, values

ECHO = write_echo(ChatRequest("asked", (), TAGS))
OURS = {"id": "resp_1", "object": "response", "created_at": 5, "model": "asked"}
BEGUN = Started("theirs", "their-model", 7)
USED = UsageReported(3, 4, 7, 1, 1, 2)
TOLD_USAGE = {
    "input_tokens": 3,
    "input_tokens_details": {"cached_tokens": 1, "cache_write_tokens": 1},
    "output_tokens": 4,
    "output_tokens_details": {"reasoning_tokens": 2},
    "total_tokens": 7,
}
STOP = Finished(FinishReason.STOP)
LENGTH = Finished(FinishReason.LENGTH)
CALLED = (ToolStarted(0, "c0", "now"), ToolDelta(0, '{"tz":'), ToolDelta(0, '"UTC"}'))
BUSY = Problem(Kind.OVERLOADED, "Busy.")


def writer(**more: Any) -> StreamWriter:
    given = {"model": "asked", "created": 5, "answer_id": "resp_1", "echo": ECHO}
    return StreamWriter(**{**given, **more})


def told(*events: Event, **more: Any) -> list[Any]:
    telling = writer(**more)
    return values(b"".join([*[telling.feed(chunk(event)) for event in events], telling.end()]))


def response(status: str, **more: Any) -> dict[str, Any]:
    said = {"error": None, "incomplete_details": None, "output": [], "usage": None}
    return OURS | {"status": status} | said | ECHO | more


def message(text: str, *, place: int = 0, status: str = "completed") -> dict[str, Any]:
    part = {"type": "output_text", "text": text, "annotations": [], "logprobs": []}
    head = {"id": f"msg_1_{place}", "type": "message", "role": "assistant"}
    return {**head, "status": status, "content": [part]}


def call(arguments: str, id_: str = "c0", place: int = 0, status: str = "completed") -> Any:
    head = {"id": f"fc_1_{place}", "type": "function_call", "call_id": id_, "name": "now"}
    return {**head, "arguments": arguments, "status": status}


# -- spelled ---------------------------------------------------------------------------------------


def test_an_answer_is_spelled_event_by_event() -> None:
    part = {"type": "output_text", "text": "", "annotations": [], "logprobs": []}
    where = {"item_id": "msg_1_0", "output_index": 0, "content_index": 0}
    added = message("", status="in_progress") | {"content": []}
    item = "response.output_item"

    events = told(BEGUN, TextDelta("H"), TextDelta("é"), USED, STOP)

    assert [event.pop("sequence_number") for event in events] == list(range(10))
    assert events == [
        {"type": "response.created", "response": response("in_progress")},
        {"type": "response.in_progress", "response": response("in_progress")},
        {"type": f"{item}.added", "output_index": 0, "item": added},
        {"type": "response.content_part.added", **where, "part": part},
        {"type": "response.output_text.delta", **where, "delta": "H", "logprobs": []},
        {"type": "response.output_text.delta", **where, "delta": "é", "logprobs": []},
        {"type": "response.output_text.done", **where, "text": "Hé", "logprobs": []},
        {"type": "response.content_part.done", **where, "part": part | {"text": "Hé"}},
        {"type": f"{item}.done", "output_index": 0, "item": message("Hé")},
        {
            "type": "response.completed",
            "response": response("completed", output=[message("Hé")], usage=TOLD_USAGE),
        },
    ]


def test_a_call_is_an_item_of_its_own() -> None:
    where = {"item_id": "fc_1_0", "output_index": 0}
    delta = "response.function_call_arguments.delta"

    events = told(BEGUN, *CALLED, Finished(FinishReason.TOOL_CALLS))

    for event in events:
        event.pop("sequence_number")
    assert events[2:-1] == [
        {
            "type": "response.output_item.added",
            "output_index": 0,
            "item": call("", status="in_progress"),
        },
        {"type": delta, **where, "delta": '{"tz":'},
        {"type": delta, **where, "delta": '"UTC"}'},
        {
            "type": "response.function_call_arguments.done",
            **where,
            "arguments": '{"tz":"UTC"}',
            "name": "now",
        },
        {
            "type": "response.output_item.done",
            "output_index": 0,
            "item": call('{"tz":"UTC"}'),
        },
    ]
    assert events[-1]["response"]["status"] == "completed"


def test_items_follow_each_other_as_upstream_told_them() -> None:
    events = told(BEGUN, TextDelta("a"), *CALLED, TextDelta("b"), TextDelta("c"), STOP)

    last = follow(events)

    assert last["output"] == [
        message("a"),
        call('{"tz":"UTC"}', place=1),
        message("bc", place=2),
    ]
    ends = [e["output_index"] for e in events if e["type"].startswith("response.output_item.")]
    assert ends == [0, 0, 1, 1, 2, 2]


def test_calls_told_at_once_stay_open_until_the_end() -> None:
    events = told(
        *(BEGUN, ToolStarted(0, "a", "now"), ToolStarted(1, "b", "now"), ToolDelta(1, '{"x"')),
        *(ToolDelta(0, '{"y":1}'), TextDelta("t"), ToolDelta(1, ":2}"), STOP),
    )

    assert follow(events)["output"] == [
        call('{"y":1}', "a"),
        call('{"x":2}', "b", place=1),
        message("t", place=2),
    ]


@pytest.mark.parametrize("arguments", ["[1]", '{"broken}', "{}}", '{"a":'])
def test_arguments_that_are_no_object_yet_may_go_on(arguments: str) -> None:
    events = told(
        *(BEGUN, ToolStarted(0, "a", "now"), ToolDelta(0, arguments)),
        *(TextDelta("t"), ToolDelta(0, "more"), STOP),
    )

    assert follow(events)["output"] == [call(arguments + "more", "a"), message("t", place=1)]


def test_what_comes_after_a_whole_call_is_not_said_of_it() -> None:
    events = told(BEGUN, *CALLED, TextDelta("t"), ToolDelta(0, "more"), STOP)

    assert follow(events)["output"][0] == call('{"tz":"UTC"}')


def test_a_call_that_never_got_arguments_has_an_empty_object() -> None:
    assert follow(told(BEGUN, ToolStarted(0, "c0", "now"), STOP))["output"] == [call("{}")]


def test_a_call_without_a_name_is_no_call_and_no_id_is_used_twice() -> None:
    last = follow(
        told(
            *(BEGUN, ToolStarted(0, "a", ""), ToolDelta(0, "{}"), ToolStarted(1, "a", "now")),
            *(ToolStarted(2, "a", "now"), ToolStarted(1, "a", "now"), STOP),
        )
    )

    assert [item["call_id"] for item in last["output"]] == ["a", f"call_{1:024d}"]


def test_an_answer_that_says_nothing_is_an_empty_text() -> None:
    thought = (ThoughtDelta("hm", "sig"), Flagged(), TextDelta(""), ToolStarted(0, "a", ""))

    assert follow(told(BEGUN, *thought, STOP))["output"] == [message("")]
    assert told() == told(BEGUN, STOP)


@pytest.mark.parametrize(
    ("reason", "because"),
    [
        (FinishReason.LENGTH, "max_output_tokens"),
        (FinishReason.CONTENT_FILTER, "content_filter"),
    ],
)
def test_an_answer_that_was_cut_is_incomplete_and_so_is_its_last_item(
    reason: FinishReason, because: str
) -> None:
    last = follow(told(BEGUN, TextDelta("a"), *CALLED[:2], Finished(reason)))

    assert last["status"] == "incomplete"
    assert last["incomplete_details"] == {"reason": because}
    assert last["output"] == [message("a"), call('{"tz":', place=1, status="incomplete")]


def test_a_usage_that_comes_after_the_finish_is_told() -> None:
    assert follow(told(BEGUN, TextDelta("x"), STOP, USED))["usage"] == TOLD_USAGE


def test_a_usage_that_nobody_reported_is_estimated() -> None:
    usage = follow(told(BEGUN, TextDelta("12345"), *CALLED, STOP, input_tokens=9))["usage"]

    assert (usage["input_tokens"], usage["output_tokens"], usage["total_tokens"]) == (9, 5, 14)


def test_a_second_try_begins_no_second_answer_and_has_a_usage_of_its_own() -> None:
    again = Started("other", "other", 9)
    once = told(BEGUN, TextDelta("x"), STOP)

    assert told(BEGUN, again, TextDelta("x"), STOP) == once
    assert told(BEGUN, USED, again, TextDelta("x"), STOP) == once


def test_an_early_beginning_is_the_only_one() -> None:
    telling = writer()

    early = telling.begin()

    assert names(values(early)) == HEADS
    assert telling.begin() == b""
    rest = telling.feed(chunk(BEGUN)) + telling.feed(chunk(TextDelta("x"))) + telling.end()
    assert values(early + rest) == told(BEGUN, TextDelta("x"))


def test_a_failure_is_an_error_and_a_response_that_failed() -> None:
    telling = writer(request_id="req_1")
    before = b"".join([telling.feed(chunk(event)) for event in (BEGUN, TextDelta("a"), *CALLED)])

    events = values(before + telling.fail(BUSY))

    error, failed = events[-2:]
    assert (error["type"], error["code"], error["message"]) == ("error", "overloaded", "Busy.")
    assert (error["param"], error["request_id"]) == (None, "req_1")
    assert failed["type"] == "response.failed"
    assert failed["response"] == response(
        "failed",
        error={"code": "server_error", "message": "Busy."},
        output=[message("a"), call('{"tz":"UTC"}', place=1, status="incomplete")],
    )
    follow(events)


def test_a_failure_before_anything_begins_the_response_it_fails() -> None:
    events = values(writer().fail(BUSY))

    assert names(events) == [*HEADS, "error", "response.failed"]


def test_a_ping_of_anthropics_is_a_comment_as_the_heartbeat_is() -> None:
    ping = Chunk((), Original("anthropic_messages", b"{}", "ping"))

    assert writer().feed(ping) == HEARTBEAT
    assert HEARTBEAT.startswith(b":")
    assert HEARTBEAT.endswith(b"\n\n")


def test_a_chunk_of_another_dialect_without_events_says_nothing() -> None:
    assert writer().feed(Chunk((), Original("openai_chat", b"{}"))) == b""


_events = st.lists(
    st.sampled_from(
        [
            *(
                BEGUN,
                USED,
                Flagged(),
                STOP,
                LENGTH,
                TextDelta(""),
                TextDelta("é"),
                ThoughtDelta("h"),
            ),
            *(ToolStarted(i, id_, name) for i in (0, 1) for id_ in ("", "c") for name in ("", "f")),
            *(ToolDelta(i, said) for i in (0, 1, 2) for said in ("", "{", "}", "{}")),
        ]
    ),
    max_size=12,
)


@given(batches=st.lists(_events), early=st.booleans(), problem=st.none() | st.just(BUSY))
def test_any_events_in_any_batches_keep_to_one_grammar(
    batches: list[list[Event]], early: bool, problem: Problem | None
) -> None:
    telling = writer()
    before = telling.begin() if early else b""

    body = before + b"".join([telling.feed(chunk(*events)) for events in batches])
    body += telling.end() if problem is None else telling.fail(problem)

    last = follow(values(body))
    assert (last["status"] == "failed") is (problem is not None)


# -- passed on -------------------------------------------------------------------------------------

THEIRS = {"id": "resp_t", "object": "response", "created_at": 7, "model": "their-model"}
THEIR_START = Started("resp_t", "their-model", 7)


def native(type_: str, *events: Event, content: bool = False, **more: Any) -> Chunk:
    data = json.dumps({"type": type_, **more}, ensure_ascii=False).encode()
    return Chunk(events, Original(NAME, data, type_), content)


CREATED = native("response.created", THEIR_START, sequence_number=0, response=THEIRS)
PROGRESS = native("response.in_progress", sequence_number=1, response=THEIRS | {"odd": 1})
ADDED = native("response.output_item.added", sequence_number=2, item={"type": "message"}, odd=2)
TEXT = native("response.output_text.delta", TextDelta("é"), content=True, sequence_number=5, d="é")
COMPLETED = native(
    "response.completed", STOP, sequence_number=9, response=THEIRS | {"status": "completed"}
)


def original(chunk: Chunk, **more: Any) -> Any:
    assert chunk.original is not None
    return json.loads(chunk.original.data) | more


def fed(telling: StreamWriter, *chunks: Chunk) -> list[Any]:
    body = b"".join([telling.feed(one) for one in chunks])
    return values(body) if body else []


def test_an_event_of_this_dialect_keeps_every_field_and_number_of_its_own() -> None:
    telling = writer()

    events = fed(telling, CREATED, PROGRESS, ADDED, TEXT, COMPLETED)

    assert events == [original(one) for one in (CREATED, PROGRESS, ADDED, TEXT, COMPLETED)]
    assert telling.end() == b""


def test_an_event_of_this_dialect_is_not_spelled_anew() -> None:
    data = b'{ "type":"response.output_text.delta",\n"delta": "x",  "sequence_number":4 }'
    telling = writer()
    telling.feed(CREATED)

    frame = telling.feed(Chunk((TextDelta("x"),), Original(NAME, data), content=True))

    assert frame == (
        b"event: response.output_text.delta\n"
        b'data: { "type":"response.output_text.delta", "delta": "x",  "sequence_number":4 }\n\n'
    )


def test_what_frames_an_answer_waits_for_its_content_or_its_end() -> None:
    telling = writer()

    assert names(fed(telling, CREATED, PROGRESS, ADDED)) == HEADS
    assert fed(telling, TEXT) == [original(ADDED), original(TEXT)]
    assert fed(telling, ADDED) == [original(ADDED)]

    telling = writer()
    assert fed(telling, CREATED, ADDED, COMPLETED)[1:] == [original(ADDED), original(COMPLETED)]


def test_after_an_early_beginning_upstreams_events_bear_our_id_and_our_numbers() -> None:
    telling = writer()
    early = values(telling.begin())

    events = fed(telling, CREATED, PROGRESS, ADDED, TEXT, COMPLETED)

    assert events == [
        original(ADDED, sequence_number=2),
        original(TEXT, sequence_number=3),
        original(COMPLETED, sequence_number=4, response=OURS | {"status": "completed"}),
    ]
    assert [event["sequence_number"] for event in early] == [0, 1]


def test_a_second_try_bears_the_head_that_is_out_and_none_of_what_was_withheld() -> None:
    telling = writer()
    other = THEIRS | {"id": "resp_other"}
    again = native("response.created", Started("resp_other", "their-model", 7), response=other)

    events = fed(telling, CREATED, PROGRESS, ADDED)
    more = fed(telling, again, PROGRESS, TEXT, native("response.completed", STOP, response=other))

    assert names(events + more) == [*HEADS, "response.output_text.delta", "response.completed"]
    assert more[-1]["response"] == THEIRS
    assert [event["sequence_number"] for event in more] == [2, 3]


def test_a_second_try_under_the_same_head_keeps_its_own_numbers() -> None:
    events = fed(writer(), CREATED, PROGRESS, CREATED, PROGRESS, TEXT)

    assert events == [original(one) for one in (CREATED, PROGRESS, TEXT)]


def test_another_vendor_may_stand_in_after_the_head_is_out() -> None:
    telling = writer()

    before = fed(telling, CREATED, PROGRESS, ADDED)
    after = fed(telling, chunk(BEGUN), chunk(TextDelta("x"))) + values(telling.end())

    assert names(after)[0] == "response.output_item.added"
    assert {event["response"]["id"] for event in before + after if "response" in event} == {
        "resp_t"
    }
    assert after[0]["sequence_number"] == 2
    follow(before + after)


def test_a_head_that_is_lost_or_says_too_little_is_ours() -> None:
    nothing = native("response.created", Started("", "", 0), sequence_number=0, response={})

    lost = fed(writer(), PROGRESS, TEXT, COMPLETED)
    torn = fed(writer(), Chunk((Started("", "", 0), *TEXT.events), TEXT.original, content=True))
    empty = fed(writer(), nothing, TEXT)

    assert names(lost)[:3] == names(torn) == [*HEADS, "response.output_text.delta"]
    assert lost[0]["response"]["id"] == torn[0]["response"]["id"] == "resp_1"
    assert lost[-1]["response"]["id"] == "resp_1"
    assert empty[0]["response"] == OURS
    assert [event["sequence_number"] for event in empty] == [0, 1]


def test_a_failure_after_upstreams_own_events_is_numbered_after_them() -> None:
    telling = writer()
    before = fed(telling, CREATED, PROGRESS, TEXT)

    error, failed = values(telling.fail(BUSY))

    assert before[-1]["sequence_number"] == 5
    assert (error["sequence_number"], failed["sequence_number"]) == (6, 7)
    assert failed["response"]["id"] == "resp_t"


def test_a_number_that_is_none_is_counted() -> None:
    telling = writer()
    fed(telling, CREATED, native("response.output_text.delta", content=True))

    assert values(telling.fail(BUSY))[0]["sequence_number"] == 2


def test_a_stream_without_its_end_is_ended_with_what_was_withheld() -> None:
    telling = writer()
    fed(telling, CREATED, PROGRESS, ADDED)

    events = values(telling.end())

    assert events[0] == original(ADDED)
    assert events[-1]["type"] == "response.completed"
