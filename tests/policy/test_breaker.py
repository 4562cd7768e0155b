from hypothesis import given
from hypothesis import strategies as st

from bff.policy.breaker import Breaker, BreakerState


def failed(breaker: Breaker, *times: float) -> Breaker:
    for now in times:
        breaker.failed(now)
    return breaker


def test_five_failures_within_thirty_seconds_open_it() -> None:
    breaker = failed(Breaker(), 0, 7, 14, 21)
    assert breaker.state(28) is BreakerState.CLOSED

    breaker.failed(30)

    assert breaker.state(30) is BreakerState.OPEN
    assert not breaker.admit(59.9)


def test_failures_further_apart_do_not_open_it() -> None:
    assert failed(Breaker(), 0, 8, 16, 24, 30.1).state(31) is BreakerState.CLOSED


def test_successes_in_between_do_not_reset_the_count() -> None:
    breaker = failed(Breaker(), 0, 1)
    breaker.succeeded()

    assert failed(breaker, 2, 3, 4).state(5) is BreakerState.OPEN


def test_after_a_rest_one_probe_goes_out_and_its_success_closes() -> None:
    breaker = failed(Breaker(), 0, 0, 0, 0, 0)

    assert breaker.state(30) is BreakerState.HALF_OPEN
    assert [breaker.admit(30), breaker.admit(30)] == [True, False]
    breaker.succeeded()

    assert breaker.admit(31)
    assert failed(breaker, 32).state(32) is BreakerState.CLOSED


def test_a_probe_that_fails_opens_it_again() -> None:
    breaker = failed(Breaker(), 0, 0, 0, 0, 0)
    breaker.admit(30)

    breaker.failed(35)

    assert breaker.state(64) is BreakerState.OPEN
    assert breaker.state(65) is BreakerState.HALF_OPEN


def test_a_probe_that_tells_nothing_lets_the_next_one_go() -> None:
    breaker = failed(Breaker(), 0, 0, 0, 0, 0)
    breaker.admit(30)

    breaker.abandoned()

    assert breaker.admit(31)


@given(st.lists(st.sampled_from(["ok", "fail", "left", "ask"]), max_size=60))
def test_it_never_locks_itself_out_for_longer_than_its_rest(script: list[str]) -> None:
    breaker = Breaker()
    now = 0.0
    for word in script:
        now += 1
        if word == "ask":
            breaker.admit(now)
        elif word == "ok":
            breaker.succeeded()
        elif word == "fail":
            breaker.failed(now)
        else:
            breaker.abandoned()
    breaker.abandoned()

    assert breaker.admit(now + 30)
