"""Install tokens: RS256, signed by Atlassian for one lifecycle call of one add-on.

Every claim is looked at before anybody asks for a key; all failures are 401s, so the order shows in
the words alone. Source: node-bff.md §4.3, operations.md. Pure.
"""

from collections.abc import Iterable
from typing import Any

from bff.connect import jws
from bff.connect.jws import Token, refused
from bff.connect.tokens import check_query_string_hash, check_times


def read_install_token(text: str) -> Token:
    """Raises Problem(CALLER_AUTH) unless *text* is a token that says RS256."""
    return jws.read_token(text, "RS256")


def read_key_id(token: Token) -> str:
    """Which of Atlassian's keys signed it; "" when the token does not say."""
    kid = token.header.get("kid")
    return kid if isinstance(kid, str) else ""


def check_install_claims(token: Token, audiences: Iterable[str], qsh: str, *, now: int) -> str:
    """The tenant's client key. *audiences* are this add-on's base URLs, *qsh* this request's hash.
    Raises Problem(CALLER_AUTH).
    """
    claims = token.claims
    issuer = claims.get("iss")
    if not isinstance(issuer, str) or not issuer:
        raise refused("JWT claim did not contain the issuer (iss) claim")
    if not _is_for_us(claims.get("aud"), audiences):
        raise refused("JWT claim did not contain the correct audience (aud) claim")
    check_times(claims, now)
    check_query_string_hash(claims.get("qsh"), qsh)
    return issuer


def _is_for_us(audience: Any, audiences: Iterable[str]) -> bool:
    """Text or the first of a list; one slash at the end makes no difference on either side."""
    first = audience[0] if isinstance(audience, list) and audience else audience
    if not isinstance(first, str) or not first:
        return False
    return first.removesuffix("/") in {ours.removesuffix("/") for ours in audiences}
