"""A failure as who asked for a response is told of it."""

import json
from typing import get_args

import pytest
from openai.types.responses import ResponseError

from bff.dialects.openai_responses.errors import (
    FAILURES,
    unsupported,
    write_error,
    write_event,
    write_failure,
)
from bff.errors import Kind, Problem

CODES = get_args(ResponseError.model_fields["code"].annotation)


@pytest.mark.parametrize("kind", list(Kind))
def test_a_response_fails_with_a_code_that_the_sdk_knows(kind: Kind) -> None:
    failure = write_failure(Problem(kind, "No."))

    assert failure["code"] in CODES
    assert ResponseError.model_validate(failure).message == "No."


@pytest.mark.parametrize(
    ("kind", "code"),
    [
        (Kind.OWN_RATE_LIMIT, "rate_limit_exceeded"),
        (Kind.BUDGET, "rate_limit_exceeded"),
        (Kind.UPSTREAM_RATE_LIMIT, "rate_limit_exceeded"),
        (Kind.CONTENT_POLICY, "invalid_prompt"),
        (Kind.BAD_REQUEST, "invalid_prompt"),
        (Kind.OVERLOADED, "server_error"),
        (Kind.UPSTREAM_AUTH, "server_error"),
    ],
)
def test_limits_and_faults_of_the_question_are_told_apart(kind: Kind, code: str) -> None:
    assert FAILURES[kind] == code


def test_what_is_not_supported_has_the_envelope_of_chat_completions() -> None:
    status, body, headers = write_error(unsupported("background", "Not here."), "req_1")

    error = json.loads(body)["error"]
    assert (status, headers) == (400, {"x-should-retry": "false"})
    assert (error["type"], error["code"]) == ("invalid_request_error", "unsupported_parameter")
    assert (error["param"], error["message"]) == ("background", "background: Not here.")


def test_an_error_event_has_no_type_of_the_errors_own() -> None:
    event = write_event(Problem(Kind.OVERLOADED, "Busy.", at="input"), "req_1")

    assert "type" not in event
    assert (event["code"], event["message"], event["param"]) == ("overloaded", "Busy.", "input")
    assert event["request_id"] == "req_1"
