"""What goes along beside a body that is passed on to Anthropic, and what comes back."""

import pytest
from hypothesis import given
from hypothesis import strategies as st
from multidict import CIMultiDict

from bff.dialects.anthropic_messages.passing import passed_headers, passed_query, told_headers

CLAUDE_CODE = {
    "anthropic-version": "2023-06-01",
    "anthropic-beta": "claude-code-20250219,interleaved-thinking-2025-05-14",
    "anthropic-of-tomorrow": "é 1;q=0",
    "x-claude-code-session-id": "b1d3",
    "x-claude-code-request-class": "main",
    "x-app": "cli",
}


def test_what_only_anthropic_understands_goes_along_whatever_it_is() -> None:
    headers = {name.title(): value for name, value in CLAUDE_CODE.items()}

    assert passed_headers(headers) == CLAUDE_CODE


@pytest.mark.parametrize(
    "name",
    [
        *("authorization", "x-api-key", "cookie", "host", "content-length", "content-encoding"),
        *("anthropic-dangerous-direct-browser-access", "anthropic", "x-anthropic-beta"),
        *("x-stainless-lang", "x-claude-codes", "cf-aig-authorization", "x-application"),
    ],
)
def test_nothing_else_goes_along(name: str) -> None:
    assert passed_headers({name: "x"}) == {}


@pytest.mark.parametrize("value", ["", "a\r\nb: c", "a\x00", "\t", "\x7f", "\udce9", "a" * 8193])
def test_what_cannot_stand_in_a_header_is_left_out(value: str) -> None:
    assert passed_headers({"anthropic-beta": value, "x-app": "cli"}) == {"x-app": "cli"}


def test_a_header_that_is_sent_twice_is_one_list() -> None:
    headers = CIMultiDict([("anthropic-beta", "a"), ("Anthropic-Beta", "b"), ("x-app", "cli")])

    assert passed_headers(headers) == {"anthropic-beta": "a,b", "x-app": "cli"}


def test_a_list_that_grows_too_long_is_not_passed_on_further() -> None:
    headers = CIMultiDict([("anthropic-beta", "a" * 8000), ("anthropic-beta", "b" * 8000)])

    assert passed_headers(headers) == {"anthropic-beta": "a" * 8000}


def test_there_is_an_end_to_how_many_go_along() -> None:
    headers = CIMultiDict([(f"anthropic-{number}", "x") for number in range(80)])
    headers.add("anthropic-0", "y")

    picked = passed_headers(headers)

    assert len(picked) == 64
    assert picked["anthropic-0"] == "x,y"


@given(st.dictionaries(st.text(), st.text(st.characters())))
def test_any_headers_can_be_sent_again(headers: dict[str, str]) -> None:
    named = {f"anthropic-{name}": value for name, value in headers.items()}

    for value in passed_headers(named).values():
        assert value.isprintable()
        assert value.encode("utf-8")


@pytest.mark.parametrize(
    ("query", "passed"),
    [
        ("", ""),
        ("beta=true", "beta=true"),
        ("jwt=x.y.z&beta=true&a=b", "beta=true"),
        ("beta=true&beta=false", "beta=true"),
        ("beta=", ""),
        ("beta", ""),
        ("xbeta=true", ""),
        ("beta=a%26key%3Db", ""),
        ("beta=" + "x" * 65, ""),
        ("beta=true#x", ""),
    ],
)
def test_only_beta_is_kept_of_a_query(query: str, passed: str) -> None:
    assert passed_query(query) == passed


def test_of_anthropics_headers_those_go_back_that_its_callers_read() -> None:
    told = {
        "anthropic-ratelimit-unified-5h-reset": "1760000000",
        "anthropic-ratelimit-requests-limit": "50",
        "retry-after": "3",
        "x-should-retry": "true",
        "request-id": "req_9",
    }
    others = {
        "anthropic-organization-id": "0000",
        "cf-ray": "x",
        "set-cookie": "a=b",
        "content-type": "application/json",
    }

    assert told_headers({**told, **others}) == told
