"""A collected answer: what the chunks said together; and the chunks it could have come in."""

import unicodedata

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bff.chat.events import (
    Chunk,
    Event,
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
from bff.chat.reply import Collector, Reply, cut, replay
from bff.chat.request import ToolCall

BEGUN = Started("id", "model", 0)
USED = UsageReported(3, 4, 7)
STOP = Finished(FinishReason.STOP)

calls = st.lists(st.builds(ToolCall, st.text(), st.text(), st.just('{"a":1}')), max_size=3).map(
    tuple
)
replies = st.builds(
    Reply,
    text=st.text(),
    usage=st.none() | st.just(USED),
    calls=calls,
    reason=st.sampled_from([FinishReason.LENGTH, FinishReason.CONTENT_FILTER]),
    started=st.just(BEGUN),
    stopped_by=st.text(),
    toxic=st.booleans(),
    thought=st.text(),
)


def collected(*events: Event) -> Reply:
    collector = Collector()
    collector.feed([Chunk((event,)) for event in events])
    return collector.reply()


@given(texts=st.lists(st.text()))
def test_the_texts_are_joined(texts: list[str]) -> None:
    said = collected(BEGUN, *map(TextDelta, texts), USED, STOP)

    assert said == Reply("".join(texts), USED, reason=FinishReason.STOP, started=BEGUN)


def test_calls_and_thoughts_are_joined_beside_the_text() -> None:
    said = collected(
        BEGUN,
        ThoughtDelta("hm"),
        ThoughtDelta("m"),
        TextDelta("I look."),
        ToolStarted(0, "c0", "now"),
        ToolDelta(0, '{"tz":'),
        ToolStarted(1, "c1", "here"),
        ToolDelta(0, '"UTC"}'),
        Flagged(),
        Finished(FinishReason.TOOL_CALLS, "END"),
    )

    assert said.calls == (ToolCall("c0", "now", '{"tz":"UTC"}'), ToolCall("c1", "here", "{}"))
    assert (said.text, said.thought, said.toxic) == ("I look.", "hmm", True)
    assert (said.reason, said.stopped_by) == (FinishReason.TOOL_CALLS, "END")


def test_a_new_try_begins_the_answer_anew() -> None:
    said = collected(
        BEGUN,
        TextDelta("half"),
        ToolStarted(0, "c", "f"),
        Flagged(),
        USED,
        BEGUN,
        TextDelta("whole"),
    )

    assert said == Reply("whole", None, started=BEGUN)


def test_usage_without_an_answer_is_no_text() -> None:
    assert collected(BEGUN, USED) == Reply(None, USED, started=BEGUN)
    assert collected() == Reply(None, None)


def test_an_answer_may_be_empty() -> None:
    said = collected(BEGUN, STOP)

    assert (said.text, said.usage) == ("", None)


@given(reply=replies)
def test_a_replayed_answer_collects_to_itself(reply: Reply) -> None:
    collector = Collector()
    collector.feed(replay(reply))

    assert collector.reply() == reply


def test_an_answer_with_calls_ends_with_them_whatever_upstream_called_it() -> None:
    call = ToolCall("c", "now", "{}")

    [*_, last] = replay(Reply("", None, (call,), FinishReason.STOP))

    assert last.events == (Finished(FinishReason.TOOL_CALLS),)
    [*_, last] = replay(Reply("", None))
    assert last.events == (STOP,)


@given(text=st.text() | st.text("ab \n\u0301\u200d\ud83d\ude00é中", max_size=300))
def test_the_pieces_are_the_text_and_no_character_is_parted(text: str) -> None:
    pieces = cut(text)

    assert "".join(pieces) == text
    assert all(pieces)
    for piece in pieces[1:]:
        assert not unicodedata.category(piece[0]).startswith("M")
        assert not "\udc00" <= piece[0] <= "\udfff"


def test_marks_stay_with_what_they_mark_however_many_they_are() -> None:
    marked = "a" + "\u0301" * 1_000_000 + "b"

    assert cut(marked) == [marked[:-1], "b"]


def test_a_huge_text_comes_in_no_more_pieces_than_a_large_one() -> None:
    text = "five words make this line " * 100_000 + "\u0301"

    pieces = cut(text)

    assert len(pieces) <= 10_000
    assert "".join(pieces) == text


@pytest.mark.parametrize(
    ("text", "pieces"),
    [
        ("", []),
        ("one two\n\nthree", ["one ", "two\n\n", "three"]),
        ("  in front", ["  in ", "front"]),
        ("x" * 100, ["x" * 48, "x" * 48, "x" * 4]),
        ("a" * 47 + "👍🏽b", ["a" * 47 + "👍🏽", "b"]),
        ("a" * 47 + "👩‍💻!", ["a" * 47 + "👩‍💻", "!"]),
        ("a \u0301b", ["a \u0301", "b"]),
    ],
)
def test_a_piece_is_a_word_or_so(text: str, pieces: list[str]) -> None:
    assert cut(text) == pieces
