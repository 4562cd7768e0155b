"""Each of Anthropic's failures has its kind, and none of its words about our account is told."""

from typing import Any

import orjson
import pytest

from bff.dialects.anthropic_messages import NAME, not_an_answer, read_error_object, read_refusal
from bff.errors import Kind, Problem, Said, Sign

REFUSED, BUSY, DOWN = Sign.PROVIDER_REFUSED, Sign.PROVIDER_BUSY, Sign.PROVIDER_DOWN
NO_CREDIT = "Your credit balance is too low to access the Anthropic API."


def refusal(status: int, type_: str = "x", message: str = "secret sk-ant") -> Problem:
    error = {"type": "error", "error": {"type": type_, "message": message}, "request_id": "req_1"}
    return read_refusal(status, orjson.dumps(error), retry_after=3.0)


@pytest.mark.parametrize(
    ("status", "kind", "sign"),
    [
        (302, Kind.UPSTREAM, REFUSED),
        (400, Kind.BAD_REQUEST, REFUSED),
        (401, Kind.UPSTREAM_AUTH, REFUSED),
        (402, Kind.UPSTREAM_AUTH, REFUSED),
        (403, Kind.UPSTREAM_AUTH, REFUSED),
        (404, Kind.NOT_FOUND, REFUSED),
        (408, Kind.TIMEOUT, DOWN),
        (409, Kind.UPSTREAM, DOWN),
        (413, Kind.TOO_LARGE, REFUSED),
        (422, Kind.BAD_REQUEST, REFUSED),
        (429, Kind.UPSTREAM_RATE_LIMIT, BUSY),
        (500, Kind.UPSTREAM, DOWN),
        (502, Kind.UPSTREAM, DOWN),
        (503, Kind.OVERLOADED, DOWN),
        (504, Kind.TIMEOUT, DOWN),
        (529, Kind.OVERLOADED, DOWN),
    ],
)
def test_each_status_has_its_kind(status: int, kind: Kind, sign: Sign) -> None:
    problem = refusal(status)

    assert (problem.kind, problem.sign, problem.status) == (kind, sign, status)
    assert problem.retry_after == (None if status < 400 else 3.0)
    assert "sk-ant" not in problem.public


@pytest.mark.parametrize("data", [b"", b"<html>", b"[]", b"{}", b'{"error":"x"}'])
def test_a_refusal_that_cannot_be_read_goes_by_its_status(data: bytes) -> None:
    assert read_refusal(400, data).kind is Kind.BAD_REQUEST
    assert read_refusal(529, data).kind is Kind.OVERLOADED


@pytest.mark.parametrize("status", [400, 413])
@pytest.mark.parametrize(
    ("message", "public"),
    [
        ("prompt is too long: 209 tokens > 200 maximum", "209 tokens > 200 maximum"),
        (
            "input length and `max_tokens` exceed context limit: 188 + 21 > 200",
            "The conversation is too long for the model. Please shorten it.",
        ),
    ],
)
def test_a_conversation_that_is_too_long_is_told_by_how_much(
    status: int, message: str, public: str
) -> None:
    problem = refusal(status, "invalid_request_error", message)

    assert (problem.kind, problem.sign, problem.public) == (Kind.CONTEXT_LENGTH, REFUSED, public)


def test_an_empty_account_is_our_own_fault_and_nobodys_business() -> None:
    problem = refusal(400, "invalid_request_error", NO_CREDIT)

    assert (problem.kind, problem.sign) == (Kind.UPSTREAM_AUTH, REFUSED)
    assert "credit" not in problem.public


def test_a_refusal_that_quotes_a_caller_says_nothing_of_our_account() -> None:
    """Else a caller could raise an alert, and have other models asked for what is no question."""
    quoting = f"messages.0: Input tag '{NO_CREDIT}' found using 'type' is none of 'text', 'image'"

    assert refusal(400, "invalid_request_error", quoting).kind is Kind.BAD_REQUEST


