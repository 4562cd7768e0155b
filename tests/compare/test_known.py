"""Which known difference covers what, and what a data file may not say."""

import pytest

from bff.compare.diff import Difference
from bff.compare.judging import judge, unused
from bff.compare.known import Known, answers_of, find_known, read_known
from bff.compare.outcome import End, Outcome, Text
from bff.compare.requests import Request
from bff.compare.rows import WrongFile, matches

ROW = """
[[known]]
requests = ["token *"]
parts = ["status", "body*"]
reason = "Because."
source = "here"
"""


def known(**changes: object) -> Known:
    fields = {
        "requests": ("token *",),
        "parts": ("status",),
        "answers": "*",
        "node": "*",
        "bff": "*",
        "reason": "Because.",
        "source": "here",
    }
    return Known(**{**fields, **changes})  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("text", "pattern", "matched"),
    [
        ("token [no exp]", "token *", True),
        ("token [no exp]", "*[no exp]", True),
        ("token [no exp]", "*[nox]", False),
        ("a\nb", "a*b", True),
        ("ab", "a", False),
        ("body[0]", "body[0]", True),
        ("body0", "body[0]", False),
        ("", "*", True),
    ],
)
def test_a_pattern_means_the_whole_and_only_its_stars_are_open(
    text: str, pattern: str, matched: bool
) -> None:
    assert matches(text, ("other", pattern)) is matched


@pytest.mark.parametrize(
    ("changes", "covered"),
    [
        ({}, True),
        ({"requests": ("chat",)}, False),
        ({"parts": ("body*",)}, False),
        ({"answers": "400 -> *"}, True),
        ({"answers": "401 -> *"}, False),
        ({"node": "400", "bff": "401"}, True),
        ({"node": "-"}, False),
        ({"bff": "-"}, False),
    ],
)
def test_a_row_covers_what_all_of_it_fits(changes: dict[str, object], covered: bool) -> None:
    row, difference = known(**changes), Difference("status", "400", "401")

    found = find_known([row], "token [bad]", "400 -> 401", difference)

    assert found is (row if covered else None)


def test_what_is_not_there_is_a_dash() -> None:
    assert known(parts=("*",), node="-").covers("token x", "", Difference("body", None, "a"))
    assert known(parts=("*",), bff="-").covers("token x", "", Difference("body", "a", None))


def test_the_first_row_counts() -> None:
    rows = [known(reason="One."), known(reason="Two.")]

    assert find_known(rows, "token x", "", Difference("status", "1", "2")) is rows[0]


def test_answers_in_short_are_a_status_or_why_there_is_none() -> None:
    assert answers_of(Outcome(End.SILENT), Outcome(End.COMPLETE, 200)) == "no answer -> 200"


def test_a_file_is_read_row_by_row() -> None:
    [row] = read_known(ROW, "mine.toml")

    assert row.requests == ("token *",)
    assert (row.answers, row.node, row.bff, row.reason) == ("*", "*", "*", "Because.")
    assert not row.everywhere
    assert known(requests=("*",)).everywhere
    assert read_known("", "mine.toml") == ()


@pytest.mark.parametrize(
    ("text", "complaint"),
    [
        ("[[known", "mine.toml is not TOML"),
        ("[[other]]\na = 1", "mine.toml may hold [[known]] tables and nothing else."),
        ("known = 5", "mine.toml may hold [[known]] tables and nothing else."),
        ("known = [5]", "mine.toml may hold [[known]] tables and nothing else."),
        (ROW + "resaon = 1", "mine.toml, row 1: resaon is no field; there are answers, bff, node"),
        (ROW.replace('"here"', "1"), "mine.toml, row 1: source must be a text."),
        (ROW.replace('reason = "Because."', ""), "mine.toml, row 1: reason must be a text."),
        (ROW.replace('["token *"]', "[]"), "mine.toml, row 1: requests must be a list of texts."),
        (ROW.replace('["token *"]', "[1]"), "mine.toml, row 1: requests must be a list of texts."),
        (ROW.replace('["token *"]', '"*"'), "mine.toml, row 1: requests must be a list of texts."),
    ],
)
def test_a_wrong_file_is_told_where_and_why(text: str, complaint: str) -> None:
    with pytest.raises(WrongFile) as wrong:
        read_known(text, "mine.toml")

    assert str(wrong.value).startswith(complaint)


def test_a_verdict_tells_the_known_from_the_unknown() -> None:
    node = Outcome(End.COMPLETE, 400, {}, Text("a"))
    bff = Outcome(End.COMPLETE, 401, {}, Text("b"))
    rows = [known(), known(parts=("header *",)), known(requests=("chat",))]

    verdict = judge(Request("token x", "GET", "/"), node, bff, rows)

    assert [found.known for found in verdict.found] == [rows[0], None]
    assert [found.difference.part for found in verdict.unknown] == ["body"]
    assert verdict.answers == "400 -> 401"
    assert unused(rows, [verdict]) == [rows[1]]  # the third is for a request that was not sent


@pytest.mark.parametrize(
    ("requests", "same"), [(("*",), True), (("token *",), False), (("chat",), False)]
)
def test_what_differs_on_every_answer_leaves_them_the_same(
    requests: tuple[str, ...], same: bool
) -> None:
    node, bff = Outcome(End.COMPLETE, 400), Outcome(End.COMPLETE, 401)

    verdict = judge(Request("token x", "GET", "/"), node, bff, [known(requests=requests)])

    assert verdict.same is same
