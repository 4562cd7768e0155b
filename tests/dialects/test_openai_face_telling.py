"""Our answer as a stream in OpenAI's words, spelled from events."""

from collections.abc import Sequence
from dataclasses import replace
from typing import Any

from hypothesis import given
from hypothesis import strategies as st

from bff.chat.events import (
    Chunk,
    Finished,
    FinishReason,
    Flagged,
    Started,
    TextDelta,
    ThoughtDelta,
    ToolDelta,
    ToolStarted,
    UsageReported,
)
from bff.chat.reply import Collector, Reply
from bff.chat.request import ToolCall
from bff.dialects.openai_chat import StreamReader
from bff.dialects.openai_chat.telling import DONE, HEARTBEAT
from bff.errors import Kind, Problem
from tests.support.faces import batched, chunk, cut_into, replies
from tests.support.openai_face import (
    BEGUN,
    CALLED,
    FIRST,
    HEAD,
    LAST,
    OURS,
    STOP,
    TOLD_USAGE,
    USED,
    deltas,
    ending,
    native_answer,
    told,
    values,
    wire,
    writer,
)


def test_an_answer_is_spelled_frame_by_frame() -> None:
    choice = {"index": 0, "logprobs": None, "finish_reason": None}

    assert told(BEGUN, TextDelta("Hé"), USED, STOP) == [
        HEAD | {"choices": [choice | {"delta": {"role": "assistant", "content": ""}}]},
        HEAD | {"choices": [choice | {"delta": {"content": "Hé"}}]},
        HEAD | {"choices": [choice | {"delta": {}, "finish_reason": "stop"}]},
        "[DONE]",
    ]


def test_the_usage_comes_last_and_only_when_asked_for() -> None:
    frames = told(BEGUN, USED, TextDelta("x"), STOP, include_usage=True)

    assert frames[-2] == HEAD | {"choices": [], "usage": TOLD_USAGE}
    assert all(frame["usage"] is None for frame in frames[:-2])
    assert all("usage" not in frame for frame in told(BEGUN, USED, STOP)[:-1])


def test_a_usage_that_was_asked_for_and_that_nobody_reported_is_estimated() -> None:
    said = (BEGUN, TextDelta("12345"), ThoughtDelta("6"), *CALLED)
    passed = native_answer(FIRST, (wire({"content": "x"}), (TextDelta("x"),)), LAST)

    *_, last, _ = told(*said, include_usage=True, input_tokens=9)
    *_, native, _ = native_answer(FIRST, LAST, include_usage=True, input_tokens=9)

    # 19 characters, four of them a token
    assert (last["choices"], last["usage"]["prompt_tokens"]) == ([], 9)
    assert (last["usage"]["completion_tokens"], last["usage"]["total_tokens"]) == (5, 14)
    assert (native["id"], native["usage"]["total_tokens"]) == ("theirs", 9)
    assert all("usage" not in frame for frame in passed)


def test_calls_have_an_index_in_each_frame_and_id_and_name_in_the_first() -> None:
    frames = told(BEGUN, *CALLED, Finished(FinishReason.TOOL_CALLS))

    function = {"name": "now", "arguments": ""}
    first = {"index": 0, "id": "c0", "type": "function", "function": function}
    assert deltas(frames)[1:-1] == [
        {"tool_calls": [first]},
        {"tool_calls": [{"index": 0, "function": {"arguments": '{"tz":'}}]},
        {"tool_calls": [{"index": 0, "function": {"arguments": '"UTC"}'}}]},
    ]
    assert ending(frames) == "tool_calls"


def test_a_call_that_never_got_arguments_has_an_empty_object() -> None:
    frames = told(
        BEGUN, ToolStarted(0, "a", "f"), ToolStarted(1, "b", "g"), ToolDelta(0, "{}"), STOP
    )

    assert deltas(frames)[-2:] == [
        {"tool_calls": [{"index": 1, "function": {"arguments": "{}"}}]},
        {},
    ]
    assert ending(frames) == "tool_calls"


def test_a_call_without_a_name_is_no_call_and_no_id_is_used_twice() -> None:
    frames = told(
        *(BEGUN, ToolStarted(0, "a", ""), ToolDelta(0, "{}"), ToolStarted(1, "a", "f")),
        *(ToolStarted(2, "a", "g"), ToolStarted(3, "", "h"), ToolStarted(1, "a", "f"), STOP),
    )

    calls = [d["tool_calls"][0] for d in deltas(frames) if "tool_calls" in d]
    assert [(c["index"], c["id"]) for c in calls if "id" in c] == [
        (0, "a"),
        (1, f"call_{1:024d}"),
        (2, f"call_{2:024d}"),
    ]
    assert ending(told(BEGUN, ToolStarted(0, "a", ""), Finished(FinishReason.TOOL_CALLS))) == "stop"


def test_thoughts_are_shown_only_to_who_asked_for_them() -> None:
    events = (BEGUN, ThoughtDelta("hm", "sig"), Flagged(), TextDelta("x"), STOP)

    assert deltas(told(*events))[1:] == [{"content": "x"}, {}]
    assert {"reasoning_content": "hm"} in deltas(told(*events, thoughts=True))


