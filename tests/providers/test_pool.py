"""The pool of one vendor: who is let in, who waits, who is sent away, and that nothing leaks."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager

import pytest

from bff.errors import Kind, Problem, Sign
from bff.providers._pool import Pool


def soon(seconds: float = 60.0) -> float:
    return asyncio.get_running_loop().time() + seconds


class Told(list[int]):
    """How many wait, each time it was told; *some* is set when somebody does."""

    def __init__(self) -> None:
        self.some = asyncio.Event()

    def __call__(self, count: int) -> None:
        self.append(count)
        if count:
            self.some.set()


@asynccontextmanager
async def taken(pool: Pool, times: int) -> AsyncIterator[None]:
    async with AsyncExitStack() as stack:
        for _ in range(times):
            await stack.enter_async_context(pool.slot(soon()))
        yield


async def test_who_comes_first_is_let_in_without_a_word() -> None:
    told = Told()

    async with taken(Pool(3, patience_s=0, note_waiting=told), 3):
        pass

    assert told == []


async def test_who_comes_later_waits_for_a_free_place_and_is_counted() -> None:
    told = Told()
    pool = Pool(1, patience_s=60, note_waiting=told)

    async def come() -> None:
        async with pool.slot(soon()):
            pass

    async with asyncio.TaskGroup() as tasks, taken(pool, 1):
        tasks.create_task(come())
        await told.some.wait()
        assert told == [1]

    assert told == [1, 0]


@pytest.mark.parametrize(("patience_s", "deadline_s"), [(0.01, 60.0), (60.0, 0.01)])
async def test_who_waits_too_long_is_sent_away(patience_s: float, deadline_s: float) -> None:
    told = Told()
    pool = Pool(1, patience_s=patience_s, note_waiting=told)

    async with taken(pool, 1):
        with pytest.raises(Problem) as caught:
            async with pool.slot(soon(deadline_s)):
                raise AssertionError("there was no place")

    problem = caught.value
    assert (problem.kind, problem.sign) == (Kind.OVERLOADED, Sign.POOL_FULL)
    assert problem.retry_after is not None
    assert told == [1, 0]
    async with taken(pool, 1):  # the place is free again
        pass


async def test_who_is_cancelled_while_waiting_takes_no_place_with_it() -> None:
    told = Told()
    pool = Pool(1, patience_s=60, note_waiting=told)

    async def come() -> None:
        async with pool.slot(soon()):
            raise AssertionError("there was no place")

    async with taken(pool, 1):
        waiting = asyncio.ensure_future(come())
        await told.some.wait()
        waiting.cancel()
        await asyncio.wait([waiting])

    assert waiting.cancelled()
    assert told == [1, 0]
    async with taken(pool, 1):
        pass


async def test_who_is_cancelled_just_as_a_place_is_free_gives_it_on() -> None:
    told = Told()
    pool = Pool(1, patience_s=60, note_waiting=told)

    async def come() -> None:
        async with pool.slot(soon()):
            await asyncio.Event().wait()

    async with taken(pool, 1):
        waiting = asyncio.ensure_future(come())
        await told.some.wait()
    waiting.cancel()  # it has been given the place, and has not run since
    await asyncio.wait([waiting])

    async with asyncio.timeout(5), taken(pool, 1):
        pass


async def test_a_failure_inside_gives_the_place_back() -> None:
    pool = Pool(1, patience_s=0)

    with pytest.raises(ZeroDivisionError):
        async with pool.slot(soon()):
            raise ZeroDivisionError

    async with taken(pool, 1):
        pass
