"""The truth table of RS256 install tokens, node-bff.md §4.3 with the decisions of operations.md."""

import json
from functools import cache
from typing import Any

import pytest
from cryptography.hazmat.primitives.asymmetric import ec, rsa
from hypothesis import given
from hypothesis import strategies as st

from bff.connect.install_tokens import check_install_claims, read_install_token, read_key_id
from bff.connect.jws import verify_rs256
from bff.connect.qsh import query_string_hash
from bff.errors import Kind, Problem
from tests.support.tokens import base64url, hs256, outcome, public_pem, rs256, segment, with_claims

NOW = 1_800_000_000
BASE = "https://bff.example/app"
AUDIENCES = (BASE, "https://old.example/")
HASH = query_string_hash("POST", "/app/installed", "/app")
CLAIMS: dict[str, Any] = {"iss": "site", "aud": [BASE], "iat": NOW, "exp": NOW + 180, "qsh": HASH}


@cache
def key(size: int = 2048) -> rsa.RSAPrivateKey:
    return rsa.generate_private_key(public_exponent=65537, key_size=size)


@cache
def stranger() -> rsa.RSAPrivateKey:
    return rsa.generate_private_key(public_exponent=65537, key_size=2048)


def enter(text: str) -> str:
    token = read_install_token(text)
    issuer = check_install_claims(token, AUDIENCES, HASH, now=NOW)
    verify_rs256(token, public_pem(key()))
    return issuer


def signed(**changes: Any) -> str:
    return rs256(with_claims(CLAIMS, **changes), key())


@pytest.mark.parametrize(
    "changes",
    [
        pytest.param({}, id="as Atlassian sends it"),
        pytest.param({"aud": BASE}, id="audience is a text"),
        pytest.param({"aud": BASE + "/"}, id="with a slash at its end"),
        pytest.param({"aud": ["https://old.example"]}, id="an allowed address, without its slash"),
        pytest.param({"aud": [BASE, "https://elsewhere.example"]}, id="ours comes first"),
        pytest.param({"iat": NOW + 999}, id="issued in the future"),
        pytest.param({"iat": ...}, id="no iat"),
        pytest.param({"nbf": NOW + 60}, id="begins within a minute"),
        pytest.param({"exp": NOW + 1}, id="a second left"),
    ],
)
def test_accepted(changes: dict[str, Any]) -> None:
    assert enter(signed(**changes)) == "site"


@pytest.mark.parametrize(
    "changes",
    [
        pytest.param({"iss": ...}, id="no issuer"),
        pytest.param({"iss": ""}, id="issuer is empty"),
        pytest.param({"iss": ["site"]}, id="issuer is a list"),
        pytest.param({"aud": ...}, id="no audience"),
        pytest.param({"aud": []}, id="audience is empty"),
        pytest.param({"aud": ""}, id="audience is an empty text"),
        pytest.param({"aud": ["https://elsewhere.example"]}, id="another audience"),
        pytest.param({"aud": ["https://elsewhere.example", BASE]}, id="ours comes second"),
        pytest.param({"aud": BASE.upper()}, id="audience in capitals"),
        pytest.param({"aud": BASE + "//"}, id="two slashes"),
        pytest.param({"aud": [[BASE]]}, id="audience is a list of lists"),
        pytest.param({"aud": {"0": BASE}}, id="audience is an object"),
        pytest.param({"aud": 5}, id="audience is a number"),
        pytest.param({"qsh": ...}, id="no qsh"),
        pytest.param({"qsh": "context-qsh"}, id="a context token's qsh"),
        pytest.param({"qsh": "0" * 64}, id="another qsh"),
        pytest.param({"qsh": [HASH]}, id="qsh is a list"),
        pytest.param({"exp": NOW}, id="expires now"),
        pytest.param({"exp": ...}, id="no expiry"),
        pytest.param({"exp": True}, id="expiry is true"),
        pytest.param({"exp": str(NOW + 180)}, id="expiry is a text"),
        pytest.param({"nbf": NOW + 61}, id="begins in more than a minute"),
    ],
)
def test_claims_that_are_refused(changes: dict[str, Any]) -> None:
    with pytest.raises(Problem) as refusal:
        enter(signed(**changes))

    assert refusal.value.kind is Kind.CALLER_AUTH


