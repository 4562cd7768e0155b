"""Tokens made by hand, so that what is tested did not write them: any header, claims and signature."""

import hmac
import json
from base64 import urlsafe_b64encode
from collections.abc import Callable, Mapping
from typing import Any

from cryptography.hazmat.primitives.asymmetric import padding, rsa
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat

from bff.errors import Problem

HS256_HEADER = {"typ": "JWT", "alg": "HS256"}


def base64url(data: bytes) -> str:
    return urlsafe_b64encode(data).rstrip(b"=").decode()


def segment(value: Any) -> str:
    return base64url(value if isinstance(value, bytes) else json.dumps(value).encode())


def hs256(claims: Any, secret: str, *, header: Any = None, digest: str = "sha256") -> str:
    """*claims* and *header* may be bytes: then they are the segment's own text."""
    signed = f"{segment(HS256_HEADER if header is None else header)}.{segment(claims)}"
    signature = hmac.new(secret.encode(), signed.encode(), digest).digest()
    return f"{signed}.{base64url(signature)}"


def rs256(claims: Any, key: rsa.RSAPrivateKey, *, kid: Any = "key-1", **header: Any) -> str:
    said = {"typ": "JWT", "alg": "RS256", "kid": kid, **header}
    signed = f"{segment({k: v for k, v in said.items() if v is not None})}.{segment(claims)}"
    return f"{signed}.{base64url(key.sign(signed.encode(), padding.PKCS1v15(), SHA256()))}"


def public_pem(key: rsa.RSAPrivateKey) -> str:
    return key.public_key().public_bytes(Encoding.PEM, PublicFormat.SubjectPublicKeyInfo).decode()


def with_claims(claims: Mapping[str, Any], **changes: Any) -> dict[str, Any]:
    """*changes* over *claims*; `...` takes one away."""
    return {k: v for k, v in {**claims, **changes}.items() if v is not ...}


def outcome(call: Callable[[], Any]) -> Any:
    """What it returns, or the kind of the Problem it raises."""
    try:
        return call()
    except Problem as problem:
        return problem.kind
