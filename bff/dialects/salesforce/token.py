"""Salesforce's access tokens: how one is asked for, how long it lasts, why none was given.

Pure: who keeps it is the provider. Source: providers.md §4 (Token).
"""

import re
from base64 import urlsafe_b64decode
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import urlencode

from bff.dialects.failures import failure
from bff.dialects.json_text import read_json
from bff.errors import Kind, Problem

_BEFORE_END_S = 600.0  # a token is left this long before it ends
_WITHOUT_END_S = 3000.0  # and this long after it was made, where it does not say when it ends
_LATEST_S = 2.0**40  # no time that anybody means
_JWT = re.compile(r"[\w\-]+\.[\w\-]+\.[\w\-]*", re.ASCII)
_REASONS = frozenset(  # what may be said aloud of a refusal: none of them names anybody
    {
        "inactive_org",
        "inactive_user",
        "invalid_app_access",
        "invalid_client",
        "invalid_client_credentials",
        "invalid_client_id",
        "invalid_grant",
        "invalid_request",
        "invalid_scope",
        "rate_limit_exceeded",
        "unsupported_grant_type",
    }
)


@dataclass(frozen=True, slots=True)
class Token:
    """*fresh_until* in seconds since 1970; *scopes* as Salesforce says it has them."""

    value: str = field(repr=False)
    fresh_until: float
    scopes: frozenset[str] = frozenset()


def write_token_request(key: str, secret: str) -> bytes:
    """A form: the client credentials grant."""
    form = {"grant_type": "client_credentials", "client_id": key, "client_secret": secret}
    return urlencode(form).encode("ascii")


def read_token(data: bytes, *, now: float) -> Token:
    """*now* in seconds since 1970. Raises Problem when there is no token, or one that the Models
    API does not take.
    """
    try:
        said = read_json(data)
        value = said["access_token"]
    except (ValueError, TypeError, KeyError, IndexError) as cause:
        raise failure(Kind.UPSTREAM) from cause
    if not isinstance(value, str):
        raise failure(Kind.UPSTREAM)
    if not _JWT.fullmatch(value):
        raise not_set_up("JWT-based access tokens are off")
    scope = said.get("scope")
    scopes = frozenset(scope.split()) if isinstance(scope, str) else frozenset[str]()
    return Token(value, _fresh_until(value, said.get("issued_at"), now), scopes)


def read_token_refusal(status: int, data: bytes, *, retry_after: float | None = None) -> Problem:
    """Why there was none; *data* may be anything, and only what is known to be harmless is said."""
    try:
        said = read_json(data)
    except ValueError:
        said = None
    word = said.get("error") if isinstance(said, dict) else None
    reason = word if isinstance(word, str) and word in _REASONS else f"answered {status}"
    if status == 429 or reason == "rate_limit_exceeded":
        return failure(Kind.UPSTREAM_RATE_LIMIT, status=429, retry_after=retry_after)
    if status >= 500 or status == 408:
        return failure(Kind.UPSTREAM, status=status, retry_after=retry_after)
    return not_set_up(reason, status=status)


def not_set_up(why: str, *, status: int | None = None) -> Problem:
    """Someone must look at the app in Salesforce; *why* is noted for them, and told to nobody."""
    problem = failure(Kind.UPSTREAM_AUTH, status=status)
    problem.add_note(f"Salesforce: {why}")
    return problem


def _fresh_until(value: str, issued_at: object, now: float) -> float:
    ends = _claims(value).get("exp")
    if isinstance(ends, int | float) and 1 < ends < _LATEST_S:
        # one that lasts for less than that is kept for half its life, and not asked for each time
        until = ends - _BEFORE_END_S
        return float(until if until > now else now + max(0.0, ends - now) / 2)
    issued = isinstance(issued_at, str) and issued_at.isascii() and issued_at.isdigit()
    return (int(str(issued_at)[:16]) / 1000 if issued else now) + _WITHOUT_END_S


def _claims(value: str) -> dict[str, Any]:
    """What the token says of itself. Not a check: it is not ours to check."""
    body = value.split(".")[1]
    try:
        said = read_json(urlsafe_b64decode(body + "=" * (-len(body) % 4)))
    except ValueError:
        return {}
    return said if isinstance(said, dict) else {}
