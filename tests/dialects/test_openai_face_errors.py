"""A failure in OpenAI's words: every kind has a status, a type, a code and a word on asking again."""

import json
from typing import Any

import pytest

from bff.dialects.openai_chat.errors import ROWS, write_error, write_unknown_url
from bff.errors import Kind, Problem, Said, Sign

REQUEST, SERVER = "invalid_request_error", "server_error"


def told(problem: Problem) -> tuple[int, Any, dict[str, str]]:
    status, body, headers = write_error(problem, "req_1")
    assert body.isascii()
    return status, json.loads(body)["error"], headers


def test_a_refused_question_has_the_vendors_code() -> None:
    problem = Problem(Kind.BAD_REQUEST, "No.", status=400)
    problem.code = "unsupported_value"

    assert told(problem)[1]["code"] == "unsupported_value"


def test_every_kind_has_a_row_with_something_to_do_about_it() -> None:
    assert set(ROWS) == set(Kind)
    assert all(row.suggestion.endswith(".") for row in ROWS.values())


@pytest.mark.parametrize(
    ("kind", "status", "type_", "code"),
    [
        (Kind.BAD_REQUEST, 400, REQUEST, None),
        (Kind.INVALID, 400, REQUEST, None),
        (Kind.MEDIA_TYPE, 415, REQUEST, "unsupported_media_type"),
        (Kind.CALLER_AUTH, 401, REQUEST, "invalid_api_key"),
        (Kind.CALLER_FORBIDDEN, 403, "permission_error", "forbidden"),
        (Kind.NOT_FOUND, 404, REQUEST, "model_not_found"),
        (Kind.TOO_LARGE, 413, REQUEST, "request_too_large"),
        (Kind.SLOW_BODY, 408, REQUEST, "request_timeout"),
        (Kind.CONTEXT_LENGTH, 400, REQUEST, "context_length_exceeded"),
        (Kind.CONTENT_POLICY, 400, REQUEST, "content_filter"),
        (Kind.OWN_RATE_LIMIT, 429, "rate_limit_error", "rate_limit_exceeded"),
        (Kind.BUDGET, 429, "insufficient_quota", "insufficient_quota"),
        (Kind.UPSTREAM_RATE_LIMIT, 429, "rate_limit_error", "rate_limit_exceeded"),
        (Kind.UPSTREAM_AUTH, 502, SERVER, "upstream_auth"),
        (Kind.OVERLOADED, 503, SERVER, "overloaded"),
        (Kind.UPSTREAM, 502, SERVER, "upstream_error"),
        (Kind.TIMEOUT, 504, SERVER, "timeout"),
        (Kind.CONNECTION, 502, SERVER, "connection_error"),
        (Kind.SHUTTING_DOWN, 503, SERVER, "shutting_down"),
        (Kind.INTERNAL, 500, SERVER, "internal_error"),
    ],
)
def test_a_kind_has_its_own_status_whatever_upstream_answered(
    kind: Kind, status: int, type_: str, code: str | None
) -> None:
    told_status, error, _ = told(Problem(kind, "Né.", status=418, at="messages[1].role"))

    assert (told_status, error["type"], error["code"]) == (status, type_, code)
    sentence = "messages[1].role: Né." if kind is Kind.INVALID else "Né."
    assert (error["message"], error["param"]) == (sentence, "messages[1].role")
    assert error["request_id"] == "req_1"


