"""Scenarios in which all goes well: the same question has the same answer on every row."""

from tests.providers.contract.opened import OpenRow
from tests.providers.contract.questions import (
    asking,
    asking_for_calls,
    check_calls,
    check_greeting,
    check_result_is_told,
    with_the_result_of,
)


async def a_whole_answer(row: OpenRow) -> None:
    reply = await row.answered(asking(row, stream=False))

    check_greeting(reply)
    row.check_told(1, status="complete")


async def a_stream(row: OpenRow) -> None:
    reply = await row.answered(asking(row, stream=True))

    check_greeting(reply)
    row.check_told(1, status="complete")


async def calls_in_a_whole_answer(row: OpenRow) -> None:
    reply = await row.answered(asking_for_calls(row, stream=False))

    check_calls(reply)
    row.check_told(1, status="complete")


async def calls_in_a_stream(row: OpenRow) -> None:
    reply = await row.answered(asking_for_calls(row, stream=True))

    check_calls(reply)
    row.check_told(1, status="complete")


async def the_result_of_a_call(row: OpenRow) -> None:
    asked = asking_for_calls(row, stream=True)
    first, _ = (await row.answered(asked)).calls

    check_result_is_told(await row.answered(with_the_result_of(asked, first)))
    row.check_told(2, status="complete")


SCENARIOS = (
    a_whole_answer,
    a_stream,
    calls_in_a_whole_answer,
    calls_in_a_stream,
    the_result_of_a_call,
)
