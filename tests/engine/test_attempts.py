import asyncio
from dataclasses import replace

import pytest

from bff.chat.events import UsageReported
from bff.chat.request import ChatRequest
from bff.errors import Kind, Sign
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
)


async def test_an_answer_comes_through_with_its_facts() -> None:
    vendor = ScriptedVendor(ANSWER)
    engine, witness = engine_of(vendor)

    chunks, facts, problem = await ask(engine)

    assert (chunks, problem) == ([ROLE, HI, END], None)
    assert (facts.via, facts.attempts, facts.log_id) == ("gateway", 1, "log-1")
    assert (facts.finish_reason, facts.usage) == ("stop", UsageReported(1, 2, 3))
    assert witness.attempts == [("gateway", "ok")]
    assert vendor.left == 1


@pytest.mark.parametrize(
    "script",
    [
        failure(Sign.UNREACHABLE),
        failure(Sign.NO_FIRST_BYTE),
        failure(Sign.EDGE, status=524),
        failure(Sign.GATEWAY_CONFIG, Kind.UPSTREAM_AUTH, status=401),
        [failure(Sign.EMPTY_STREAM)],
        [[ROLE], failure(Sign.CUT)],
    ],
)
async def test_a_gateway_in_the_way_is_gone_round_once_with_the_same_question(
    script: object,
) -> None:
    vendor = ScriptedVendor(script, ANSWER)
    engine, witness = engine_of(vendor)

    chunks, facts, problem = await ask(engine)

    assert problem is None
    assert chunks[-2:] == [HI, END]
    assert vendor.asked == ["gateway", "direct"]
    assert (facts.via, facts.attempts, facts.log_id) == ("direct", 2, f"log-{len(vendor.asked)}")
    assert len(witness.fallbacks) == 1


async def test_a_wrong_key_of_our_own_raises_an_alert() -> None:
    vendor = ScriptedVendor(failure(Sign.PROVIDER_REFUSED, Kind.UPSTREAM_AUTH, status=401))
    engine, witness = engine_of(vendor)

    _, _, problem = await ask(engine)

    assert problem is not None
    assert (witness.alerts, witness.attempts) == (["gateway"], [("gateway", "401")])
    assert vendor.asked == ["gateway"]


async def test_a_policy_refusal_is_never_bypassed_nor_counted_by_the_breaker() -> None:
    vendor = ScriptedVendor(*[failure(Sign.GATEWAY_POLICY, Kind.CONTENT_POLICY, status=424)] * 20)
    engine, witness = engine_of(vendor)

    for _ in range(20):
        await ask(engine)

    assert vendor.asked == ["gateway"] * 20
    assert witness.states == []


async def test_after_the_first_content_nothing_else_is_tried() -> None:
    vendor = ScriptedVendor([[ROLE], [HI], failure(Sign.CUT)], ANSWER)
    engine, _ = engine_of(vendor)

    chunks, _, problem = await ask(engine)

    assert chunks == [ROLE, HI]
    assert problem is not None
    assert vendor.asked == ["gateway"]


async def test_a_busy_provider_is_asked_again_after_the_wait_it_names() -> None:
    clock = FakeClock()
    busy = failure(Sign.PROVIDER_BUSY, Kind.UPSTREAM_RATE_LIMIT, status=429, retry_after=2.0)
    vendor = ScriptedVendor(busy, busy, ANSWER)
    engine, _ = engine_of(vendor, clock=clock)

    _, facts, problem = await ask(engine)

    assert problem is None
    assert clock.slept == [2.0, 2.0]
    assert (vendor.asked, facts.attempts) == (["gateway"] * 3, 3)


async def test_retries_stop_when_the_vendors_own_budget_is_spent() -> None:
    vendor = ScriptedVendor(*[failure(Sign.PROVIDER_DOWN, status=500)] * 100)
    other = ScriptedVendor(failure(Sign.PROVIDER_DOWN), ANSWER, name="other")
    engine, _ = engine_of(vendor, other)

    for _ in range(20):
        await ask(engine)

    _, _, problem = await ask(engine, replace(QUESTION, model="other/model"))

    # ten second tries in a minute and not one more
    assert len(vendor.asked) == 30
    assert (problem, len(other.asked)) == (None, 2)


async def test_five_failures_open_the_breaker_and_a_probe_closes_it() -> None:
    clock = FakeClock()
    scripts: list[object] = []
    for _ in range(5):
        scripts += [failure(Sign.UNREACHABLE), ANSWER]
    vendor = ScriptedVendor(*scripts, ANSWER, ANSWER, ANSWER)
    engine, witness = engine_of(vendor, clock=clock)
    for _ in range(5):
        await ask(engine)
    vendor.asked.clear()

    _, facts, _ = await ask(engine)
    clock.time += 31
    await ask(engine)
    await ask(engine)

    assert vendor.asked == ["direct", "gateway", "gateway"]
    assert facts.fallback_reasons == ["breaker_open"]
    assert (witness.states, set(witness.upstreams)) == (["open", "closed"], {"vendor"})


async def test_without_a_direct_way_the_breaker_locks_nobody_out() -> None:
    vendor = ScriptedVendor(*[failure(Sign.GATEWAY_CONFIG)] * 6, ANSWER, ways=("gateway",))
    engine, _ = engine_of(vendor)
    for _ in range(6):
        await ask(engine)

    _, _, problem = await ask(engine)

    assert problem is None


async def test_a_reader_who_leaves_closes_the_upstream_and_tells_nothing_of_the_gateway() -> None:
    vendor = ScriptedVendor(ANSWER)
    engine, witness = engine_of(vendor)

    async with engine.answer(QUESTION) as answer:
        async for _ in answer.batches:
            break

    assert vendor.left == 1
    assert witness.attempts == [("gateway", "cancelled")]


async def test_cancellation_closes_the_upstream_and_is_not_swallowed() -> None:
    vendor = ScriptedVendor([[ROLE], "hang"])
    engine, witness = engine_of(vendor)
    reached = asyncio.Event()

    async def read() -> None:
        async with engine.answer(QUESTION) as answer:
            async for _ in answer.batches:
                reached.set()

    async with asyncio.TaskGroup() as tasks:
        reading = tasks.create_task(read())
        await reached.wait()
        reading.cancel()

    assert reading.cancelled()
    assert vendor.left == 1
    assert witness.attempts == [("gateway", "cancelled")]


@pytest.mark.parametrize("model", ["nobody/model", "no-slash"])
async def test_a_model_nobody_answers_for_is_not_found(model: str) -> None:
    engine, _ = engine_of(ScriptedVendor())

    _, _, problem = await ask(engine, ChatRequest(model, (), QUESTION.tags))

    assert problem is not None
    assert problem.kind is Kind.NOT_FOUND


async def test_a_reader_who_leaves_a_whole_answer_has_cancelled_nothing() -> None:
    vendor = ScriptedVendor(ANSWER)
    engine, witness = engine_of(vendor)

    async with engine.answer(QUESTION) as answer:
        async for batch in answer.batches:
            if not batch:
                break

    assert witness.attempts == [("gateway", "ok")]
    assert vendor.left == 1