@pytest.mark.parametrize(
    ("kind", "wait", "headers"),
    [
        (Kind.INVALID, None, {"x-should-retry": "false"}),
        (Kind.UPSTREAM_AUTH, None, {"x-should-retry": "false"}),
        (Kind.UPSTREAM_AUTH, 5, {"retry-after": "5", "x-should-retry": "false"}),
        (Kind.BUDGET, None, {"x-should-retry": "false"}),
        (Kind.BUDGET, 5, {"retry-after": "5", "x-should-retry": "false"}),
        (Kind.OVERLOADED, None, {"x-should-retry": "false"}),
        (Kind.OVERLOADED, 2.2, {"retry-after": "3"}),
        (Kind.UPSTREAM_RATE_LIMIT, 0, {"retry-after": "1"}),
        (Kind.UPSTREAM_RATE_LIMIT, None, {"x-should-retry": "false"}),
        (Kind.OWN_RATE_LIMIT, None, {"retry-after": "60"}),
        (Kind.OWN_RATE_LIMIT, 7, {"retry-after": "7"}),
        (Kind.SHUTTING_DOWN, None, {"retry-after": "1"}),
        (Kind.INTERNAL, None, {"x-should-retry": "false"}),
    ],
)
def test_whether_to_ask_again_is_always_said(
    kind: Kind, wait: float | None, headers: dict[str, str]
) -> None:
    assert told(Problem(kind, "No.", retry_after=wait))[2] == headers


def test_what_upstream_says_against_asking_again_is_passed_on() -> None:
    problem = Problem(Kind.OVERLOADED, "Busy.", retry_after=3)
    problem.should_retry = False

    assert told(problem)[2] == {"retry-after": "3", "x-should-retry": "false"}


def test_an_account_that_is_empty_has_a_status_of_its_own() -> None:
    problem = Problem(Kind.BUDGET, "No.", status=402, sign=Sign.GATEWAY_BILLING)

    status, error, headers = told(problem)

    assert (status, error["code"], error["param"]) == (402, "insufficient_quota", None)
    assert headers == {"x-should-retry": "false"}


def test_a_body_that_is_no_object_is_not_told_to_mend_a_field() -> None:
    no_object = Problem(Kind.INVALID, "The body must be a JSON object.")

    assert "param" not in told(no_object)[1]["suggestion"]
    assert "param" in told(Problem(Kind.INVALID, "No.", at="n"))[1]["suggestion"]


def test_an_answer_that_took_too_long_is_better_streamed() -> None:
    assert "stream: true" in told(Problem(Kind.TIMEOUT, "Slow."))[1]["suggestion"]


def test_a_path_that_is_not_served_says_where_the_base_url_ends() -> None:
    status, body, headers = write_unknown_url("req_1")

    error = json.loads(body)["error"]
    assert (status, error["code"], headers) == (404, "unknown_url", {"x-should-retry": "false"})
    assert "/v1" in error["suggestion"]
    assert "/docs" in error["suggestion"]  # the base URL may be right, and the path not there


def test_a_path_that_answers_to_other_methods_names_them() -> None:
    status, body, _ = write_unknown_url("req_1", methods=("GET", "POST"))

    error = json.loads(body)["error"]
    assert (status, error["code"]) == (405, "method_not_allowed")
    assert "GET and POST" in error["message"]


def test_what_openai_says_of_a_question_is_told_with_what_to_do_about_it() -> None:
    theirs = {"message": "Théirs.", "type": "odd", "param": "n", "code": None, "more": 1}
    problem = Problem(Kind.CONTEXT_LENGTH, "Ours.", at="messages")
    problem.original = Said("openai_chat", 400, json.dumps({"error": theirs}).encode())

    status, error, _ = told(problem)

    assert (status, error) == (
        400,
        {
            **{name: theirs[name] for name in ("message", "type", "param", "code")},
            "suggestion": ROWS[Kind.CONTEXT_LENGTH].suggestion,
            "request_id": "req_1",
        },
    )


def test_an_error_of_openais_without_a_type_has_ours() -> None:
    problem = Problem(Kind.BAD_REQUEST, "Ours.")
    problem.original = Said("openai_chat", 400, b'{"error":{"message":"Theirs.","type":null}}')

    error = told(problem)[1]

    assert (error["message"], error["type"], error["param"]) == ("Theirs.", REQUEST, None)


def test_of_what_another_vendor_said_the_sentence_is_told() -> None:
    problem = Problem(Kind.BAD_REQUEST, "Ours.")
    body = b'{"error":{"message":"Theirs.","param":"x","code":"odd"}}'
    problem.original = Said("anthropic_messages", 418, body)

    status, error, _ = told(problem)

    assert (status, error["message"], error["param"], error["code"]) == (400, "Theirs.", None, None)
