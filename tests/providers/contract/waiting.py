"""Scenarios in which somebody waits: a vendor that says nothing, and a reader who does not stay."""

import asyncio

import pytest

from bff.errors import Kind
from tests.providers.contract.failing import MANY, check_broken
from tests.providers.contract.opened import OpenRow
from tests.providers.contract.questions import asking

SILENT_GATEWAY = (Kind.TIMEOUT, Kind.UPSTREAM)  # it may lose patience before we do
NOTICED_S = 1.0  # until the vendor knows that nobody listens


async def silence_before_the_answer(row: OpenRow) -> None:
    row.ail("hang", times=MANY)

    problem, outcome = await row.refused(asking(row))

    assert problem.kind in (SILENT_GATEWAY if row.row.way == "gateway" else (Kind.TIMEOUT,))
    assert outcome.text == ""
    row.check_told(1)


async def silence_in_the_stream(row: OpenRow) -> None:
    row.ail("hang-after=8", times=MANY)

    problem, outcome = await row.refused(asking(row))

    assert problem.kind is Kind.TIMEOUT
    check_broken(row, outcome)


async def silence_in_a_whole_answer(row: OpenRow) -> None:
    row.ail("hang-after=8", times=MANY)

    problem, outcome = await row.refused(asking(row, stream=False))

    assert problem.kind is Kind.TIMEOUT
    assert outcome.text == ""
    row.check_told(1)


async def a_reader_who_leaves(row: OpenRow) -> None:
    row.ail("hang-after=8")
    words = asyncio.Event()

    async def read() -> None:
        async with row.engine.answer(asking(row)) as answer:
            async for batch in answer.batches:
                if any(chunk.content for chunk in batch):
                    words.set()

    reading = asyncio.create_task(read())
    async with asyncio.timeout(row.timers.total):
        await row.simulator.question()
        if row.provider.streams:
            await words.wait()
    reading.cancel()
    with pytest.raises(asyncio.CancelledError):
        await reading

    async with asyncio.timeout(NOTICED_S):
        await row.simulator.hung_up.wait()
    assert row.witness.attempts == ["cancelled"]
    row.check_told(1, status="cancelled")


HURRIED_SCENARIOS = (
    silence_before_the_answer,
    silence_in_the_stream,
    silence_in_a_whole_answer,
)
PATIENT_SCENARIOS = (a_reader_who_leaves,)
