"""How long an answer may take, and how long it may be silent."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bff.policy.deadline import Timers, by_length, for_whole_answer, silent, within

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
