"""Models that stand in for the one that was asked: when, in what order, and what is told of it."""

from dataclasses import replace

import pytest

from bff.chat.events import Started, TextDelta
from bff.errors import Kind, Problem, Sign
from bff.policy.retry import Patience
from tests.support.clock import FakeClock
from tests.support.scripted import (
    ANSWER,
    END,
    HI,
    QUESTION,
    ROLE,
    ScriptedVendor,
    ask,
    engine_of,
    failure,
    spoken,
)

BUSY = failure(Sign.PROVIDER_BUSY, Kind.UPSTREAM_RATE_LIMIT, status=429, retry_after=30.0)
WRONG_KEY = failure(Sign.PROVIDER_REFUSED, Kind.UPSTREAM_AUTH, status=401)
SPARE = {"vendor/model": ("spare/other",)}


def one_way(*scripts: object, name: str = "vendor", **more: object) -> ScriptedVendor:
    return ScriptedVendor(*scripts, name=name, ways=("direct",), **more)  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("problem", "tries"),
    [
        (BUSY, 1),
        (failure(Sign.PROVIDER_BUSY, Kind.UPSTREAM_RATE_LIMIT), 3),
        (failure(Sign.PROVIDER_DOWN, Kind.OVERLOADED, status=529), 3),
        (failure(Sign.PROVIDER_DOWN, status=500), 3),
        (failure(Sign.NO_FIRST_BYTE, Kind.TIMEOUT), 2),
        (failure(Sign.UNREACHABLE, Kind.CONNECTION), 3),
        (failure(Sign.POOL_FULL, Kind.OVERLOADED), 1),
        (failure(Sign.PROVIDER_REFUSED, Kind.BUDGET, status=429), 1),
        (WRONG_KEY, 1),
    ],
)
async def test_another_model_answers_after_the_retries(problem: Problem, tries: int) -> None:
    vendor, spare = one_way(*[problem] * 3), one_way(ANSWER, name="spare")
    engine, witness = engine_of(vendor, spare, fallbacks=SPARE)

    chunks, facts, failed = await ask(engine)

    assert failed is None
    assert HI in chunks
    assert (len(vendor.asked), spare.models) == (tries, ["other"])
    assert (facts.provider, facts.model, facts.model_used) == ("spare", "other", "spare/other")
    assert (facts.targets_tried, facts.attempts) == (2, tries + 1)
    assert facts.fallback_reasons == [problem.sign.value]
    assert witness.changes == [("vendor", problem.sign.value)]
    assert witness.fallbacks == []
    assert witness.alerts == (["direct"] if problem is WRONG_KEY else [])


@pytest.mark.parametrize(
    ("sign", "kind"),
    [
        (Sign.PROVIDER_REFUSED, Kind.CONTENT_POLICY),
        (Sign.GATEWAY_POLICY, Kind.CONTENT_POLICY),
        (Sign.GATEWAY_LIMIT, Kind.BUDGET),
        (Sign.GATEWAY_LIMIT, Kind.OWN_RATE_LIMIT),
        (Sign.GATEWAY_BILLING, Kind.BUDGET),
        (Sign.PROVIDER_REFUSED, Kind.BAD_REQUEST),
        (Sign.PROVIDER_REFUSED, Kind.CONTEXT_LENGTH),
        (Sign.PROVIDER_REFUSED, Kind.NOT_FOUND),
        (Sign.PROVIDER_REFUSED, Kind.TOO_LARGE),
        (Sign.NONE, Kind.BAD_REQUEST),
    ],
)
async def test_what_is_about_the_question_or_forbidden_goes_to_no_other_model(
    sign: Sign, kind: Kind
) -> None:
    vendor, spare = ScriptedVendor(failure(sign, kind)), one_way(ANSWER, name="spare")
    engine, witness = engine_of(vendor, spare, fallbacks=SPARE)

    _, facts, problem = await ask(engine)

    assert problem is not None
    assert problem.kind is kind
    assert (spare.asked, facts.targets_tried, witness.changes) == ([], 1, [])


async def test_every_way_to_a_model_comes_before_the_next_model() -> None:
    gone = failure(Sign.UNREACHABLE, Kind.CONNECTION)
    vendor = ScriptedVendor(*[gone] * 4)
    spare = ScriptedVendor(gone, ANSWER, name="spare")
    engine, witness = engine_of(vendor, spare, fallbacks=SPARE)

    _, facts, problem = await ask(engine)

    assert problem is None
    assert vendor.asked == ["gateway", "direct", "direct", "direct"]
    assert spare.asked == ["gateway", "direct"]
    assert facts.fallback_reasons == ["unreachable"] * 3
    assert (len(witness.fallbacks), len(witness.changes)) == (2, 1)


