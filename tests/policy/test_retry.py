from collections.abc import Iterator
from dataclasses import replace
from itertools import product

import pytest
from hypothesis import given
from hypothesis import strategies as st
from multidict import CIMultiDict

from bff.errors import Kind, Problem, Sign
from bff.policy.retry import (
    FALLBACK,
    LONGEST_WAIT_S,
    Move,
    Patience,
    RetryBudget,
    Situation,
    Verdict,
    backoff,
    decide,
    is_fallback_class,
    read_retry_after,
    read_should_retry,
    read_wait,
    stands_in,
    tells_against,
    told,
)

KIND_OF = {
    Sign.NONE: Kind.BAD_REQUEST,
    Sign.UNREACHABLE: Kind.CONNECTION,
    Sign.NO_FIRST_BYTE: Kind.TIMEOUT,
    Sign.EDGE: Kind.CONNECTION,
    Sign.EDGE_REFUSED: Kind.UPSTREAM_AUTH,
    Sign.GATEWAY_CONFIG: Kind.UPSTREAM_AUTH,
    Sign.GATEWAY_PROVIDER: Kind.UPSTREAM,
    Sign.EMPTY_STREAM: Kind.UPSTREAM,
    Sign.GATEWAY_LIMIT: Kind.BUDGET,
    Sign.GATEWAY_POLICY: Kind.CONTENT_POLICY,
    Sign.GATEWAY_UNKNOWN: Kind.UPSTREAM,
    Sign.GATEWAY_BILLING: Kind.BUDGET,
    Sign.PROVIDER_REFUSED: Kind.BAD_REQUEST,
    Sign.PROVIDER_BUSY: Kind.UPSTREAM_RATE_LIMIT,
    Sign.PROVIDER_DOWN: Kind.UPSTREAM,
    Sign.NOT_AN_ANSWER: Kind.UPSTREAM,
    Sign.CUT: Kind.UPSTREAM,
    Sign.STALLED: Kind.TIMEOUT,
    Sign.POOL_FULL: Kind.OVERLOADED,
}
SALESFORCE = Patience(first_s=1.0, share=0.0, added_s=1.0)


def situation(sign: Sign, *, kind: Kind | None = None, **more: object) -> Situation:
    problem = Problem(kind or KIND_OF[sign], "x", sign=sign, retry_after=more.pop("retry_after", None))  # type: ignore[arg-type]  # fmt: skip
    problem.should_retry = more.pop("should_retry", None)  # type: ignore[assignment]
    left_s = more.pop("left_s", 100.0)
    facts = {"via": "gateway", "tried": 1, "rest_s": left_s, "roll": 0.5} | more
    return Situation(problem, left_s=left_s, **facts)  # type: ignore[arg-type]


def moves(asked: Situation) -> list[Move]:
    """What each try in turn leads to, until the way is left."""
    found: list[Move] = []
    while not found or found[-1] is Move.RETRY:
        found.append(decide(replace(asked, tried=len(found) + 1)).move)
    return found


# Sign, then how often the same way is tried again: through the gateway, direct; then whether another
# model may answer.
TABLE = [
    (Sign.NONE, 0, 0, False),
    (Sign.UNREACHABLE, 2, 2, True),
    (Sign.NO_FIRST_BYTE, 1, 1, True),
    (Sign.EDGE, 1, 2, True),
    (Sign.EDGE_REFUSED, 0, 0, True),
    (Sign.GATEWAY_CONFIG, 0, 0, True),
    (Sign.GATEWAY_PROVIDER, 1, 1, True),
    (Sign.EMPTY_STREAM, 1, 1, True),
    (Sign.GATEWAY_LIMIT, 0, 0, False),
    (Sign.GATEWAY_POLICY, 0, 0, False),
    (Sign.GATEWAY_UNKNOWN, 1, 1, False),
    (Sign.GATEWAY_BILLING, 0, 0, False),
    (Sign.PROVIDER_REFUSED, 0, 0, False),
    (Sign.PROVIDER_BUSY, 2, 2, True),
    (Sign.PROVIDER_DOWN, 1, 2, True),
    (Sign.NOT_AN_ANSWER, 1, 1, True),
    (Sign.CUT, 1, 1, True),
    (Sign.STALLED, 0, 0, True),
    (Sign.POOL_FULL, 0, 0, True),
]
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


