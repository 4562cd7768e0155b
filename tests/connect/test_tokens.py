"""The truth table of HS256 tokens, node-bff.md §4.2 with the decisions of operations.md."""

import hashlib
import hmac
import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bff.connect.qsh import query_string_hash
from bff.connect.tokens import (
    SESSION_SECONDS,
    Verified,
    check_query_string_hash,
    find_signer,
    read_client_key,
    read_token,
    tags,
    verify_token,
    write_session_token,
)
from bff.errors import Kind, Problem
from bff.records import Caller, Tenant
from tests.support.tokens import HS256_HEADER, base64url, hs256, outcome, segment, with_claims

NOW = 1_800_000_000
APP = "gptdock-confluence"
HASH = query_string_hash("GET", "/ai-aide?contentId=1")
SECRET, OTHER_SECRET, OLD_SECRET = "shh", "other-shh", "old-shh"


def tenant(client_key: str, *secrets: str, key: str = APP) -> Tenant:
    return Tenant(client_key, f"https://{client_key}.atlassian.net/wiki", key, secrets, {})


TENANTS = {
    "site": tenant("site", SECRET),
    "other": tenant("other", OTHER_SECRET),
    "doubled": tenant("doubled", "newer-shh", OLD_SECRET),
    "staged": tenant("staged", SECRET, key="gptdock-confluence-stage"),
    "retired": tenant("retired"),
    "blank": tenant("blank", ""),
    "": tenant("", SECRET),
}
CLAIMS: dict[str, Any] = {
    "iss": "site",
    "sub": "account-1",
    "qsh": "context-qsh",
    "iat": NOW - 10,
    "exp": NOW + 180,
}


def enter(text: str, *, with_qsh: bool = False) -> Verified:
    """What a door does, without a request."""
    token = read_token(text)
    signer = find_signer(token, TENANTS.get(read_client_key(token)))
    verified = verify_token(token, signer.tenant, app_key=APP, now=NOW)
    if with_qsh:
        check_query_string_hash(verified.qsh, HASH)
    return verified


def token(*, secret: str = SECRET, header: Any = None, **changes: Any) -> str:
    return hs256(with_claims(CLAIMS, **changes), secret, header=header)


def header(**changes: Any) -> dict[str, Any]:
    return with_claims(HS256_HEADER, **changes)


GOOD = token()
SIGNED, _, SIGNATURE = GOOD.rpartition(".")

ADMITTED = [
    pytest.param(token(), False, id="context token"),
    pytest.param(token(qsh=HASH), True, id="made for this very request"),
    pytest.param(token(qsh="f" * 64), False, id="made for another request"),
    pytest.param(token(qsh=...), False, id="no qsh"),
    pytest.param(token(qsh=["x"]), False, id="qsh is no text"),
    pytest.param(token(qsh=HASH, iat=...), True, id="no iat"),
    pytest.param(token(qsh=HASH, iat=NOW + 9999), True, id="issued in the future"),
    pytest.param(token(qsh=HASH, iat="yesterday"), True, id="iat is no number"),
    pytest.param(token(qsh=HASH, nbf=NOW + 60), True, id="begins within a minute"),
    pytest.param(token(qsh=HASH, nbf=NOW - 60), True, id="has begun"),
    pytest.param(token(qsh=HASH, nbf=None), True, id="nbf is null"),
    pytest.param(token(qsh=HASH, exp=NOW + 1), True, id="a second left"),
    pytest.param(token(qsh=HASH, exp=NOW + 0.5), True, id="half a second left"),
    pytest.param(token(qsh=HASH, exp=1e300), True, id="ends with the universe"),
    pytest.param(token(qsh=HASH, exp=10**30), True, id="ends beyond 64 bits"),
    pytest.param(token(qsh=HASH, header=header(typ=...)), True, id="no typ"),
    pytest.param(token(qsh=HASH, header=header(kid=5, foo={})), True, id="more in the header"),
    pytest.param(token(qsh=HASH, aud="site"), True, id="audience is the tenant"),
    pytest.param(token(qsh=HASH, aud=["site"]), True, id="audience is a list of the tenant"),
    pytest.param(token(qsh=HASH, aud=["site", 5]), True, id="only the first audience counts"),
    pytest.param(token(qsh=HASH, aud=["site"], iss=APP), True, id="issued by the add-on"),
    pytest.param(token(qsh=HASH, aud=[]), True, id="audience is empty"),
    pytest.param(token(qsh=HASH, aud=""), True, id="audience is an empty text"),
    pytest.param(token(qsh=HASH, aud=None), True, id="audience is null"),
    pytest.param(
        token(qsh=HASH, iss="gptdock-confluence-stage", aud=["staged"]),
        True,
        id="issued by the add-on under the key the site knows",
    ),
    pytest.param(token(qsh=HASH, sub=...), True, id="no user at all"),
    pytest.param(token(qsh=HASH, iss="doubled", secret="newer-shh"), True, id="newer of two rows"),
    pytest.param(token(qsh=HASH, iss="doubled", secret=OLD_SECRET), True, id="older of two rows"),
]