def test_a_second_try_begins_no_second_answer() -> None:
    again = Started("other", "other", 9)

    assert told(BEGUN, again, TextDelta("x"), STOP) == told(BEGUN, TextDelta("x"), STOP)


def test_what_is_missing_at_the_end_is_said() -> None:
    assert told() == told(BEGUN, STOP)
    assert deltas(told(TextDelta("x"), TextDelta(""))) == deltas(told(BEGUN, TextDelta("x"), STOP))


def test_who_asked_with_functions_is_answered_with_a_function_call() -> None:
    more = (ToolStarted(1, "c1", "here"), ToolDelta(1, "{}"))

    frames = told(BEGUN, *CALLED, *more, STOP, legacy=True)

    assert deltas(frames)[1:-1] == [
        {"function_call": {"name": "now", "arguments": ""}},
        {"function_call": {"arguments": '{"tz":'}},
        {"function_call": {"arguments": '"UTC"}'}},
    ]
    assert ending(frames) == "function_call"


def test_a_failure_in_the_stream_is_an_error_frame_and_done() -> None:
    telling = writer(request_id="req_1")
    telling.feed(chunk(BEGUN))

    error, done = values(telling.fail(Problem(Kind.OVERLOADED, "Busy.")))

    assert done == "[DONE]"
    assert error["error"]["message"] == "Busy."
    assert (error["error"]["type"], error["error"]["code"]) == ("server_error", "overloaded")
    assert (error["error"]["param"], error["error"]["request_id"]) == (None, "req_1")


def test_the_heartbeat_is_a_comment() -> None:
    assert HEARTBEAT.startswith(b":")
    assert HEARTBEAT.endswith(b"\n\n")


def collected(events: Sequence[Chunk]) -> Reply:
    collector = Collector()
    collector.feed(events)
    return collector.reply()


def folded(frames: Sequence[Any]) -> Reply:
    """The answer as a client would put it together."""
    texts: list[str] = []
    calls: dict[int, list[str]] = {}
    reason, usage = None, None
    assert frames[-1] == "[DONE]"
    assert frames[0]["choices"][0]["delta"]["role"] == "assistant"
    for frame in frames[:-1]:
        assert {name: frame[name] for name in HEAD} == HEAD
        usage = frame.get("usage") or usage
        for choice in frame["choices"]:
            delta = choice["delta"]
            reason = choice["finish_reason"] or reason
            texts.append(delta.get("content") or "")
            for call in delta.get("tool_calls", ()):
                name, id_ = call["function"].get("name", ""), call.get("id", "")
                said = calls.setdefault(call["index"], [id_, name, ""])
                said[2] += call["function"]["arguments"]
    assert usage is not None
    return Reply(
        text="".join(texts),
        usage=UsageReported(
            *(usage["prompt_tokens"], usage["completion_tokens"], usage["total_tokens"]),
            *usage["prompt_tokens_details"].values(),
            *usage["completion_tokens_details"].values(),
        ),
        calls=tuple(ToolCall(*said) for said in calls.values()),
        reason=FinishReason(reason),
        started=OURS,
    )


@given(answer=batched(replies()))
def test_any_answer_in_any_batches_is_put_together_again_by_a_client(
    answer: tuple[Reply, list[Chunk]],
) -> None:
    reply, chunks = answer
    telling = writer(include_usage=True)

    body = b"".join([*map(telling.feed, chunks), telling.end()])

    assert folded(values(body)) == replace(reply, started=OURS)


@given(answer=batched(replies()), size=st.integers(1, 60))
def test_any_answer_is_read_again_by_our_own_reader(
    answer: tuple[Reply, list[Chunk]], size: int
) -> None:
    reply, chunks = answer
    telling, reader = writer(include_usage=True), StreamReader()

    body = b"".join([*map(telling.feed, chunks), telling.end()])
    read = [c for piece in cut_into(body, size) for c in reader.feed(piece)]
    again = collected(read)

    assert (reader.problem, reader.bad_events, reader.done) == (None, 0, True)
    assert (again.text, again.reason, again.started) == (reply.text, reply.reason, OURS)
    assert again.usage is not None
    assert reply.usage is not None
    assert again.usage.total_tokens == reply.usage.total_tokens
    assert again.calls == reply.calls


@given(answer=batched(replies()), size=st.integers(1, 60), usage=st.booleans())
def test_an_answer_in_this_dialect_is_passed_on_frame_by_frame(
    answer: tuple[Reply, list[Chunk]], size: int, usage: bool
) -> None:
    upstream, reader, telling = writer(include_usage=True), StreamReader(), writer()
    if usage:
        telling = writer(include_usage=True)
    body = b"".join([*map(upstream.feed, answer[1]), upstream.end()])

    read = [c for piece in cut_into(body, size) for c in reader.feed(piece)]
    passed = values(b"".join([*map(telling.feed, read), telling.end()]))

    frames = values(body)
    if not usage:
        frames = [frame for frame in frames if frame == "[DONE]" or frame["choices"]]
        for frame in frames[:-1]:
            frame.pop("usage", None)
    assert passed == frames


def test_the_done_is_spelled_as_every_client_compares_it() -> None:
    assert DONE == b"data: [DONE]\n\n"
