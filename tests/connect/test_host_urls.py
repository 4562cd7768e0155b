"""Where a call to a tenant's site can go, and that nothing it is given leads anywhere else."""

from urllib.parse import parse_qsl, unquote, urlsplit

import pytest
from hypothesis import example, given
from hypothesis import strategies as st
from yarl import URL

from bff.connect.host_urls import (
    HostBase,
    encode,
    read_host_base,
    read_redirect,
    write_target,
)

BASE = HostBase("https://site.atlassian.net", "/wiki")

_NASTY = st.sampled_from(
    ["..", ".", "", "/", "//evil.example", "https://evil.example", "@evil.example", "a/../b", "..\\",
     "%2e%2e", "%2F", "?x", "#x", "\r\nHost: evil", "\x00", "é", "\ud800", ":", ";", "a b", "\u2028"]
)  # fmt: skip
TEXT = st.one_of(_NASTY, st.text(max_size=12), st.builds(str.__add__, _NASTY, st.text(max_size=6)))


@pytest.mark.parametrize(
    ("text", "base"),
    [
        ("https://Site.Atlassian.net/wiki", BASE),
        ("https://site.atlassian.net/wiki/", BASE),
        ("https://site.atlassian.net:443/wiki", BASE),
        ("https://site.atlassian.net", HostBase("https://site.atlassian.net", "")),
        ("https://site.atlassian.net/", HostBase("https://site.atlassian.net", "")),
        ("https://h.example:8443/a/b-c", HostBase("https://h.example:8443", "/a/b-c")),
    ],
)
def test_a_base_is_scheme_host_port_and_path(text: str, base: HostBase) -> None:
    assert read_host_base(text, plain_http=False) == base


@pytest.mark.parametrize(
    "text",
    [
        "", "wiki", "//site.example/wiki", "ftp://site.example", "https://", "https://u@site.example",
        "https://site.example/wiki?x=1", "https://site.example/wiki#x", "https://site.example?x",
        "https://site.example/a/../b", "https://site.example/..", "https://site.example/%2e%2e/b",
        "https://site.example//a", "https://site.example/a\\b", "https://site.example/a b",
        "https://site.example:99999/", "https://site.example/é", "https://" + "a" * 64 + ".example",
    ],
)  # fmt: skip
def test_what_is_no_plain_base_is_refused(text: str) -> None:
    assert read_host_base(text, plain_http=True) is None


@pytest.mark.parametrize("text", ["http://localhost:1990/wiki", "http://[::1]:1990/wiki"])
def test_plain_http_counts_only_where_it_is_allowed(text: str) -> None:
    assert read_host_base(text, plain_http=False) is None
    assert read_host_base(text, plain_http=True) == HostBase(text.removesuffix("/wiki"), "/wiki")


def test_a_target_is_its_segments_and_parameters_encoded() -> None:
    written = write_target(("rest", "a/b", "ü ?"), [("cql", "a=b&c"), ("x", "+"), ("x", "")])

    assert written == "/rest/a%2Fb/%C3%BC%20%3F?cql=a%3Db%26c&x=%2B&x="
    assert write_target(("rest",)) == "/rest"


@pytest.mark.parametrize("segment", ["", ".", "..", "a\n", "\x00", "\x7f", "\x85", "\ud800"])
def test_a_segment_that_is_none_is_refused(segment: str) -> None:
    with pytest.raises(ValueError):  # noqa: PT011 - whatever its words
        write_target(("rest", segment))


@given(TEXT.filter(lambda text: not any("\ud800" <= each <= "\udfff" for each in text)))
def test_what_is_encoded_is_plain_and_reads_back(text: str) -> None:
    written = encode(text)

    assert set(written) <= set(
        "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-._~%"
    )
    assert unquote(written, errors="strict") == text


@given(st.lists(TEXT, min_size=1, max_size=4), st.lists(st.tuples(TEXT, TEXT), max_size=3))
def test_no_segment_and_no_parameter_leaves_the_base(
    path: list[str], parameters: list[tuple[str, str]]
) -> None:
    try:
        target = write_target(path, parameters)
    except ValueError:
        return
    text = BASE.origin + BASE.path + target

    parts, url = urlsplit(text), URL(text)  # yarl resolves dots as a browser does

    assert (parts.scheme, parts.netloc, parts.username) == ("https", "site.atlassian.net", None)
    assert (url.origin(), url.user) == (URL(BASE.origin), None)
    assert url.raw_path.startswith("/wiki/")
    assert parts.path.removeprefix("/wiki/").split("/") == [encode(each) for each in path]
    assert parse_qsl(parts.query, keep_blank_values=True) == parameters
    assert text.isascii()
    assert text.isprintable()


@pytest.mark.parametrize(
    ("location", "target"),
    [
        ("https://site.atlassian.net/wiki/b", "/wiki/b"),
        ("HTTPS://SITE.atlassian.net:443/wiki/b?x=1&y#z", "/wiki/b?x=1&y"),
        ("/wiki/b/", "/wiki/b/"),
        ("other?x=%20", "/wiki/a/other?x=%20"),
        ("../b", "/wiki/b"),
        ("?page=2", "/wiki/a/here?page=2"),
    ],
)
def test_a_redirect_within_the_site_is_followed(location: str, target: str) -> None:
    assert read_redirect(BASE, "/wiki/a/here", location) == target


@pytest.mark.parametrize(
    "location",
    [
        "http://site.atlassian.net/wiki/b", "https://evil.example/wiki/b", "//evil.example/wiki/b",
        "https://site.atlassian.net:8443/wiki/b", "https://site.atlassian.net.evil.example/wiki/b",
        "https://site.atlassian.net@evil.example/wiki/b", "https://u@site.atlassian.net/wiki/b",
        "https://site.atlassian.net:x/wiki/b", "https://[site/wiki/b", "javascript:alert(1)",
        "/login", "/wiki", "/wikis/b", "../../../login", "/wiki/%2e%2e/login", "/wiki/..%2flogin",
        "/wiki/.%2E\\login", "\\\\evil.example/wiki/b", "/wiki/a b", "/wiki/é", "/wiki/a\x01",
        "https://site.atlassian.net:99999/wiki/b",
    ],
)  # fmt: skip
def test_a_redirect_that_leads_out_is_not_followed(location: str) -> None:
    assert read_redirect(BASE, "/wiki/a/here", location) is None


@given(TEXT)
@example("https://site.atlassian.net\\@evil.example/wiki/")
@example("https:///evil.example/wiki/")
def test_whatever_a_redirect_says_the_next_address_is_below_the_base(location: str) -> None:
    target = read_redirect(BASE, "/wiki/a/here", location)

    if target is not None:
        url = URL(BASE.origin + target)
        assert url.origin() == URL(BASE.origin)
        assert url.raw_path.startswith("/wiki/")
