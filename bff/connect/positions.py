"""Where a request may carry its token, and which of several counts.

Not where it is verified. Cookies never count. Source: node-bff.md §4.1.
"""

from collections.abc import Mapping
from typing import Any
from urllib.parse import unquote_plus

from bff.connect.jws import refused
from bff.errors import Problem


def no_token() -> Problem:
    return refused("Could not find authentication data on request")


def find_token(
    query: str, authorization: str | None, session: str | None, *, fields: Mapping[str, Any]
) -> str:
    """The token of a whole request. *query* is raw, *session* the `X-acpt` header, *fields* the
    body's. Raises Problem(CALLER_AUTH) when there is none, or two that exclude each other.
    """
    in_query, in_body = find_in_query(query), find_in_body(fields)
    if in_query is not None and in_body is not None:
        raise no_token()
    found = in_query or in_body or find_in_headers(query, authorization, session)
    if found is None:
        raise no_token()
    return found


def find_in_query(query: str) -> str | None:
    """`jwt` of the raw query. Raises Problem(CALLER_AUTH) when it is repeated."""
    return _find_parameter(query, "jwt")


def find_in_body(fields: Mapping[str, Any]) -> str | None:
    """`jwt` of a JSON or form body. What JavaScript calls false is no token."""
    token = fields.get("jwt")
    if isinstance(token, str):
        return token or None
    if token is None or token == 0:
        return None
    raise refused("Invalid JWT: it is not text")


def find_in_headers(query: str, authorization: str | None, session: str | None) -> str | None:
    """The places that come after a body's: `Authorization: JWT …`, query `acpt`, `X-acpt`."""
    if authorization is not None and authorization.startswith("JWT ") and authorization[4:]:
        return authorization[4:]
    return _find_parameter(query, "acpt") or session or None


def find_bearer(authorization: str | None) -> str | None:
    """Where a Forge invocation token stands, and nothing of Connect's ever does (RFC 6750 §2.1)."""
    scheme, _, token = (authorization or "").partition(" ")
    return token or None if scheme.lower() == "bearer" else None


def _find_parameter(query: str, name: str) -> str | None:
    values = [
        value
        for key, _, value in (pair.partition("=") for pair in query.split("&"))
        if key == name or ("%" in key and unquote_plus(key) == name)
    ]
    if len(values) > 1:
        raise refused("Invalid JWT: it is given more than once")
    return unquote_plus(values[0]) or None if values else None