def table() -> Iterator[tuple[Sign, str, bool, bool, list[Move]]]:
    for row, via, more_ways, more_models in product(
        TABLE, ("gateway", "direct"), (False, True), (False, True)
    ):
        sign, gateway, direct, others = row
        last = Move.NEXT_MODEL if more_models and others else Move.STOP
        expected = [Move.RETRY] * (gateway if via == "gateway" else direct) + [last]
        if more_ways and via == "gateway" and sign in GOES_DIRECT:
            expected = [Move.NEXT_WAY]
        yield sign, via, more_ways, more_models, expected


def test_every_sign_has_a_row() -> None:
    assert [row[0] for row in TABLE] == [sign for sign in KIND_OF if sign in set(Sign)]
    assert {row[0] for row in TABLE} == set(Sign)
    assert set(GOES_DIRECT) == FALLBACK


@pytest.mark.parametrize(("sign", "via", "more_ways", "more_models", "expected"), list(table()))
def test_what_follows_a_failure_is_written_in_the_table(
    sign: Sign, via: str, more_ways: bool, more_models: bool, expected: list[Move]
) -> None:
    asked = situation(sign, via=via, more_ways=more_ways, more_models=more_models)

    assert moves(asked) == expected


@pytest.mark.parametrize("sign", GOES_DIRECT)
def test_a_gateway_that_is_set_up_wrong_is_gone_round_only_where_that_is_wanted(sign: Sign) -> None:
    asked = situation(sign, more_ways=True, more_models=True, round_misconfigured=False)

    wrong = sign in (Sign.EDGE_REFUSED, Sign.GATEWAY_CONFIG)
    assert decide(asked).move is (Move.STOP if wrong else Move.NEXT_WAY)


@pytest.mark.parametrize(
    ("kind", "others"),
    [
        (Kind.UPSTREAM_AUTH, True),
        (Kind.BUDGET, True),
        (Kind.UPSTREAM, True),
        (Kind.BAD_REQUEST, False),
        (Kind.CONTENT_POLICY, False),
        (Kind.CONTEXT_LENGTH, False),
        (Kind.NOT_FOUND, False),
        (Kind.TOO_LARGE, False),
    ],
)
@pytest.mark.parametrize("via", ["gateway", "direct"])
def test_a_vendors_refusal_is_final_unless_it_is_about_our_account(
    kind: Kind, others: bool, via: str
) -> None:
    asked = situation(Sign.PROVIDER_REFUSED, kind=kind, via=via, more_ways=True, more_models=True)

    assert moves(asked) == [Move.NEXT_MODEL if others else Move.STOP]


@pytest.mark.parametrize("kind", list(Kind))
@pytest.mark.parametrize("sign", [Sign.GATEWAY_LIMIT, Sign.GATEWAY_POLICY, Sign.GATEWAY_BILLING])
def test_what_the_gateway_forbids_is_never_bypassed_whatever_its_kind(
    sign: Sign, kind: Kind
) -> None:
    asked = situation(sign, kind=kind, more_ways=True, more_models=True, should_retry=True)

    assert moves(asked) == [Move.STOP]


@pytest.mark.parametrize(
    ("sign", "kind", "should_retry", "retries"),
    [
        (Sign.PROVIDER_BUSY, Kind.UPSTREAM_RATE_LIMIT, False, 0),
        (Sign.PROVIDER_DOWN, Kind.OVERLOADED, False, 0),
        (Sign.PROVIDER_DOWN, Kind.UPSTREAM, True, 2),
        (Sign.PROVIDER_REFUSED, Kind.BAD_REQUEST, True, 2),
        (Sign.PROVIDER_REFUSED, Kind.CONTENT_POLICY, True, 0),
        (Sign.PROVIDER_REFUSED, Kind.BUDGET, True, 0),
        (Sign.POOL_FULL, Kind.OVERLOADED, True, 0),
    ],
)
def test_what_upstream_says_of_asking_again_overrules(
    sign: Sign, kind: Kind, should_retry: bool, retries: int
) -> None:
    asked = situation(sign, kind=kind, should_retry=should_retry)

    assert moves(asked) == [Move.RETRY] * retries + [Move.STOP]


@pytest.mark.parametrize(("tries", "retries"), [(1, 0), (2, 1), (5, 4)])
def test_a_vendor_is_asked_as_often_as_its_patience_says(tries: int, retries: int) -> None:
    for sign in (Sign.PROVIDER_BUSY, Sign.PROVIDER_DOWN, Sign.UNREACHABLE):
        asked = situation(sign, via="direct", patience=Patience(tries=tries))

        assert moves(asked) == [Move.RETRY] * retries + [Move.STOP]
    assert moves(situation(Sign.CUT, patience=Patience(tries=1))) == [Move.STOP]


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
    if verdict.move is Move.STOP:
        assert decide(replace(asked, rest_s=100, more_models=True)) == Verdict(Move.NEXT_MODEL)


