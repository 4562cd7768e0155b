"""What a Forge invocation token must say, and which keys count."""

from typing import Any

import jwt
import orjson
import pytest
from cryptography.hazmat.primitives.asymmetric import ec, rsa
from hypothesis import given
from hypothesis import strategies as st

from bff.connect import forge
from bff.connect.forge import Invocation
from bff.connect.jws import Token, verify_rs256
from bff.connect.tokens import tags
from bff.errors import Kind, Problem
from bff.records import ForgeInvocation, Tenant
from tests.support.tokens import outcome, rs256, with_claims

NOW = 1_800_000_000
APP = "1-2-3"
ARI = "ari:cloud:ecosystem::app/1-2-3"
CLAIMS: dict[str, Any] = {
    "iss": "forge/invocation-token",
    "aud": ARI,
    "iat": NOW,
    "nbf": NOW,
    "exp": NOW + 60,
    "app": {"installationId": "inst", "apiBaseUrl": "https://api.atlassian.com/x"},
    "context": {"cloudId": "cloud"},
    "principal": "account",
}
KEY = rsa.generate_private_key(public_exponent=65537, key_size=2048)
JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(), inner, max_size=3),
    max_leaves=6,
)


def judged(**changes: Any) -> Any:
    token = Token({}, with_claims(CLAIMS, **changes), b"", b"")
    return outcome(lambda: forge.check_claims(token, app_id=APP, now=NOW))


def test_a_token_says_who_asks_and_where_from() -> None:
    expected = Invocation(
        "inst", "cloud", "https://api.atlassian.com/x", "account", {"cloudId": "cloud"}
    )

    assert judged() == expected
    assert judged(aud=[ARI]) == expected
    assert judged(nbf=NOW + 60) == expected


def test_little_of_it_must_be_there() -> None:
    said = judged(principal=None, context=..., nbf=..., app={"installationId": "inst"})

    assert said == Invocation("inst", "", "", None, None)


@pytest.mark.parametrize(
    "changes",
    [
        {"iss": "forge/invocation-token/"},
        {"iss": ["forge/invocation-token"]},
        {"iss": ...},
        {"aud": APP},
        {"aud": [ARI, "x"]},
        {"aud": ["x", ARI]},
        {"aud": []},
        {"aud": ...},
        {"exp": NOW},
        {"exp": ...},
        {"exp": "1900000000"},
        {"nbf": NOW + 61},
        {"nbf": "x"},
        {"app": ...},
        {"app": "inst"},
        {"app": {}},
        {"app": {"installationId": ""}},
        {"app": {"installationId": 5}},
        {"app": {"installationId": "x" * 256}},
        {"app": {"installationId": "a\x00"}},
        {"app": {"installationId": "a", "apiBaseUrl": 5}},
        {"context": None},
        {"context": []},
        {"context": {"extension": orjson.loads("[" * 300 + "]" * 300)}},
        {"context": {"cloudId": 5}},
        {"principal": 5},
        {"principal": {"id": "x"}},
    ],
)
def test_a_token_is_refused(changes: dict[str, Any]) -> None:
    assert judged(**changes) is Kind.CALLER_AUTH


@given(name=st.sampled_from(sorted(CLAIMS)), value=JSON)
def test_any_claim_is_judged_without_a_crash(name: str, value: Any) -> None:
    said = judged(**{name: value})

    assert said is Kind.CALLER_AUTH or isinstance(said, Invocation)


@given(iss=JSON | st.just(CLAIMS["iss"]), aud=JSON | st.just(ARI) | st.just([ARI]))
def test_only_forge_for_this_app_alone_counts(iss: Any, aud: Any) -> None:
    ours = iss == "forge/invocation-token" and aud in (ARI, [ARI])

    assert isinstance(judged(iss=iss, aud=aud), Invocation) is ours


@pytest.mark.parametrize("kid", [None, "", 5, ["x"], "x" * 256])
def test_a_token_must_name_its_key(kid: Any) -> None:
    text = rs256(CLAIMS, KEY, kid=kid)

    assert outcome(lambda: forge.read_forge_token(text)) is Kind.CALLER_AUTH


def test_a_person_is_the_same_caller_by_either_token() -> None:
    tenant = Tenant("site", "https://x.atlassian.net/wiki", "key", ("s",), {})

    caller = forge.read_caller(judged(), tenant, system_token="t")

    assert (caller.client_key, caller.account_id, caller.subject) == ("site", "account", "account")
    assert (caller.tenant_tag, caller.user_tag) == tags("site", "account")
    assert caller.context == {"cloudId": "cloud"}
    assert caller.forge == ForgeInvocation("inst", "cloud", "https://api.atlassian.com/x", "t")
    assert "system_token" not in repr(caller)


def entry(key: Any = None, **changes: Any) -> dict[str, Any]:
    found = jwt.algorithms.RSAAlgorithm.to_jwk((key or KEY).public_key(), as_dict=True)
    return with_claims({**found, "kid": "k", "use": "sig", "alg": "RS256"}, **changes)


def test_a_key_of_the_document_verifies() -> None:
    text = rs256(CLAIMS, KEY, kid="k")

    keys = forge.read_keys({"keys": [entry(), entry(kid="bare", use=..., alg=...)]})

    assert list(keys) == ["k", "bare"]
    for pem in keys.values():
        verify_rs256(forge.read_forge_token(text), pem)


def test_a_key_that_is_too_short_verifies_nothing() -> None:
    short = rsa.generate_private_key(public_exponent=65537, key_size=1024)  # noqa: S505 - to be refused
    text = rs256(CLAIMS, short, kid="k")
    [pem] = forge.read_keys({"keys": [entry(short)]}).values()

    with pytest.raises(Problem):
        verify_rs256(forge.read_forge_token(text), pem)


CURVE = jwt.algorithms.ECAlgorithm.to_jwk(
    ec.generate_private_key(ec.SECP256R1()).public_key(), as_dict=True
)


@pytest.mark.parametrize(
    "bad",
    [
        5,
        {},
        entry(kid=...),
        entry(kid=""),
        entry(kid=5),
        entry(kty="oct"),
        entry(use="enc"),
        entry(alg="RS512"),
        entry(n=...),
        entry(n="!"),
        entry(n=5),
        entry(e=[]),
        {**entry(), "d": "AQAB"},
        {**CURVE, "kid": "ec"},
    ],
)
def test_an_entry_that_cannot_sign_for_us_is_left_out(bad: Any) -> None:
    assert forge.read_keys({"keys": [bad, entry(kid="good")]}).keys() == {"good"}


@pytest.mark.parametrize("document", [None, [], "x", {}, {"keys": {}}, {"keys": None}])
def test_a_document_of_another_shape_has_no_keys(document: Any) -> None:
    assert forge.read_keys(document) == {}


@given(document=JSON, changes=st.dictionaries(st.sampled_from(sorted(entry())), JSON))
def test_any_document_is_read_without_a_crash(document: Any, changes: dict[str, Any]) -> None:
    found = forge.read_keys({"keys": [document, {**entry(), **changes}]})

    assert all(isinstance(kid, str) and "PUBLIC KEY" in pem for kid, pem in found.items())


def test_a_document_is_read_so_far() -> None:
    many = [entry(kid=f"k{number}") for number in range(forge.KEYS_MOST + 1)]

    assert len(forge.read_keys({"keys": many})) == forge.KEYS_MOST
