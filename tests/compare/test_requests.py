"""The set as a file holds it, the one that is shipped, and what is sent of it."""

from importlib.resources import files

import pytest

from bff.compare.choosing import Choice, Wishes, choose, recorded
from bff.compare.known import read_known
from bff.compare.requests import (
    Mark,
    Place,
    Request,
    read_requests,
    refuse_twins,
    requests_for_files,
)
from bff.compare.rows import WrongFile, matches
from bff.compare.tokens import KINDS

OWN = files("bff.compare")
SET = read_requests((OWN / "requests.toml").read_text("utf-8"), "requests.toml")
KNOWN = read_known((OWN / "known_differences.toml").read_text("utf-8"), "known_differences.toml")

ROW = """
[[request]]
name = "it"
target = "/x"
"""


def read(more: str = "") -> tuple[Request, ...]:
    return read_requests(ROW + more, "mine.toml")


def test_a_row_says_only_what_is_not_usual() -> None:
    assert read() == (Request("it", "GET", "/x"),)


def test_a_row_is_a_request_for_each_body_place_and_token() -> None:
    requests = read("""
        method = "POST"
        tokens = ["none", "context"]
        places = ["query", "header"]
        bodies = { a = "{}", b = "[]" }
        """)

    assert [request.name for request in requests] == [
        "it a [none] [in query]",
        "it a [context] [in query]",
        "it a [none] [in header]",
        "it a [context] [in header]",
        "it b [none] [in query]",
        "it b [context] [in query]",
        "it b [none] [in header]",
        "it b [context] [in header]",
    ]
    assert requests[3] == Request(
        "it a [context] [in header]",
        "POST",
        "/x",
        "context",
        Place.HEADER,
        (("Content-Type", "application/json"),),
        "{}",
    )


def test_every_field_of_a_row_arrives() -> None:
    [request] = read("""
        type = "text/plain"
        filling_bytes = 7
        padding = 3
        limit_s = 2.5
        marks = ["upstream", "risky"]
        headers = { Accept = "a/b" }
        """)

    assert request.headers == (("Accept", "a/b"), ("Content-Type", "text/plain"))
    assert (request.filling, request.padding, request.limit_s) == (7, 3, 2.5)
    assert request.marks == {Mark.UPSTREAM, Mark.RISKY}


@pytest.mark.parametrize(
    ("more", "complaint"),
    [
        ("targt = 1", "mine.toml, row 1: targt is no field"),
        ('tokens = ["other"]', 'mine.toml, row 1: there is no token "other"; there are none, two'),
        ('places = ["there"]', 'mine.toml, row 1: there is no place "there"; there are query,'),
        ('marks = ["odd"]', 'mine.toml, row 1: there is no mark "odd"; there are upstream,'),
        ("marks = [[]]", 'mine.toml, row 1: there is no mark "[]"'),
        ("marks = 5", "mine.toml, row 1: marks must be a list of texts."),
        ("body = 5", "mine.toml, row 1: body must be a text."),
        ("bodies = []", "mine.toml, row 1: bodies must be a table of texts."),
        ("bodies = { a = 1 }", "mine.toml, row 1: bodies must be a table of texts."),
        ("headers = { a = 1 }", "mine.toml, row 1: headers must be a table of texts."),
        ('padding = "1"', "mine.toml, row 1: padding must be a number."),
        ("limit_s = true", "mine.toml, row 1: limit_s must be a number."),
        ("method = 1", "mine.toml, row 1: method must be a text."),
        ("type = 1", "mine.toml, row 1: type must be a text."),
        (ROW, 'mine.toml: two requests are called "it".'),
    ],
)
def test_a_wrong_file_is_told_where_and_why(more: str, complaint: str) -> None:
    with pytest.raises(WrongFile) as wrong:
        read(more)

    assert str(wrong.value).startswith(complaint)


def test_two_files_may_not_have_one_name() -> None:
    with pytest.raises(WrongFile, match='mine: two requests are called "a"'):
        refuse_twins([Request("a", "GET", "/"), Request("a", "GET", "/b")], "mine")


