"""How long an answer may take, and how long it may be silent."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bff.policy.deadline import (
    Timers,
    by_length,
    for_body,
    for_whole_answer,
    silent,
    whole_budget,
    within,
)

SECONDS = st.floats(0.1, 1000)


def test_a_long_answer_has_the_time_a_slow_model_takes() -> None:
    timers = for_whole_answer(Timers(), 4096)

    assert 4096 / timers.first_byte < 25  # tokens a second
    assert 2 * timers.first_byte < timers.total  # the other way has its turn too


@given(first_byte=SECONDS, more=SECONDS, tokens=st.integers(1, 10**6))
def test_only_the_first_byte_is_waited_for_longer(
    first_byte: float, more: float, tokens: int
) -> None:
    timers = Timers(first_byte=first_byte, total=first_byte + more)

    whole = for_whole_answer(timers, tokens)

    assert first_byte <= whole.first_byte <= timers.total
    assert (whole.connect, whole.idle, whole.total) == (timers.connect, timers.idle, timers.total)


def test_an_answer_of_any_length_may_take_all_the_time_there_is() -> None:
    assert for_whole_answer(Timers(), None).first_byte == Timers().total


TIMERS = st.builds(
    Timers, connect=SECONDS, first_byte=SECONDS, idle=SECONDS, total=SECONDS, floor=SECONDS
)


@given(timers=TIMERS, total=SECONDS)
def test_a_vendor_who_never_needs_longer_is_not_given_longer(timers: Timers, total: float) -> None:
    short = within(timers, total)

    assert short.total == min(timers.total, total)
    assert short.first_byte == min(timers.first_byte, short.total)
    assert (short.connect, short.idle, short.floor) == (timers.connect, timers.idle, timers.floor)


@given(timers=TIMERS)
def test_for_a_vendor_who_is_silent_only_the_total_counts(timers: Timers) -> None:
    quiet = silent(timers)

    assert (quiet.first_byte, quiet.idle, quiet.floor) == (timers.total, timers.total, 0.0)
    assert (quiet.connect, quiet.total) == (timers.connect, timers.total)


@pytest.mark.parametrize(
    ("characters", "slow", "seconds"),
    [
        (0, False, 60),
        (10_000, False, 60),
        (10_001, False, 120),
        (30_000, False, 120),
        (30_001, False, 240),
        (10**7, False, 240),
        (1, True, 72),
        (20_000, True, 144),
        (40_000, True, 288),
    ],
)
def test_a_longer_question_may_take_longer(characters: int, slow: bool, seconds: float) -> None:
    assert by_length(characters, slow=slow) == pytest.approx(seconds)


@given(st.integers(0, 10**9), st.booleans())
def test_no_question_takes_longer_than_five_minutes(characters: int, slow: bool) -> None:
    assert 60 <= by_length(characters, slow=slow) <= 300


@pytest.mark.parametrize(
    ("received", "allowed"), [(0, 30), (64 * 2**10, 31), (20 * 2**20, 350), (350, 30.0053)]
)
def test_a_body_has_more_time_the_more_of_it_has_come(received: int, allowed: float) -> None:
    assert for_body(30, received) == pytest.approx(allowed, abs=1e-4)


@pytest.mark.parametrize(
    ("router_s", "spent_s", "left"),
    [
        pytest.param(30, 0, 28, id="at once"),
        pytest.param(30, 5, 23, id="after a while"),
        pytest.param(30, 29, 0, id="too late"),
        pytest.param(1, 0, 0.5, id="a router in a hurry"),
        pytest.param(0, 99, None, id="no router"),
    ],
)
def test_a_whole_answer_is_given_up_before_the_router_does(
    router_s: float, spent_s: float, left: float | None
) -> None:
    assert whole_budget(router_s, spent_s) == left