async def test_where_our_key_is_wrong_no_other_model_of_that_vendor_is_asked() -> None:
    fallbacks = {"vendor/model": ("vendor/second", "spare/other", "vendor/third")}
    vendor, spare = one_way(WRONG_KEY), one_way(BUSY, name="spare")
    engine, witness = engine_of(vendor, spare, fallbacks=fallbacks)

    _, _, problem = await ask(engine)

    assert problem is WRONG_KEY
    assert (vendor.models, spare.models) == (["model"], ["other"])
    assert witness.alerts == ["direct"]


async def test_another_model_of_the_same_vendor_may_be_free() -> None:
    vendor = one_way(BUSY, ANSWER)
    engine, _ = engine_of(vendor, fallbacks={"vendor/model": ("vendor/second",)})

    _, facts, problem = await ask(engine)

    assert problem is None
    assert vendor.models == ["model", "second"]
    assert facts.model_used == "vendor/second"


async def test_after_the_first_content_no_other_model_goes_on() -> None:
    vendor = one_way([[ROLE], [HI], failure(Sign.CUT)])
    spare = one_way(ANSWER, name="spare")
    engine, _ = engine_of(vendor, spare, fallbacks=SPARE)

    chunks, _, problem = await ask(engine)

    assert problem is not None
    assert (chunks, spare.asked) == ([ROLE, HI], [])


async def test_where_all_fail_the_caller_hears_of_the_model_it_asked_for() -> None:
    refused = failure(Sign.PROVIDER_REFUSED, Kind.BAD_REQUEST, status=400)
    engine, witness = engine_of(one_way(BUSY), one_way(refused, name="spare"), fallbacks=SPARE)

    _, _, problem = await ask(engine)

    assert (problem, problem and problem.retry_after) == (BUSY, 30.0)
    assert witness.answers[0][1] == "failed"


async def test_what_stands_in_and_cannot_be_asked_this_is_passed_over() -> None:
    unsayable = Problem(Kind.BAD_REQUEST, "This model cannot be sent pictures.", at="messages[0]")
    deaf, spare = one_way(unsayable, name="deaf"), one_way(ANSWER, name="spare")
    fallbacks = {"vendor/model": ("deaf/x", "spare/other")}
    engine, witness = engine_of(one_way(BUSY), deaf, spare, fallbacks=fallbacks)

    chunks, facts, problem = await ask(engine)

    assert (problem, facts.model_used) == (None, "spare/other")
    assert HI in chunks
    assert witness.changes == [("vendor", "provider_busy"), ("deaf", "none")]


@pytest.mark.parametrize("sign", [Sign.PROVIDER_REFUSED, Sign.GATEWAY_POLICY])
async def test_what_stands_in_and_refuses_is_the_last(sign: Sign) -> None:
    refused = failure(sign, Kind.BAD_REQUEST, status=400)
    spare = one_way(ANSWER, name="spare")
    fallbacks = {"vendor/model": ("strict/x", "spare/other")}
    engine, _ = engine_of(
        one_way(BUSY), one_way(refused, name="strict"), spare, fallbacks=fallbacks
    )

    _, _, problem = await ask(engine)

    assert (problem, spare.asked) == (BUSY, [])


async def test_a_break_in_the_middle_of_what_stands_in_is_told_as_it_is() -> None:
    cut = failure(Sign.CUT)
    engine, _ = engine_of(one_way(BUSY), one_way([[HI], cut], name="spare"), fallbacks=SPARE)

    _, _, problem = await ask(engine)

    assert problem is cut


async def test_a_policys_refusal_of_what_stands_in_is_told() -> None:
    policy = failure(Sign.PROVIDER_REFUSED, Kind.CONTENT_POLICY, status=400)
    engine, _ = engine_of(one_way(BUSY), one_way(policy, name="spare"), fallbacks=SPARE)

    _, _, problem = await ask(engine)

    assert problem is policy


# -- what the answer is called ---------------------------------------------------------------------

STARTED = spoken(ROLE)
SAID = [[STARTED], [spoken(HI)], [spoken(END)]]


