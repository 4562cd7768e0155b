"""Scenarios in which the vendor fails: each has one outcome, and so many tries, on every row.

Frames are counted by the simulator: after eight of them every vendor has said some words. A vendor
that never streams breaks in the middle of its one body instead.
"""

from bff.dialects import chatgpt
from bff.errors import Kind
from tests.providers.contract.opened import OpenRow, Outcome
from tests.providers.contract.questions import GREETED, asking, check_greeting

BUSY = (Kind.UPSTREAM_RATE_LIMIT, Kind.OVERLOADED)
DOWN = (Kind.UPSTREAM, Kind.OVERLOADED)
REFUSED = (Kind.BAD_REQUEST, Kind.INVALID)
MANY = 10  # more than anybody tries


async def busy_once(row: OpenRow) -> None:
    row.ail("status=429,retry-after=2")

    outcome = await row.ask(asking(row))

    check_greeting(outcome.reply)
    row.check_usage(outcome.facts)
    assert (outcome.problem, outcome.facts.attempts) == (None, 2)
    [wait] = row.clock.waits
    assert 0.3 < wait <= 8
    row.check_told(1, status="complete")


async def busy_for_ever(row: OpenRow) -> None:
    row.ail("status=429,retry-after=2", times=MANY)

    problem, outcome = await row.refused(asking(row))

    assert problem.kind in BUSY
    check_tries(row, outcome, most=row.provider.patience.tries)
    assert outcome.facts.attempts == row.provider.patience.tries


async def refused(row: OpenRow) -> None:
    row.ail("status=400", times=MANY)

    problem, outcome = await row.refused(asking(row))

    assert (problem.kind in REFUSED, problem.status) == (True, 400)
    check_tries(row, outcome, most=1)


async def our_own_key_is_refused(row: OpenRow) -> None:
    """A caller who is told 401 signs in again, or drops a key that is good."""
    row.ail("status=401", times=MANY)

    problem, outcome = await row.refused(asking(row))

    assert (problem.kind, problem.status) == (Kind.UPSTREAM_AUTH, 401)
    told = problem.status if row.provider.name == "openai" else 502  # as the Node app told it
    assert chatgpt.write_error(problem)[0] == told
    assert outcome.facts.attempts == 1
    row.check_told(1)


async def an_error_before_the_answer(row: OpenRow) -> None:
    row.ail("status=500")

    outcome = await row.ask(asking(row))

    check_greeting(outcome.reply)
    row.check_usage(outcome.facts)
    assert (outcome.problem, outcome.facts.attempts) == (None, 2)
    row.check_told(1, status="complete")


async def nothing_but_errors(row: OpenRow) -> None:
    row.ail("status=500", times=MANY)

    problem, outcome = await row.refused(asking(row))

    assert problem.kind in DOWN
    assert outcome.facts.attempts >= 2
    check_tries(row, outcome, most=row.provider.patience.tries)


async def an_error_in_the_stream(row: OpenRow) -> None:
    row.ail("error-after=8" if row.provider.streams else "error-object", times=MANY)

    problem, outcome = await row.refused(asking(row))

    assert problem.kind in DOWN
    check_broken(row, outcome)


async def an_error_for_an_answer(row: OpenRow) -> None:
    row.ail("error-object", times=MANY)

    problem, outcome = await row.refused(asking(row, stream=False))

    assert problem.kind in DOWN
    assert outcome.text == ""
    check_tries(row, outcome, most=row.provider.patience.tries)


async def a_stream_that_is_cut(row: OpenRow) -> None:
    row.ail("cut-after=8", times=MANY)

    problem, outcome = await row.refused(asking(row))

    assert problem.kind in (Kind.CONNECTION, Kind.UPSTREAM)
    check_broken(row, outcome)


async def an_answer_that_is_cut(row: OpenRow) -> None:
    row.ail("cut-after=8", times=MANY)

    problem, outcome = await row.refused(asking(row, stream=False))

    assert problem.kind in (Kind.CONNECTION, Kind.UPSTREAM)
    assert outcome.text == ""
    check_tries(row, outcome, most=row.provider.patience.tries)


def check_broken(row: OpenRow, outcome: Outcome) -> None:
    """What had been said stands, and nobody is asked again after it."""
    if not row.provider.streams:
        assert outcome.text == ""
        check_tries(row, outcome, most=row.provider.patience.tries)
        return
    assert outcome.text
    assert GREETED.startswith(outcome.text)
    check_tries(row, outcome, most=1)


def check_tries(row: OpenRow, outcome: Outcome, *, most: int) -> None:
    """No more than *most*, each counted, and each seen by the vendor."""
    used = MANY - len(row.unused_faults)
    assert outcome.facts.attempts == len(row.witness.attempts) == used <= most
    row.check_told(1)


SCENARIOS = (
    busy_once,
    busy_for_ever,
    refused,
    our_own_key_is_refused,
    an_error_before_the_answer,
    nothing_but_errors,
    an_error_in_the_stream,
    an_error_for_an_answer,
    a_stream_that_is_cut,
    an_answer_that_is_cut,
)
