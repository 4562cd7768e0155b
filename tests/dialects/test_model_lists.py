from typing import Any

import orjson
import pytest
from anthropic.types import ModelInfo
from hypothesis import given
from hypothesis import strategies as st
from openai.types import Model as OpenAIModel

from bff.chat.models import UNDATED, ListedModel, Model
from bff.dialects.model_lists import (
    read_anthropic,
    read_openai,
    read_straico,
    write_list,
    write_model,
)
from bff.errors import Problem, Sign

GPT = Model("openai/gpt-4o", "openai/gpt-4o", 1_760_000_000, "GPT-4o")
FAST = Model("fast", "openai/gpt-4o-mini", 0, "Rápido", "Answered by openai/gpt-4o-mini.")
READERS = [read_openai, read_anthropic, read_straico]


# -- ours --------------------------------------------------------------------------------------------


def test_a_model_is_the_contracts_object() -> None:
    assert orjson.loads(write_model(GPT)) == {
        "id": "openai/gpt-4o",
        "object": "model",
        "created": 1_760_000_000,
        "owned_by": "openai",
        "type": "model",
        "display_name": "GPT-4o",
        "created_at": "2025-10-09T08:53:20Z",
        "lifecycle": "active",
    }


def test_a_description_is_told_where_there_is_one() -> None:
    assert orjson.loads(write_model(FAST))["description"] == "Answered by openai/gpt-4o-mini."
    assert "description" not in orjson.loads(write_model(GPT))


def test_the_list_has_the_members_of_both_protocols() -> None:
    data = write_list([GPT, FAST], has_more=True, first_id="openai/gpt-4o", last_id="fast")

    value = orjson.loads(data)
    assert data.isascii()
    assert value == {
        "object": "list",
        "has_more": True,
        "first_id": "openai/gpt-4o",
        "last_id": "fast",
        "data": [orjson.loads(write_model(GPT)), orjson.loads(write_model(FAST))],
    }


def test_an_empty_list_names_no_ends() -> None:
    value = orjson.loads(write_list([], has_more=False, first_id=None, last_id=None))

    assert (value["data"], value["first_id"], value["last_id"]) == ([], None, None)


@given(
    st.builds(
        Model,
        id=st.text(min_size=1),
        target=st.from_regex(r"[a-z]+/[!-~]+", fullmatch=True),
        created=st.integers(0, 253_402_300_799),
        display_name=st.text(),
        description=st.text(),
        lifecycle=st.sampled_from(["active", "deprecated"]),
    )
)
def test_both_sdks_take_every_model(model: Model) -> None:
    data = orjson.loads(write_model(model))

    theirs, others = OpenAIModel.model_validate(data), ModelInfo.model_validate(data)
    assert (theirs.id, theirs.created, theirs.owned_by) == (model.id, model.created, model.provider)
    assert (others.id, others.display_name) == (model.id, model.display_name)
    assert int(others.created_at.timestamp()) == model.created


# -- the vendors' ------------------------------------------------------------------------------------


def test_openais_list_is_read() -> None:
    entry = {"id": "gpt-4o", "object": "model", "created": 1_715_367_049, "owned_by": "system"}

    models = read_openai(orjson.dumps({"object": "list", "data": [entry, {"id": "o3"}]}))

    assert models == (ListedModel("gpt-4o", 1_715_367_049), ListedModel("o3", UNDATED))


def test_a_page_of_anthropics_list_is_read() -> None:
    entry = {
        "type": "model",
        "id": "claude-sonnet-4-5-20250929",
        "display_name": "Claude Sonnet 4.5",
        "created_at": "2025-09-29T00:00:00Z",
        "lifecycle": "deprecated",
    }
    page = {"data": [entry, {"id": "claude-3"}], "has_more": True, "last_id": "claude-3"}

    models, after = read_anthropic(orjson.dumps(page))

    named = ListedModel(entry["id"], 1_759_104_000, "Claude Sonnet 4.5", "deprecated")
    assert models == (named, ListedModel("claude-3", UNDATED))
    assert after == "claude-3"


