"""Our answer in OpenAI's words: spelled from events, or passed on where it came in them."""

import json
from collections.abc import Sequence
from contextlib import closing
from dataclasses import replace
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
from bff.chat.reply import Collector, Reply
from bff.chat.request import ToolCall
from bff.dialects.openai_chat import NAME, StreamReader, read_reply
from bff.dialects.openai_chat.telling import DONE, HEARTBEAT, StreamWriter
from bff.dialects.openai_chat.told_whole import write_reply
from bff.errors import Kind, Problem
from tests.support.faces import batched, chunk, cut_into, replies
from tests.support.sdk_parsers import Parsers

HEAD = {"id": "chatcmpl-1", "object": "chat.completion.chunk", "created": 5, "model": "asked"}
BEGUN = Started("theirs", "their-model", 7)
OURS = Started("chatcmpl-1", "asked", 5)
USED = UsageReported(3, 4, 7, 1, 1, 2)
TOLD_USAGE = {
    "prompt_tokens": 3,
    "completion_tokens": 4,
    "total_tokens": 7,
    "prompt_tokens_details": {"cached_tokens": 1, "cache_write_tokens": 1},
    "completion_tokens_details": {"reasoning_tokens": 2},
}
STOP = Finished(FinishReason.STOP)
CALLED = (ToolStarted(0, "c0", "now"), ToolDelta(0, '{"tz":'), ToolDelta(0, '"UTC"}'))


def writer(**more: Any) -> StreamWriter:
    return StreamWriter(model="asked", created=5, answer_id="chatcmpl-1", **more)


def values(body: bytes) -> list[Any]:
    """Each frame's value. Every frame must be one ASCII line between `data: ` and a blank line."""
    assert body.isascii()
    assert body.endswith(b"\n\n")
    lines = body.decode().removesuffix("\n\n").split("\n\n")
    assert all(line.startswith("data: ") and "\n" not in line for line in lines)
    said = [line.removeprefix("data: ") for line in lines]
    return [line if line == "[DONE]" else json.loads(line) for line in said]


def told(*events: Event, **more: Any) -> list[Any]:
    telling = writer(**more)
    return values(b"".join([*[telling.feed(chunk(event)) for event in events], telling.end()]))


def deltas(frames: Sequence[Any]) -> list[Any]:
    return [frame["choices"][0]["delta"] for frame in frames if frame != "[DONE]"]


def ending(frames: Sequence[Any]) -> Any:
    return frames[-2]["choices"][0]["finish_reason"]


def native(value: Any, *events: Event, content: bool = False, delta: bool = True) -> Chunk:
    data = value if isinstance(value, bytes) else json.dumps(value).encode()
    return Chunk(events, Original(NAME, data), content, delta)


def wire(delta: Any, **more: Any) -> dict[str, Any]:
    choice = {"index": 0, "delta": delta, "finish_reason": more.pop("finish_reason", None)}
    head = HEAD | {"id": "theirs", "created": 7, "model": "their-model"}
    return {**head, "choices": [choice], **more}


def native_answer(*frames: tuple[Any, tuple[Event, ...]], **more: Any) -> list[Any]:
    telling = writer(**more)
    fed = [telling.feed(native(value, *events)) for value, events in frames]
    return values(b"".join([*fed, telling.end()]))


FIRST = (wire({"role": "assistant", "content": ""}), (BEGUN,))
LAST = (wire({}, finish_reason="stop"), (STOP,))


# -- spelled ---------------------------------------------------------------------------------------


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


# -- passed on -------------------------------------------------------------------------------------


def test_a_frame_of_this_dialect_keeps_every_field_of_its_own() -> None:
    first, text, last, done = native_answer(
        FIRST, (wire({"content": "Hé"}, system_fingerprint="fp"), ()), LAST
    )

    assert text == wire({"content": "Hé"}, system_fingerprint="fp")
    assert (first, last, done) == (FIRST[0], LAST[0], "[DONE]")