def test_a_model_that_has_had_its_time_is_left_for_another_without_a_second_try() -> None:
    late = situation(Sign.UNREACHABLE, left_s=0.0, rest_s=5.0, more_ways=True)

    assert decide(late).move is Move.STOP
    assert decide(replace(late, more_models=True)) == Verdict(Move.NEXT_MODEL)


def test_a_spent_budget_leaves_another_model_to_ask() -> None:
    spent = situation(Sign.PROVIDER_DOWN, may_retry=False)

    assert decide(spent).move is Move.STOP
    assert decide(replace(spent, more_models=True)).move is Move.NEXT_MODEL


def test_the_breaker_counts_what_says_that_its_way_is_broken() -> None:
    problems = {sign: Problem(kind, "x", sign=sign) for sign, kind in KIND_OF.items()}

    direct = {sign for sign, problem in problems.items() if tells_against(problem, via="direct")}
    gateway = {sign for sign, problem in problems.items() if tells_against(problem, via="gateway")}

    assert gateway == FALLBACK
    assert direct == {
        Sign.UNREACHABLE,
        Sign.NO_FIRST_BYTE,
        Sign.STALLED,
        Sign.CUT,
        Sign.EMPTY_STREAM,
        Sign.PROVIDER_DOWN,
        Sign.EDGE,
    }
    assert not any(is_fallback_class(problem, via="direct") for problem in problems.values())


def test_the_caller_hears_of_its_own_model_unless_a_policy_refused() -> None:
    asked = Problem(Kind.OVERLOADED, "busy")
    wrong, policy = Problem(Kind.BAD_REQUEST, "no"), Problem(Kind.CONTENT_POLICY, "never")

    assert told(asked, wrong) is asked
    assert told(asked, policy) is policy
    assert told(asked, asked) is asked


PATIENCES = st.builds(
    Patience,
    tries=st.integers(1, 6),
    first_s=st.floats(0.01, 20),
    share=st.floats(0, 1),
    added_s=st.floats(0, 5),
)


def _problem(kind: Kind, sign: Sign, wait: float | None, again: bool | None) -> Problem:
    problem = Problem(kind, "x", sign=sign, retry_after=wait)
    problem.should_retry = again
    return problem


PROBLEMS = st.builds(
    _problem,
    st.sampled_from(Kind),
    st.sampled_from(Sign),
    st.none() | st.floats(0, 60),
    st.none() | st.booleans(),
)


SITUATIONS = st.builds(
    Situation,
    PROBLEMS,
    via=st.sampled_from(["gateway", "direct"]),
    tried=st.integers(1, 8),
    left_s=st.floats(-10, 100),
    rest_s=st.floats(-10, 100),
    roll=st.floats(0, 1, exclude_max=True),
    patience=PATIENCES,
    content_sent=st.booleans(),
    more_ways=st.booleans(),
    more_models=st.booleans(),
    may_retry=st.booleans(),
    round_misconfigured=st.booleans(),
)


@given(SITUATIONS)
def test_nothing_follows_the_first_content_or_the_deadline(asked: Situation) -> None:
    assert decide(replace(asked, content_sent=True)) == Verdict(Move.STOP)
    assert decide(replace(asked, rest_s=min(asked.rest_s, 0.0))) == Verdict(Move.STOP)


@given(SITUATIONS)
def test_a_move_goes_only_where_there_is_something_and_policy_and_budget_stop_all(
    asked: Situation,
) -> None:
    move, problem = decide(asked).move, asked.problem

    assert asked.more_ways or move is not Move.NEXT_WAY
    assert asked.more_models or move is not Move.NEXT_MODEL
    if problem.kind is Kind.CONTENT_POLICY and problem.sign not in FALLBACK:
        assert move not in (Move.NEXT_WAY, Move.NEXT_MODEL)
    if problem.sign.value.startswith("gateway_") and problem.sign not in FALLBACK:
        assert move is Move.STOP
    assert stands_in(problem) or move is not Move.NEXT_MODEL


@given(SITUATIONS, st.lists(PROBLEMS, min_size=1, max_size=12))
def test_all_waits_together_are_shorter_than_the_time_there_is(
    asked: Situation, problems: list[Problem]
) -> None:
    left_s, waited = max(asked.left_s, 0.0), 0.0
    for tried, problem in enumerate(problems, 1):
        left = left_s - waited
        verdict = decide(replace(asked, problem=problem, tried=tried, left_s=left, rest_s=left))
        if verdict.move is not Move.RETRY:
            assert verdict.wait_s == 0
            break
        waited += verdict.wait_s

    assert waited < left_s or waited == 0


