"""How long a whole answer may be silent."""

from hypothesis import given
from hypothesis import strategies as st

from bff.policy.deadline import Timers, for_whole_answer

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