def test_padding_is_not_passed_on_and_a_usage_nobody_asked_for_neither() -> None:
    padded = wire({"content": 'say "obfuscation": "x", "usage":null'}, usage=None, obfuscation="Ab")
    used = {"id": "theirs", "choices": [], "usage": {"prompt_tokens": 1}}
    telling = writer()

    frames = native_answer(FIRST, (padded, ()), LAST)
    telling.feed(native(used, USED, delta=False))

    assert frames[1] == wire({"content": 'say "obfuscation": "x", "usage":null'})
    assert telling.feed(native(used, USED, delta=False)) == b""
    assert b"usage" not in telling.end()


def test_a_usage_asked_for_is_passed_on_as_it_came_at_the_end() -> None:
    usage = {"prompt_tokens": 3, "completion_tokens": 4, "total_tokens": 7, "odd": 1}
    used = {"id": "theirs", "created": 7, "model": "their-model", "choices": [], "usage": usage}

    frames = native_answer(FIRST, (used | {"service_tier": "flex"}, (USED,)), include_usage=True)

    assert frames[-2] == used | {"service_tier": "flex", "object": "chat.completion.chunk"}


def test_a_usage_beside_a_choice_leaves_the_choice() -> None:
    last = wire({}, finish_reason="stop", usage={"total_tokens": 7})

    plain = native_answer(FIRST, (last, (STOP, USED)))
    asked = native_answer(FIRST, (last, (STOP, USED)), include_usage=True)

    assert [frame for frame in plain if "usage" in frame] == []
    assert [frame.get("usage", 0) for frame in asked[:-1]] == [0, None, {"total_tokens": 7}]
    assert asked[-2]["choices"] == []


def test_a_frame_without_any_choice_is_not_passed_on() -> None:
    filtered = {"id": "", "model": "", "created": 0, "choices": [], "prompt_filter_results": []}
    telling = writer()

    assert telling.feed(native(filtered, delta=False)) == b""


def test_a_frame_over_several_lines_is_one_line() -> None:
    spread = json.dumps(wire({"content": "a\nb"}), indent=1).encode()
    telling = writer()
    telling.feed(native(*FIRST[:1], BEGUN))

    [frame] = values(telling.feed(native(spread, TextDelta("a\nb"), content=True)))

    assert frame == wire({"content": "a\nb"})


def test_who_speaks_is_said_first_even_if_upstream_did_not() -> None:
    frames = native_answer((wire({"content": "x"}), (BEGUN, TextDelta("x"))), LAST)

    assert deltas(frames) == [{"role": "assistant", "content": ""}, {"content": "x"}, {}]
    assert {frame["id"] for frame in frames[:-1]} == {"theirs"}


@pytest.mark.parametrize("absent", ["id", "created", "model"])
def test_a_head_that_upstream_did_not_give_is_ours(absent: str) -> None:
    lame = {
        "id": Started("", "m", 7),
        "created": Started("i", "m", 0),
        "model": Started("i", "", 7),
    }
    first = {name: value for name, value in FIRST[0].items() if name != absent}

    frames = native_answer((first, (lame[absent],)), LAST)

    assert [{name: frame[name] for name in HEAD} for frame in frames[:-1]] == [HEAD, HEAD]


def test_after_our_own_first_frame_all_frames_bear_its_head() -> None:
    telling = writer()

    body = b"".join(
        [telling.begin(), telling.begin()]
        + [telling.feed(native(value, *events)) for value, events in (FIRST, LAST)]
        + [telling.end()]
    )

    frames = values(body)
    assert deltas(frames) == [{"role": "assistant", "content": ""}, {}]
    assert [{name: frame[name] for name in HEAD} for frame in frames[:-1]] == [HEAD] * 2


def test_a_second_try_under_another_id_bears_the_first() -> None:
    again = wire({"role": "assistant", "content": ""}) | {"id": "other"}
    other = Started("other", "their-model", 7)

    frames = native_answer(FIRST, (again, (other,)), (LAST[0] | {"id": "other"}, (STOP,)))

    assert {frame["id"] for frame in frames[:-1]} == {"theirs"}


