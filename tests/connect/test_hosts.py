import pytest
from hypothesis import given
from hypothesis import strategies as st

from bff.connect.hosts import AllowedHosts, read_base_url

PRODUCTION = "*.jira-dev.com, *.atlassian.net,*.atlassian.com,*.jira.com"


def allows(hosts: AllowedHosts, text: str) -> bool:
    url = read_base_url(text)
    return url is not None and hosts.allow(url)


@pytest.mark.parametrize(
    "text",
    [
        "https://site.atlassian.net",
        "https://site.atlassian.net/wiki",
        "https://SITE.Atlassian.NET/wiki",
        "HTTPS://site.jira.com",
        "http://site.atlassian.net",
        "https://site.atlassian.net:8443/wiki?a=b#c",
        "https://my-site_1.jira-dev.com/",
    ],
)
def test_hosts_that_may_install(text: str) -> None:
    assert allows(AllowedHosts.read(PRODUCTION), text)


@pytest.mark.parametrize(
    "text",
    [
        "",
        "site.atlassian.net",
        "//site.atlassian.net",
        "ftp://site.atlassian.net",
        "javascript://site.atlassian.net",
        "https:site.atlassian.net",
        "https:///site.atlassian.net",
        "https://atlassian.net",
        "https://.atlassian.net",
        "https://a..atlassian.net",
        "https://a.b.atlassian.net",
        "https://site.atlassian.net.",
        "https://site.atlassian.net.evil.com",
        "https://siteXatlassian.net",
        "https://site.atlassian.netx",
        "https://site.atlassian.net@evil.com",
        "https://site.atlassian.net:pw@evil.com",
        "https://evil.com\\@site.atlassian.net",
        "https://evil.com/@site.atlassian.net",
        "https://evil.com#@site.atlassian.net",
        "https://evil.com?@site.atlassian.net",
        "https://user@site.atlassian.net",
        "https://site.atlassian.net:123456",
        "https://site.atlassian.net:",
        "https://site.atlassian.net:80x",
        "https://site。atlassian。net",
        "https://sité.atlassian.net",
        "https://site%2eatlassian.net",
        " https://site.atlassian.net",
        "https://site.atlassian.net\n",
        "https://site.atlassian.net/a b",
        "https://site.atlassian.net\t/",
        "https://site.atlassian.net/\\x",
        "https://[::1]/wiki",
        "https://*.atlassian.net",
    ],
)
def test_hosts_that_may_not(text: str) -> None:
    assert not allows(AllowedHosts.read(PRODUCTION), text)


@pytest.mark.parametrize(
    ("patterns", "text", "allowed"),
    [
        pytest.param("", "https://site.atlassian.net", False, id="no pattern, nobody"),
        pytest.param(" , ,", "https://site.atlassian.net", False, id="only commas, nobody"),
        pytest.param("wiki.example", "https://wiki.example", True, id="an exact name"),
        pytest.param("wiki.example", "https://wikixexample", False, id="a dot is a dot"),
        pytest.param("*.*.example", "https://a.b.example", True, id="two stars"),
        pytest.param("a*z.example", "https://az.example", True, id="a star inside may be nothing"),
        pytest.param("a*z.example", "https://a.z.example", False, id="but never a dot"),
        pytest.param("*", "https://localhost", True, id="one label"),
        pytest.param("*", "https://site.example", False, id="a star alone is one label"),
        pytest.param("WIKI.example", "https://wiki.example", True, id="a pattern in capitals"),
        pytest.param("(a|b).example", "https://a.example", False, id="no other magic"),
    ],
)
def test_patterns(patterns: str, text: str, allowed: bool) -> None:
    assert allows(AllowedHosts.read(patterns), text) is allowed


def test_patterns_may_come_apart() -> None:
    assert AllowedHosts.read([" a.example ", "", "b.example"]).patterns == (
        "a.example",
        "b.example",
    )
    assert AllowedHosts.read("a.example, b.example").patterns == ("a.example", "b.example")


def test_a_base_url_is_read_in_lower_case_and_kept_as_written() -> None:
    url = read_base_url("HTTP://LocalHost:1990/Wiki")

    assert url is not None
    assert (url.text, url.scheme, url.host) == ("HTTP://LocalHost:1990/Wiki", "http", "localhost")


@given(st.text())
def test_nothing_before_an_at_sign_makes_a_host_of_ours(text: str) -> None:
    assert not allows(
        AllowedHosts.read(PRODUCTION), f"https://site.atlassian.net{text}@evil.com/"
    ) or (text[:1] in tuple("/?#"))


@pytest.mark.parametrize(
    "text", ["https://\u017f.atlassian.net/", "http\u017f://site.atlassian.net"]
)
def test_a_letter_of_another_script_is_no_letter_of_a_host(text: str) -> None:
    assert read_base_url(text) is None