@pytest.mark.parametrize("rest", [{}, {"has_more": False}, {"has_more": True, "last_id": None}])
def test_the_last_page_of_anthropics_list_leads_nowhere(rest: dict[str, Any]) -> None:
    assert read_anthropic(orjson.dumps({"data": [], "last_id": "x"} | rest))[1] == ""


def test_a_retired_model_of_anthropics_is_left_out() -> None:
    page = {"data": [{"id": "claude-1", "lifecycle": "retired"}, {"id": "claude-2"}]}

    assert read_anthropic(orjson.dumps(page))[0] == (ListedModel("claude-2"),)


def test_both_of_straicos_lists_are_read() -> None:
    old = {"name": "GPT-4o mini", "model": "openai/gpt-4o-mini", "word_limit": 75_000}
    new = {
        "id": "openai/gpt-4o-mini",
        "name": "GPT-4o mini",
        "created": 1_721_000_000,
        "model_type": "chat",
    }
    picture = {"id": "openai/dall-e-3", "model_type": "image"}

    by_sort = read_straico(orjson.dumps({"data": {"chat": [old], "image": [{"model": "x"}]}}))
    in_one = read_straico(orjson.dumps({"data": [new, picture]}))

    assert by_sort == (ListedModel("openai/gpt-4o-mini", UNDATED, "GPT-4o mini"),)
    assert in_one == (ListedModel("openai/gpt-4o-mini", 1_721_000_000, "GPT-4o mini"),)


@pytest.mark.parametrize(
    ("told", "created"),
    [
        ("2025-09-29T02:00:00+02:00", 1_759_104_000),
        ("2025-09-29T00:00:00", 1_759_104_000),
        ("0001-01-01T00:00:00+14:00", UNDATED),
        ("1970-01-01T00:00:00Z", UNDATED),
        ("yesterday", UNDATED),
        (1_759_104_000, UNDATED),
        (None, UNDATED),
    ],
)
def test_a_moment_that_cannot_be_one_is_none(told: object, created: int) -> None:
    [model], _ = read_anthropic(orjson.dumps({"data": [{"id": "m", "created_at": told}]}))

    assert model.created == created


@pytest.mark.parametrize("told", [True, "1715367049", -1, 0, 10**12, 1e300, None, [1]])
def test_seconds_that_cannot_be_a_date_are_none(told: object) -> None:
    [model] = read_openai(orjson.dumps({"data": [{"id": "m", "created": told}]}))

    assert model.created == UNDATED


@pytest.mark.parametrize("told", ["two\nlines", 7, None])
def test_a_name_that_cannot_be_shown_is_none(told: object) -> None:
    [model], _ = read_anthropic(orjson.dumps({"data": [{"id": "m", "display_name": told}]}))

    assert model.display_name == ""


@pytest.mark.parametrize("entry", [None, "gpt-4o", {}, {"id": 7}, {"id": ""}, {"id": "a b"}, {"id": "é"}, {"id": "m" * 201}])  # fmt: skip
def test_what_is_no_model_is_skipped(entry: object) -> None:
    assert read_openai(orjson.dumps({"data": [entry, {"id": "m"}]})) == (ListedModel("m"),)


@pytest.mark.parametrize("read", READERS)
@pytest.mark.parametrize("data", [b"", b"<html>", b"[]", b"{}", b'{"data":7}', b'{"data":null}'])
def test_what_is_no_list_is_no_answer(read: Any, data: bytes) -> None:
    with pytest.raises(Problem) as caught:
        read(data)

    assert caught.value.sign is Sign.NOT_AN_ANSWER


_values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=5),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(
        st.sampled_from(["data", "id", "chat", "created", "created_at", "model", "last_id"]),
        inner,
        max_size=4,
    ),
    max_leaves=12,
)  # fmt: skip


@given(st.sampled_from(READERS), st.dictionaries(st.just("data"), _values) | _values)
def test_nothing_a_vendor_may_say_raises_anything_but_a_problem(read: Any, value: Any) -> None:
    try:
        data = orjson.dumps(value)
    except TypeError:  # an integer that JSON has no room for
        return
    try:
        read(data)
    except Problem:
        return
