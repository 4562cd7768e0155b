"""The suite as a table: every scenario, with the timers it is played by."""

from collections.abc import Awaitable, Callable, Mapping

from bff.policy.deadline import Timers
from tests.providers.contract import answering, failing, waiting
from tests.providers.contract.opened import HURRIED, PATIENT, OpenRow, open_row
from tests.providers.contract.rows import Row

Scenario = Callable[[OpenRow], Awaitable[None]]
SCENARIOS: Mapping[Scenario, Timers] = {
    **dict.fromkeys((*answering.SCENARIOS, *failing.SCENARIOS), PATIENT),
    **dict.fromkeys(waiting.HURRIED_SCENARIOS, HURRIED),
    **dict.fromkeys(waiting.PATIENT_SCENARIOS, PATIENT),
}


def name_of(scenario: Scenario) -> str:
    return getattr(scenario, "__name__", str(scenario))


async def play(scenario: Scenario, row: Row) -> None:
    """One scenario on one row; whatever happens in it, nothing may be left open."""
    async with open_row(row, SCENARIOS[scenario]) as opened:
        await scenario(opened)
        await opened.check_tidy()
