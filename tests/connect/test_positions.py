"""Where a token is read from, node-bff.md §4.1."""

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bff.connect.positions import find_token
from bff.errors import Kind, Problem
from tests.support.tokens import outcome


def find(
    query: str = "", auth: str | None = None, acpt: str | None = None, body: Any = None
) -> str:
    return find_token(query, auth, acpt, fields={} if body is None else {"jwt": body})


FOUND = [
    pytest.param({"query": "jwt=q"}, "q", id="query"),
    pytest.param({"query": "a=1&jwt=q&b=2"}, "q", id="query among others"),
    pytest.param({"query": "%6Awt=q%2Er"}, "q.r", id="query, encoded"),
    pytest.param({"body": "b"}, "b", id="body"),
    pytest.param({"auth": "JWT h"}, "h", id="Authorization"),
    pytest.param({"query": "acpt=s"}, "s", id="session token in the query"),
    pytest.param({"acpt": "s"}, "s", id="session token in its header"),
    pytest.param({"query": "jwt=q", "auth": "JWT h", "acpt": "s"}, "q", id="query before headers"),
    pytest.param({"body": "b", "auth": "JWT h"}, "b", id="body before Authorization"),
    pytest.param({"auth": "JWT h", "query": "acpt=s"}, "h", id="Authorization before acpt"),
    pytest.param({"query": "acpt=s", "acpt": "t"}, "s", id="acpt in the query before the header"),
    pytest.param({"query": "jwt=&acpt=s"}, "s", id="an empty one is absent"),
    pytest.param({"query": "jwt", "body": "b"}, "b", id="one without a value is absent"),
    pytest.param({"query": "jwt=q", "body": ""}, "q", id="an empty one in the body is absent"),
    pytest.param({"query": "jwt=q", "body": False}, "q", id="false in the body is absent"),
    pytest.param({"query": "jwt=q", "body": 0}, "q", id="zero in the body is absent"),
    pytest.param({"auth": "JWT ", "acpt": "s"}, "s", id="an empty Authorization is absent"),
    pytest.param({"auth": "JWT  h"}, " h", id="a second space is part of the token"),
    pytest.param({"auth": "Bearer h", "acpt": "s"}, "s", id="Bearer is not ours"),
    pytest.param({"auth": "jwt h", "acpt": "s"}, "s", id="the scheme's case counts"),
    pytest.param({"query": "jwt=bad&acpt=s"}, "bad", id="the first counts even if it is bad"),
]
NOT_FOUND = [
    pytest.param({}, id="nowhere"),
    pytest.param({"query": "jwt=q", "body": "b"}, id="in the query and in the body"),
    pytest.param({"query": "jwt=q&jwt=q"}, id="twice"),
    pytest.param({"query": "jwt=&jwt=q"}, id="twice, once empty"),
    pytest.param({"query": "jwt=q&%6awt=q"}, id="twice, once encoded"),
    pytest.param({"query": "acpt=s&acpt=s"}, id="session token twice"),
    pytest.param({"query": "JWT=q"}, id="in capitals"),
    pytest.param({"body": ["b"]}, id="a list in the body"),
    pytest.param({"body": {}}, id="an object in the body"),
    pytest.param({"body": 5}, id="a number in the body"),
    pytest.param({"body": True}, id="true in the body"),
    pytest.param({"acpt": ""}, id="an empty header"),
]


@pytest.mark.parametrize(("places", "expected"), FOUND)
def test_found(places: dict[str, Any], expected: str) -> None:
    assert find(**places) == expected


@pytest.mark.parametrize("places", NOT_FOUND)
def test_not_found(places: dict[str, Any]) -> None:
    with pytest.raises(Problem) as refusal:
        find(**places)

    assert refusal.value.kind is Kind.CALLER_AUTH


@given(st.text(), st.none() | st.text(), st.none() | st.text())
def test_whatever_comes_it_is_found_or_not(query: str, auth: str | None, acpt: str | None) -> None:
    assert outcome(lambda: find(query, auth, acpt))  # text, or a kind; never another exception
