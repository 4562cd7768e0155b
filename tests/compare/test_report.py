"""The report as a person sees it: what differs side by side, the rest by its reason."""

import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bff.compare import report
from bff.compare.diff import Difference
from bff.compare.judging import Verdict, judge
from bff.compare.known import Known
from bff.compare.outcome import End, Outcome, Text
from bff.compare.report import Paper, open_paper
from bff.compare.requests import Place, Request

PAPER = Paper(80)
EVERYWHERE = Known(("*",), ("header server",), "*", "-", "*", "The server has a name.", "here")
FAILED = Known(("token *",), ("status",), "400 -> 401", "*", "*", "A failed token is a 401.", "op")
OLD = Known(("token *",), ("header gone",), "*", "*", "*", "It was so.", "there")
REQUEST = Request("token [bad]", "POST", "/conversations", "bad signature", Place.HEADER)


def answered(status: int, text: str, **headers: str) -> Outcome:
    return Outcome(End.COMPLETE, status, headers, Text(text))


def verdict(request: Request = REQUEST) -> Verdict:
    node = answered(400, "Unable to decode", vary="Accept")
    bff = answered(401, "Unable to read it", server="bff")
    return judge(request, node, bff, [EVERYWHERE, FAILED, OLD])


def test_what_is_not_known_is_shown_side_by_side() -> None:
    assert report.side_by_side(verdict(), PAPER) == [
        "token [bad]",
        "  POST /conversations, a token signed with a wrong secret, in header",
        "        node                                 bff",
        "  vary  Accept                               (none)",
        "  body  Unable to decode                     Unable to read it",
    ]


def test_what_is_known_is_shown_with_its_reason_when_all_is_wanted() -> None:
    lines = report.side_by_side(verdict(), PAPER, everything=True)

    assert lines[3:7] == [
        "  status  400                                 401",
        "          known: A failed token is a 401.",
        "  server  (none)                              bff",
        "          known: The server has a name.",
    ]


def test_long_values_begin_where_they_part_and_end_in_time() -> None:
    same = "the same for a long while " * 3
    node, bff = answered(200, f"{same}left {'x ' * 400}"), answered(200, f"{same}right\n")

    lines = report.side_by_side(judge(Request("it", "GET", "/x"), node, bff, []), PAPER)

    assert (
        lines[3] == "  body  …e same for a long while left x x x  …e same for a long while right⏎"
    )
    assert len(lines) == 9
    assert re.fullmatch(r" {8}… \d+ characters more", lines[-1])


def test_a_long_name_and_a_long_request_are_folded() -> None:
    node = Outcome(End.COMPLETE, 200, {"a-header-with-a-very-long-name": "1"})
    bff = Outcome(End.COMPLETE, 200)
    request = Request("it", "GET", f"/x?{'a' * 100}")

    lines = report.side_by_side(judge(request, node, bff, []), PAPER)

    assert max(map(len, lines)) <= 80
    assert lines[-2:] == [
        "  a-header-with-a-      1                            (none)",
        "  very-long-name",
    ]


@pytest.mark.parametrize(
    ("node", "bff", "shown"),
    [
        ("a", None, ("a", "(none)")),
        (None, "a", ("(none)", "a")),
        ("", "a", ("", "a")),
        ("x" * 40 + "a", "x" * 40 + "b", ("…" + "x" * 24 + "a", "…" + "x" * 24 + "b")),
        ("x" * 40, "x" * 41, ("…" + "x" * 24, "…" + "x" * 25)),
    ],
)
def test_an_excerpt_shows_where_two_values_part(
    node: str | None, bff: str | None, shown: tuple[str, str]
) -> None:
    assert report.excerpts(Difference("body", node, bff)) == shown


@given(st.text(), st.text(), st.integers(20, 200))
def test_no_line_is_wider_than_the_paper_and_none_is_broken(
    left: str, right: str, width: int
) -> None:
    paper = open_paper(width, colours=False)
    judged = judge(Request("it", "GET", "/x"), answered(200, left), answered(201, right), [])

    for line in report.side_by_side(judged, paper):
        assert len(line) <= paper.width
        assert line.isprintable()


def test_reasons_come_with_how_often_and_where() -> None:
    verdicts = [verdict(Request(f"token {n}", "GET", "/")) for n in range(5)]

    assert report.known_by_reason(verdicts, PAPER) == [
        [
            "On every answer, known and wanted",
            "    5x  The server has a name. (here)",
            "        server",
        ],
        [
            "Known and wanted",
            "    5x  A failed token is a 401. (op)",
            "        status: token 0, token 1, token 2, …",
        ],
    ]
    assert report.known_by_reason([], PAPER) == []


def test_rows_that_explain_nothing_are_named() -> None:
    assert report.unused_rows([OLD], PAPER) == [
        "Known, and not seen this time",
        "  No difference needed these rows:",
        "  token * / header gone: It was so.",
    ]
    assert report.unused_rows([], PAPER) == []


def test_one_line_sums_up() -> None:
    same = judge(REQUEST, answered(200, "a"), answered(200, "a", server="bff"), [EVERYWHERE])
    known = judge(REQUEST, answered(400, "a"), answered(401, "a"), [FAILED])

    assert report.summary([same], ["2 that cost"], PAPER) == [
        "Not sent: 2 that cost.",
        "1 request: 1 the same, 0 with known differences, 0 different.",
    ]
    assert report.summary([same, known, verdict()], [], PAPER) == [
        "3 requests: 1 the same, 1 with known differences, 1 different."
    ]


def test_colours_are_for_terminals() -> None:
    plain = "\n".join(report.side_by_side(verdict(), PAPER, everything=True))
    dyed = "\n".join(report.side_by_side(verdict(), Paper(80, colours=True), everything=True))

    assert "\x1b" not in plain
    assert "\x1b[31m" in dyed
    assert re.sub(r"\x1b\[\d+m", "", dyed) == plain


def test_a_program_gets_all_of_it() -> None:
    said = report.as_json([verdict()], [OLD], ["1 that cost"])

    assert said["requests"] == said["different"] == 1
    assert said["left_out"] == ["1 that cost"]
    assert said["unused"] == [{"reason": "It was so.", "source": "there"}]
    assert said["differences"] == [
        {
            "request": "token [bad]",
            "answers": "400 -> 401",
            "part": part,
            "node": node,
            "bff": bff,
            "known": reason,
        }
        for part, node, bff, reason in (
            ("status", "400", "401", "A failed token is a 401."),
            ("header server", None, "bff", "The server has a name."),
            ("header vary", "Accept", None, None),
            ("body", "Unable to decode", "Unable to read it", None),
        )
    ]
