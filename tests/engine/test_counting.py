"""How many tokens a question has: as its vendor counts them, or as we think."""

from dataclasses import replace

import pytest

from bff.chat.events import Original
from bff.chat.usage import Counted
from bff.errors import Kind, Problem, Sign
from tests.support.scripted import QUESTION, ScriptedVendor, engine_of, failure

COUNTED = Counted(7, Original("openai_chat", b"{}"))
ESTIMATED = Counted(2)


async def test_the_vendor_counts_in_its_own_words() -> None:
    vendor = ScriptedVendor(COUNTED)
    engine, witness = engine_of(vendor)

    assert await engine.count(QUESTION) is COUNTED
    assert (vendor.asked, vendor.models, vendor.deadlines) == (["gateway"], ["model"], [10.0])
    assert witness.attempts == [("gateway", "ok")]


async def test_what_is_asked_in_other_words_is_estimated() -> None:
    vendor = ScriptedVendor()
    engine, _ = engine_of(vendor)

    assert await engine.count(replace(QUESTION, passes="anthropic_messages")) == ESTIMATED
    assert vendor.asked == []


async def test_a_vendor_that_does_not_count_is_estimated() -> None:
    engine, _ = engine_of(ScriptedVendor(None, None))

    assert await engine.count(QUESTION) == ESTIMATED


async def test_a_gateway_in_the_way_is_gone_round() -> None:
    vendor = ScriptedVendor(failure(Sign.UNREACHABLE), COUNTED)
    engine, _ = engine_of(vendor)

    assert await engine.count(QUESTION) is COUNTED
    assert vendor.asked == ["gateway", "direct"]


@pytest.mark.parametrize(
    "problem",
    [
        failure(Sign.PROVIDER_BUSY, Kind.UPSTREAM_RATE_LIMIT, status=429),
        failure(Sign.PROVIDER_DOWN, status=500),
        failure(Sign.PROVIDER_REFUSED, Kind.UPSTREAM_AUTH, status=401),
        failure(Sign.GATEWAY_LIMIT, Kind.BUDGET, status=429),
    ],
)
async def test_any_other_failure_of_the_vendors_leads_to_our_estimate(problem: Problem) -> None:
    vendor = ScriptedVendor(problem, COUNTED)
    engine, witness = engine_of(vendor)

    assert await engine.count(QUESTION) == ESTIMATED
    assert vendor.asked == ["gateway"]
    assert witness.attempts == [("gateway", str(problem.status))]


@pytest.mark.parametrize(
    ("sign", "kind"),
    [
        (Sign.PROVIDER_REFUSED, Kind.BAD_REQUEST),
        (Sign.PROVIDER_REFUSED, Kind.NOT_FOUND),
        (Sign.GATEWAY_POLICY, Kind.CONTENT_POLICY),
    ],
)
async def test_what_is_wrong_with_the_question_is_told(sign: Sign, kind: Kind) -> None:
    problem = failure(sign, kind)
    engine, _ = engine_of(ScriptedVendor(problem, COUNTED))

    with pytest.raises(Problem) as caught:
        await engine.count(QUESTION)

    assert caught.value is problem


async def test_what_stands_in_for_a_model_does_not_count_for_it() -> None:
    first = ScriptedVendor(failure(Sign.PROVIDER_DOWN), ways=("direct",))
    second = ScriptedVendor(COUNTED, name="second")
    engine, _ = engine_of(first, second, fallbacks={"vendor/model": ("second/other",)})

    assert await engine.count(QUESTION) == ESTIMATED
    assert second.asked == []


async def test_a_way_that_fails_all_the_time_is_not_asked_for_a_while() -> None:
    vendor = ScriptedVendor(*[failure(Sign.UNREACHABLE)] * 10, COUNTED)
    engine, _ = engine_of(vendor)
    for _ in range(5):
        assert await engine.count(QUESTION) == ESTIMATED

    assert await engine.count(QUESTION) == ESTIMATED
    assert len(vendor.asked) == 10


async def test_a_gateway_that_is_set_up_wrongly_is_not_gone_round_where_that_is_not_wanted() -> (
    None
):
    vendor = ScriptedVendor(failure(Sign.GATEWAY_CONFIG, Kind.UPSTREAM_AUTH), COUNTED)
    engine, _ = engine_of(vendor, round_misconfigured=False)

    assert await engine.count(QUESTION) == ESTIMATED
    assert vendor.asked == ["gateway"]
