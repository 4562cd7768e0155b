"""A sliding window that is exact, told by its definition: within no span begin more than may."""

from hypothesis import given
from hypothesis import strategies as st

from bff.policy.rates import SPAN_S, RateWindow, RateWindows
from bff.records import Standing

STEPS = st.lists(st.integers(0, 40).map(float), max_size=60)  # whole seconds: sums are exact
MOST = st.integers(1, 5)


@given(steps=STEPS, most=MOST)
def test_within_no_span_begin_more_than_may(steps: list[float], most: int) -> None:
    window, now, begun = RateWindow(), 0.0, list[float]()
    for step in steps:
        now += step
        if window.admit(now, most).wait_s is None:
            begun.append(now)

    assert all(len([at for at in begun if start <= at < start + SPAN_S]) <= most for start in begun)


@given(steps=STEPS, most=MOST)
def test_nothing_is_refused_that_the_number_allows(steps: list[float], most: int) -> None:
    window, now, begun = RateWindow(), 0.0, list[float]()
    for step in steps:
        now += step
        standing = window.admit(now, most)
        recent = [at for at in begun if now - at < SPAN_S]
        assert (standing.wait_s is None) is (len(recent) < most)
        if standing.wait_s is None:
            begun.append(now)
            recent.append(now)
        assert standing.remaining == most - len(recent)
        assert standing.reset_s == recent[-1] + SPAN_S - now


@given(steps=STEPS, most=MOST)
def test_who_is_refused_may_begin_when_it_was_told_and_not_before(
    steps: list[float], most: int
) -> None:
    window, now = RateWindow(), 0.0
    for step in steps:
        now += step
        wait_s = window.admit(now, most).wait_s
        if wait_s is not None:
            assert wait_s > 0
            assert window.admit(now + wait_s - 0.5, most).wait_s is not None
            now += wait_s
            assert window.admit(now, most).wait_s is None


def test_a_number_that_was_lowered_holds_for_what_has_begun() -> None:
    window = RateWindow()
    for now in (0.0, 1.0, 2.0):
        window.admit(now, 10)

    standing = window.admit(3.0, 2)

    assert standing == Standing(limit=2, remaining=0, reset_s=59.0, wait_s=58.0)


def test_everybody_has_a_window_of_its_own() -> None:
    windows = RateWindows()

    told = [windows.admit(holder, 0.0, 1).wait_s for holder in ("a", "b", "a")]

    assert told == [None, None, SPAN_S]


def test_who_is_silent_for_a_span_is_forgotten() -> None:
    windows = RateWindows()
    for number in range(1000):
        windows.admit(f"early {number}", 0.0, 5)
    windows.admit("late", 30.0, 5)
    windows.admit("early 7", 59.0, 5)
    assert len(windows) == 1001

    windows.admit("last", 60.0, 5)

    assert len(windows) == 3
    assert windows.admit("early 7", 60.0, 5).remaining == 3
