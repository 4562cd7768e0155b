"""Anthropic's failures in our words: refusals by status, errors inside a 200, no answers at all.

What Anthropic says of our own account is never passed on; anything else is, to who speaks its
words. Source: contract providers.md §2, §6.6.
"""

import re
from collections.abc import Mapping

from bff.dialects.anthropic_messages.names import NAME
from bff.dialects.failures import (
    cut,
    empty,
    failure,
    kind_of_status,
    names_our_account,
    not_an_answer,
)
from bff.dialects.json_text import read_json, write_ascii
from bff.errors import Kind, Problem, Said

__all__ = ["cut", "empty", "not_an_answer", "read_error_object", "read_refusal"]

_KIND_OF_TYPE: Mapping[str, Kind] = {
    "invalid_request_error": Kind.BAD_REQUEST,
    "authentication_error": Kind.UPSTREAM_AUTH,
    "billing_error": Kind.UPSTREAM_AUTH,
    "permission_error": Kind.UPSTREAM_AUTH,
    "not_found_error": Kind.NOT_FOUND,
    "request_too_large": Kind.TOO_LARGE,
    "rate_limit_error": Kind.UPSTREAM_RATE_LIMIT,
    "timeout_error": Kind.TIMEOUT,
    "overloaded_error": Kind.OVERLOADED,
}
_SAID_IN_WORDS = frozenset({Kind.BAD_REQUEST, Kind.TOO_LARGE, Kind.UPSTREAM})
_TOO_LONG = re.compile(r"prompt is too long|exceeds? (the )?context (limit|window)", re.IGNORECASE)
_LENGTHS = re.compile(r"prompt is too long: (\d{1,12}) tokens > (\d{1,12}) maximum")
_NO_CREDIT = re.compile(
    r"(your )?credit balance is too low|you have reached your specified api usage limits"
    r"|(this|your) organization has been disabled",
    re.IGNORECASE,
)
_MOST_PASSED = 64 * 1024  # bytes of a refusal


def read_refusal(status: int, data: bytes, *, retry_after: float | None = None) -> Problem:
    """The provider's own answer when it is not 2xx; *data* may be anything."""
    message = _word(_object_of(data).get("error"), "message")
    kind = _kind(kind_of_status(status), message)
    problem = _problem(kind, message, status=status, retry_after=retry_after)
    if status >= 400:
        problem.original = _original(problem, data, status)
    return problem


def read_error_object(error: object, data: bytes = b"") -> Problem:
    """An error that came inside a 200, as *data*: no status of its own."""
    message = _word(error, "message")
    kind = _KIND_OF_TYPE.get(_word(error, "type"), Kind.UPSTREAM)
    problem = _problem(_kind(kind, message), message)
    problem.original = _original(problem, data, 0)
    return problem


def _original(problem: Problem, data: bytes, status: int) -> Said | None:
    """What Anthropic said, to be passed on: unless it is about our key, or is no error of its form.
    A sentence that names our account gives way to our own.
    """
    if problem.kind is Kind.UPSTREAM_AUTH or len(data) > _MOST_PASSED:
        return None
    value = _object_of(data)
    type_, message = (_word(value.get("error"), name) for name in ("type", "message"))
    if value.get("type") != "error" or not (type_ and message):
        return None
    if names_our_account(message):
        data = write_ascii({**value, "error": {"type": type_, "message": problem.public}})
    return Said(NAME, status, data)


def _kind(kind: Kind, message: str) -> Kind:
    """What a refusal says in its sentence only: Anthropic has no codes."""
    if kind in _SAID_IN_WORDS:
        if _TOO_LONG.search(message):
            return Kind.CONTEXT_LENGTH
        if _NO_CREDIT.match(message):
            return Kind.UPSTREAM_AUTH
    return kind


def _problem(
    kind: Kind, message: str, *, status: int | None = None, retry_after: float | None = None
) -> Problem:
    lengths = _LENGTHS.search(message) if kind is Kind.CONTEXT_LENGTH else None
    # clients read from it by how much to shorten
    public = "" if lengths is None else f"{lengths[1]} tokens > {lengths[2]} maximum"
    return failure(kind, status=status, retry_after=retry_after, public=public)


def _object_of(data: bytes) -> Mapping[str, object]:
    try:
        value = read_json(data)
    except ValueError:
        return {}
    return value if isinstance(value, dict) else {}


def _word(error: object, field: str) -> str:
    word = error.get(field) if isinstance(error, dict) else None
    return word if isinstance(word, str) else ""
