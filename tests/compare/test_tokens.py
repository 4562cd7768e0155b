"""Tokens of every kind, judged by the service's own rules, and the places they stand in."""

import orjson
import pytest
from cryptography.hazmat.primitives.asymmetric import rsa
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat

from bff.compare.prepare import Wire, names_of, prepare
from bff.compare.requests import Place, Request
from bff.compare.tokens import KINDS, Identity, Needs, Signing
from bff.connect import install_tokens, jws, tokens
from bff.connect.qsh import query_string_hash
from bff.errors import Problem
from bff.records import Tenant

NOW = 1_800_000_000
BASE = "https://bff.example/app"
SIGNING = Signing(
    rsa.generate_private_key(public_exponent=65537, key_size=2048),
    "key-1",
    rsa.generate_private_key(public_exponent=65537, key_size=2048),
)
WHO = Identity(BASE, "the-app", "site-1", "hush-hush", "hush-again", SIGNING)
TENANT = Tenant("site-1", "", "the-app", ("hush-hush",), {})
NAMES = names_of(WHO, "http://127.0.0.1:1")

LET_IN = {
    "context", "real qsh", "wrong qsh", "no qsh", "session", "iat ahead", "aud a text", "no user",
    "no context", "no typ", "more header",
}  # fmt: skip


def wire(request: Request) -> Wire:
    return prepare(request, WHO, NAMES, NOW)


def token_of(kind: str, method: str = "POST", target: str = "/app/installed?a=1") -> str:
    sent = wire(Request("it", method, target, kind, Place.SESSION_HEADER))
    return dict(sent.headers)["X-acpt"]


def verdict(text: str) -> bool:
    try:
        token = tokens.read_token(text)
        known = TENANT if tokens.read_client_key(token) == "site-1" else None
        signer = tokens.find_signer(token, known)
        tokens.verify_token(token, signer.tenant, app_key="the-app", now=NOW)
    except Problem:
        return False
    return True


@pytest.mark.parametrize(
    "kind", [name for name, kind in KINDS.items() if name != "none" and "install" not in name]
)
def test_a_tenants_token_is_what_its_name_says(kind: str) -> None:
    assert verdict(token_of(kind)) is (kind in LET_IN)


def test_a_token_of_the_new_secret_counts_after_the_next_install() -> None:
    token = tokens.read_token(token_of("after re-install"))

    assert jws.find_secret(token, ["hush-hush", "hush-again"]) == "hush-again"


def test_a_real_qsh_is_of_the_very_request() -> None:
    claims = tokens.read_token(token_of("real qsh", "GET", "/app/ai-aide?b=2&a=1")).claims

    assert claims["qsh"] == query_string_hash("GET", "/ai-aide?a=1&b=2")


def install_verdict(text: str) -> bool:
    key = SIGNING.key.public_key().public_bytes(Encoding.PEM, PublicFormat.SubjectPublicKeyInfo)
    qsh = query_string_hash("POST", "/installed?a=1")
    try:
        token = install_tokens.read_install_token(text)
        issuer = install_tokens.check_install_claims(token, [BASE], qsh, now=NOW)
        jws.verify_rs256(token, key.decode())
    except Problem:
        return False
    return issuer == "site-1" and install_tokens.read_key_id(token) == "key-1"


@pytest.mark.parametrize("kind", [name for name in KINDS if name.startswith("install")])
def test_an_install_token_is_what_its_name_says(kind: str) -> None:
    assert install_verdict(token_of(kind)) is (kind in {"install", "install slash aud"})


def test_what_needs_nothing_is_made_from_nothing() -> None:
    nobody = Identity(BASE, "the-app")
    names = names_of(nobody, "")

    for name, kind in KINDS.items():
        if kind.needs is Needs.NOTHING:
            prepare(Request("it", "GET", "/", name), nobody, names, NOW)


T = token_of("unsigned")


@pytest.mark.parametrize(
    ("place", "target", "headers"),
    [
        (Place.QUERY, f"/x?a=1&jwt={T}", {}),
        (Place.QUERY_TWICE, f"/x?a=1&jwt={T}&jwt={T}", {}),
        (Place.QUERY_ACPT, f"/x?a=1&acpt={T}", {}),
        (Place.HEADER, "/x?a=1", {"Authorization": f"JWT {T}"}),
        (Place.BEARER, "/x?a=1", {"Authorization": f"Bearer {T}"}),
        (Place.LOWER_CASE, "/x?a=1", {"Authorization": f"jwt {T}"}),
        (Place.SESSION_HEADER, "/x?a=1", {"X-acpt": T}),
        (Place.COOKIE, "/x?a=1", {"Cookie": f"jwt={T}"}),
        (
            Place.BEHIND_A_BAD_ONE,
            "/x?a=1&jwt=eyJhbGciOiJIUzI1NiJ9.e30.bad",
            {"Authorization": f"JWT {T}"},
        ),
        (Place.BEHIND_AN_EMPTY_ONE, "/x?a=1&jwt=", {"Authorization": f"JWT {T}"}),
    ],
)
def test_a_token_stands_where_it_was_put(
    place: Place, target: str, headers: dict[str, str]
) -> None:
    sent = wire(Request("it", "GET", "/x?a=1", "unsigned", place))

    assert (sent.target, dict(sent.headers), sent.body) == (target, headers, None)


@pytest.mark.parametrize(
    ("body", "content_type", "sent"),
    [
        ('{"a":1}', "application/json", {"a": 1, "jwt": T}),
        ("", "application/json", {"jwt": T}),
        (None, "application/json", {"jwt": T}),
    ],
)
def test_a_token_in_a_json_body_is_a_field(
    body: str | None, content_type: str, sent: dict[str, object]
) -> None:
    headers = (("Content-Type", content_type),)
    written = wire(Request("it", "POST", "/x", "unsigned", Place.BODY, headers, body))

    assert orjson.loads(written.body or b"") == sent


@pytest.mark.parametrize(
    ("body", "content_type", "sent"),
    [
        ("a=1", "application/x-www-form-urlencoded", f"a=1&jwt={T}"),
        ("", "application/x-www-form-urlencoded", f"jwt={T}"),
        ("{", "application/json", "{"),
        ("[]", "application/json", "[]"),
    ],
)
def test_a_token_in_another_body_stands_there_if_it_can(
    body: str, content_type: str, sent: str
) -> None:
    headers = (("Content-Type", content_type),)
    written = wire(Request("it", "POST", "/x", "unsigned", Place.BODY, headers, body))

    assert written.body == sent.encode()


def test_a_token_may_stand_in_two_places() -> None:
    sent = wire(Request("it", "POST", "/x", "unsigned", Place.QUERY_AND_BODY, (), "{}"))

    assert sent.target == f"/x?jwt={T}"
    assert orjson.loads(sent.body or b"") == {"jwt": T}


def test_values_stand_in_place_of_their_names() -> None:
    sent = wire(
        Request(
            "it",
            "POST",
            "/x?k=<client key>",
            headers=(("A", "<base url>"),),
            body="<secret> <new secret>",
        )
    )

    assert sent == Wire(
        "POST", "/x?k=site-1", (("A", "https://bff.example/app"),), b"hush-hush hush-again"
    )


def test_a_request_may_be_long_and_its_body_large() -> None:
    assert wire(Request("it", "GET", "/x", padding=3)).target == "/x?pad=aaa"
    assert wire(Request("it", "POST", "/x", filling=4)).body == b"    "


def test_nothing_secret_is_printed() -> None:
    assert "hush" not in repr(WHO) + repr(wire(Request("it", "GET", "/x", body="<secret>")))
