from dataclasses import dataclass

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bff.policy.quota import (
    CONTEXT_WINDOW,
    INTEGER_LEAST,
    INTEGER_MOST,
    REFUSE,
    REMEMBERED_CALLS,
    WAIT,
    Admit,
    Sizes,
    Verdict,
    decide,
    merge,
    spent,
    used,
)
from bff.records import ClientQuota

INTEGERS = st.integers(INTEGER_LEAST, INTEGER_MOST)


def quota(max_quota: int, token_quota: int) -> ClientQuota:
    return ClientQuota("site", max_quota, token_quota)


@pytest.mark.parametrize(
    ("token_quota", "reserved", "wanted", "verdict"),
    [
        (500_000, 0, 70_000, Admit(70_000)),
        (500_000, 0, 700, Admit(62_500)),
        (2_000_000, 0, 700, Admit(CONTEXT_WINDOW)),
        (1, 0, 700, Admit(700)),
        (700, 699, 700, Admit(700)),
        (700, 700, 1, WAIT),
        (700, 900, 1, WAIT),
        (0, 0, 1, REFUSE),
        (-1, 0, 1, REFUSE),
        (0, 700, 1, REFUSE),
        (10, 0, 0, Admit(1)),
        (10, 0, -5, Admit(1)),
        (10, 0, 2**63, Admit(INTEGER_MOST)),
    ],
)
def test_a_call_begins_waits_or_is_refused(
    token_quota: int, reserved: int, wanted: int, verdict: Admit | Verdict
) -> None:
    assert decide(token_quota, reserved, wanted) == verdict


@dataclass
class Call:
    wanted: int
    uses: int


CALLS = st.lists(
    st.integers(1, 60).flatmap(
        lambda wanted: st.builds(Call, st.just(wanted), st.integers(0, wanted))
    ),
    max_size=30,
)


@given(calls=CALLS, token_quota=st.integers(-5, 200), dice=st.randoms(use_true_random=False))
def test_calls_at_once_are_admitted_as_if_they_came_one_by_one(
    calls: list[Call], token_quota: int, dice: object
) -> None:
    left, running, waiting, admitted = token_quota, [], list(calls), []
    while waiting or running:
        verdict = WAIT
        if waiting:
            verdict = decide(left, sum(held for _, held in running), waiting[0].wanted)
        if verdict is REFUSE:
            waiting.pop(0)
        elif isinstance(verdict, Admit) and (not running or dice.random() < 0.7):  # type: ignore[attr-defined]
            running.append((waiting.pop(0), verdict.tokens))
            admitted.append(running[-1][0])
        else:
            left -= running.pop(dice.randrange(len(running)))[0].uses  # type: ignore[attr-defined]

    serial = token_quota
    for call in admitted:
        assert serial > 0, "one after the other, this call would have been refused"
        serial -= call.uses
    assert left == serial


def admitted_of(
    count: int, *, left: int, each: int, sizes: Sizes, estimate: int
) -> tuple[int, int]:
    """How many of *count* calls at once begin, each using *each*, and what is left then. Who waits
    goes on as soon as one has settled.
    """
    running: list[int] = []
    admitted = 0
    while count or running:
        verdict = decide(left, sum(running), sizes.wanted("m", estimate)) if count else WAIT
        if isinstance(verdict, Admit):
            running.append(verdict.tokens)
            admitted, count = admitted + 1, count - 1
        elif verdict is REFUSE:
            count -= 1
        else:
            running.pop(0)
            left -= each
            sizes.settled("m", each)
    return admitted, left


@given(count=st.integers(1, 500), each=st.integers(1, 9000))
def test_a_budget_for_ten_admits_ten_however_many_ask(count: int, each: int) -> None:
    admitted, left = admitted_of(count, left=10 * each, each=each, sizes=Sizes(), estimate=each)

    assert admitted == min(10, count)
    assert left == (10 - admitted) * each


def test_small_calls_before_do_not_let_large_ones_slip_in() -> None:
    sizes = Sizes()
    for _ in range(20):
        sizes.settled("m", 100)

    admitted, left = admitted_of(500, left=500_000, each=50_000, sizes=sizes, estimate=4_200)

    assert (admitted, left) == (10, 0)


@pytest.mark.parametrize(
    ("max_quota", "token_quota", "shown"),
    [
        (500_000, 500_000, 0),
        (500_000, 499_877, 123),
        (500_000, -122, 500_000),
        (500_000, 700_000, 0),
        (0, -5, 0),
        (-5, -50, 0),
    ],
)
def test_what_was_used_never_leaves_the_frontends_scale(
    max_quota: int, token_quota: int, shown: int
) -> None:
    assert used(quota(max_quota, token_quota)) == shown


@given(st.integers())
def test_whatever_a_call_says_it_used_fits_its_column(tokens: int) -> None:
    assert 0 <= spent(tokens) <= INTEGER_MOST
    assert spent(tokens) == tokens or not 0 <= tokens <= INTEGER_MOST


def test_nothing_is_cheap_before_a_call_of_its_model_has_settled() -> None:
    sizes = Sizes()
    assert sizes.wanted("openai/gpt-4o", 900) == CONTEXT_WINDOW

    sizes.settled("openai/gpt-4o", 0)
    assert sizes.wanted("openai/gpt-4o", 900) == CONTEXT_WINDOW

    sizes.settled("openai/gpt-4o", 1200)
    assert sizes.wanted("openai/gpt-4o", 900) == 1200
    assert sizes.wanted("openai/gpt-4o", 5000) == 5000
    assert sizes.wanted("another", 900) == CONTEXT_WINDOW


def test_the_largest_of_the_last_calls_is_remembered_and_older_ones_are_not() -> None:
    sizes = Sizes()
    for tokens in (9000, *[100] * (REMEMBERED_CALLS - 1)):
        sizes.settled("m", tokens)
    assert sizes.wanted("m", 1) == 9000

    sizes.settled("m", 100)

    assert sizes.wanted("m", 1) == 100


@pytest.mark.parametrize(
    ("here", "there", "merged"),
    [
        ((500_000, 500_000), (500_000, 120_000), (500_000, 120_000)),
        ((500_000, 450_000), (1_000_000, 900_000), (1_000_000, 900_000)),
        ((1_000_000, 1_000_000), (500_000, 120_000), (1_000_000, 620_000)),
        ((500_000, 100_000), (500_000, 120_000), (500_000, 100_000)),
        ((500_000, -122), (900_000, 900_000), (900_000, 399_878)),
    ],
)
def test_two_records_keep_the_higher_limit_and_what_was_used(
    here: tuple[int, int], there: tuple[int, int], merged: tuple[int, int]
) -> None:
    assert merge(quota(*here), quota(*there)) == quota(*merged)


@given(INTEGERS, INTEGERS, INTEGERS, INTEGERS)
def test_merging_again_changes_nothing_and_every_number_fits(
    a: int, b: int, c: int, d: int
) -> None:
    here, there = quota(a, b), quota(c, d)

    once = merge(here, there)

    assert merge(once, there) == merge(once, here) == once == merge(there, here)
    assert once.max_quota == max(a, c)
    assert INTEGER_LEAST <= once.token_quota <= INTEGER_MOST