@pytest.mark.parametrize(
    ("error", "kind"),
    [
        ({"type": "invalid_request_error"}, Kind.BAD_REQUEST),
        ({"type": "invalid_request_error", "message": "prompt is too long"}, Kind.CONTEXT_LENGTH),
        ({"type": "invalid_request_error", "message": NO_CREDIT}, Kind.UPSTREAM_AUTH),
        ({"type": "authentication_error"}, Kind.UPSTREAM_AUTH),
        ({"type": "billing_error"}, Kind.UPSTREAM_AUTH),
        ({"type": "permission_error"}, Kind.UPSTREAM_AUTH),
        ({"type": "not_found_error"}, Kind.NOT_FOUND),
        ({"type": "request_too_large"}, Kind.TOO_LARGE),
        ({"type": "rate_limit_error"}, Kind.UPSTREAM_RATE_LIMIT),
        ({"type": "timeout_error"}, Kind.TIMEOUT),
        ({"type": "overloaded_error"}, Kind.OVERLOADED),
        ({"type": "api_error"}, Kind.UPSTREAM),
        ({"type": "conflict_error"}, Kind.UPSTREAM),
        ({"type": 5}, Kind.UPSTREAM),
        (None, Kind.UPSTREAM),
    ],
)
def test_an_error_inside_a_200_goes_by_its_type(error: Any, kind: Kind) -> None:
    problem = read_error_object(error)

    assert (problem.kind, problem.status) == (kind, None)


def test_what_is_no_answer_is_asked_for_again() -> None:
    assert (not_an_answer().kind, not_an_answer().sign) == (Kind.UPSTREAM, Sign.NOT_AN_ANSWER)


# -- its own words ---------------------------------------------------------------------------------

TOO_LONG = b'{"type": "error","error":{"type":"invalid_request_error","odd":1,"message":"no"} }'


@pytest.mark.parametrize("status", [400, 404, 409, 413, 422, 429, 500, 503, 529])
def test_what_it_says_of_a_question_is_kept_to_the_byte(status: int) -> None:
    assert read_refusal(status, TOO_LONG).original == Said(NAME, status, TOO_LONG)


@pytest.mark.parametrize("status", [302, 401, 402, 403])
def test_what_it_says_of_our_key_is_not_kept(status: int) -> None:
    assert read_refusal(status, TOO_LONG).original is None


@pytest.mark.parametrize(
    "message",
    [
        NO_CREDIT,
        "You have reached your specified API usage limits. You will regain access on 2030-01-01.",
        "This organization has been disabled.",
    ],
)
def test_what_it_says_of_our_account_is_our_own_fault(message: str) -> None:
    problem = refusal(400, "invalid_request_error", message)

    assert (problem.kind, problem.original) == (Kind.UPSTREAM_AUTH, None)


@pytest.mark.parametrize(
    "message",
    [
        "This request would exceed your organization's rate limit of 50,000 tokens per minute.",
        "The key sk-ant-api03-abc*** is busy.",
        "Too many requests for org-a1b2c3d4.",
        "See your billing page.",
    ],
)
def test_a_sentence_that_names_our_account_gives_way_to_our_own(message: str) -> None:
    problem = refusal(429, "rate_limit_error", message)

    assert problem.original is not None
    assert orjson.loads(problem.original.body) == {
        "type": "error",
        "error": {"type": "rate_limit_error", "message": problem.public},
        "request_id": "req_1",
    }


@pytest.mark.parametrize(
    "data",
    [
        b"",
        b"<html>",
        b"[]",
        b'{"type":"error"}',
        b'{"type":"error","error":"x"}',
        b'{"type":"error","error":{"type":"api_error"}}',
        b'{"type":"error","error":{"message":"x"}}',
        b'{"error":{"type":"api_error","message":"x"}}',
        TOO_LONG + b" " * 65536,
    ],
)
def test_what_is_no_error_of_its_form_is_not_kept(data: bytes) -> None:
    assert read_refusal(500, data).original is None


def test_an_error_inside_a_200_is_kept_without_a_status() -> None:
    error = orjson.loads(TOO_LONG)["error"]

    assert read_error_object(error, TOO_LONG).original == Said(NAME, 0, TOO_LONG)
    assert read_error_object(error).original is None
