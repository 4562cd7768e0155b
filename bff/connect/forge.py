"""Forge invocation tokens: RS256, signed by Atlassian for one call of one Forge app. Pure.

Not bound to a request: they have no query string hash. Where their keys are is configuration, never
a claim or a header of the token. Source: Atlassian, "Forge Remote essentials".
"""

from dataclasses import dataclass
from typing import Any

import jwt
from cryptography.hazmat.primitives.asymmetric.rsa import RSAPublicKey
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat

from bff.connect import jws
from bff.connect.jws import Token, refused
from bff.connect.tokens import check_context, check_times, tags
from bff.records import Caller, ForgeInvocation, Tenant

ISSUER = "forge/invocation-token"
APP_ARI = "ari:cloud:ecosystem::app/"
NAME_MOST = 255  # characters of an id, as ACE's columns have it
KEYS_MOST = 64  # of one document


@dataclass(frozen=True, slots=True)
class Invocation:
    """What a token's claims say; nothing of it counts before the signature has been verified."""

    installation_id: str
    cloud_id: str
    api_base_url: str
    account_id: str | None
    context: Any


def read_forge_token(text: str) -> Token:
    """Raises Problem(CALLER_AUTH) unless *text* is a token that says RS256 and names its key."""
    token = jws.read_token(text, "RS256")
    if not read_key_id(token):
        raise refused("Invalid JWT: the header names no key")
    return token


def read_key_id(token: Token) -> str:
    kid = token.header.get("kid")
    return kid if isinstance(kid, str) and len(kid) <= NAME_MOST else ""


def check_claims(token: Token, *, app_id: str, now: int) -> Invocation:
    """*app_id* is bare, without its ARI. Raises Problem(CALLER_AUTH)."""
    claims = token.claims
    if claims.get("iss") != ISSUER:
        raise refused("JWT claim did not contain the issuer (iss) claim of Forge")
    audience = claims.get("aud")
    if audience not in (f"{APP_ARI}{app_id}", [f"{APP_ARI}{app_id}"]):
        raise refused("JWT claim did not contain the correct audience (aud) claim")
    check_times(claims, now)
    app = _object(claims.get("app"))
    context = _object(claims.get("context", {}))
    check_context(context)  # a macro's own parameters are in it
    return Invocation(
        installation_id=_text(app.get("installationId")) or _no_installation(),
        cloud_id=_text(context.get("cloudId")),
        api_base_url=_text(app.get("apiBaseUrl")),
        account_id=_text(claims.get("principal")) or None,
        context=context or None,
    )


def read_caller(invocation: Invocation, tenant: Tenant, *, system_token: str | None) -> Caller:
    """The same person is the same caller by either kind of token."""
    account_id = invocation.account_id
    tenant_tag, user_tag = tags(tenant.client_key, account_id)
    said = ForgeInvocation(
        invocation.installation_id, invocation.cloud_id, invocation.api_base_url, system_token
    )
    return Caller(
        tenant.client_key, account_id, account_id, invocation.context, tenant_tag, user_tag, said
    )


def read_keys(document: Any) -> dict[str, str]:
    """PEM texts by key id, of a JWK set (RFC 7517), without the entries that cannot sign for us."""
    entries = document.get("keys") if isinstance(document, dict) else None
    found = {}
    for entry in entries[:KEYS_MOST] if isinstance(entries, list) else ():
        pem = _read_key(entry)
        if pem is not None:
            found[entry["kid"]] = pem
    return found


def _read_key(entry: Any) -> str | None:
    if not isinstance(entry, dict) or not isinstance(entry.get("kid"), str) or not entry["kid"]:
        return None
    if entry.get("kty") != "RSA" or entry.get("use", "sig") != "sig" or "d" in entry:
        return None
    if entry.get("alg", "RS256") != "RS256":
        return None
    try:
        key = jwt.algorithms.RSAAlgorithm.from_jwk(entry)
    except (jwt.PyJWTError, ValueError, TypeError, AttributeError):
        return None
    assert isinstance(key, RSAPublicKey)  # noqa: S101 - without `d` there is nothing private in it
    return key.public_bytes(Encoding.PEM, PublicFormat.SubjectPublicKeyInfo).decode()


def _object(value: Any) -> dict[str, Any]:
    if not isinstance(value, dict):
        raise refused("JWT claims are not those of a Forge invocation")
    return value


def _text(value: Any) -> str:
    """Absent and null are no text; anything else that is none is refused."""
    if value is None:
        return ""
    if not isinstance(value, str) or len(value) > NAME_MOST or not value.isprintable():
        raise refused("JWT claims are not those of a Forge invocation")
    return value


def _no_installation() -> str:
    raise refused("JWT claims name no installation")
