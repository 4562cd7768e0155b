"""Anthropic's failures in our words: refusals by status, errors inside a 200, no answers at all.

What Anthropic says of our own account is never passed on. Source: contract providers.md §2, §6.6.
"""

import re
from collections.abc import Mapping

from bff.dialects.failures import cut, empty, failure, kind_of_status, not_an_answer
from bff.dialects.json_text import read_json
from bff.errors import Kind, Problem

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
_NO_CREDIT = re.compile(r"(your )?credit balance is too low", re.IGNORECASE)


def read_refusal(status: int, data: bytes, *, retry_after: float | None = None) -> Problem:
    """The provider's own answer when it is not 2xx; *data* may be anything."""
    message = _word(_error_of(data), "message")
    kind = _kind(kind_of_status(status), message)
    return _problem(kind, message, status=status, retry_after=retry_after)


def read_error_object(error: object) -> Problem:
    """An error that came inside a 200: no status of its own."""
    message = _word(error, "message")
    kind = _KIND_OF_TYPE.get(_word(error, "type"), Kind.UPSTREAM)
    return _problem(_kind(kind, message), message)


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


def _error_of(data: bytes) -> object:
    try:
        value = read_json(data)
    except ValueError:
        return None
    return value.get("error") if isinstance(value, dict) else None


def _word(error: object, field: str) -> str:
    word = error.get(field) if isinstance(error, dict) else None
    return word if isinstance(word, str) else ""