REFUSED = [
    pytest.param("", id="empty"),
    pytest.param("x", id="one segment"),
    pytest.param("..", id="three empty segments"),
    pytest.param(SIGNED, id="two segments"),
    pytest.param(f"{GOOD}.x", id="four segments"),
    pytest.param("é.ü.ö", id="not ASCII"),
    pytest.param("\ud800.\udcff.x", id="not even text"),
    pytest.param(f"{GOOD} ", id="a space after it"),
    pytest.param("a" * 70_000 + "." + GOOD[1:], id="far too long"),
    pytest.param(f"!!!.{SIGNED.split('.')[1]}.{SIGNATURE}", id="header is not base64url"),
    pytest.param(f"a.{SIGNED.split('.')[1]}.{SIGNATURE}", id="header has an impossible length"),
    pytest.param(hs256(b"{", SECRET), id="claims are not JSON"),
    pytest.param(hs256(b"\xff{}", SECRET), id="claims are not UTF-8"),
    pytest.param(hs256([CLAIMS], SECRET), id="claims are a list"),
    pytest.param(hs256("claims", SECRET), id="claims are a text"),
    pytest.param(hs256(None, SECRET), id="claims are null"),
    pytest.param(hs256(CLAIMS, SECRET, header=["HS256"]), id="header is a list"),
    pytest.param(token(header=header(alg="none")), id="alg none"),
    pytest.param(token(header=header(alg="None")), id="alg None"),
    pytest.param(f"{segment(header(alg='none'))}.{segment(CLAIMS)}.", id="alg none, unsigned"),
    pytest.param(token(header=header(alg="hs256")), id="alg hs256"),
    pytest.param(hs256(CLAIMS, SECRET, header=header(alg="HS384"), digest="sha384"), id="HS384"),
    pytest.param(hs256(CLAIMS, SECRET, header=header(alg="HS512"), digest="sha512"), id="HS512"),
    pytest.param(token(header=header(alg="RS256")), id="alg RS256"),
    pytest.param(token(header=header(alg=["HS256"])), id="alg is a list"),
    pytest.param(token(header=header(alg=...)), id="no alg"),
    pytest.param(token(header=header(crit=["b64"], b64=False)), id="a critical extension"),
    pytest.param(token(iss=...), id="no issuer"),
    pytest.param(token(iss=""), id="issuer is empty"),
    pytest.param(token(iss=None), id="issuer is null"),
    pytest.param(token(iss=["site"]), id="issuer is a list"),
    pytest.param(token(iss={"a": 1}), id="issuer is an object"),
    pytest.param(token(iss=5), id="issuer is a number"),
    pytest.param(token(iss=["site"], aud="site"), id="issuer is a list, audience the tenant"),
    pytest.param(token(iss="nobody"), id="unknown tenant"),
    pytest.param(token(iss="retired"), id="tenant without a secret"),
    pytest.param(hs256({**CLAIMS, "iss": "retired"}, ""), id="no secret, signed with none"),
    pytest.param(hs256({**CLAIMS, "iss": "blank"}, ""), id="an empty secret, signed with it"),
    pytest.param(token(secret="wrong"), id="wrong secret"),
    pytest.param(token(secret=""), id="signed with nothing"),
    pytest.param(token(secret=OTHER_SECRET), id="signed by another tenant"),
    pytest.param(token(secret=OLD_SECRET), id="the secret before the reinstall"),
    pytest.param(f"{SIGNED}.", id="no signature"),
    pytest.param(f"{SIGNED}.{SIGNATURE}=", id="padded signature"),
    pytest.param(
        f"{SIGNED}.{SIGNATURE[:-1]}{chr(ord(SIGNATURE[-1]) + 1)}", id="signature's spare bits"
    ),
    pytest.param(f"{SIGNED}.{SIGNATURE[:-4]}", id="cut signature"),
    pytest.param(
        f"{segment(HS256_HEADER)}.{segment({**CLAIMS, 'sub': 'x'})}.{SIGNATURE}", id="forged claims"
    ),
    pytest.param(token(exp=NOW), id="expires now"),
    pytest.param(token(exp=NOW - 1), id="expired"),
    pytest.param(token(exp=-1e300), id="expired before the beginning"),
    pytest.param(token(exp=...), id="no expiry"),
    pytest.param(token(exp=None), id="expiry is null"),
    pytest.param(token(exp=0), id="expiry is zero"),
    pytest.param(token(exp=True), id="expiry is true"),
    pytest.param(token(exp="soon"), id="expiry is a text"),
    pytest.param(token(exp=str(NOW + 180)), id="expiry is a number in a text"),
    pytest.param(token(exp=[NOW + 180]), id="expiry is a list"),
    pytest.param(token(exp=float("nan")), id="expiry is NaN"),
    pytest.param(token(exp=float("inf")), id="expiry is infinite"),
    pytest.param(hs256(b'{"iss":"site","exp":1e999}', SECRET), id="expiry overflows"),
    pytest.param(token(nbf=NOW + 61), id="begins in more than a minute"),
    pytest.param(token(nbf="later"), id="nbf is no number"),
    pytest.param(token(nbf=True), id="nbf is true"),
    pytest.param(token(aud=["https://bff.example"]), id="audience is ourselves"),
    pytest.param(token(aud=["other"]), id="audience is another tenant"),
    pytest.param(token(aud="other", secret=OTHER_SECRET), id="issuer is not the audience's tenant"),
    pytest.param(token(aud=["other"], iss="site", secret=OTHER_SECRET), id="the same in a list"),
    pytest.param(token(aud=["other", "site"]), id="the tenant in the second place"),
    pytest.param(token(aud=[["site"]]), id="audience is a list of lists"),
    pytest.param(token(aud=[None]), id="audience is a list of null"),
    pytest.param(token(aud={"0": "site"}), id="audience is an object"),
    pytest.param(token(aud=5), id="audience is a number"),
    pytest.param(token(iss=APP, aud=...), id="issued by the add-on for nobody"),
]

