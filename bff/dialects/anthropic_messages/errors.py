"""A Problem in Anthropic's words. Source: contract providers.md §6.6, api-faces.md §3."""

import re
from collections.abc import Mapping, Sequence
from typing import Any

from bff.dialects.anthropic_messages.names import NAME
from bff.dialects.asking_again import write_headers
from bff.dialects.json_text import write_ascii
from bff.dialects.refusal_words import sentence_of
from bff.errors import Kind, Problem, Said, Sign

_REQUEST, _API, _RATE = "invalid_request_error", "api_error", "rate_limit_error"

ROWS: Mapping[Kind, tuple[int, str]] = {
    Kind.BAD_REQUEST: (400, _REQUEST),
    Kind.INVALID: (400, _REQUEST),
    Kind.MEDIA_TYPE: (415, _REQUEST),
    Kind.CALLER_AUTH: (401, "authentication_error"),
    Kind.CALLER_FORBIDDEN: (403, "permission_error"),
    Kind.NOT_FOUND: (404, "not_found_error"),
    Kind.TOO_LARGE: (413, "request_too_large"),
    Kind.SLOW_BODY: (408, "timeout_error"),
    Kind.CONTEXT_LENGTH: (400, _REQUEST),
    Kind.CONTENT_POLICY: (400, _REQUEST),
    Kind.OWN_RATE_LIMIT: (429, _RATE),
    Kind.BUDGET: (429, _RATE),
    Kind.UPSTREAM_RATE_LIMIT: (429, _RATE),
    Kind.UPSTREAM_AUTH: (500, _API),
    Kind.OVERLOADED: (529, "overloaded_error"),
    Kind.UPSTREAM: (500, _API),
    Kind.TIMEOUT: (504, "timeout_error"),
    Kind.CONNECTION: (500, _API),
    Kind.SHUTTING_DOWN: (529, "overloaded_error"),
    Kind.INTERNAL: (500, _API),
}
_BILLING = (402, "billing_error")  # of the gateway's account, which is not the caller's
_STREAM_INSTEAD = " Use stream: true, or ask for a shorter answer."  # where no stream has begun
_BASE_URL = "Use a base URL without a /v1 at its end: clients put it there themselves."
_SAYS_WHETHER = frozenset({"retry-after", "x-should-retry"})
_INDEX = re.compile(r"\[(\d+)\]")


def write_error(problem: Problem, request_id: str) -> tuple[int, bytes, dict[str, str]]:
    """Status, JSON body, and the headers that say whether to ask again: Anthropic's own where the
    problem has its words.
    """
    (status, _), headers = _row(problem), write_headers(problem)
    said = said_here(problem)
    if said is None:
        told = error_object(problem, request_id)
        if problem.kind is Kind.TIMEOUT:
            told["error"]["message"] += _STREAM_INSTEAD
        return status, write_ascii(told), headers
    if not _SAYS_WHETHER.isdisjoint(said.headers):
        headers = {}
    return said.status or status, said.body, {**headers, **said.headers}


def said_here(problem: Problem) -> Said | None:
    """The problem in Anthropic's own words, where it has them."""
    said = problem.original
    return said if said is not None and said.dialect == NAME else None


def write_unknown_url(
    request_id: str, *, methods: Sequence[str] = ()
) -> tuple[int, bytes, dict[str, str]]:
    """The same for a path we do not serve, or serve to other *methods* only."""
    problem = Problem(Kind.NOT_FOUND, f"There is nothing at this URL. {_BASE_URL}")
    status, type_ = 404, "not_found_error"
    if methods:
        status, type_ = 405, _REQUEST
        problem = Problem(Kind.INVALID, f"This URL answers to {' and '.join(methods)} only.")
    body = write_ascii(_error(type_, problem.public, request_id))
    return status, body, write_headers(problem)


def error_object(problem: Problem, request_id: str) -> dict[str, Any]:
    """The whole error, as it also stands in a stream."""
    _, type_ = _row(problem)
    return _error(type_, _message(problem), request_id)


def _error(type_: str, message: str, request_id: str) -> dict[str, Any]:
    error = {"type": type_, "message": message}
    return {"type": "error", "error": error, "request_id": request_id}


def _row(problem: Problem) -> tuple[int, str]:
    return _BILLING if problem.sign is Sign.GATEWAY_BILLING else ROWS[problem.kind]


def _message(problem: Problem) -> str:
    """Behind its place, as Anthropic spells places: `messages.1.content.0: ...`."""
    said = sentence_of(problem)
    if problem.kind is Kind.CONTEXT_LENGTH:
        return f"prompt is too long: {said}"  # Claude Code looks for these words
    if not problem.at:
        return said
    place = _INDEX.sub(r".\1", problem.at)
    return f"{place}: {said}"