@pytest.mark.parametrize("id_", ["theirs", "another"])
def test_who_speaks_is_said_once_whatever_upstream_repeats(id_: str) -> None:
    again = wire({"role": "assistant", "content": ""}) | {"id": id_}
    text = wire({"role": "assistant", "content": "Hi"}) | {"id": id_}
    other = Started(id_, "their-model", 7)

    frames = native_answer(FIRST, (again, (other,)), (text, (TextDelta("Hi"),)), LAST)

    assert deltas(frames) == [{"role": "assistant", "content": ""}, {"content": "Hi"}, {}]
    assert {frame["id"] for frame in frames[:-1]} == {"theirs"}


def test_who_spoke_is_an_assistant_to_the_sdk_after_a_stream_that_began_early() -> None:
    telling, parsers = writer(), Parsers()
    said = [native(value, *events) for value, events in (FIRST, LAST)]

    with closing(parsers):
        seen = parsers.completion_stream(
            b"".join([telling.begin(), *map(telling.feed, said), telling.end()]), 1 << 20
        )  # it looks at the role

    assert seen.reason is FinishReason.STOP


def test_another_answer_to_the_same_question_says_who_speaks_itself() -> None:
    second = wire({"role": "assistant", "content": ""})
    second["choices"][0]["index"] = 1
    last = wire({}, finish_reason="stop")
    last["choices"][0]["index"] = 1

    frames = native_answer(FIRST, (second, ()), LAST, (last, (STOP,)))

    assert frames == [FIRST[0], second, LAST[0], last, "[DONE]"]


def piece(index: Any, name: Any = None, arguments: Any = None, **more: Any) -> dict[str, Any]:
    """A piece of a call as some server spells it, without what is None."""
    function = {"name": name, "arguments": arguments}
    call: dict[str, Any] = {"index": index, **({"type": "function"} if name else {}), **more}
    told = {field: value for field, value in call.items() if value is not None}
    return told | {"function": {key: value for key, value in function.items() if value is not None}}


def heard(*calls: dict[str, Any], finish: str = "tool_calls") -> list[tuple[str, str, Any]]:
    """What a client has of calls that upstream tells in these pieces, a frame each."""
    reader, telling = StreamReader(), writer()
    first = json.dumps(wire({"role": "assistant", "content": None}))
    said = [json.dumps(wire({"tool_calls": [call]})) for call in calls]
    last = json.dumps(wire({}, finish_reason=finish))
    body = "".join(f"data: {one}\n\n" for one in [first, *said, last, "[DONE]"]).encode()
    told = b"".join([*map(telling.feed, reader.feed(body)), telling.end()])
    put_together: dict[int, list[str]] = {}
    for delta in deltas(values(told)):
        for call in delta.get("tool_calls", ()):
            if call["index"] not in put_together:
                assert call["type"] == "function"
                put_together[call["index"]] = [call["id"], call["function"]["name"], ""]
            else:
                assert {"id", "type"}.isdisjoint(call)
                assert "name" not in call["function"]
            put_together[call["index"]][2] += call["function"]["arguments"]
    assert list(put_together) == list(range(len(put_together)))
    assert ending(values(told)) == ("tool_calls" if put_together else "stop")
    return [(id_, name, json.loads(said)) for id_, name, said in put_together.values()]