WITH_QSH_REFUSED = [
    pytest.param(token(), id="context token"),
    pytest.param(token(qsh="f" * 64), id="made for another request"),
    pytest.param(token(qsh=HASH.upper()), id="hash in capitals"),
    pytest.param(token(qsh=...), id="no qsh"),
    pytest.param(token(qsh=""), id="qsh is empty"),
    pytest.param(token(qsh=None), id="qsh is null"),
    pytest.param(token(qsh=[HASH]), id="qsh is a list"),
    pytest.param(token(qsh={}), id="qsh is an object"),
]


@pytest.mark.parametrize(("text", "also_with_qsh"), ADMITTED)
def test_admitted(text: str, also_with_qsh: bool) -> None:
    assert enter(text).caller.client_key in TENANTS
    if also_with_qsh:
        assert enter(text, with_qsh=True) == enter(text)


@pytest.mark.parametrize("with_qsh", [False, True])
@pytest.mark.parametrize("text", REFUSED)
def test_refused_everywhere(text: str, with_qsh: bool) -> None:
    with pytest.raises(Problem) as refusal:
        enter(text, with_qsh=with_qsh)

    assert refusal.value.kind is Kind.CALLER_AUTH
    assert "site" not in refusal.value.public


@pytest.mark.parametrize("text", WITH_QSH_REFUSED)
def test_refused_where_a_token_must_be_for_this_request(text: str) -> None:
    assert enter(text).caller.client_key == "site"
    with pytest.raises(Problem) as refusal:
        enter(text, with_qsh=True)

    assert refusal.value.kind is Kind.CALLER_AUTH


