"""Tokens of every kind, good and bad.

Not a judge: what is wrong with a token is wrong on purpose. The moment is an argument.
Source: node-bff.md §4.2, §4.3.
"""

import hmac
from base64 import urlsafe_b64encode
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Any

import jwt
import orjson
from cryptography.hazmat.primitives.asymmetric.rsa import RSAPrivateKey, generate_private_key

from bff.connect.qsh import CONTEXT_QSH

LIFE_S = 180
ACCOUNT = "bff-compare"
NONE = "none"
_HS256 = {"typ": "JWT", "alg": "HS256"}
_STRANGER = "a secret that no tenant has"
_UNKNOWN_TENANT = "bff-compare-nobody"


class Needs(StrEnum):
    """What a kind of token is made from."""

    NOTHING = "nothing"
    TENANT = "tenant"  # a client key and its secret
    SIGNING_KEY = "signing key"  # one that both services trust for installs


@dataclass(frozen=True, slots=True)
class Signing:
    """An install key of ours; *key_id* is the name it is published under."""

    key: RSAPrivateKey = field(repr=False)
    key_id: str
    stranger: RSAPrivateKey = field(repr=False)  # published nowhere


@dataclass(frozen=True, slots=True)
class Identity:
    """Who calls, as one of the two services knows it. *base_url* is that service's own."""

    base_url: str
    app_key: str
    client_key: str = ""
    secret: str = field(default="", repr=False)
    new_secret: str = field(default="", repr=False)  # after a re-install
    signing: Signing | None = None


@dataclass(frozen=True, slots=True)
class Moment:
    """*qsh* is the hash of the request the token goes with; *now* seconds since 1970."""

    identity: Identity
    qsh: str
    now: int

    @property
    def claims(self) -> dict[str, Any]:
        """What Confluence's `AP.context.getToken` puts in."""
        return {
            "iss": self.identity.client_key,
            "sub": ACCOUNT,
            "qsh": CONTEXT_QSH,
            "iat": self.now,
            "exp": self.now + LIFE_S,
            "context": {"user": {"accountId": ACCOUNT}},
        }

    @property
    def install_claims(self) -> dict[str, Any]:
        """What Atlassian signs a lifecycle call with."""
        return {
            "iss": self.identity.client_key,
            "aud": [self.identity.base_url],
            "iat": self.now,
            "exp": self.now + LIFE_S,
            "qsh": self.qsh,
        }


@dataclass(frozen=True, slots=True)
class Kind:
    """*says* goes on after "a token": for the report's reader."""

    says: str
    needs: Needs
    make: Callable[[Moment], str]


def _tenant(
    says: str, *, header: Mapping[str, Any] | None = None, digest: str = "sha256", **changes: Any
) -> Kind:
    """A context token with *changes* over its claims."""

    def make(moment: Moment) -> str:
        claims = _changed(moment.claims, changes, moment)
        return _hmac(claims, moment.identity.secret, header=header or _HS256, digest=digest)

    return Kind(says, Needs.TENANT, make)


def _install(says: str, *, kid: str = "", strange: bool = False, **changes: Any) -> Kind:
    """An install token with *changes* over its claims; a *strange* one has our key's name only."""

    def make(moment: Moment) -> str:
        signing = _signing_of(moment)
        claims = _changed(moment.install_claims, changes, moment)
        key = signing.stranger if strange else signing.key
        return jwt.encode(claims, key, "RS256", {"kid": kid or signing.key_id})

    return Kind(says, Needs.SIGNING_KEY, make)


def _raw(says: str, text: str) -> Kind:
    return Kind(says, Needs.NOTHING, lambda _: text)


def _signing_of(moment: Moment) -> Signing:
    signing = moment.identity.signing
    assert signing is not None  # noqa: S101 - what a kind needs is looked at before it is made
    return signing


def _changed(
    claims: Mapping[str, Any], changes: Mapping[str, Any], moment: Moment
) -> dict[str, Any]:
    """*changes* over *claims*; `...` takes one away, a function is asked."""
    said = {
        name: value(moment) if callable(value) else value
        for name, value in {**claims, **changes}.items()
    }
    return {name: value for name, value in said.items() if value is not ...}


def _hmac(
    claims: Mapping[str, Any], secret: str, *, header: Mapping[str, Any], digest: str = "sha256"
) -> str:
    signed = f"{_segment(orjson.dumps(header))}.{_segment(orjson.dumps(claims))}"
    return f"{signed}.{_segment(hmac.digest(secret.encode(), signed.encode(), digest))}"


def _segment(data: bytes) -> str:
    return urlsafe_b64encode(data).rstrip(b"=").decode()


def _signed_by_nobody(moment: Moment) -> str:
    return _hmac(moment.claims, _STRANGER, header=_HS256)


def _padded(moment: Moment) -> str:
    return _hmac(moment.claims, moment.identity.secret, header=_HS256) + "="


def _reinstalled(moment: Moment) -> str:
    return _hmac(moment.claims, moment.identity.new_secret, header=_HS256)


def _unsigned(moment: Moment) -> str:
    header = _segment(orjson.dumps({"typ": "JWT", "alg": "none"}))
    return f"{header}.{_segment(orjson.dumps(moment.claims))}."


def _of_nobody(moment: Moment) -> str:
    return _hmac({**moment.claims, "iss": _UNKNOWN_TENANT}, _STRANGER, header=_HS256)


def _install_with_secret(moment: Moment) -> str:
    return _hmac(moment.install_claims, moment.identity.secret, header=_HS256)