@pytest.mark.parametrize(
    "pieces",
    [
        [piece(None, "now", '{"a":1}', id="c0")],
        [piece(0, "now", "", id="c0"), piece(None, None, '{"a":'), piece(None, None, "1}")],
        [piece(0, "now", '{"a":', id="c0"), piece(None, None, "1}")],
        [piece(0, "now", {"a": 1}, id="c0")],
        [piece(5, "now", '{"a":1}', id="c0")],
        [piece(0, "", "", id="c0"), piece(0, "now", '{"a":1}')],
        [piece(0, None, None, id="c0"), piece(0, "now", '{"a":1}')],
        [piece(0, "now", '{"a"', id="c0"), piece(0, "now", ":1}", id="c0")],
        [piece(0, "now", None, id="c0"), piece(0, None, '{"a":1}')],
        [piece(0, "now", '{"a":1}', id="c0", type=None)],
        [piece(0, "now", '{"a":1}', id="c0"), piece(1, None, "{}", id="c1")],
    ],
    ids=[
        *("no index", "index first only", "index first only, more", "arguments as an object"),
        *("another first index", "name later", "id first", "name twice", "no arguments at first"),
        *("no type", "a call without a name"),
    ],
)
def test_a_call_is_whole_however_upstream_spells_it(pieces: list[dict[str, Any]]) -> None:
    assert heard(*pieces) == [("c0", "now", {"a": 1})]


def test_calls_that_upstream_gives_one_index_or_one_id_are_two() -> None:
    first, second = piece(0, "now", '{"a":1}', id="c0"), piece(0, "then", '{"b":', id="c1")

    assert heard(first, second, piece(0, None, "2}")) == [
        ("c0", "now", {"a": 1}),
        ("c1", "then", {"b": 2}),
    ]
    assert [name for _, name, _ in heard(first, piece(1, "now", "{}", id="c0"))] == ["now", "now"]
    assert len({id_ for id_, _, _ in heard(first, piece(1, "now", "{}", id="c0"))}) == 2


def test_a_piece_of_a_call_that_says_nothing_is_nothing() -> None:
    first = piece(0, "now", '{"a":1}', id="c0")

    assert heard(first, piece(0), piece(0, None, "")) == [("c0", "now", {"a": 1})]
    assert deltas(
        told(BEGUN, CALLED[0], ToolDelta(0, ""), CALLED[1], Finished(FinishReason.LENGTH))
    )[2:] == [
        {"tool_calls": [{"index": 0, "function": {"arguments": '{"tz":'}}]},
        {},
    ]


def test_a_call_without_an_id_gets_one() -> None:
    [(id_, name, _)] = heard(piece(0, "now", "{}"))

    assert (id_[:5], name) == ("call_", "now")


@pytest.mark.parametrize("said", [None, ""])
def test_a_call_that_upstream_gives_no_arguments_has_an_empty_object(said: str | None) -> None:
    assert heard(piece(0, "now", said, id="c0")) == [("c0", "now", {})]
    assert heard(piece(0, "now", said, id="c0"), finish="stop") == [("c0", "now", {})]


def test_calls_that_end_in_the_frame_they_begin_in_are_told_before_the_end() -> None:
    call = piece(0, "now", "", id="c0")
    frame = wire({"tool_calls": [call]}, finish_reason="tool_calls")

    frames = native_answer(FIRST, (frame, (CALLED[0], Finished(FinishReason.TOOL_CALLS))))

    assert [delta.get("tool_calls", [{}])[0].get("function") for delta in deltas(frames)[1:]] == [
        {"name": "now", "arguments": ""},
        {"arguments": "{}"},
        None,
    ]
    assert ending(frames) == "tool_calls"


@pytest.mark.parametrize("typed", [{"type": "custom"}, {}])
def test_calls_of_another_kind_are_passed_on_with_all_that_follows(typed: dict[str, str]) -> None:
    custom = {"index": 0, "id": "c0", **typed, "custom": {"name": "sql", "input": ""}}
    more = {"index": 0, "custom": {"input": "SELECT 1"}}
    call = piece(1, "now", '{"tz":"UTC"}', id="c1")
    last = wire({}, finish_reason="tool_calls")
    told_too = (ToolStarted(0, "c1", "now"), ToolDelta(0, '{"tz":"UTC"}'))
    said = [wire({"tool_calls": [one]}) for one in (custom, more, call)]

    frames = native_answer(
        FIRST, (said[0], ()), (said[1], ()), (said[2], told_too), (last, (STOP,))
    )

    assert frames == [FIRST[0], *said, last, "[DONE]"]