def test_an_expired_token_is_called_expired_even_when_its_hash_is_wrong() -> None:
    with pytest.raises(Problem, match="expired"):
        enter(token(exp=NOW, qsh="wrong"), with_qsh=True)


@pytest.mark.parametrize(
    ("changes", "account_id"),
    [
        pytest.param({}, "account-1", id="the subject"),
        pytest.param({"context": {"user": {"accountId": "a2"}}}, "a2", id="the context's user"),
        pytest.param({"context": {"user": {"accountId": ""}}}, "account-1", id="empty in context"),
        pytest.param({"context": {"user": {"accountId": 5}}}, "account-1", id="a number there"),
        pytest.param({"context": {"user": "a2"}}, "account-1", id="the user is a text"),
        pytest.param({"context": "user"}, "account-1", id="the context is a text"),
        pytest.param({"context": []}, "account-1", id="the context is a list"),
        pytest.param({"sub": 5}, None, id="the subject is a number"),
        pytest.param({"sub": ""}, None, id="the subject is empty"),
        pytest.param({"sub": ...}, None, id="nobody"),
        pytest.param(
            {"sub": ..., "context": {"user": {"accountId": "a2"}}}, "a2", id="context only"
        ),
    ],
)
def test_who_the_user_is(changes: dict[str, Any], account_id: str | None) -> None:
    caller = enter(token(**changes)).caller

    assert caller.account_id == account_id
    assert (caller.tenant_tag, caller.user_tag) == tags("site", account_id)


def test_a_context_too_deep_to_be_copied_is_refused() -> None:
    deep: Any = []
    for _ in range(300):
        deep = [deep]

    with pytest.raises(Problem) as refusal:
        enter(token(context=deep))

    assert refusal.value.kind is Kind.CALLER_AUTH


@pytest.mark.parametrize(
    "secret",
    [
        pytest.param("x", id="one letter"),
        pytest.param("ü" * 40, id="not ASCII"),
        pytest.param('{"kty":"oct","k":"AAAA"}', id="looks like a JWK"),
        pytest.param("-----BEGIN PUBLIC KEY-----\nAAAA\n-----END PUBLIC KEY-----", id="like PEM"),
        pytest.param("ssh-rsa AAAA", id="like an SSH key"),
    ],
)
def test_any_secret_atlassian_chose_works_both_ways(secret: str) -> None:
    site = tenant("site", secret)
    read = read_token(token(secret=secret))

    assert find_signer(read, site).secret == secret
    caller = verify_token(read, site, app_key=APP, now=NOW).caller
    back = read_token(write_session_token(site, caller, app_key=APP, now=NOW))
    assert find_signer(back, site).secret == secret


# --- the session token ---------------------------------------------------------------------------


def test_a_session_token_says_what_the_node_app_said() -> None:
    context = {"user": {"accountId": "a2"}, "emoji": "é😀"}
    caller = enter(token(context=context)).caller

    text = write_session_token(TENANTS["site"], caller, app_key=APP, now=NOW)

    read = read_token(text)
    assert read.header == {"typ": "JWT", "alg": "HS256"}
    assert read.claims == {
        "iss": APP,
        "iat": NOW,
        "sub": "account-1",
        "exp": NOW + SESSION_SECONDS,
        "aud": ["site"],
        "context": context,
    }


