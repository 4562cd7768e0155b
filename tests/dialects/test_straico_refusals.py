"""Straico's failures: judged by status and words, and never shown in its own."""

from typing import Any

import orjson
import pytest
from hypothesis import given
from hypothesis import strategies as st

from bff.dialects.straico import not_an_answer, read_refusal
from bff.dialects.straico.refusals import read_error_inside
from bff.errors import Kind, Problem, Sign

SECRET = "account 4711 of ann@example.com"


def refused(status: int, said: Any = None, **more: Any) -> Problem:
    data = said if isinstance(said, bytes) else orjson.dumps(said)
    return read_refusal(status, data, **more)


@pytest.mark.parametrize(
    ("status", "kind", "sign"),
    [
        (400, Kind.BAD_REQUEST, Sign.PROVIDER_REFUSED),
        (401, Kind.UPSTREAM_AUTH, Sign.PROVIDER_REFUSED),
        (402, Kind.BUDGET, Sign.PROVIDER_REFUSED),
        (403, Kind.UPSTREAM_AUTH, Sign.PROVIDER_REFUSED),
        (404, Kind.NOT_FOUND, Sign.PROVIDER_REFUSED),
        (408, Kind.TIMEOUT, Sign.PROVIDER_DOWN),
        (409, Kind.UPSTREAM, Sign.PROVIDER_DOWN),
        (413, Kind.TOO_LARGE, Sign.PROVIDER_REFUSED),
        (422, Kind.BAD_REQUEST, Sign.PROVIDER_REFUSED),
        (429, Kind.OVERLOADED, Sign.PROVIDER_BUSY),
        (500, Kind.OVERLOADED, Sign.PROVIDER_DOWN),
        (501, Kind.UPSTREAM, Sign.PROVIDER_DOWN),
        (502, Kind.OVERLOADED, Sign.PROVIDER_DOWN),
        (503, Kind.OVERLOADED, Sign.PROVIDER_DOWN),
        (504, Kind.TIMEOUT, Sign.PROVIDER_DOWN),
        (529, Kind.OVERLOADED, Sign.PROVIDER_DOWN),
    ],
)
@pytest.mark.parametrize("said", [{"error": "No."}, b"<html>No.</html>", b""])
def test_a_status_alone_says_this(status: int, kind: Kind, sign: Sign, said: Any) -> None:
    problem = refused(status, said, retry_after=3)

    assert (problem.kind, problem.sign) == (kind, sign)
    assert (problem.status, problem.retry_after) == (status, 3)


@pytest.mark.parametrize("status", [302, 307])
def test_who_is_sent_elsewhere_does_not_ask_again(status: int) -> None:
    problem = refused(status)

    assert (problem.kind, problem.sign) == (Kind.UPSTREAM, Sign.PROVIDER_REFUSED)


WORDS = [
    ("You don't have enough coins", Kind.BUDGET),
    ("Insufficient coins", Kind.BUDGET),
    ("Insufficient balance", Kind.BUDGET),
    ("Your account has no more coins", Kind.BUDGET),
    ("coins are insufficient", Kind.BUDGET),
    ("The model is overloaded, please wait", Kind.OVERLOADED),
    ("Service temporarily unavailable", Kind.OVERLOADED),
    ("Rate limit exceeded", Kind.OVERLOADED),
    ("We are in HIGH DEMAND", Kind.OVERLOADED),
    ("Invalid API key", Kind.UPSTREAM_AUTH),
    ("Unauthorized", Kind.UPSTREAM_AUTH),
    ("Model not found", Kind.NOT_FOUND),
    ("The model x/y does not exist", Kind.NOT_FOUND),
    ("Unknown model x/y", Kind.NOT_FOUND),
    ("This model's maximum context length is 8192 tokens", Kind.CONTEXT_LENGTH),
    ("The message exceeds the word limit", Kind.CONTEXT_LENGTH),
    ("Flagged by moderation", Kind.CONTENT_POLICY),
]


@pytest.mark.parametrize(("words", "kind"), WORDS)
@pytest.mark.parametrize(
    "form",
    [
        lambda words: {"success": False, "error": words},
        lambda words: {"error": {"message": words}},
        lambda words: {"success": False, "message": words},
        lambda words: {"detail": [{"msg": "no"}, words]},
    ],
)
def test_words_say_what_a_400_is_and_what_an_error_without_a_status_is(
    words: str, kind: Kind, form: Any
) -> None:
    assert refused(400, form(words)).kind is kind
    assert read_error_inside(form(words)).kind is kind


