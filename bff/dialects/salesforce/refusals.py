"""Salesforce's failures in our words: refusals by status, errors inside a 200, answers that are
none. An error is an object, a list of them, or any page. Source: providers.md §4 (Errors), §6.6.
"""

import re

from bff.dialects.failures import failure, kind_of_status, not_an_answer
from bff.dialects.json_text import read_json
from bff.dialects.salesforce.pieces import find
from bff.errors import Kind, Problem

__all__ = ["not_an_answer", "read_error_inside", "read_refusal"]

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
    kind = kind_of_status(status)
    if kind is Kind.BAD_REQUEST and _TOO_LONG.search(_message(_parsed(data))):
        kind = Kind.CONTEXT_LENGTH
    if kind is Kind.NOT_FOUND and known:
        kind = Kind.UPSTREAM_AUTH
    at = "model" if kind is Kind.NOT_FOUND else ""
    return failure(kind, status=status, retry_after=retry_after, at=at)


def read_error_inside(wire: object) -> Problem:
    """What a 200 without a text is: an error without a status of its own, or nothing we know."""
    error = _error_of(wire)
    if error is None:
        return not_an_answer()
    return failure(Kind.CONTEXT_LENGTH if _TOO_LONG.search(_message(wire)) else Kind.UPSTREAM)


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