def test_a_session_token_leaves_out_what_its_caller_did_not_say() -> None:
    caller = enter(token(sub=...)).caller

    text = write_session_token(TENANTS["site"], caller, app_key=APP, now=NOW)

    assert set(read_token(text).claims) == {"iss", "iat", "exp", "aud"}


def test_a_session_token_opens_the_token_routes_and_never_the_others() -> None:
    first = enter(token(context={"user": {"accountId": "a2"}})).caller

    text = write_session_token(TENANTS["site"], first, app_key=APP, now=NOW)

    assert enter(text).caller == first
    with pytest.raises(Problem, match="qsh"):
        enter(text, with_qsh=True)


def test_a_session_token_names_the_key_the_site_knows_else_ours() -> None:
    caller = enter(token()).caller
    staged, unnamed = TENANTS["staged"], tenant("site", SECRET, key="")

    issuers = [
        read_token(write_session_token(site, caller, app_key=APP, now=NOW)).claims["iss"]
        for site in (staged, unnamed)
    ]

    assert issuers == ["gptdock-confluence-stage", APP]


# --- pseudonyms ----------------------------------------------------------------------------------


def test_tags_are_short_hashes_that_only_we_can_make_for_a_user() -> None:
    site = hashlib.sha256(b"site").hexdigest()[:16]
    user = hmac.new(b"site", b"user", "sha256").hexdigest()[:16]

    assert tags("site", "user") == (f"t:{site}", f"u:{user}")
    assert tags("site", None) == (f"t:{site}", "u:-")


# --- whatever comes ------------------------------------------------------------------------------

_JSON = st.recursive(
    st.none()
    | st.booleans()
    | st.integers(-(10**30), 10**30)
    | st.floats(allow_nan=False, allow_infinity=False)
    | st.sampled_from(["site", "other", APP, HASH, "", str(NOW)])
    | st.integers(NOW - 100, NOW + 100)
    | st.text(max_size=5),
    lambda inner: (
        st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=9), inner, max_size=3)
    ),
    max_leaves=8,
)
_CLAIMS = st.fixed_dictionaries(
    {}, optional=dict.fromkeys(("iss", "aud", "exp", "nbf", "iat", "sub", "qsh", "context"), _JSON)
)


def admitted_or_refused(text: str) -> None:
    for with_qsh in (False, True):
        verified = outcome(lambda with_qsh=with_qsh: enter(text, with_qsh=with_qsh))
        if verified is Kind.CALLER_AUTH:
            continue
        assert verified.expires > NOW
        site = TENANTS[verified.caller.client_key]
        write_session_token(site, verified.caller, app_key=APP, now=NOW)


@given(claims=_CLAIMS | _CLAIMS.map(lambda some: {**CLAIMS, **some}) | _JSON)
def test_whatever_a_signed_token_claims_it_is_admitted_or_refused(claims: Any) -> None:
    admitted_or_refused(hs256(json.dumps(claims).encode(), SECRET))


@given(head=_JSON | st.fixed_dictionaries({"alg": st.just("HS256"), "kid": _JSON, "crit": _JSON}))
def test_whatever_its_header_says_it_is_admitted_or_refused(head: Any) -> None:
    admitted_or_refused(hs256(CLAIMS, SECRET, header=head if head is not None else [None]))


@given(
    st.text()
    | st.lists(st.binary(max_size=20).map(base64url) | st.text(max_size=5), max_size=4).map(
        ".".join
    )
)
def test_whatever_text_comes_as_a_token_is_refused(text: str) -> None:
    with pytest.raises(Problem) as refusal:
        enter(text)

    assert refusal.value.kind is Kind.CALLER_AUTH


def test_a_context_too_large_for_a_header_is_not_copied() -> None:
    caller = Caller("site", None, "u", {"note": "x" * 5000}, "t:1", "u:1")

    back = read_token(write_session_token(TENANTS["site"], caller, app_key=APP, now=NOW))

    assert "context" not in back.claims