@pytest.mark.parametrize(
    "forge",
    [
        pytest.param(lambda: rs256(CLAIMS, stranger()), id="a stranger's key"),
        pytest.param(lambda: hs256(CLAIMS, "old-secret"), id="HS256 with the old secret"),
        pytest.param(lambda: hs256(CLAIMS, public_pem(key())), id="HS256 with the public key"),
        pytest.param(
            lambda: hs256(CLAIMS, public_pem(key()), header={"alg": "RS256", "kid": "key-1"}),
            id="HMAC with the public key, called RS256",
        ),
        pytest.param(lambda: rs256(CLAIMS, key(), alg="none"), id="alg none"),
        pytest.param(lambda: rs256(CLAIMS, key(), alg="RS512"), id="alg RS512"),
        pytest.param(lambda: rs256(CLAIMS, key(), alg=None), id="no alg"),
        pytest.param(lambda: rs256(CLAIMS, key(), crit=["b64"]), id="a critical extension"),
        pytest.param(lambda: signed().rpartition(".")[0] + ".", id="unsigned"),
        pytest.param(lambda: signed() + "==", id="padded signature"),
        pytest.param(lambda: signed()[:-8], id="cut signature"),
        pytest.param(lambda: signed() + ".x", id="four segments"),
        pytest.param(lambda: f"{segment({'alg': 'RS256'})}.{base64url(b'{')}.x", id="not JSON"),
    ],
)
def test_signatures_that_are_refused(forge: Any) -> None:
    with pytest.raises(Problem) as refusal:
        enter(forge())

    assert refusal.value.kind is Kind.CALLER_AUTH


@pytest.mark.parametrize(
    "pem",
    [
        pytest.param(lambda: "", id="nothing"),
        pytest.param(lambda: "<html>not found</html>", id="an error page"),
        pytest.param(
            lambda: "-----BEGIN PUBLIC KEY-----\nAAAA\n-----END PUBLIC KEY-----\n", id="broken PEM"
        ),
        pytest.param(
            lambda: public_pem(ec.generate_private_key(ec.SECP256R1())),  # type: ignore[arg-type]
            id="a key of another kind",
        ),
    ],
)
def test_a_key_that_cannot_be_used_is_the_callers_401(pem: Any) -> None:
    with pytest.raises(Problem) as refusal:
        verify_rs256(read_install_token(signed()), pem())

    assert refusal.value.kind is Kind.CALLER_AUTH


def test_a_key_that_is_too_short_proves_nothing() -> None:
    text = rs256(CLAIMS, key(1024))

    with pytest.raises(Problem, match="cannot be used"):
        verify_rs256(read_install_token(text), public_pem(key(1024)))


@pytest.mark.parametrize(
    ("kid", "expected"),
    [("abc-1", "abc-1"), (None, ""), (5, ""), (["abc"], "")],
)
def test_the_name_of_the_key(kid: Any, expected: str) -> None:
    assert read_key_id(read_install_token(rs256(CLAIMS, key(), kid=kid))) == expected


_JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(max_size=4) | st.sampled_from([BASE, HASH]),
    lambda inner: (
        st.lists(inner, max_size=2) | st.dictionaries(st.text(max_size=3), inner, max_size=2)
    ),
    max_leaves=5,
)


@given(changes=st.dictionaries(st.sampled_from(["iss", "aud", "exp", "nbf", "qsh", "iat"]), _JSON))
def test_whatever_it_claims_it_is_accepted_or_refused(changes: dict[str, Any]) -> None:
    text = (
        f"{segment({'alg': 'RS256'})}.{base64url(json.dumps({**CLAIMS, **changes}).encode())}.AAAA"
    )

    issuer = outcome(
        lambda: check_install_claims(read_install_token(text), AUDIENCES, HASH, now=NOW)
    )

    assert issuer is Kind.CALLER_AUTH or (isinstance(issuer, str) and issuer)
