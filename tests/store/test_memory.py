"""Counters in memory: what a caller has under way, and when it may ask again."""

import asyncio

import pytest

from bff.errors import Kind, Problem
from bff.records import ApiKey, Caller
from bff.store.memory import CallerCounts

USER = Caller("site", "ada", "ada", None, "t", "u")
KEY = Caller("key:k1", None, None, None, "t", "u", key=ApiKey("k1", "n8n", "key:k1", requests=2))


@pytest.fixture
def clock() -> list[float]:
    return [0.0]


@pytest.fixture
def counts(clock: list[float]) -> CallerCounts:
    return CallerCounts(per_user=1, per_key=1, now=lambda: clock[0])


async def test_one_stream_too_many_is_refused_and_told_when_to_ask_again(
    counts: CallerCounts,
) -> None:
    async with counts.stream(USER):
        with pytest.raises(Problem) as caught:
            await counts.stream(USER).__aenter__()
        async with counts.stream(KEY):
            pass

    assert caught.value.kind is Kind.OWN_RATE_LIMIT
    assert caught.value.retry_after == 5.0
    assert caught.value.public.startswith("You have 1 answers under way")


@pytest.mark.parametrize("end", [RuntimeError, asyncio.CancelledError])
async def test_a_stream_is_over_however_it_ends(
    counts: CallerCounts, end: type[BaseException]
) -> None:
    with pytest.raises(end):
        async with counts.stream(USER):
            raise end

    async with counts.stream(USER):
        pass


async def test_a_refused_stream_gives_nothing_back(counts: CallerCounts) -> None:
    async with counts.stream(USER):
        for _ in range(2):
            with pytest.raises(Problem):
                await counts.stream(USER).__aenter__()


async def test_a_keys_requests_are_counted_within_a_minute(
    counts: CallerCounts, clock: list[float]
) -> None:
    told = [await counts.count(KEY) for _ in range(3)]
    clock[0] = 60.0
    later = await counts.count(KEY)

    assert [standing and standing.wait_s for standing in (*told, later)] == [None, None, 60.0, None]


async def test_who_has_no_limit_is_not_counted(counts: CallerCounts) -> None:
    unlimited = Caller("key:k2", None, None, None, "t", "u", key=ApiKey("k2", "n8n", "key:k2"))

    assert await counts.count(USER) is None
    assert await counts.count(unlimited) is None