def _install_of_unknown_key(moment: Moment) -> str:
    """Signed with a key of the moment, under a name nobody has published."""
    key = generate_private_key(public_exponent=65537, key_size=2048)
    return jwt.encode(moment.install_claims, key, "RS256", {"kid": "bff-compare-unknown"})


def _ahead(seconds: int) -> Callable[[Moment], int]:
    return lambda moment: moment.now + seconds


def _client_key(moment: Moment) -> str:
    return moment.identity.client_key


_LISTED = f"{_segment(orjson.dumps(_HS256))}.{_segment(b'[1]')}.c2ln"

KINDS: Mapping[str, Kind] = {
    # made from nothing
    NONE: _raw("no token", ""),
    "two segments": _raw("of two segments", "eyJhbGciOiJIUzI1NiJ9.eyJpc3MiOiJ4In0"),
    "not base64": _raw("that is not base64", "eyJ*.eyJ*.eyJ*"),
    "not json": _raw("that is not JSON", f"{_segment(b'no')}.{_segment(b'json')}.{_segment(b'!')}"),
    "claims a list": _raw("whose claims are a list", _LISTED),
    "unsigned": Kind("that says alg none", Needs.NOTHING, _unsigned),
    "unknown tenant": Kind("of a tenant nobody knows", Needs.NOTHING, _of_nobody),
    # a tenant's
    "context": _tenant("as Confluence gives it"),
    "real qsh": _tenant("made for this request", qsh=lambda moment: moment.qsh),
    "wrong qsh": _tenant("made for another request", qsh="0" * 64),
    "no qsh": _tenant("without qsh", qsh=...),
    "session": _tenant(
        "as X-acpt carries it",
        iss=lambda moment: moment.identity.app_key,
        aud=lambda moment: [moment.identity.client_key],
        qsh=...,
    ),
    "expired": _tenant("that has expired", iat=_ahead(-LIFE_S), exp=_ahead(-1)),
    "expires now": _tenant("that expires this second", exp=_ahead(0)),
    "no exp": _tenant("without exp", exp=...),
    "exp null": _tenant("whose exp is null", exp=None),
    "exp zero": _tenant("whose exp is 0", exp=0),
    "exp a word": _tenant("whose exp is a word", exp="soon"),
    "nbf ahead": _tenant("that begins in an hour", nbf=_ahead(3600)),
    "iat ahead": _tenant("that was made in an hour", iat=_ahead(3600)),
    "no iss": _tenant("without iss", iss=...),
    "iss a number": _tenant("whose iss is a number", iss=5),
    "aud is us": _tenant(
        "whose aud is the add-on's address", aud=lambda moment: [moment.identity.base_url]
    ),
    "aud tenant": _tenant(
        "of the tenant by aud alone, iss somebody's",
        iss="somebody",
        aud=lambda moment: [moment.identity.client_key],
    ),
    "aud a text": _tenant("whose aud is a text", aud=_client_key),
    "no user": _tenant("without a user", sub=..., context=...),
    "no context": _tenant("without context", context=...),
    "bad signature": Kind("signed with a wrong secret", Needs.TENANT, _signed_by_nobody),
    "padded signature": Kind("whose signature is padded", Needs.TENANT, _padded),
    "hs384": _tenant("signed HS384", header={"typ": "JWT", "alg": "HS384"}, digest="sha384"),
    "hs512": _tenant("signed HS512", header={"typ": "JWT", "alg": "HS512"}, digest="sha512"),
    "says rs256": _tenant("that says RS256 and is not", header={"typ": "JWT", "alg": "RS256"}),
    "alg lower": _tenant("that says hs256", header={"typ": "JWT", "alg": "hs256"}),
    "no alg": _tenant("that says no alg", header={"typ": "JWT"}),
    "no typ": _tenant("without typ", header={"alg": "HS256"}),
    "more header": _tenant(
        "with more in its header", header={"typ": "JWT", "alg": "HS256", "kid": "k", "x": 1}
    ),
    "after re-install": Kind("of the new secret", Needs.SIGNING_KEY, _reinstalled),
    # Atlassian's, for installs
    "install hs256": Kind("signed with the secret", Needs.NOTHING, _install_with_secret),
    "install unknown key": Kind(
        "signed with an unknown key", Needs.NOTHING, _install_of_unknown_key
    ),
    "install": _install("signed for this call"),
    "install no exp": _install("without exp", exp=...),
    "install expired": _install("that has expired", iat=_ahead(-LIFE_S), exp=_ahead(-1)),
    "install no qsh": _install("without qsh", qsh=...),
    "install wrong qsh": _install("made for another request", qsh="0" * 64),
    "install context qsh": _install("with a context's qsh", qsh=CONTEXT_QSH),
    "install no iss": _install("without iss", iss=...),
    "install other iss": _install("of another tenant", iss=_UNKNOWN_TENANT),
    "install no aud": _install("without aud", aud=...),
    "install other aud": _install("for another add-on", aud=["https://elsewhere.example"]),
    "install second aud": _install(
        "for us in second place",
        aud=lambda moment: ["https://elsewhere.example", moment.identity.base_url],
    ),
    "install slash aud": _install(
        "for us with a slash at the end", aud=lambda moment: f"{moment.identity.base_url}/"
    ),
    "install strange key": _install("signed with a wrong key", strange=True),
    "install odd kid": _install("whose kid is a path", kid="../x"),
}