@pytest.mark.parametrize("status", [400, 401, 403, 422, 429, 500])
def test_no_coins_are_no_coins_under_any_status_and_never_tried_again(status: int) -> None:
    problem = refused(status, {"success": False, "error": "Not enough coins"})

    assert (problem.kind, problem.sign) == (Kind.BUDGET, Sign.PROVIDER_REFUSED)


def test_a_refused_key_stays_one_whatever_is_said() -> None:
    assert refused(401, {"error": "Service unavailable"}).kind is Kind.UPSTREAM_AUTH


def test_a_validation_error_that_quotes_the_request_stays_one() -> None:
    quoting = {"error": "Validation failed: temperature: 'unavailable'"}

    assert refused(422, quoting).kind is Kind.BAD_REQUEST
    assert refused(422, {"error": "Model not found"}).kind is Kind.NOT_FOUND


@pytest.mark.parametrize(
    "quoted", ["out of coins", "rate limit", "api key", "unknown model", "too long"]
)
def test_a_policys_refusal_that_quotes_the_question_stays_one(quoted: str) -> None:
    """Else a caller could choose to be asked for again, or for another model to answer."""
    said = {"success": False, "error": f"Your prompt '{quoted}' was flagged by moderation"}

    assert refused(400, said).kind is Kind.CONTENT_POLICY
    assert refused(422, said).kind is Kind.CONTENT_POLICY
    assert read_error_inside(said).kind is Kind.CONTENT_POLICY


@pytest.mark.parametrize("status", [429, 500, 502, 503])
def test_a_policys_refusal_is_one_under_a_status_that_asks_to_try_again(status: int) -> None:
    data = b'{"success":false,"error":"Your message was flagged by our moderation"}'
    page = b"<html>Overloaded. <a>Content policy</a></html>"

    assert read_refusal(status, data).kind is Kind.CONTENT_POLICY
    assert read_refusal(status, data).sign is Sign.PROVIDER_REFUSED
    assert read_refusal(status, page).kind is Kind.OVERLOADED


def test_a_front_that_says_it_is_overloaded_is_believed() -> None:
    assert refused(418, b"<h1>Temporarily unavailable</h1>").kind is Kind.OVERLOADED


def test_an_error_without_words_we_know_is_a_failure_of_theirs() -> None:
    problem = read_error_inside({"success": False, "error": "Something went wrong"})

    assert (problem.kind, problem.sign, problem.status) == (Kind.UPSTREAM, Sign.PROVIDER_DOWN, None)


def test_what_is_quoted_in_other_fields_is_not_judged() -> None:
    said = {"error": {"message": "No.", "input": "I have no more coins", "deep": {"error": "x"}}}

    assert refused(400, said).kind is Kind.BAD_REQUEST


def test_an_answer_that_is_none_is_a_failure_of_theirs() -> None:
    assert (not_an_answer().kind, not_an_answer().sign) == (Kind.UPSTREAM, Sign.NOT_AN_ANSWER)


@pytest.mark.parametrize(("words", "_"), WORDS)
@pytest.mark.parametrize("status", [400, 402, 429, 500])
def test_their_words_are_never_shown(words: str, _: Kind, status: int) -> None:
    said = {"success": False, "error": f"{words}: {SECRET}"}

    for problem in (refused(status, said), read_error_inside(said)):
        assert SECRET not in problem.public
        assert words not in problem.public


SCALARS = st.none() | st.booleans() | st.integers(-9, 9) | st.text(max_size=9)
ANYTHING = st.recursive(
    SCALARS,
    lambda inner: (
        st.lists(inner, max_size=3)
        | st.dictionaries(
            st.sampled_from(["error", "message", "detail", "code", "data"]), inner, max_size=3
        )
    ),
)


@given(st.integers(300, 599), ANYTHING.map(orjson.dumps) | st.binary(max_size=40))
def test_whatever_comes_is_a_problem_with_a_sentence_of_ours(status: int, data: bytes) -> None:
    problem = read_refusal(status, data)

    assert problem.public
    assert problem.status == status