@given(tried=st.integers(1, 50), roll=st.floats(0, 1, exclude_max=True))
def test_backing_off_is_never_longer_than_the_longest_wait(tried: int, roll: float) -> None:
    assert 0.375 <= backoff(tried, roll) <= LONGEST_WAIT_S
    assert 1.0 <= backoff(tried, roll, SALESFORCE) <= LONGEST_WAIT_S


def test_each_vendor_has_its_own_beat() -> None:
    assert [backoff(tried, 0.5) for tried in (1, 2, 3)] == [0.5, 1.0, 2.0]
    assert [backoff(1, roll) for roll in (0.0, 1.0)] == [0.375, 0.625]
    assert [backoff(tried, 0.5, SALESFORCE) for tried in (1, 2, 3)] == [1.5, 2.5, 4.5]
    assert [backoff(1, roll, SALESFORCE) for roll in (0.0, 1.0)] == [1.0, 2.0]


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


NOON = {"Date": "Tue, 24 Nov 2026 12:00:00 GMT"}


@pytest.mark.parametrize(
    ("headers", "seconds"),
    [
        ({"x-ratelimit-reset-requests": "1s"}, 1.0),
        ({"x-ratelimit-reset-tokens": "6m0s"}, 360.0),
        ({"x-ratelimit-reset-requests": "20ms"}, 0.02),
        ({"x-ratelimit-reset-requests": "1h2m3.5s"}, 3723.5),
        ({"x-ratelimit-reset-requests": "1s", "x-ratelimit-reset-tokens": "2s"}, 2.0),
        (
            {
                "x-ratelimit-remaining-requests": "9",
                "x-ratelimit-reset-requests": "8h0m",
                "x-ratelimit-remaining-tokens": "0",
                "x-ratelimit-reset-tokens": "2.5s",
            },
            2.5,
        ),
        ({"x-ratelimit-remaining-tokens": "5", "x-ratelimit-reset-tokens": "2s"}, None),
        ({"x-ratelimit-reset-requests": ""}, None),
        ({"x-ratelimit-reset-requests": "soon"}, None),
        ({"x-ratelimit-reset-requests": "12"}, None),
        ({"x-ratelimit-reset-requests": "1s", "Retry-After": "4"}, 4.0),
        ({"anthropic-ratelimit-tokens-reset": "2026-11-24T12:00:07Z", **NOON}, 7.0),
        ({"anthropic-ratelimit-requests-reset": "2026-11-24T13:00:03+01:00", **NOON}, 3.0),
        ({"anthropic-ratelimit-input-tokens-reset": "2026-11-24T11:00:00Z", **NOON}, 0.0),
        ({"anthropic-ratelimit-output-tokens-reset": "2026-11-24T12:00:07Z"}, None),
        ({"anthropic-ratelimit-tokens-reset": "2026-11-24T12:00:07", **NOON}, None),
        (
            {
                "anthropic-ratelimit-tokens-reset": "2026-11-24T12:00:50Z",
                "anthropic-ratelimit-tokens-remaining": "1000",
                **NOON,
            },
            None,
        ),
    ],
)
def test_a_limit_that_is_used_up_says_when_to_come_again(
    headers: dict[str, str], seconds: float | None
) -> None:
    assert read_wait(429, CIMultiDict(headers)) == seconds


def test_limits_say_nothing_of_another_failure() -> None:
    assert read_wait(500, CIMultiDict({"x-ratelimit-reset-requests": "1s"})) is None
    assert read_wait(503, CIMultiDict({"Retry-After": "2"})) == 2.0


@pytest.mark.parametrize(
    ("text", "said"),
    [("true", True), (" FALSE ", False), ("", None), ("yes", None)],
)
def test_what_upstream_says_of_asking_again_is_read(text: str, said: bool | None) -> None:
    assert read_should_retry(CIMultiDict({"X-Should-Retry": text})) is said


def test_second_tries_are_a_share_of_the_last_minutes_requests_with_a_floor() -> None:
    budget = RetryBudget()
    assert [budget.spend(0) for _ in range(11)] == [True] * 10 + [False]

    for _ in range(100):
        budget.asked(1)

    assert [budget.spend(1) for _ in range(11)] == [True] * 10 + [False]
    assert budget.spend(60)
