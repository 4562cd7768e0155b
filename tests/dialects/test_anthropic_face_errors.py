"""A failure in Anthropic's words: every kind has a status, a type and a word on asking again."""

import json
from typing import Any

import pytest

from bff.dialects.anthropic_messages import NAME
from bff.dialects.anthropic_messages.errors import (
    ROWS,
    error_object,
    write_error,
    write_unknown_url,
)
from bff.errors import Kind, Problem, Said, Sign

REQUEST, API = "invalid_request_error", "api_error"


def told(problem: Problem) -> tuple[int, Any, dict[str, str]]:
    status, body, headers = write_error(problem, "req_1")
    value = json.loads(body)
    assert (value["type"], value["request_id"]) == ("error", "req_1")
    return status, value["error"], headers


def test_every_kind_has_a_row() -> None:
    assert set(ROWS) == set(Kind)


@pytest.mark.parametrize(
    ("kind", "status", "type_"),
    [
        (Kind.BAD_REQUEST, 400, REQUEST),
        (Kind.INVALID, 400, REQUEST),
        (Kind.MEDIA_TYPE, 415, REQUEST),
        (Kind.CALLER_AUTH, 401, "authentication_error"),
        (Kind.CALLER_FORBIDDEN, 403, "permission_error"),
        (Kind.NOT_FOUND, 404, "not_found_error"),
        (Kind.TOO_LARGE, 413, "request_too_large"),
        (Kind.SLOW_BODY, 408, "timeout_error"),
        (Kind.CONTENT_POLICY, 400, REQUEST),
        (Kind.OWN_RATE_LIMIT, 429, "rate_limit_error"),
        (Kind.BUDGET, 429, "rate_limit_error"),
        (Kind.UPSTREAM_RATE_LIMIT, 429, "rate_limit_error"),
        (Kind.UPSTREAM_AUTH, 500, API),
        (Kind.OVERLOADED, 529, "overloaded_error"),
        (Kind.UPSTREAM, 500, API),
        (Kind.TIMEOUT, 504, "timeout_error"),
        (Kind.CONNECTION, 500, API),
        (Kind.SHUTTING_DOWN, 529, "overloaded_error"),
        (Kind.INTERNAL, 500, API),
    ],
)
def test_a_kind_has_its_own_status_whatever_upstream_answered(
    kind: Kind, status: int, type_: str
) -> None:
    told_status, error, _ = told(Problem(kind, "No.", status=418))

    assert (told_status, error["type"]) == (status, type_)
    assert error["message"].startswith("No.")


def test_an_answer_that_took_too_long_is_told_to_stream_where_none_has_begun() -> None:
    slow = Problem(Kind.TIMEOUT, "Too slow.")

    _, error, _ = told(slow)

    assert error["message"] == "Too slow. Use stream: true, or ask for a shorter answer."
    assert error_object(slow, "req_1")["error"]["message"] == "Too slow."


def test_too_long_a_prompt_is_said_in_the_words_that_callers_look_for() -> None:
    status, error, _ = told(Problem(Kind.CONTEXT_LENGTH, "Shorten it.", at="messages"))

    assert (status, error["type"]) == (400, REQUEST)
    assert error["message"] == "prompt is too long: Shorten it."


def test_a_place_is_spelled_as_anthropic_spells_it() -> None:
    _, error, _ = told(Problem(Kind.INVALID, "No.", at="messages[1].content[0].text"))

    assert error["message"] == "messages.1.content.0.text: No."


@pytest.mark.parametrize(
    ("kind", "wait", "headers"),
    [
        (Kind.BUDGET, None, {"x-should-retry": "false"}),
        (Kind.UPSTREAM_AUTH, None, {"x-should-retry": "false"}),
        (Kind.OVERLOADED, 4, {"retry-after": "4"}),
        (Kind.OVERLOADED, None, {"x-should-retry": "false"}),
        (Kind.SHUTTING_DOWN, None, {"retry-after": "1"}),
    ],
)
def test_whether_to_ask_again_is_always_said(
    kind: Kind, wait: float | None, headers: dict[str, str]
) -> None:
    assert told(Problem(kind, "No.", retry_after=wait))[2] == headers


def test_an_account_that_is_empty_has_a_status_of_its_own() -> None:
    status, error, _ = told(Problem(Kind.BUDGET, "No.", sign=Sign.GATEWAY_BILLING))

    assert (status, error["type"]) == (402, "billing_error")


@pytest.mark.parametrize(
    ("methods", "expected"),
    [((), (404, "not_found_error")), (("POST",), (405, "invalid_request_error"))],
)
def test_a_path_we_do_not_serve_is_told_apart_from_another_method(
    methods: tuple[str, ...], expected: tuple[int, str]
) -> None:
    status, body, headers = write_unknown_url("req_1", methods=methods)

    value = json.loads(body)
    assert (status, value["error"]["type"]) == expected
    assert value["request_id"] == "req_1"
    assert ("base URL without a /v1" in value["error"]["message"]) == (not methods)
    assert headers == {"x-should-retry": "false"}


BODY = b'{"type":"error", "error":{"type":"odd_error","message":"Theirs."}}'


def test_what_anthropic_said_itself_is_said_again_to_the_byte() -> None:
    problem = Problem(Kind.OVERLOADED, "Ours.", status=529)
    headers = {"x-should-retry": "true", "request-id": "req_9", "anthropic-ratelimit-a": "1"}
    problem.original = Said(NAME, 418, BODY, headers)

    assert write_error(problem, "req_1") == (418, BODY, headers)


@pytest.mark.parametrize("wait", [{"retry-after": "9"}, {"x-should-retry": "true"}])
def test_what_anthropic_says_of_asking_again_holds(wait: dict[str, str]) -> None:
    problem = Problem(Kind.OVERLOADED, "Ours.", retry_after=3)
    problem.original = Said(NAME, 529, BODY, wait)

    assert write_error(problem, "req_1")[2] == wait


def test_where_anthropic_says_nothing_of_asking_again_we_do() -> None:
    problem = Problem(Kind.UPSTREAM, "Ours.")
    problem.original = Said(NAME, 500, BODY, {"request-id": "req_9"})

    _, _, headers = write_error(problem, "req_1")

    assert headers == {"request-id": "req_9", "x-should-retry": "false"}


def test_an_error_that_had_no_status_has_its_kinds() -> None:
    problem = Problem(Kind.OVERLOADED, "Ours.")
    problem.original = Said(NAME, 0, BODY)

    assert write_error(problem, "req_1")[:2] == (529, BODY)


def test_what_another_vendor_said_is_not_said_again() -> None:
    problem = Problem(Kind.OVERLOADED, "Ours.")
    problem.original = Said("openai_chat", 503, BODY)

    assert told(problem)[1] == {"type": "overloaded_error", "message": "Ours."}


def test_of_what_another_vendor_said_of_a_question_the_sentence_is_told() -> None:
    for kind, lead in ((Kind.BAD_REQUEST, "x.0: "), (Kind.CONTEXT_LENGTH, "prompt is too long: ")):
        problem = Problem(kind, "Ours.", at="x[0]")
        problem.original = Said("openai_chat", 418, BODY)

        status, error, _ = told(problem)

        assert (status, error["type"]) == (400, REQUEST)
        assert error["message"] == f"{lead}Theirs."
