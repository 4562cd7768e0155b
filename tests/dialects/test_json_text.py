import json

import orjson
import pytest
from hypothesis import given
from hypothesis import strategies as st

from bff.dialects.json_text import (
    depth_exceeds,
    escape,
    read_json,
    values_exceed,
    write_ascii,
    write_utf8,
)

TEXTS = st.text(alphabet=st.characters(codec=None), max_size=40)
VALUES = st.recursive(
    st.none()
    | st.booleans()
    | st.integers(
        -(2**63), 2**64 - 1
    )  # orjson reads what lies beyond as a float, as JavaScript does
    | st.floats(allow_nan=False, allow_infinity=False)
    | TEXTS,
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(TEXTS, inner, max_size=4),
    max_leaves=12,
)


@given(VALUES)
def test_what_is_written_is_one_ascii_line_and_reads_back_equal(value: object) -> None:
    data = write_ascii(value)

    assert data.isascii()
    assert b"\n" not in data
    assert read_json(data) == value


@given(st.text(max_size=60))
def test_escaping_changes_no_value(text: str) -> None:
    data = orjson.dumps({"text": text, text: [text]})

    escaped = escape(data)

    assert escaped.isascii()
    assert json.loads(escaped) == {"text": text, text: [text]}


def test_half_a_surrogate_pair_survives_both_as_an_escape_and_as_bytes() -> None:
    assert read_json(b'"\\ud83d"') == "\ud83d"
    assert read_json(b'"\xed\xa0\xbd"') == "\ud83d"
    assert escape(b'"\xed\xa0\xbd"') == b'"\\ud83d"'
    assert write_ascii("\ud83d") == b'"\\ud83d"'
    assert read_json(b'["\\ud83d",1.5]') == ["\ud83d", 1.5]


@pytest.mark.parametrize(
    "data",
    [
        b"",
        b"NaN",
        b"[Infinity]",
        b"{",
        b"'x'",
        b"1 2",
        b'"\xff"',
        b'"a\nb"',
        b"[" * 9000 + b"]" * 9000,
    ],
)
def test_what_is_not_one_json_value_is_refused(data: bytes) -> None:
    with pytest.raises(ValueError):  # noqa: PT011 - any ValueError: the callers ask no more
        read_json(data)


@pytest.mark.parametrize(
    ("value", "most", "exceeds"),
    [
        ("text", 0, False),
        ("text", 5, False),
        ([], 0, True),
        ([], 1, False),
        ([[[]]], 3, False),
        ([[[]]], 2, True),
        ({"a": {"b": 1}}, 2, False),
        ({"a": {"b": [1]}}, 2, True),
    ],
)
def test_depth_is_counted_in_nested_arrays_and_objects(
    value: object, most: int, *, exceeds: bool
) -> None:
    assert depth_exceeds(value, most) is exceeds


@pytest.mark.parametrize(
    ("data", "values"),
    [
        (b"1", 1),
        (b"[]", 2),  # as if there were one in it
        (b"[1,2]", 3),
        (b'{"a":1,"b":[{}]}', 5),
        (b'"a, [b] {c}"', 1),
        (rb'["a,\",[",1]', 3),
        (rb'["a,[\\",1]', 3),
        (rb'["\\\"",",",{}]', 5),
        (b'{"a,":",","b,":"{"}', 3),
        ('["é,","\\u0022,"]'.encode(), 3),
    ],
)
def test_values_are_counted_before_they_are_read_and_not_in_texts(data: bytes, values: int) -> None:
    assert not values_exceed(values, data)
    assert values_exceed(values - 1, data)


@given(VALUES)
def test_there_are_never_more_values_than_are_counted(value: object) -> None:
    data = write_utf8(value)

    assert values_exceed(count_values(value) - 1, data)


def count_values(value: object) -> int:
    inner = value.values() if isinstance(value, dict) else value if isinstance(value, list) else ()
    return 1 + sum(map(count_values, inner))


def test_a_million_texts_are_not_looked_at_one_by_one() -> None:
    assert values_exceed(10**5, b"[" + b'"",' * 10**6 + b"1]")


def test_a_number_beyond_any_we_can_hold_is_refused_beside_half_a_surrogate_pair() -> None:
    with pytest.raises(ValueError, match="beyond"):
        read_json(b'["\\ud83d",1e400]')


def test_an_answer_is_spelled_as_express_spells_it() -> None:
    assert write_utf8({"answer": "ü\u2028"}) == '{"answer":"ü\u2028"}'.encode()
    assert write_utf8("\ud800") == b'"\\ud800"'
    assert write_utf8([2**70]) == b"[1180591620717411303424]"


def test_several_documents_are_counted_together_each_by_its_own_quotes() -> None:
    lone_quote, list_ = b'"', b"[1,2,3]"

    assert values_exceed(6, list_, list_)
    assert values_exceed(4, lone_quote, list_)
    assert not values_exceed(8, list_, list_)
    assert not values_exceed(2, b'",,,,,"', b'"[[[["')


@pytest.mark.parametrize("digits", [311, 4000])
def test_a_whole_number_that_no_float_holds_is_refused(digits: int) -> None:
    with pytest.raises(ValueError, match="beyond"):
        read_json(b"1" * digits)


def test_a_whole_number_beyond_64_bits_is_read_exactly_where_it_can_be() -> None:
    assert read_json(b'["\\ud800",-' + b"1" * 300 + b"]")[1] == -int("1" * 300)