async def test_the_vendors_own_words_are_passed_on_untouched() -> None:
    engine, _ = engine_of(one_way(SAID))

    chunks, facts, _ = await ask(engine)

    assert all(told is said for told, [said] in zip(chunks, SAID, strict=True))
    assert (facts.mode, facts.sure_mode, facts.model_used) == ("native", True, None)


async def test_another_dialects_answer_has_the_name_the_caller_sent() -> None:
    said = [[spoken(ROLE, "tongue")], [spoken(HI, "tongue")], [spoken(END, "tongue")]]
    engine, _ = engine_of(one_way(said, spoken="tongue"))

    chunks, facts, _ = await ask(engine)

    assert chunks[0].events == (Started("c", "vendor/model", 0),)
    assert [chunk.original for chunk in chunks] == [chunk.original for [chunk] in said]
    assert facts.mode == "translated"


async def test_what_came_whole_is_simulated_whatever_it_speaks() -> None:
    engine, _ = engine_of(one_way(SAID, streams=False))

    chunks, facts, _ = await ask(engine)

    assert chunks[0].events == (Started("c", "vendor/model", 0),)
    assert facts.mode == "simulated"


async def test_what_stands_in_does_not_name_itself_in_the_callers_dialect() -> None:
    engine, _ = engine_of(one_way(BUSY), one_way(SAID, name="spare"), fallbacks=SPARE)

    chunks, facts, _ = await ask(engine)

    assert chunks[0].events == (Started("c", "vendor/model", 0),)
    assert chunks[1].events == (TextDelta("Hi"),)
    assert chunks[1].content
    assert {(chunk.original, chunk.delta) for chunk in chunks} == {(None, False)}
    assert (facts.mode, facts.sure_mode) == ("translated", False)


@pytest.mark.parametrize(("streams", "sure"), [(False, True), (True, False)])
async def test_the_mode_is_sure_where_no_other_can_come(streams: bool, sure: bool) -> None:
    vendor = one_way(ANSWER, streams=False)
    spare = one_way(name="spare", streams=streams)
    engine, _ = engine_of(vendor, spare, fallbacks=SPARE)

    _, facts, _ = await ask(engine)

    assert (facts.mode, facts.sure_mode) == ("simulated", sure)


@pytest.mark.parametrize(
    ("model", "used"),
    [("vendor/model", None), ("house", "vendor/model"), ("gone/model", "vendor/model")],
)
async def test_the_model_is_told_where_it_is_not_simply_what_was_asked(
    model: str, used: str | None
) -> None:
    engine, _ = engine_of(
        one_way(ANSWER),
        aliases={"house": "vendor/model"},
        fallbacks={"gone/model": ("vendor/model",)},
    )

    _, facts, _ = await ask(engine, replace(QUESTION, model=model))

    assert facts.model_used == used


async def test_a_bare_name_is_what_was_asked() -> None:
    engine, _ = engine_of(one_way(ANSWER, name="openai"))

    _, facts, _ = await ask(engine, replace(QUESTION, model="gpt-4o"))

    assert (facts.model, facts.model_used) == ("gpt-4o", None)


async def test_a_name_that_is_too_long_is_asked_of_nobody_and_not_remembered() -> None:
    vendor = one_way(ANSWER)
    engine, _ = engine_of(vendor)

    for _ in range(2):
        _, facts, problem = await ask(engine, replace(QUESTION, model="vendor/" + "m" * 10_000))
        assert problem is not None
        assert (problem.kind, facts.attempts) == (Kind.NOT_FOUND, 0)

    assert vendor.models == []
    assert engine._list_known.cache_info().currsize == 0


async def test_the_parameters_a_vendor_was_not_told_are_those_of_the_one_that_answered() -> None:
    vendor = one_way([failure(Sign.EMPTY_STREAM)], patience=Patience(1), ignored=("seed",))
    spare = one_way(ANSWER, name="spare", ignored=("temperature",))
    engine, _ = engine_of(vendor, spare, fallbacks=SPARE)

    _, facts, _ = await ask(engine)

    assert facts.ignored == ("temperature",)


# -- time ------------------------------------------------------------------------------------------


async def test_each_model_has_its_own_time_within_the_callers() -> None:
    late = failure(Sign.NO_FIRST_BYTE, Kind.TIMEOUT)
    vendor = one_way([10.0, late], total_s=10.0)
    spare = one_way(ANSWER, name="spare", total_s=60.0)
    engine, _ = engine_of(vendor, spare, fallbacks=SPARE)

    _, _, problem = await ask(engine, seconds=30.0)

    assert problem is None
    assert (vendor.deadlines, spare.deadlines) == ([10.0], [30.0])


