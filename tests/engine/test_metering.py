"""What is known of an answer when it is left: its usage, exactly once, whatever ended it."""

import asyncio
from contextlib import suppress
from dataclasses import replace

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
from bff.engine.attempts import Engine
from bff.engine.metering import Facts, Status, UsageSource
from bff.errors import Kind, Sign
from tests.support.scripted import (
    ANSWER,
    HI,
    QUESTION,
    ROLE,
    UNCOUNTED_END,
    ScriptedVendor,
    ask,
    engine_of,
    failure,
)

ASKED = 2  # the tokens of the question, estimated
TEXT = Chunk((TextDelta("x" * 40),), content=True)
RUNNING = Chunk((Started("msg_1", "m", 0), UsageReported(100, 1, 101)))


def estimate(completion: int) -> UsageReported:
    return UsageReported(ASKED, completion, ASKED + completion, estimated=True)


def vendor_of(*scripts: object) -> ScriptedVendor:
    return ScriptedVendor(*scripts, ways=("direct",))


async def interrupt(engine: Engine, error: Exception) -> None:
    """Leaves the answer by *error*, after its first batch."""
    with suppress(type(error)):
        async with engine.answer(QUESTION) as answer:
            await anext(answer.batches)
            raise error


async def test_what_upstream_reported_is_told_once() -> None:
    engine, witness = engine_of(vendor_of(ANSWER))

    await ask(engine)

    [(facts, status)] = witness.answers
    assert (status, facts.usage, facts.usage_source) == (
        "complete",
        UsageReported(1, 2, 3),
        "reported",
    )


async def test_what_upstream_does_not_report_is_estimated() -> None:
    engine, witness = engine_of(vendor_of([[ROLE], [TEXT], [UNCOUNTED_END]]))

    await ask(engine)

    [(facts, _)] = witness.answers
    assert (facts.usage, facts.usage_source) == (estimate(10), "estimated")


async def test_a_failure_in_the_middle_has_used_what_came() -> None:
    engine, witness = engine_of(vendor_of([[ROLE], [TEXT], failure(Sign.CUT)]))

    await ask(engine)

    [(facts, status)] = witness.answers
    assert (status, facts.usage) == ("failed", estimate(10))


async def test_a_failure_before_the_answer_has_used_nothing() -> None:
    refused = failure(Sign.PROVIDER_REFUSED, Kind.BAD_REQUEST)
    engine, witness = engine_of(vendor_of(refused))

    await ask(engine)

    [(facts, status)] = witness.answers
    assert (status, facts.usage, facts.usage_source) == ("failed", None, "none")


async def test_a_reader_who_leaves_has_used_what_came() -> None:
    engine, witness = engine_of(vendor_of([[ROLE], [TEXT], [UNCOUNTED_END]]))

    async with engine.answer(QUESTION) as answer:
        async for batch in answer.batches:
            if TEXT in batch:
                break

    [(facts, status)] = witness.answers
    assert (status, facts.usage) == ("cancelled", estimate(10))


async def test_a_reader_who_has_gone_is_no_failure_of_ours() -> None:
    engine, witness = engine_of(vendor_of(ANSWER))

    await interrupt(engine, ConnectionResetError())

    assert [status for _, status in witness.answers] == ["cancelled"]


async def test_a_crash_of_our_own_is_a_failure() -> None:
    engine, witness = engine_of(vendor_of(ANSWER))

    await interrupt(engine, ZeroDivisionError())

    assert [status for _, status in witness.answers] == ["failed"]


async def test_a_failure_that_its_reader_handles_inside_is_a_failure() -> None:
    engine, witness = engine_of(vendor_of(failure(Sign.STALLED, Kind.TIMEOUT)))

    async with engine.answer(QUESTION) as answer:
        with pytest.raises(Exception, match="It failed"):
            await anext(answer.batches)

    assert [status for _, status in witness.answers] == ["failed"]


async def test_a_model_that_nobody_has_is_a_failed_answer() -> None:
    engine, witness = engine_of(vendor_of())

    await ask(engine, replace(QUESTION, model="nobody/x"))

    [(facts, status)] = witness.answers
    assert (status, facts.usage, facts.attempts) == ("failed", None, 0)


async def test_an_answer_that_nobody_read_is_cancelled() -> None:
    vendor = vendor_of(ANSWER)
    engine, witness = engine_of(vendor)

    async with engine.answer(QUESTION):
        pass

    assert [(facts.usage, status) for facts, status in witness.answers] == [(None, "cancelled")]
    assert vendor.asked == []


