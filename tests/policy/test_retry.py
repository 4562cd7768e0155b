from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st
from multidict import CIMultiDict

from bff.errors import Kind, Problem, Sign
from bff.policy.retry import (
    FALLBACK,
    LONGEST_WAIT_S,
    Move,
    RetryBudget,
    Situation,
    Verdict,
    backoff,
    decide,
    is_fallback_class,
    read_retry_after,
)


def situation(
    sign: Sign,
    *,
    via: str = "gateway",
    tried: int = 1,
    left_s: float = 100,
    content_sent: bool = False,
    more_routes: bool = True,
    retry_after: float | None = None,
) -> Situation:
    return Situation(
        Problem(Kind.UPSTREAM, "x", sign=sign, retry_after=retry_after),
        via=via,
        tried=tried,
        left_s=left_s,
        roll=0.5,
        content_sent=content_sent,
        more_routes=more_routes,
    )


GOES_DIRECT = [
    Sign.UNREACHABLE,
    Sign.NO_FIRST_BYTE,
    Sign.EDGE,
    Sign.EDGE_REFUSED,
    Sign.GATEWAY_CONFIG,
    Sign.GATEWAY_PROVIDER,
    Sign.EMPTY_STREAM,
    Sign.STALLED,
    Sign.CUT,
]
NEVER_GOES_DIRECT = [
    Sign.NONE,
    Sign.GATEWAY_LIMIT,
    Sign.GATEWAY_POLICY,
    Sign.GATEWAY_BILLING,
    Sign.PROVIDER_REFUSED,
    Sign.PROVIDER_BUSY,
    Sign.PROVIDER_DOWN,
    Sign.NOT_AN_ANSWER,
    Sign.POOL_FULL,
]


def test_every_sign_is_in_one_of_the_two_lists() -> None:
    assert {*GOES_DIRECT, *NEVER_GOES_DIRECT} == set(Sign)
    assert set(GOES_DIRECT) == FALLBACK


@pytest.mark.parametrize("sign", GOES_DIRECT)
def test_what_says_the_gateway_is_in_the_way_goes_direct_at_once(sign: Sign) -> None:
    assert decide(situation(sign)) == Verdict(Move.NEXT)


@pytest.mark.parametrize("sign", GOES_DIRECT)
def test_a_gateway_that_is_set_up_wrong_is_gone_round_only_where_that_is_wanted(sign: Sign) -> None:
    asked = replace(situation(sign), round_misconfigured=False)

    wanted = sign not in (Sign.EDGE_REFUSED, Sign.GATEWAY_CONFIG)
    assert (decide(asked).move is Move.NEXT) is wanted


@pytest.mark.parametrize("sign", NEVER_GOES_DIRECT)
def test_a_refusal_is_never_bypassed(sign: Sign) -> None:
    assert decide(situation(sign)).move is not Move.NEXT
    assert not is_fallback_class(Problem(Kind.UPSTREAM, "x", sign=sign), via="gateway")


@pytest.mark.parametrize("sign", list(Sign))
@pytest.mark.parametrize("via", ["gateway", "direct"])
def test_nothing_follows_the_first_content_or_the_deadline(sign: Sign, via: str) -> None:
    assert decide(situation(sign, via=via, content_sent=True)) == Verdict(Move.STOP)
    assert decide(situation(sign, via=via, left_s=0)) == Verdict(Move.STOP)


@pytest.mark.parametrize(
    ("sign", "retries"),
    [
        (Sign.UNREACHABLE, 2),
        (Sign.PROVIDER_BUSY, 2),
        (Sign.PROVIDER_DOWN, 1),
        (Sign.NO_FIRST_BYTE, 1),
        (Sign.EMPTY_STREAM, 1),
        (Sign.NOT_AN_ANSWER, 1),
        (Sign.PROVIDER_REFUSED, 0),
        (Sign.GATEWAY_LIMIT, 0),
        (Sign.GATEWAY_POLICY, 0),
        (Sign.STALLED, 0),
    ],
)
def test_the_same_way_is_tried_again_only_so_often(sign: Sign, retries: int) -> None:
    moves = [
        decide(situation(sign, via="direct", tried=tried, more_routes=False)).move
        for tried in range(1, 5)
    ]
    assert moves == [Move.RETRY] * retries + [Move.STOP] * (4 - retries)


def test_without_a_direct_way_an_unreachable_gateway_is_tried_again() -> None:
    assert decide(situation(Sign.UNREACHABLE, more_routes=False)).move is Move.RETRY


def test_the_direct_way_never_counts_as_the_gateways_failure() -> None:
    assert not is_fallback_class(Problem(Kind.UPSTREAM, "x", sign=Sign.UNREACHABLE), via="direct")


@pytest.mark.parametrize(
    ("retry_after", "left_s", "verdict"),
    [
        (2.0, 100, Verdict(Move.RETRY, 2.0)),
        (0.0, 100, Verdict(Move.RETRY, 0.0)),
        (2.0, 2.0, Verdict(Move.STOP)),
        (30.0, 100, Verdict(Move.STOP)),
        (None, 100, Verdict(Move.RETRY, 0.5)),
        (None, 0.4, Verdict(Move.STOP)),
    ],
)
def test_upstreams_own_wait_counts_and_a_long_one_is_passed_on(
    retry_after: float | None, left_s: float, verdict: Verdict
) -> None:
    asked = situation(Sign.PROVIDER_BUSY, retry_after=retry_after, left_s=left_s)

    assert decide(asked) == verdict


@given(tried=st.integers(1, 50), roll=st.floats(0, 1, exclude_max=True))
def test_backing_off_is_never_longer_than_the_longest_wait(tried: int, roll: float) -> None:
    assert 0.375 <= backoff(tried, roll) <= LONGEST_WAIT_S


@pytest.mark.parametrize(
    ("headers", "seconds"),
    [
        ({}, None),
        ({"Retry-After": "3"}, 3.0),
        ({"Retry-After": "0.5"}, 0.5),
        ({"Retry-After": "3", "retry-after-ms": "250"}, 0.25),
        ({"retry-after-ms": "soon", "Retry-After": " 4 "}, 4.0),
        ({"Retry-After": "-3"}, None),
        ({"Retry-After": "nan"}, None),
        ({"Retry-After": "9" * 30}, None),
        ({"Retry-After": "Tue, 24 Nov 2026 12:00:09 GMT", "Date": "Tue, 24 Nov 2026 12:00:00 GMT"}, 9.0),
        ({"Retry-After": "Tue, 24 Nov 2026 11:00:00 GMT", "Date": "Tue, 24 Nov 2026 12:00:00 GMT"}, 0.0),
        ({"Retry-After": "Tue, 24 Nov 2026 12:00:09 GMT"}, None),
        ({"Retry-After": "Tue, 24 Nov 2026 12:00:09", "Date": "Tue, 24 Nov 2026 12:00:00 GMT"}, None),
    ],
)  # fmt: skip
def test_the_wait_is_read_in_each_of_its_forms(
    headers: dict[str, str], seconds: float | None
) -> None:
    assert read_retry_after(CIMultiDict(headers)) == seconds


def test_second_tries_are_a_share_of_the_last_minutes_requests_with_a_floor() -> None:
    budget = RetryBudget()
    assert [budget.spend(0) for _ in range(11)] == [True] * 10 + [False]

    for _ in range(100):
        budget.asked(1)

    assert [budget.spend(1) for _ in range(11)] == [True] * 10 + [False]
    assert budget.spend(60)