def test_a_function_call_that_nobody_asked_for_is_told_as_a_call() -> None:
    called = wire({"function_call": {"name": "now", "arguments": "{}"}})
    events = (CALLED[0], ToolDelta(0, "{}"))
    last = wire({}, finish_reason="function_call")

    frames = native_answer(FIRST, (called, events), (last, (Finished(FinishReason.TOOL_CALLS),)))

    assert [delta for delta in deltas(frames) if "function_call" in delta] == []
    assert deltas(frames)[1]["tool_calls"][0]["function"]["name"] == "now"
    assert ending(frames) == "tool_calls"


@pytest.mark.parametrize("word", ["eos", "error", "tool_calls", "STOP"])
def test_an_answer_ends_with_a_word_of_openais_that_fits(word: str) -> None:
    last = wire(None, finish_reason=word)

    frames = native_answer(FIRST, (last, (STOP,)))

    assert frames[-2] == wire({}, finish_reason="stop")


@pytest.mark.parametrize("second", [None, 5, "x", {"delta": 5}, {"delta": {"tool_calls": [None]}}])
def test_what_other_choices_hold_is_passed_on_unread(second: Any) -> None:
    first = {"index": 0, "delta": {"content": "Hi"}, "finish_reason": None}
    frame = {"id": "c9", "created": 1, "model": "m", "choices": [first, second]}
    speaker = writer()
    speaker.begin()

    passed = values(speaker.feed(native(frame, TextDelta("Hi"), content=True)))

    assert [value["choices"] for value in passed] == [[first, second]]


def test_calls_of_this_dialect_are_passed_on() -> None:
    call = piece(0, "now", "", id="c0", odd=1)

    frames = native_answer(FIRST, (wire({"tool_calls": [call]}), CALLED[:1]), LAST)

    assert deltas(frames)[1] == {"tool_calls": [call]}


def test_calls_of_this_dialect_are_respelled_for_who_asked_with_functions() -> None:
    call = {"index": 0, "id": "c0", "function": {"name": "now", "arguments": ""}}
    used = wire({}, finish_reason="tool_calls", usage={"total_tokens": 7})
    more = {"index": 0, "function": {"arguments": "{}"}}

    frames = native_answer(
        FIRST,
        (wire({"tool_calls": [call]}), CALLED[:1]),
        (wire({"tool_calls": [more]}), (ToolDelta(0, "{}"),)),
        (used, (Finished(FinishReason.TOOL_CALLS), USED)),
        legacy=True,
    )

    assert deltas(frames)[1:] == [
        {"function_call": {"name": "now", "arguments": ""}},
        {"function_call": {"arguments": "{}"}},
        {},
    ]
    assert ending(frames) == "function_call"


def test_a_function_call_of_upstreams_own_is_passed_on() -> None:
    called = wire({"function_call": {"name": "now", "arguments": "{}"}})
    last = wire({}, finish_reason="function_call")

    said = (CALLED[0], ToolDelta(0, "{}"))
    frames = native_answer(FIRST, (called, said), (last, (STOP,)), legacy=True)

    assert deltas(frames)[1:] == [called["choices"][0]["delta"], {}]
    assert ending(frames) == "function_call"


def test_another_dialects_frames_are_spelled() -> None:
    telling = writer()

    frame = telling.feed(Chunk((BEGUN,), Original("anthropic_messages", b"{}"), False))

    assert deltas(values(frame)) == [{"role": "assistant", "content": ""}]


def test_another_dialects_ping_is_a_heartbeat() -> None:
    ping = Chunk((), Original("anthropic_messages", b'{"type":"ping"}', "ping"))

    assert writer().feed(ping) == HEARTBEAT


# -- in one piece ----------------------------------------------------------------------------------


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


def test_the_done_is_spelled_as_every_client_compares_it() -> None:
    assert DONE == b"data: [DONE]\n\n"