async def test_cancellation_counts_what_came_before_it() -> None:
    engine, witness = engine_of(vendor_of([[ROLE], [TEXT], "hang"]))
    reached = asyncio.Event()

    async def read() -> None:
        async with engine.answer(QUESTION) as answer:
            async for batch in answer.batches:
                if TEXT in batch:
                    reached.set()

    async with asyncio.TaskGroup() as tasks:
        reading = tasks.create_task(read())
        await reached.wait()
        reading.cancel()

    [(facts, status)] = witness.answers
    assert (status, facts.usage) == ("cancelled", estimate(10))


async def test_who_leaves_a_whole_answer_leaves_it_complete() -> None:
    engine, witness = engine_of(vendor_of(ANSWER))

    async with engine.answer(QUESTION) as answer:
        async for batch in answer.batches:
            if not batch:
                break

    assert [status for _, status in witness.answers] == ["complete"]


async def test_a_running_figure_is_raised_where_the_stream_broke() -> None:
    engine, witness = engine_of(vendor_of([[RUNNING], [TEXT], failure(Sign.CUT)]))

    await ask(engine)

    [(facts, _)] = witness.answers
    assert facts.usage == UsageReported(100, 10, 110, estimated=True)
    assert facts.usage_source is UsageSource.ESTIMATED


async def test_a_running_figure_that_is_higher_than_our_estimate_stands() -> None:
    running = Chunk((UsageReported(100, 50, 150),))
    engine, witness = engine_of(vendor_of([[RUNNING], [running], [HI], failure(Sign.CUT)]))

    await ask(engine)

    [(facts, _)] = witness.answers
    assert (facts.usage, facts.usage_source) == (UsageReported(100, 50, 150), "reported")


async def test_a_final_figure_is_never_raised() -> None:
    final = Chunk((UsageReported(100, 3, 103), Finished(FinishReason.STOP)))
    engine, witness = engine_of(vendor_of([[RUNNING], [TEXT], [final]]))

    await ask(engine)

    assert witness.answers[0][0].usage == UsageReported(100, 3, 103)


async def test_an_earlier_try_leaves_nothing_behind() -> None:
    flagged = Chunk((Flagged(), Started("old", "m", 0, "feedback"), UsageReported(9, 9, 18)))
    engine, witness = engine_of(vendor_of([[flagged], failure(Sign.CUT)], [[HI], [UNCOUNTED_END]]))

    await ask(engine)

    [(facts, _)] = witness.answers
    assert facts.usage == estimate(1)
    assert (facts.toxic, facts.answer_id, facts.feedback_id) == (False, "", "")


async def test_an_earlier_try_leaves_nothing_to_one_that_is_refused() -> None:
    begun = Chunk((Started("old", "m", 0, "feedback"), UsageReported(9, 9, 18)))
    refused = failure(Sign.PROVIDER_REFUSED, Kind.BAD_REQUEST)
    engine, witness = engine_of(vendor_of([[begun], failure(Sign.CUT)], refused))

    await ask(engine)

    [(facts, status)] = witness.answers
    assert (status, facts.usage, facts.usage_source) == ("failed", None, "none")
    assert (facts.log_id, facts.headers_s, facts.answer_id) == (None, None, "")


async def test_the_answers_names_and_what_the_vendor_found_are_kept() -> None:
    named = Chunk((Started("chatcmpl-9", "m", 0, "g-1"), Flagged()))
    engine, witness = engine_of(vendor_of([[named], [HI], [UNCOUNTED_END]]))

    await ask(engine)

    [(facts, _)] = witness.answers
    assert (facts.answer_id, facts.feedback_id, facts.toxic) == ("chatcmpl-9", "g-1", True)


EVENTS: st.SearchStrategy[Event] = st.one_of(
    st.builds(TextDelta, st.text(max_size=20)),
    st.builds(ThoughtDelta, st.text(max_size=20)),
    st.just(ToolStarted(0, "call_1", "now")),
    st.builds(lambda text: ToolDelta(0, text), st.text(max_size=20)),
)


@given(st.lists(EVENTS))
def test_texts_thoughts_and_arguments_are_what_an_estimate_counts(events: list[Event]) -> None:
    facts = Facts()
    facts.note_headers({}, 0.1)
    facts.note([Chunk((event,)) for event in events])

    facts.settle_usage(QUESTION)

    said = "".join(
        event.arguments if isinstance(event, ToolDelta) else event.text
        for event in events
        if not isinstance(event, ToolStarted)
    )
    assert facts.usage == estimate(-(-len(said) // 4))
    assert facts.status is Status.CANCELLED