async def test_both_ways_to_a_model_share_its_time() -> None:
    gone = [4.0, failure(Sign.EMPTY_STREAM)]
    vendor = ScriptedVendor(gone, ANSWER, total_s=10.0)
    engine, _ = engine_of(vendor)

    await ask(engine)

    assert vendor.deadlines == [10.0, 10.0]


async def test_nobody_is_asked_when_the_callers_time_is_over() -> None:
    vendor = one_way([5.0, failure(Sign.STALLED, Kind.TIMEOUT)])
    spare = one_way(ANSWER, name="spare")
    engine, _ = engine_of(vendor, spare, fallbacks=SPARE)

    _, _, problem = await ask(engine, seconds=5.0)

    assert problem is not None
    assert spare.asked == []


async def test_nobody_waits_longer_than_we_would() -> None:
    vendor = one_way(ANSWER)
    engine, _ = engine_of(vendor, total_s=20.0)

    await ask(engine, seconds=1000.0)

    assert vendor.deadlines == [20.0]


async def test_a_wait_beyond_the_models_time_is_not_waited_for() -> None:
    clock = FakeClock()
    busy = failure(Sign.PROVIDER_BUSY, Kind.UPSTREAM_RATE_LIMIT, retry_after=3.0)
    engine, _ = engine_of(
        one_way(busy, total_s=3.0), one_way(ANSWER, name="spare"), clock=clock, fallbacks=SPARE
    )

    await ask(engine)

    assert clock.slept == []


# -- breakers --------------------------------------------------------------------------------------


async def test_a_vendor_that_is_down_is_passed_over_where_another_is_left() -> None:
    down = failure(Sign.PROVIDER_DOWN, status=500)
    vendor = one_way(*[down] * 5, ANSWER, patience=Patience(1))
    spare = one_way(*[ANSWER] * 6, name="spare")
    clock = FakeClock()
    engine, witness = engine_of(vendor, spare, clock=clock, fallbacks=SPARE)
    for _ in range(5):
        await ask(engine)

    _, facts, _ = await ask(engine)
    clock.time += 31
    _, later, _ = await ask(engine)

    assert (len(vendor.asked), len(spare.asked)) == (6, 6)
    assert (facts.provider, facts.fallback_reasons) == ("spare", ["breaker_open"])
    assert witness.changes[-1] == ("vendor", "breaker_open")
    assert (later.provider, facts.targets_tried) == ("vendor", 1)
    assert (witness.upstreams, witness.states) == (["vendor-direct"] * 2, ["open", "closed"])


async def test_a_vendor_that_is_down_is_asked_all_the_same_where_nobody_else_is_left() -> None:
    down = failure(Sign.PROVIDER_DOWN, status=500)
    vendor = one_way(*[down] * 5, ANSWER, patience=Patience(1))
    engine, _ = engine_of(vendor)
    for _ in range(5):
        await ask(engine)

    _, facts, problem = await ask(engine)

    assert (problem, facts.fallback_reasons) == (None, [])


async def test_a_way_whose_breaker_is_open_is_passed_over_for_another_model() -> None:
    gone = failure(Sign.UNREACHABLE, Kind.CONNECTION)
    vendor = ScriptedVendor(*[gone] * 10, gone, patience=Patience(1))
    spare = one_way(*[ANSWER] * 6, name="spare")
    clock = FakeClock()
    engine, witness = engine_of(vendor, spare, clock=clock, fallbacks=SPARE)
    for _ in range(5):  # both ways, each its five times
        await ask(engine)
    vendor.asked.clear()

    await ask(engine)

    assert (vendor.asked, len(spare.asked)) == ([], 6)
    assert set(witness.upstreams) == {"vendor", "vendor-direct"}


@pytest.mark.parametrize("problem", [BUSY, WRONG_KEY])
async def test_a_refusal_opens_no_breaker(problem: Problem) -> None:
    vendor = one_way(*[problem] * 20)
    engine, witness = engine_of(vendor)

    for _ in range(20):
        await ask(engine)

    assert witness.states == []


async def test_callers_who_do_not_wait_open_no_breaker() -> None:
    late = [1.0, failure(Sign.NO_FIRST_BYTE, Kind.TIMEOUT)]
    engine, witness = engine_of(one_way(*[late] * 10))

    for _ in range(10):
        await ask(engine, seconds=1.0)

    assert witness.states == []
