"""A message in one piece says what it would have said as a stream."""

from typing import Any

import orjson
import pytest

from bff.chat.events import (
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
from bff.dialects.anthropic_messages import NAME, Hearing, read_message, read_reply
from bff.errors import Kind, Problem, Sign

USAGE = {"input_tokens": 5, "cache_read_input_tokens": 2, "output_tokens": 3}
USED = UsageReported(7, 3, 10, 2)
TEXT = {"type": "text", "text": "Hi"}
CALL = {"type": "tool_use", "id": "a", "name": "now", "input": {"tz": "Köln"}}
BEGUN = Started("m1", "c", 0)


def message(*content: Any, **more: Any) -> bytes:
    head = {"id": "m1", "type": "message", "model": "c", "content": list(content)}
    return orjson.dumps({**head, "stop_reason": "end_turn", "usage": USAGE, **more})


def events(data: bytes, **more: Any) -> list[Event]:
    return [event for chunk in read_message(data, **more) for event in chunk.events]


def test_all_that_a_message_holds_is_read_in_its_order() -> None:
    thought = {"type": "thinking", "thinking": "Hm", "signature": "c2ln"}
    odd = {"type": "redacted_thinking", "data": "x"}
    bare = {"type": "tool_use", "id": "b", "name": "tick"}

    assert events(message(thought, odd, TEXT, CALL, bare, stop_reason="tool_use")) == [
        BEGUN,
        ThoughtDelta("Hm", "c2ln"),
        TextDelta("Hi"),
        ToolStarted(0, "a", "now"),
        ToolDelta(0, '{"tz":"K\\u00f6ln"}'),
        ToolStarted(1, "b", "tick"),
        ToolDelta(1, "{}"),
        USED,
        Finished(FinishReason.TOOL_CALLS),
    ]


def test_it_ends_with_its_reason() -> None:
    def end(*content: Any, **more: Any) -> Event:
        return events(message(*content, **more))[-1]

    assert end(TEXT, stop_reason="stop_sequence", stop_sequence="END") == Finished(
        FinishReason.STOP, "END"
    )
    assert end(TEXT, stop_reason="max_tokens") == Finished(FinishReason.LENGTH)
    assert end(CALL, stop_reason="end_turn") == Finished(FinishReason.TOOL_CALLS)
    assert end(CALL, stop_reason=None) == Finished(FinishReason.TOOL_CALLS)
    assert end(TEXT, stop_reason=None) == Finished(FinishReason.STOP)


def test_content_is_what_a_reader_would_see() -> None:
    assert [chunk.content for chunk in read_message(message(TEXT, CALL))] == [
        *(False, True, True, True),
        *(False, False),
    ]


def test_one_that_was_asked_for_brings_its_own_words_once() -> None:
    data = message(TEXT)

    assert [chunk.original for chunk in read_reply(data)] == [
        Original(NAME, data, "message"),
        *(None, None, None),
    ]
    assert {chunk.original for chunk in read_message(data)} == {None}
    assert {chunk.original for chunk in read_reply(data, Hearing({"n_ow": "n.ow"}))} == {None}


def test_it_is_read_under_the_callers_names() -> None:
    form = {"type": "tool_use", "id": "a", "name": "form", "input": {"a": 1}}

    assert events(message(CALL), hearing=Hearing({"now": "n.ow"}))[1] == ToolStarted(0, "a", "n.ow")
    assert events(message(form, stop_reason="tool_use"), hearing=Hearing(answer_tool="form"))[
        1:
    ] == [
        TextDelta('{"a":1}'),
        USED,
        Finished(FinishReason.STOP),
    ]


@pytest.mark.parametrize("read", [read_message, read_reply])
@pytest.mark.parametrize("data", [b"", b"[]", b"5", b"{}", b'{"content":[5]}', b'{"content":'])
def test_what_is_no_message_is_no_answer(read: Any, data: bytes) -> None:
    with pytest.raises(Problem) as caught:
        read(data)

    assert (caught.value.kind, caught.value.sign) == (Kind.UPSTREAM, Sign.NOT_AN_ANSWER)


@pytest.mark.parametrize("read", [read_message, read_reply])
def test_an_error_under_a_200_is_one(read: Any) -> None:
    error = {"type": "error", "error": {"type": "overloaded_error", "message": "Overloaded"}}

    with pytest.raises(Problem) as caught:
        read(orjson.dumps(error))

    assert caught.value.kind is Kind.OVERLOADED
    with pytest.raises(Problem):
        read(b'{"type":"error"}')


@pytest.mark.parametrize("content", [None, "x", [{"type": "text"}], [{"type": "tool_use"}]])
def test_one_that_cannot_be_read_still_says_what_it_used(content: Any) -> None:
    data = message(content=content)

    [chunk] = read_reply(data)
    assert chunk.events == (BEGUN, USED)
    with pytest.raises(Problem):
        read_message(data)


def test_a_usage_that_is_missing_is_not_told() -> None:
    assert events(message(TEXT, usage=None))[1:] == [TextDelta("Hi"), Finished(FinishReason.STOP)]


def test_a_call_nested_too_deeply_is_no_answer() -> None:
    deep = b'{"a":' + b"[" * 1018 + b"]" * 1018 + b"}"
    call = b'{"type":"tool_use","id":"t","name":"n","input":%b}' % deep

    with pytest.raises(Problem) as failed:
        read_message(b'{"content":[%b],"stop_reason":"tool_use"}' % call)

    assert failed.value.sign is Sign.NOT_AN_ANSWER
