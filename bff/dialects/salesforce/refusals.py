"""Salesforce's failures in our words: refusals by status, errors inside a 200, answers that are
none. An error is an object, a list of them, or any page. Source: providers.md §4 (Errors), §6.6.
"""

import re
from collections.abc import Mapping

from bff.dialects.json_text import read_json
from bff.dialects.salesforce.pieces import find
from bff.errors import Kind, Problem, Sign

_KIND_OF_STATUS: Mapping[int, Kind] = {
    401: Kind.UPSTREAM_AUTH,
    402: Kind.UPSTREAM_AUTH,
    403: Kind.UPSTREAM_AUTH,
    404: Kind.NOT_FOUND,
    408: Kind.TIMEOUT,
    409: Kind.UPSTREAM,
    413: Kind.TOO_LARGE,
    429: Kind.UPSTREAM_RATE_LIMIT,
    503: Kind.OVERLOADED,
    504: Kind.TIMEOUT,
    524: Kind.TIMEOUT,
    529: Kind.OVERLOADED,
}
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
_WORDS_MOST = 2_000  # characters that are judged
# There is no code for it; these are the words of the vendors behind it.
_TOO_LONG = re.compile(
    r"too long|context.{0,10}(length|window)|(token|length|input) limit|too many (input )?tokens"
    r"|(exceed|maximum|max).{0,40}\btokens?\b|\btokens?\b.{0,40}exceed",
    re.IGNORECASE,
)


def read_refusal(
    status: int, data: bytes, *, known: bool, retry_after: float | None = None
) -> Problem:
    """An answer that is not 2xx; *data* may be anything. *known* says that we were told of this
    model by who runs us: then a 404 is about the org or the token, and not the caller's.
    """
    kind = _KIND_OF_STATUS.get(status)
    if kind is None:
        kind = Kind.BAD_REQUEST if 400 <= status < 500 else Kind.UPSTREAM
    if kind is Kind.BAD_REQUEST and _TOO_LONG.search(_message(_parsed(data))):
        kind = Kind.CONTEXT_LENGTH
    if kind is Kind.NOT_FOUND and known:
        kind = Kind.UPSTREAM_AUTH
    if status < 400:  # a redirect: asking again would be sent away again
        return Problem(kind, _PUBLIC[kind], status=status, sign=Sign.PROVIDER_REFUSED)
    return _problem(kind, status=status, retry_after=retry_after)


def read_error_inside(wire: object) -> Problem:
    """What a 200 without a text is: an error without a status of its own, or nothing we know."""
    error = _error_of(wire)
    if error is None:
        return not_an_answer()
    return _problem(Kind.CONTEXT_LENGTH if _TOO_LONG.search(_message(wire)) else Kind.UPSTREAM)


def not_an_answer() -> Problem:
    """A 2xx that is no generation."""
    return Problem(Kind.UPSTREAM, _PUBLIC[Kind.UPSTREAM], sign=Sign.NOT_AN_ANSWER)


def _problem(kind: Kind, *, status: int | None = None, retry_after: float | None = None) -> Problem:
    sign = _SIGN_OF_KIND.get(kind, Sign.PROVIDER_REFUSED)
    at = "model" if kind is Kind.NOT_FOUND else ""
    return Problem(kind, _PUBLIC[kind], status=status, retry_after=retry_after, sign=sign, at=at)


def _parsed(data: bytes) -> object:
    try:
        return read_json(data)
    except ValueError:
        return None


def _error_of(wire: object) -> object:
    """The error object, if that is what *wire* is or begins with."""
    if isinstance(wire, list):
        wire = wire[0] if wire else None
    known = ("errorCode", "messageCode", "error")
    return wire if any(find(wire, (name,)) for name in known) else None


def _message(wire: object) -> str:
    error = _error_of(wire) or wire
    said = (find(error, path) for path in (("message",), ("error", "message"), ("error",)))
    return next((text[:_WORDS_MOST] for text in said if isinstance(text, str)), "")
