"""A collected answer: what the chunks said together."""

from hypothesis import given
from hypothesis import strategies as st

from bff.chat.events import Chunk, Event, Finished, FinishReason, Started, TextDelta, UsageReported
from bff.chat.reply import Collector, Reply

BEGUN = Started("id", "model", 0)
USED = UsageReported(3, 4, 7)


def collected(*events: Event) -> Reply:
    collector = Collector()
    collector.feed([Chunk((event,)) for event in events])
    return collector.reply()


@given(texts=st.lists(st.text()))
def test_the_texts_are_joined(texts: list[str]) -> None:
    said = collected(BEGUN, *map(TextDelta, texts), USED, Finished(FinishReason.STOP))

    assert said == Reply("".join(texts), USED)


def test_a_new_try_begins_the_text_anew() -> None:
    said = collected(BEGUN, TextDelta("half"), BEGUN, TextDelta("whole"))

    assert said == Reply("whole", None)


def test_usage_without_an_answer_is_no_text() -> None:
    assert collected(BEGUN, USED) == Reply(None, USED)
    assert collected() == Reply(None, None)


def test_an_answer_may_be_empty() -> None:
    assert collected(BEGUN, Finished(FinishReason.STOP)) == Reply("", None)
