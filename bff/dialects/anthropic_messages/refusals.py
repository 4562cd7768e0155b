"""Anthropic's failures in our words: refusals by status, errors inside a 200, no answers at all.

What Anthropic says of our own account is never passed on. Source: contract providers.md §2, §6.6.
"""

import re
from collections.abc import Mapping

from bff.dialects.json_text import read_json
from bff.errors import Kind, Problem, Sign

_KIND_OF_STATUS: Mapping[int, Kind] = {
    401: Kind.UPSTREAM_AUTH,
    402: Kind.UPSTREAM_AUTH,
    403: Kind.UPSTREAM_AUTH,
    404: Kind.NOT_FOUND,
    408: Kind.TIMEOUT,
    409: Kind.UPSTREAM,  # a conflict: asked again it may be none
    413: Kind.TOO_LARGE,
    429: Kind.UPSTREAM_RATE_LIMIT,
    503: Kind.OVERLOADED,
    504: Kind.TIMEOUT,
    524: Kind.TIMEOUT,
    529: Kind.OVERLOADED,
}
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
_TOO_LONG = re.compile(r"prompt is too long|exceeds? (the )?context (limit|window)", re.IGNORECASE)
_LENGTHS = re.compile(r"prompt is too long: (\d{1,12}) tokens > (\d{1,12}) maximum")
_NO_CREDIT = re.compile(r"(your )?credit balance is too low", re.IGNORECASE)
_PUBLIC: Mapping[Kind, str] = {
    Kind.BAD_REQUEST: "The model refused this request.",
    Kind.CONTEXT_LENGTH: "The conversation is too long for the model. Please shorten it.",
    Kind.NOT_FOUND: "The model is not available.",
    Kind.TOO_LARGE: "The request is too large for the model.",
    Kind.UPSTREAM_RATE_LIMIT: "The AI service is busy. Please try again in a moment.",
    Kind.UPSTREAM_AUTH: "The AI service is not set up correctly. Please tell your administrator.",
    Kind.OVERLOADED: "The AI service is overloaded. Please try again in a moment.",
    Kind.TIMEOUT: "The AI service took too long to answer. Please try again.",
    Kind.UPSTREAM: "The AI service failed. Please try again.",
}
_SIGN_OF_KIND: Mapping[Kind, Sign] = {
    Kind.UPSTREAM_RATE_LIMIT: Sign.PROVIDER_BUSY,
    Kind.OVERLOADED: Sign.PROVIDER_DOWN,
    Kind.TIMEOUT: Sign.PROVIDER_DOWN,
    Kind.UPSTREAM: Sign.PROVIDER_DOWN,
}


def read_refusal(status: int, data: bytes, *, retry_after: float | None = None) -> Problem:
    """The provider's own answer when it is not 2xx; *data* may be anything."""
    message = _word(_error_of(data), "message")
    kind = _kind(_KIND_OF_STATUS.get(status), message)
    if kind is None:
        kind = Kind.BAD_REQUEST if 400 <= status < 500 else Kind.UPSTREAM
    if status < 400:  # a redirect: asking again would be sent away again
        return Problem(kind, _PUBLIC[kind], status=status, sign=Sign.PROVIDER_REFUSED)
    return _problem(kind, message, status=status, retry_after=retry_after)


def read_error_object(error: object) -> Problem:
    """An error that came inside a 200: no status of its own."""
    message = _word(error, "message")
    kind = _kind(_KIND_OF_TYPE.get(_word(error, "type")), message)
    return _problem(kind or Kind.UPSTREAM, message)


def not_an_answer() -> Problem:
    """A 200 that is neither a stream nor a message."""
    return Problem(Kind.UPSTREAM, _PUBLIC[Kind.UPSTREAM], sign=Sign.NOT_AN_ANSWER)


def empty() -> Problem:
    return Problem(
        Kind.UPSTREAM, "The AI service gave no answer. Please try again.", sign=Sign.EMPTY_STREAM
    )


def cut() -> Problem:
    return Problem(Kind.UPSTREAM, "The answer was cut off. Please try again.", sign=Sign.CUT)


def _kind(kind: Kind | None, message: str) -> Kind | None:
    """What a refusal says in its sentence only: Anthropic has no codes."""
    if kind in (None, Kind.BAD_REQUEST, Kind.TOO_LARGE):
        if _TOO_LONG.search(message):
            return Kind.CONTEXT_LENGTH
        if _NO_CREDIT.match(message):
            return Kind.UPSTREAM_AUTH
    return kind


def _problem(
    kind: Kind, message: str, *, status: int | None = None, retry_after: float | None = None
) -> Problem:
    public = _PUBLIC[kind]
    lengths = _LENGTHS.search(message) if kind is Kind.CONTEXT_LENGTH else None
    if lengths is not None:  # clients read from it by how much to shorten
        public = f"{lengths[1]} tokens > {lengths[2]} maximum"
    sign = _SIGN_OF_KIND.get(kind, Sign.PROVIDER_REFUSED)
    return Problem(kind, public, status=status, retry_after=retry_after, sign=sign)


def _error_of(data: bytes) -> object:
    try:
        value = read_json(data)
    except ValueError:
        return None
    return value.get("error") if isinstance(value, dict) else None


def _word(error: object, field: str) -> str:
    word = error.get(field) if isinstance(error, dict) else None
    return word if isinstance(word, str) else ""
