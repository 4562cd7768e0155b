"""What differs between two outcomes, part by part."""

import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bff.compare.diff import DEEPEST, Difference, diff
from bff.compare.outcome import Binary, Body, End, Json, Nothing, Outcome, Stream, Text

VALUES: st.SearchStrategy[Any] = st.recursive(
    st.none() | st.booleans() | st.integers(-5, 5) | st.text("ab", max_size=3),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text("ab", max_size=2), inner),
    max_leaves=8,
)
TEXTS = st.text("ab", max_size=3)
STREAMS = st.builds(
    Stream, TEXTS, st.tuples(TEXTS), st.tuples(), st.tuples(VALUES), st.tuples(), st.integers(0, 2)
)
BODIES = (
    st.just(Nothing())
    | st.builds(Json, VALUES)
    | st.builds(Text, TEXTS)
    | st.builds(Binary, st.integers(0, 3), TEXTS)
    | STREAMS
)
OUTCOMES = st.builds(
    Outcome,
    st.just(End.COMPLETE),
    st.sampled_from([200, 401]),
    st.dictionaries(st.sampled_from(["a", "b"]), TEXTS),
    BODIES,
)


def answered(body: Body, status: int = 200, **headers: str) -> Outcome:
    return Outcome(End.COMPLETE, status, headers, body)


def test_status_and_headers_are_parts_of_their_own() -> None:
    node = answered(Nothing(), 400, vary="Accept", etag="x")
    bff = answered(Nothing(), 401, vary="Accept", server="bff")

    assert diff(node, bff) == (
        Difference("status", "400", "401"),
        Difference("header etag", "x", None),
        Difference("header server", None, "bff"),
    )


@pytest.mark.parametrize(
    ("node", "bff", "differences"),
    [
        ({"a": 1}, {"a": 2}, [("body.a", "1", "2")]),
        ({"a": 1}, {"b": 1}, [("body.a", "1", None), ("body.b", None, "1")]),
        ({"a": {"b": [1, 2]}}, {"a": {"b": [1]}}, [("body.a.b[1]", "2", None)]),
        ([1], [1, None], [("body[1]", None, "null")]),
        ("x", {"error": "x"}, [("body", '"x"', '{"error":"x"}')]),
        (1, True, [("body", "1", "true")]),
        ({"a": 1, "b": 2}, {"b": 2, "a": 1}, []),
    ],
)
def test_json_is_compared_place_by_place(
    node: Any, bff: Any, differences: list[tuple[str, str | None, str | None]]
) -> None:
    assert diff(answered(Json(node)), answered(Json(bff))) == tuple(
        Difference(*each) for each in differences
    )


def test_what_is_nested_deeply_is_compared_as_one() -> None:
    def nested(value: object) -> object:
        for _ in range(DEEPEST + 3):
            value = [value]
        return value

    [difference] = diff(answered(Json(nested(1))), answered(Json(nested(2))))

    assert difference.part == "body" + "[0]" * DEEPEST
    assert (difference.node, difference.bff) == ("[[[1]]]", "[[[2]]]")


def test_streams_are_compared_by_what_they_say() -> None:
    node = Stream("Hi", ("stop",), ("m",), ({"b": 1, "a": 2},), ("id",), 0, ("CR",))
    bff = Stream("Ho", ("stop",), ("n",), (), ("id", "model"), 1, ())

    assert diff(answered(node), answered(bff)) == (
        Difference("stream text", "Hi", "Ho"),
        Difference("stream model", "m", "n"),
        Difference("stream other events", '{"a":2,"b":1}', None),
        Difference("stream fields", "id", "id, model"),
        Difference("stream [DONE]", "0", "1"),
        Difference("stream unreadable", "CR", None),
    )


@pytest.mark.parametrize(
    ("node", "bff", "said"),
    [
        (Text("a"), Nothing(), ("a", None)),
        (Text("a"), Json({"a": 1}), ("a", '{"a":1}')),
        (Binary(3, "ab" * 32), Text("x"), ("3 bytes, sha256 abababababab…", "x")),
        (Stream("Hi"), Json(1), ("event stream: Hi", "1")),
    ],
)
def test_bodies_of_two_kinds_are_shown_whole(
    node: Body, bff: Body, said: tuple[str | None, str | None]
) -> None:
    assert diff(answered(node), answered(bff)) == (Difference("body", *said),)


@pytest.mark.parametrize(
    ("node", "bff", "differences"),
    [
        (Outcome(End.SILENT), Outcome(End.SILENT), ()),
        (
            Outcome(End.SILENT),
            answered(Text("a")),
            (Difference("outcome", "no answer", "answered"),),
        ),
        (
            Outcome(End.UNFINISHED, 200, {}, Text("a")),
            answered(Text("ab")),
            (
                Difference("outcome", "begun, never ended", "answered"),
                Difference("body", "a", "ab"),
            ),
        ),
    ],
)
def test_how_an_answer_ended_is_a_part_too(
    node: Outcome, bff: Outcome, differences: tuple[Difference, ...]
) -> None:
    assert diff(node, bff) == differences


@given(OUTCOMES)
def test_an_outcome_does_not_differ_from_itself(outcome: Outcome) -> None:
    assert diff(outcome, outcome) == ()


@given(OUTCOMES, OUTCOMES)
def test_what_differs_is_said_from_either_side(node: Outcome, bff: Outcome) -> None:
    there = {(each.part, each.node, each.bff) for each in diff(node, bff)}
    back = {(each.part, each.bff, each.node) for each in diff(bff, node)}

    assert there == back
    assert all(left != right for _, left, right in there)


@given(VALUES, VALUES)
def test_two_json_values_differ_somewhere_unless_they_are_one(node: Any, bff: Any) -> None:
    same = json.dumps(node, sort_keys=True) == json.dumps(bff, sort_keys=True)

    assert (diff(answered(Json(node)), answered(Json(bff))) == ()) is same