def test_a_frontend_is_asked_for_file_by_file_and_one_in_every_way() -> None:
    requests = requests_for_files(["/b.js", "/a.js", "/b.js"])

    assert [request.name for request in requests] == [
        "file /a.js",
        "file /b.js",
        "file /a.js HEAD",
        "file /a.js GET Range: bytes=0-9",
        "file /a.js GET Range: bytes=99999999-",
        "file /a.js GET Accept-Encoding: gzip",
        "file /a.js POST",
    ]
    assert requests_for_files([]) == ()


# -- the set that is shipped -----------------------------------------------------------------------


@pytest.mark.parametrize(
    "target",
    [
        "/",
        "/atlassian-connect.json",
        "/hello-world",
        "/listView",
        "/attachment",
        "/ai-aide",
        "/conversations",
        "/v2/client/info",
        "/client/info",
        "/image-to-dsl",
        "/image-to-dsl2",
        "/installed",
        "/uninstalled",
    ],
)
def test_every_route_of_the_node_app_is_asked(target: str) -> None:
    assert [request for request in SET if request.target.partition("?")[0] == target]


def test_every_kind_of_token_and_every_place_is_tried() -> None:
    assert {request.token for request in SET} == set(KINDS)
    assert {request.place for request in SET} == set(Place)


def test_every_known_difference_is_of_a_request_there_may_be() -> None:
    names = [request.name for request in SET]
    names += [request.name for request in requests_for_files(["/x"])]
    patterns = [pattern for row in KNOWN for pattern in row.requests]

    assert [p for p in patterns if not any(matches(name, (p,)) for name in names)] == []


def test_what_can_change_an_install_is_marked() -> None:
    signed = [request for request in SET if KINDS[request.token].needs == "signing key"]

    assert [request.name for request in signed if Mark.LIFECYCLE not in request.marks] == []


# -- what is sent of it ----------------------------------------------------------------------------

REQUESTS = (
    Request("install", "POST", "/", "install", marks=frozenset({Mark.LIFECYCLE, Mark.FIRST})),
    Request("page", "GET", "/"),
    Request("token", "GET", "/", "context"),
    Request("chat", "GET", "/", "context", marks=frozenset({Mark.UPSTREAM})),
    Request("fault", "GET", "/", "context", marks=frozenset({Mark.UPSTREAM, Mark.FAULTS})),
    Request("aide", "GET", "/", marks=frozenset({Mark.RISKY})),
    Request("mine", "GET", "/", "install"),
)


@pytest.mark.parametrize(
    ("wishes", "sent", "left_out"),
    [
        (
            Wishes(),
            "page",
            (
                "2 that change an install: --lifecycle sends them",
                "1 that call the site or may end the Node app's process: --risky sends them",
                "1 that tell a simulated upstream to fail: --faults sends them",
                "2 that need a tenant's token: give --tenant, --client-key or DATABASE_URL",
            ),
        ),
        (
            Wishes(has_tenant=True, upstream=False, risky=True, faults=True),
            "page token aide",
            (
                "2 that change an install: --lifecycle sends them",
                "2 that ask a model: --no-upstream was given",
            ),
        ),
        (
            Wishes(has_tenant=True, lifecycle=True, faults=True, risky=True),
            "install page token chat fault aide mine",
            (),
        ),
        (Wishes(has_tenant=True, only=("t*", "page")), "page token", ()),
        (Wishes(has_tenant=True, lifecycle=True, only=("page",)), "install page", ()),
    ],
)
def test_what_is_not_sent_has_its_reason(
    wishes: Wishes, sent: str, left_out: tuple[str, ...]
) -> None:
    choice = choose(REQUESTS, wishes)

    assert " ".join(request.name for request in choice.requests) == sent
    assert choice.left_out == left_out


def test_only_what_was_recorded_is_asked_again() -> None:
    page, token = REQUESTS[1:3]

    assert recorded([page, token], ["page", "other"]) == Choice(
        (page,), ("1 that are not in the recording",)
    )
    assert recorded([page], ["page"]) == Choice((page,), ())
