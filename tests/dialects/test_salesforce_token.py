"""How a token is asked for, how long it lasts, and why there is none."""

from base64 import urlsafe_b64encode
from typing import Any
from urllib.parse import parse_qs

import orjson
import pytest
from hypothesis import given
from hypothesis import strategies as st

from bff.dialects.salesforce import read_token, read_token_refusal, write_token_request
from bff.errors import Kind, Problem, Sign

AT = 1_760_000_000.0


def jwt(claims: Any) -> str:
    body = claims if isinstance(claims, bytes) else orjson.dumps(claims)
    return f"eyJhbGciOiJub25lIn0.{urlsafe_b64encode(body).decode().rstrip('=')}."


def answer(token: Any, **more: Any) -> bytes:
    return orjson.dumps({"access_token": token, "token_type": "Bearer", **more})


def fresh_until(claims: Any, **more: Any) -> float:
    return read_token(answer(jwt(claims), **more), now=AT).fresh_until


@given(st.text(st.characters(exclude_categories=["Cs"])), st.text(st.characters(max_codepoint=127)))
def test_credentials_are_a_form_whatever_is_in_them(key: str, secret: str) -> None:
    form = parse_qs(write_token_request(key, secret).decode("ascii"), keep_blank_values=True)

    assert form == {
        "grant_type": ["client_credentials"],
        "client_id": [key],
        "client_secret": [secret],
    }


def test_a_token_lasts_until_ten_minutes_before_its_end() -> None:
    token = read_token(answer(jwt({"exp": AT + 7140}), scope="sfap_api api"), now=AT)

    assert token.fresh_until == AT + 6540
    assert token.scopes == {"sfap_api", "api"}
    assert token.value not in repr(token)


@pytest.mark.parametrize(("left_s", "kept_s"), [(601, 1), (600, 300), (10, 5), (0, 0), (-50, 0)])
def test_a_short_life_is_used_by_half(left_s: float, kept_s: float) -> None:
    assert fresh_until({"exp": AT + left_s}) == AT + kept_s


@pytest.mark.parametrize(
    "claims",
    [
        {},
        {"exp": None},
        {"exp": "x"},
        {"exp": True},
        {"exp": 1e300},
        {"exp": -1},
        [],
        b"?",
        b"\xff",
    ],
)
@pytest.mark.parametrize(
    ("issued_at", "since"),
    [
        (str(int(AT * 1000) - 5000), AT - 5),
        (None, AT),
        ("soon", AT),
        ("٣", AT),
        (int(AT), AT),
    ],
)
def test_a_token_without_an_end_lasts_fifty_minutes_from_when_it_was_made(
    claims: Any, issued_at: Any, since: float
) -> None:
    assert fresh_until(claims, issued_at=issued_at) == since + 3000


def test_parts_that_are_no_base64_say_nothing() -> None:
    assert read_token(answer("aaa.bbb.ccc"), now=AT).fresh_until == AT + 3000
    assert read_token(answer("a.b.c"), now=AT).scopes == frozenset()


@pytest.mark.parametrize(
    "token", ["00DSIMULATED!AQEAQabc.def.ghi", "no-dots", "a.b", "a.b.c.d", "a.b.c\n", "", "é.b.c"]
)
def test_a_session_token_is_refused_with_what_to_do(token: str) -> None:
    with pytest.raises(Problem) as caught:
        read_token(answer(token), now=AT)

    problem = caught.value
    assert (problem.kind, problem.sign) == (Kind.UPSTREAM_AUTH, Sign.PROVIDER_REFUSED)
    assert "JWT-based access tokens" in problem.__notes__[0]
    assert "JWT" not in problem.public


@pytest.mark.parametrize("data", [b"", b"<html>", b"[]", b"{}", b"5", answer(None), answer(5)])
def test_an_answer_without_a_token_can_be_tried_again(data: bytes) -> None:
    with pytest.raises(Problem) as caught:
        read_token(data, now=AT)

    assert (caught.value.kind, caught.value.sign) == (Kind.UPSTREAM, Sign.PROVIDER_DOWN)


@pytest.mark.parametrize(
    ("status", "error", "kind", "said"),
    [
        (400, "invalid_client", Kind.UPSTREAM_AUTH, "invalid_client"),
        (400, "invalid_grant", Kind.UPSTREAM_AUTH, "invalid_grant"),
        (400, "unsupported_grant_type", Kind.UPSTREAM_AUTH, "unsupported_grant_type"),
        (401, "client 3MVG9 is secret", Kind.UPSTREAM_AUTH, "answered 401"),
        (403, None, Kind.UPSTREAM_AUTH, "answered 403"),
        (404, {"x": 1}, Kind.UPSTREAM_AUTH, "answered 404"),
        (302, None, Kind.UPSTREAM_AUTH, "answered 302"),
        (400, "rate_limit_exceeded", Kind.UPSTREAM_RATE_LIMIT, "busy"),
        (429, None, Kind.UPSTREAM_RATE_LIMIT, "busy"),
        (408, None, Kind.UPSTREAM, "failed"),
        (500, "invalid_client", Kind.UPSTREAM, "failed"),
        (503, None, Kind.UPSTREAM, "failed"),
    ],
)
def test_a_refusal_says_why_and_names_nobody(
    status: int, error: Any, kind: Kind, said: str
) -> None:
    data = orjson.dumps({"error": error, "error_description": "client 3MVG9 of acme"})

    problem = read_token_refusal(status, data, retry_after=2.0)

    assert problem.kind is kind
    told = problem.public + "".join(getattr(problem, "__notes__", ()))
    assert said in told
    assert "3MVG9" not in told


@pytest.mark.parametrize("data", [b"<html>", b"[]", b""])
def test_a_refusal_may_be_any_page(data: bytes) -> None:
    assert read_token_refusal(403, data).kind is Kind.UPSTREAM_AUTH
