"""A stream that came in OpenAI's words, passed on: mended only where a client would break on it."""

import json
from contextlib import closing
from typing import Any

import pytest

from bff.chat.events import (
    Chunk,
    Finished,
    FinishReason,
    Original,
    Started,
    TextDelta,
    ToolDelta,
    ToolStarted,
)
from bff.dialects.openai_chat import StreamReader
from bff.dialects.openai_chat.telling import HEARTBEAT
from tests.support.openai_face import (
    BEGUN,
    CALLED,
    FIRST,
    HEAD,
    LAST,
    STOP,
    USED,
    deltas,
    ending,
    native,
    native_answer,
    told,
    values,
    wire,
    writer,
)
from tests.support.sdk_parsers import Parsers


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
