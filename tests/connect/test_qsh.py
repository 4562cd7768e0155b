import hashlib

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bff.connect.qsh import base_path_of, canonical_request, query_string_hash

ROWS = [
    pytest.param("post", "/installed", "", "POST&/installed&", id="no query leaves an empty part"),
    pytest.param("GET", "/", "", "GET&/&", id="the root"),
    pytest.param("GET", "", "", "GET&/&", id="nothing at all is the root"),
    pytest.param("GET", "/a/", "", "GET&/a&", id="one trailing slash is dropped"),
    pytest.param("GET", "/a//", "", "GET&/a/&", id="only one trailing slash is dropped"),
    pytest.param("GET", "//a/./../b", "", "GET&//a/./../b&", id="nothing is collapsed"),
    pytest.param("GET", "/a%2fb%20c", "", "GET&/a%2fb%20c&", id="the path is not decoded"),
    pytest.param("GET", "/a&b", "", "GET&/a%26b&", id="an ampersand in the path is escaped"),
    pytest.param("GET", "/app/x", "/app", "GET&/x&", id="the base path is stripped"),
    pytest.param("GET", "/app/x", "/app/", "GET&/x&", id="a base path that ends in a slash"),
    pytest.param("GET", "/application", "/app", "GET&/lication&", id="even inside a segment"),
    pytest.param("GET", "/app", "/app", "GET&/&", id="the base path alone is the root"),
    pytest.param("GET", "/x/app", "/app", "GET&/x/app&", id="but only at the beginning"),
    pytest.param("GET", "/a?", "", "GET&/a&", id="an empty query"),
    pytest.param("GET", "/a?jwt=t", "", "GET&/a&", id="the token is left out"),
    pytest.param("GET", "/a?x=1&jwt=t", "", "GET&/a&x=1", id="the token after another"),
    pytest.param("GET", "/a?%6Awt=t", "", "GET&/a&", id="the token's name may be encoded"),
    pytest.param("GET", "/a?JWT=t", "", "GET&/a&JWT=t", id="its case counts"),
    pytest.param("GET", "/a?acpt=t", "", "GET&/a&acpt=t", id="the session token stays"),
    pytest.param("GET", "/a?b=2&a=1", "", "GET&/a&a=1&b=2", id="sorted by name"),
    pytest.param("GET", "/a?a=1&B=2", "", "GET&/a&B=2&a=1", id="capitals first"),
    pytest.param("GET", "/a?a-b=1&a%20b=2", "", "GET&/a&a%20b=2&a-b=1", id="by the decoded name"),
    pytest.param("GET", "/a?a=b&a=a", "", "GET&/a&a=a,b", id="repeated values sorted, joined"),
    pytest.param("GET", "/a?a=1,2&a=0", "", "GET&/a&a=0,1%2C2", id="a comma inside is escaped"),
    pytest.param("GET", "/a?a=%7Eb&a=b", "", "GET&/a&a=b,~b", id="values by the decoded value"),
    pytest.param("GET", "/a?a&b=", "", "GET&/a&a=&b=", id="keys without a value are kept"),
    pytest.param("GET", "/a?=x", "", "GET&/a&=x", id="so is a value without a key"),
    pytest.param("GET", "/a?&&a=1&&", "", "GET&/a&a=1", id="empty pairs are not there"),
    pytest.param("GET", "/a?a=b=c", "", "GET&/a&a=b%3Dc", id="the first equals sign divides"),
    pytest.param("GET", "/a?a=b?c", "", "GET&/a&a=b%3Fc", id="the first question mark divides"),
    pytest.param("GET", "/a?a=x+y%2B", "", "GET&/a&a=x%20y%2B", id="plus is a space"),
    pytest.param("GET", "/a?a=-._~", "", "GET&/a&a=-._~", id="unreserved stay"),
    pytest.param("GET", "/a?a=!'()*", "", "GET&/a&a=%21%27%28%29%2A", id="all others do not"),
    pytest.param("GET", "/a?a=%c3%a9", "", "GET&/a&a=%C3%A9", id="hex in capitals"),
    pytest.param("GET", "/a?a=%zz", "", "GET&/a&a=%25zz", id="a broken escape is text"),
    pytest.param("GET", "/a?a=%ff", "", "GET&/a&a=%EF%BF%BD", id="broken UTF-8 is replaced"),
    pytest.param(
        "GET",
        "/a?%F0%9F%98%80=1&%EF%BC%A1=2",
        "",
        "GET&/a&%F0%9F%98%80=1&%EF%BC%A1=2",
        id="sorted by code unit, so a surrogate pair comes before U+FF21",
    ),
]


@pytest.mark.parametrize(("method", "target", "base_path", "expected"), ROWS)
def test_the_canonical_request(method: str, target: str, base_path: str, expected: str) -> None:
    assert canonical_request(method, target, base_path) == expected
    hashed = hashlib.sha256(expected.encode()).hexdigest()
    assert query_string_hash(method, target, base_path) == hashed


@given(st.text(), st.text(), st.text())
def test_no_target_makes_it_raise(method: str, target: str, base_path: str) -> None:
    assert len(query_string_hash(method, target, base_path)) == 64


@given(st.lists(st.tuples(st.text("abB=&%+,é", max_size=3), st.text("xyé,+&=", max_size=3))))
def test_the_order_of_parameters_does_not_count(pairs: list[tuple[str, str]]) -> None:
    from urllib.parse import urlencode

    there, back = urlencode(pairs), urlencode(pairs[::-1])

    assert query_string_hash("GET", f"/a?{there}") == query_string_hash("GET", f"/a?{back}")


@pytest.mark.parametrize(
    ("base_url", "expected"),
    [
        ("https://app.example", ""),
        ("https://app.example/", "/"),
        ("https://app.example/a/b", "/a/b"),
        ("https://app.example:8443/a%20b/", "/a%20b/"),
    ],
)
def test_the_path_of_a_base_url(base_url: str, expected: str) -> None:
    assert base_path_of(base_url) == expected
