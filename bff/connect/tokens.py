"""Context and session tokens: which HS256 token lets whom in, and the session token we write.

The truth table is node-bff.md §4.2 with the decisions of operations.md: every failure is a 401,
`exp` is required, `aud` names a tenant only when that tenant or the add-on issued the token. Pure.
"""

import hashlib
import hmac
import math
from dataclasses import dataclass, field
from typing import Any

import orjson

from bff.connect import jws
from bff.connect.jws import Token, refused
from bff.records import Caller, Tenant

CONTEXT_MOST = 4096  # bytes of a context that is copied: a router cuts longer headers
SESSION_SECONDS = 900
NOT_BEFORE_LEEWAY_SECONDS = 60


@dataclass(frozen=True, slots=True)
class Verified:
    """An admitted token: whose it is, how long it counts, and what request it names."""

    caller: Caller
    expires: float
    qsh: Any


@dataclass(frozen=True, slots=True)
class Signer:
    """A tenant and the one of its secrets that signed a token."""

    tenant: Tenant
    secret: str = field(repr=False)


def read_token(text: str) -> Token:
    """Raises Problem(CALLER_AUTH) unless *text* is a token that says HS256."""
    return jws.read_token(text, "HS256")


def read_client_key(token: Token) -> str:
    """The tenant a token names: the first audience, else the issuer. Raises
    Problem(CALLER_AUTH).
    """
    issuer, audience = token.claims.get("iss"), token.claims.get("aud")
    if not isinstance(issuer, str) or not issuer:
        raise refused("JWT claim did not contain the issuer (iss) claim")
    if not audience:
        return issuer
    first = audience[0] if isinstance(audience, list) else audience
    if not isinstance(first, str):
        raise refused("JWT claim did not contain the correct audience (aud) claim")
    return first


def find_signer(token: Token, tenant: Tenant | None) -> Signer:
    """*tenant* is whom the token names. Raises Problem(CALLER_AUTH) unless a secret of its own
    signed the token.
    """
    if tenant is None:
        raise refused("Could not find stored client data. Is this client registered?")
    if not tenant.secrets:
        raise refused("Could not find JWT sharedSecret in stored client data")
    secret = jws.find_secret(token, tenant.secrets)
    if secret is None:
        raise refused("Unable to decode JWT token: Signature verification failed")
    return Signer(tenant, secret)


def verify_token(token: Token, tenant: Tenant, *, app_key: str, now: int) -> Verified:
    """The claims of a token that *tenant* signed; *now* in seconds since 1970. Raises
    Problem(CALLER_AUTH).
    """
    claims = token.claims
    if claims["iss"] not in (tenant.client_key, app_key, tenant.key):
        raise refused("JWT claim did not contain the correct audience (aud) claim")
    expires = check_times(claims, now)
    return Verified(_read_caller(claims, tenant.client_key), expires, claims.get("qsh"))


def check_times(claims: dict[str, Any], now: int) -> float:
    """The token's end. `exp` has no leeway, `iat` is not looked at. Raises Problem(CALLER_AUTH)."""
    expires = _read_seconds(claims.get("exp"))
    if expires is None:
        raise refused("JWT claim did not contain an expiry (exp) claim")
    if expires <= now:
        raise refused("Authentication request has expired. Try reloading the page.")
    if claims.get("nbf") is not None:
        begins = _read_seconds(claims["nbf"])
        if begins is None or begins > now + NOT_BEFORE_LEEWAY_SECONDS:
            raise refused("Authentication request is not valid yet.")
    return expires


def check_query_string_hash(qsh: object, expected: str) -> None:
    """For routes that want a token made for this very request. Raises Problem(CALLER_AUTH)."""
    if qsh is None or qsh == "":
        raise refused("JWT claim did not contain the query string hash (qsh) claim")
    if qsh != expected:
        raise refused("Authentication failed: query hash does not match.")


def write_session_token(tenant: Tenant, caller: Caller, *, app_key: str, now: int) -> str:
    """What `X-acpt` carries: good for token routes, and without a qsh never for the others."""
    claims: dict[str, Any] = {"iss": tenant.key or app_key, "iat": now}
    if caller.subject is not None:
        claims["sub"] = caller.subject
    claims["exp"] = now + SESSION_SECONDS
    claims["aud"] = [tenant.client_key]
    if caller.context is not None and len(orjson.dumps(caller.context)) <= CONTEXT_MOST:
        claims["context"] = caller.context
    return jws.write_hs256(claims, tenant.secrets[0])


def check_context(context: Any) -> None:
    """That a session token could copy it. Raises Problem(CALLER_AUTH)."""
    try:
        orjson.dumps({"context": context})
    except TypeError as error:
        raise refused("Invalid JWT: the context is nested too deeply") from error


def tags(client_key: str, account_id: str | None) -> tuple[str, str]:
    """Pseudonyms of a tenant and its user, fit for a third party's log (gateway.md §11)."""
    tenant = hashlib.sha256(client_key.encode()).hexdigest()[:16]
    if account_id is None:
        return f"t:{tenant}", "u:-"
    user = hmac.new(client_key.encode(), account_id.encode(), "sha256").hexdigest()[:16]
    return f"t:{tenant}", f"u:{user}"


def _read_caller(claims: dict[str, Any], client_key: str) -> Caller:
    subject, context = _text(claims.get("sub")), claims.get("context")
    check_context(context)
    user = context.get("user") if isinstance(context, dict) else None
    account_id = _text(user.get("accountId")) if isinstance(user, dict) else None
    account_id = account_id or subject
    tenant_tag, user_tag = tags(client_key, account_id)
    return Caller(client_key, account_id, subject, context, tenant_tag, user_tag)


def _text(value: object) -> str | None:
    return value if isinstance(value, str) and value else None


def _read_seconds(value: object) -> float | None:
    """A NumericDate (RFC 7519 §2); Python counts True among the numbers, JSON does not."""
    if isinstance(value, bool) or not isinstance(value, int | float):
        return None
    return value if isinstance(value, int) or math.isfinite(value) else None
