"""One member of an object told anew, and not another byte of it touched."""

import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bff.dialects.json_splice import replace_top_level


def told(body: str, value: str = "new") -> str | None:
    spliced = replace_top_level(body.encode("utf-8", "surrogatepass"), "model", value)
    return None if spliced is None else spliced.decode("utf-8", "surrogatepass")


@pytest.mark.parametrize(
    ("body", "spliced"),
    [
        ('{"model":"old"}', '{"model":"new"}'),
        ('{"a":1.0, "model" :\n\t"o\\"l}d", "b":"é"}', '{"a":1.0, "model" :\n\t"new", "b":"é"}'),
        ('{"a":{"model":"x"},"model":"old"}', '{"a":{"model":"x"},"model":"new"}'),
        ('{"model":"old","a":[{"model":"x"}]}', '{"model":"new","a":[{"model":"x"}]}'),
        (
            '{"a":{"model":"x"},"model":"o","b":{"model":"x"}}',
            '{"a":{"model":"x"},"model":"new","b":{"model":"x"}}',
        ),
        ('{"a":"\\"model\\":\\"x\\"","model":"old"}', '{"a":"\\"model\\":\\"x\\"","model":"new"}'),
        ('{"a\\"model":"x","model":"old"}', '{"a\\"model":"x","model":"new"}'),
        ('{"a":"\\\\","model":"old"}', '{"a":"\\\\","model":"new"}'),
        ('{"a":["model","model"],"model":"old"}', '{"a":["model","model"],"model":"new"}'),
        ('{"a":"model","model":"old"}', '{"a":"model","model":"new"}'),
        ('{"\\u006dodel":"old"}', '{"\\u006dodel":"new"}'),
        (
            '{"\\u006D\\u006fde\\u006c":"old","\\\\u006dodel":"x"}',
            '{"\\u006D\\u006fde\\u006c":"new","\\\\u006dodel":"x"}',
        ),
        (
            '{"a":"\\u00e9","b":"\\"model\\":","model":""}',
            '{"a":"\\u00e9","b":"\\"model\\":","model":"new"}',
        ),
    ],
)
def test_the_objects_own_member_is_told_anew_and_nothing_else(body: str, spliced: str) -> None:
    assert told(body) == spliced


@pytest.mark.parametrize("body", ['{"model" : "new"}', '{"model":"n\\u0065w","a":{"model":1}}'])
def test_a_member_that_is_right_already_keeps_its_spelling(body: str) -> None:
    assert told(body) == body


@pytest.mark.parametrize(
    "body",
    [
        '{"model":"old","model":"older"}',
        '{"model":"old","\\u006dodel":"older"}',
        '{"model":{"model":"x"}}',
        '{"model":null}',
        "{}",
    ],
)
def test_where_readers_would_differ_or_there_is_no_such_text_nothing_is_told(body: str) -> None:
    assert told(body) is None


@pytest.mark.parametrize("value", ['"},{', "é\n", "\ud83d", "a\\"])
def test_any_text_can_be_told(value: str) -> None:
    spliced = told('{"a":1,"model":"x"}', value)

    assert spliced is not None
    assert json.loads(spliced) == {"a": 1, "model": value}


_TEXTS = st.text() | st.sampled_from(
    ["model", '"model":"x"', '\\"model":', "{", "]", "\\", '","model":"x', "\\u006dodel"]
)
_VALUES = st.recursive(
    st.none() | st.integers() | st.booleans() | _TEXTS,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(_TEXTS, inner, max_size=3),
    max_leaves=10,
)


@given(
    before=st.dictionaries(_TEXTS, _VALUES, max_size=4),
    after=st.dictionaries(_TEXTS, _VALUES, max_size=4),
    models=st.tuples(_TEXTS, _TEXTS),
    ascii_only=st.booleans(),
    indent=st.none() | st.integers(0, 2),
)
def test_any_object_reads_as_before_but_for_the_member(
    before: dict[str, Any],
    after: dict[str, Any],
    models: tuple[str, str],
    ascii_only: bool,
    indent: int | None,
) -> None:
    own = {**before, "model": models[0], **{k: v for k, v in after.items() if k != "model"}}
    body = json.dumps(own, ensure_ascii=ascii_only, indent=indent)

    spliced = told(body, models[1])

    assert spliced is not None
    assert json.loads(spliced) == {**own, "model": models[1]}
    if models[0] == models[1]:
        assert spliced == body
