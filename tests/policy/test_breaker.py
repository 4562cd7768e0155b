from hypothesis import given
from hypothesis import strategies as st

from bff.policy.breaker import Breaker, BreakerState


def failed(breaker: Breaker, *times: float) -> Breaker:
    """Asks and fails at each of *times*."""
    for now in times:
        breaker.failed(breaker.admit(now), now)
    return breaker


def opened() -> Breaker:
    return failed(Breaker(), 0, 0, 0, 0, 0)


def test_five_failures_within_thirty_seconds_open_it() -> None:
    breaker = failed(Breaker(), 0, 7, 14, 21)
    assert breaker.state(28) is BreakerState.CLOSED

    failed(breaker, 30)

    assert breaker.state(30) is BreakerState.OPEN
    assert breaker.admit(59.9) is None


def test_failures_further_apart_do_not_open_it() -> None:
    assert failed(Breaker(), 0, 8, 16, 24, 30.1).state(31) is BreakerState.CLOSED


def test_successes_in_between_do_not_reset_the_count() -> None:
    breaker = failed(Breaker(), 0, 1)
    breaker.succeeded(breaker.admit(1))

    assert failed(breaker, 2, 3, 4).state(5) is BreakerState.OPEN


def test_after_a_rest_one_probe_goes_out_and_its_success_closes() -> None:
    breaker = opened()

    assert breaker.state(30) is BreakerState.HALF_OPEN
    probe, second = breaker.admit(30), breaker.admit(30)
    assert (probe is not None, second) == (True, None)
    breaker.succeeded(probe)

    assert breaker.admit(31) is not None
    assert failed(breaker, 32).state(32) is BreakerState.CLOSED


def test_a_probe_that_fails_opens_it_again() -> None:
    breaker = opened()

    breaker.failed(breaker.admit(30), 35)

    assert breaker.state(64) is BreakerState.OPEN
    assert breaker.state(65) is BreakerState.HALF_OPEN


def test_a_probe_that_tells_nothing_lets_the_next_one_go() -> None:
    breaker = opened()

    breaker.abandoned(breaker.admit(30))

    assert breaker.admit(31) is not None


def test_stragglers_from_before_it_opened_neither_close_extend_nor_release_it() -> None:
    breaker = Breaker()
    stragglers = [breaker.admit(0) for _ in range(3)]
    failed(breaker, 0, 0, 0, 0, 0)

    breaker.succeeded(stragglers[0])
    assert breaker.state(1) is BreakerState.OPEN
    breaker.failed(stragglers[1], 20)
    assert breaker.state(30) is BreakerState.HALF_OPEN
    breaker.admit(30)
    breaker.abandoned(stragglers[2])

    assert breaker.admit(31) is None


def test_who_was_not_admitted_has_no_say() -> None:
    breaker = opened()

    breaker.succeeded(None)
    breaker.abandoned(None)
    breaker.failed(None, 1)

    assert breaker.state(2) is BreakerState.OPEN


@given(st.lists(st.sampled_from(["ok", "fail", "left", "ask"]), max_size=60))
def test_it_never_locks_itself_out_for_longer_than_its_rest(script: list[str]) -> None:
    breaker = Breaker()
    tickets: list[int | None] = []
    now = 0.0
    for word in script:
        now += 1
        ticket = tickets.pop(0) if tickets and word != "ask" else None
        if word == "ask":
            tickets.append(breaker.admit(now))
        elif word == "ok":
            breaker.succeeded(ticket)
        elif word == "fail":
            breaker.failed(ticket, now)
        else:
            breaker.abandoned(ticket)
    for ticket in tickets:
        breaker.abandoned(ticket)

    assert breaker.admit(now + 30) is not None
