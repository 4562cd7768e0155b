"""What is asked beside the question, in Anthropic's words; and what cannot be said there."""

import hashlib
from dataclasses import replace
from typing import Any

import orjson
import pytest
from hypothesis import given
from hypothesis import strategies as st

from bff.chat.request import (
    ChatRequest,
    Choosing,
    Foreign,
    Format,
    Message,
    Role,
    Shape,
    Tags,
    Tool,
    ToolCall,
    ToolChoice,
)
from bff.chat.traits import Traits
from bff.dialects.anthropic_messages import NAME, Hearing, hearing_of, write_request
from bff.dialects.anthropic_messages.labels import write_names
from bff.errors import Kind, Problem

ASKED = ChatRequest(
    "m", (Message(Role.USER, "hi"),), Tags("bff", "t:1", "u:1", "-", "req_1"), stream=False
)
SCHEMA = {"type": "object", "properties": {"a": {"type": "object", "properties": {}}}}
CLOSED = {
    "type": "object",
    "properties": {"a": {"type": "object", "properties": {}, "additionalProperties": False}},
    "additionalProperties": False,
}
NOW = Tool("now", "The time.", {"properties": {"tz": {"type": "string"}}})
THINKING = {"type": "enabled", "budget_tokens": 2000}
NEW, OLD = Traits(), Traits(schema=False, effort=False)


def write(traits: Traits = NEW, **more: Any) -> tuple[dict[str, Any], tuple[str, ...]]:
    written = write_request(replace(ASKED, **more), model="claude-x", traits=traits)
    return orjson.loads(written.body), written.ignored


def test_a_plain_question_has_a_limit_and_no_more() -> None:
    body, ignored = write(Traits(most_output=64_000))

    assert list(body) == ["model", "max_tokens", "messages"]
    assert (body["model"], body["max_tokens"], ignored) == ("claude-x", 64_000, ())
    assert write(max_tokens=7, stream=True)[0] | {"messages": []} == {
        "model": "claude-x",
        "max_tokens": 7,
        "messages": [],
        "stream": True,
    }


def test_several_answers_cannot_be_asked_for() -> None:
    with pytest.raises(Problem) as caught:
        write(count=2)

    assert (caught.value.kind, caught.value.at) == (Kind.BAD_REQUEST, "n")


# -- the caller's own words ------------------------------------------------------------------------


@pytest.mark.parametrize("stream", [True, False])
def test_a_body_in_anthropics_own_words_is_only_told_another_model(stream: bool) -> None:
    own = {"tools": [{"type": "x_1"}], "stream": not stream, "model": "alias", "tomorrow": {"a": 1}}
    body, ignored = write(
        original=Foreign(NAME, own), stream=stream, temperature=0.5, count=3, others={"top_k": 1}
    )

    assert body == {"tools": [{"type": "x_1"}], "model": "claude-x", "tomorrow": {"a": 1}} | (
        {"stream": True} if stream else {}
    )
    kept = [name for name in own if stream or name != "stream"]
    assert (list(body), ignored) == (kept, ())


def passed_on(body: bytes, **more: Any) -> bytes:
    asked = replace(ASKED, original=Foreign(NAME, orjson.loads(body)), body=body, **more)
    return write_request(asked, model="claude-x", traits=NEW).body


@pytest.mark.parametrize(
    ("body", "told"),
    [
        (b'{ "model":"claude-x","odd": 1.0}', b'{ "model":"claude-x","odd": 1.0}'),
        (b'{"odd":"\\u00e9", "model": "alias"}', b'{"odd":"\\u00e9", "model": "claude-x"}'),
        (b'{"model":"claude-x","stream":null}', b'{"model":"claude-x","stream":null}'),
        (b'{"model":"alias","model":"alias"}', b'{"model":"claude-x"}'),
    ],
)
def test_the_callers_own_bytes_go_out_but_for_the_model(body: bytes, told: bytes) -> None:
    assert passed_on(body) == told


def test_bytes_that_ask_for_a_stream_are_not_sent_where_none_is_wanted() -> None:
    body = b'{"model": "claude-x", "stream": true}'

    assert passed_on(body, stream=True) == body
    assert passed_on(body) == b'{"model":"claude-x"}'


def test_a_body_in_another_dialects_words_is_written_anew() -> None:
    body, _ = write(original=Foreign("openai_chat", {"messages": [], "n": 5}))

    assert body["messages"] == [{"role": "user", "content": "hi"}]


# -- sampling and the rest -------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("traits", "more", "told", "dropped"),
    [
        (Traits(), {"temperature": 1.7, "top_p": 0.5}, {"temperature": 1, "top_p": 0.5}, ()),
        (Traits(), {"temperature": 0.0}, {"temperature": 0}, ()),
        (
            Traits(both_samplings=False),
            {"temperature": 0.2, "top_p": 0.5},
            {"temperature": 0.2},
            ("top_p",),
        ),
        (Traits(both_samplings=False), {"top_p": 0.5}, {"top_p": 0.5}, ()),
        (
            Traits(sampling=False),
            {"temperature": 0.2, "top_p": 0.5, "others": {"top_k": 3}},
            {},
            ("temperature", "top_p", "top_k"),
        ),
        (Traits(), {"others": {"top_k": 3}}, {"top_k": 3}, ()),
        (
            Traits(),
            {"temperature": 0.2, "others": {"thinking": THINKING}},
            {"thinking": THINKING},
            ("temperature",),
        ),
        (Traits(), {"stop": ("", " \n", "END")}, {"stop_sequences": ["END"]}, ()),
        (Traits(), {"stop": (" ",)}, {}, ()),
        (Traits(), {"effort": "minimal"}, {"output_config": {"effort": "low"}}, ()),
        (Traits(), {"effort": "xhigh"}, {"output_config": {"effort": "high"}}, ()),
        (Traits(), {"effort": "utmost"}, {}, ("reasoning_effort",)),
        (OLD, {"effort": "high"}, {}, ("reasoning_effort",)),
        (
            Traits(),
            {"others": {"seed": 1, "metadata": {}, "thinking": "on"}},
            {},
            ("seed", "metadata", "thinking"),
        ),
        (
            Traits(),
            {"others": {"thinking": {"type": "disabled"}}},
            {"thinking": {"type": "disabled"}},
            (),
        ),
    ],
)
def test_each_wish_is_said_or_named_as_ignored(
    traits: Traits, more: dict[str, Any], told: dict[str, Any], dropped: tuple[str, ...]
) -> None:
    body, ignored = write(traits, **more)

    plain = {"model": "claude-x", "max_tokens": 4096, "messages": body["messages"]}
    assert (body, ignored) == (plain | told, dropped)


def test_who_asks_is_told_as_a_hash_and_other_metadata_is_not() -> None:
    body, ignored = write(end_user="jo@example.com", others={"metadata": {"a": "b"}})

    assert body["metadata"] == {"user_id": hashlib.sha256(b"jo@example.com").hexdigest()}
    assert ignored == ("metadata",)


# -- tools -----------------------------------------------------------------------------------------


def test_tools_are_told_with_a_schema_that_is_an_object() -> None:
    body, _ = write(tools=(NOW, Tool("b", strict=True)))

    assert body["tools"] == [
        {
            "name": "now",
            "description": "The time.",
            "input_schema": {"type": "object", "properties": {"tz": {"type": "string"}}},
        },
        {"name": "b", "input_schema": {"type": "object", "properties": {}}, "strict": True},
    ]
    assert "tool_choice" not in body
    assert "strict" not in write(OLD, tools=(Tool("b", strict=True),))[0]["tools"][0]


@pytest.mark.parametrize(
    ("choice", "parallel", "told"),
    [
        (ToolChoice(), True, None),
        (ToolChoice(), False, {"type": "auto", "disable_parallel_tool_use": True}),
        (ToolChoice(Choosing.NONE), False, {"type": "none"}),
        (ToolChoice(Choosing.REQUIRED), True, {"type": "any"}),
        (
            ToolChoice(Choosing.NAMED, "n.ow"),
            False,
            {"type": "tool", "name": "n_ow", "disable_parallel_tool_use": True},
        ),
    ],
)
def test_a_choice_among_tools_is_told(choice: ToolChoice, parallel: bool, told: Any) -> None:
    body, _ = write(tools=(Tool("n.ow"),), tool_choice=choice, parallel_calls=parallel)

    assert body.get("tool_choice") == told


def test_a_choice_without_tools_is_not_told() -> None:
    assert "tool_choice" not in write(tool_choice=ToolChoice(Choosing.REQUIRED))[0]


def test_who_thinks_is_not_made_to_call() -> None:
    body, ignored = write(
        tools=(NOW,), tool_choice=ToolChoice(Choosing.REQUIRED), others={"thinking": THINKING}
    )

    assert ("tool_choice" in body, ignored) == (False, ("tool_choice",))


def test_a_history_with_calls_brings_the_names_of_its_tools() -> None:
    history = Message(Role.ASSISTANT, "", calls=(ToolCall("1", "n.ow", "{}"),))
    body, _ = write(messages=(*ASKED.messages, history))

    stub = {"name": "n_ow", "input_schema": {"type": "object", "properties": {}}}
    assert (body["tools"], body["tool_choice"]) == ([stub], {"type": "none"})


# -- the form of the answer ------------------------------------------------------------------------


def test_a_family_that_can_is_held_to_the_schema_with_its_objects_closed() -> None:
    body, _ = write(format=Format(Shape.SCHEMA, {**SCHEMA, "anyOf": [SCHEMA]}), effort="low")

    assert body["output_config"] == {
        "effort": "low",
        "format": {"type": "json_schema", "schema": {**CLOSED, "anyOf": [CLOSED]}},
    }


def test_an_older_family_gives_its_answer_to_a_tool() -> None:
    shape = Format(Shape.SCHEMA, SCHEMA, "my.form")
    body, _ = write(OLD, format=shape)

    assert body["tools"] == [
        {"name": "my_form", "description": "Give the answer here.", "input_schema": SCHEMA}
    ]
    only = {"type": "tool", "name": "my_form", "disable_parallel_tool_use": True}
    assert body["tool_choice"] == only
    assert hearing_of(replace(ASKED, format=shape), OLD) == Hearing(answer_tool="my_form")


def test_an_older_family_may_call_the_callers_tools_instead() -> None:
    more: dict[str, Any] = {"tools": (NOW,), "format": Format(Shape.SCHEMA, SCHEMA, "now")}
    body, _ = write(OLD, **more, parallel_calls=False)

    assert [tool["name"] for tool in body["tools"]] == ["now", "now_2"]
    assert body["tool_choice"] == {"type": "any", "disable_parallel_tool_use": True}
    none = write(OLD, **more, tool_choice=ToolChoice(Choosing.NONE))[0]["tool_choice"]
    assert (none["type"], none["name"]) == ("tool", "now_2")
    must = write(OLD, **more, tool_choice=ToolChoice(Choosing.REQUIRED))[0]
    assert ([tool["name"] for tool in must["tools"]], must["tool_choice"]) == (
        ["now"],
        {"type": "any"},
    )


@pytest.mark.parametrize(
    ("traits", "shape", "others"),
    [
        (Traits(), Format(Shape.JSON), {}),
        (Traits(), Format(Shape.SCHEMA), {}),
        (OLD, Format(Shape.SCHEMA, {"type": "array"}), {}),
        (OLD, Format(Shape.SCHEMA, SCHEMA), {"thinking": THINKING}),
    ],
)
def test_what_cannot_be_set_is_asked_for_in_words(
    traits: Traits, shape: Format, others: dict[str, Any]
) -> None:
    body, ignored = write(traits, format=shape, others=others)

    assert "JSON" in body["system"]
    assert not {"output_config", "tools"} & body.keys()
    assert ignored == ()


# -- how the answer is to be read ------------------------------------------------------------------


def test_an_answer_is_read_under_the_names_that_the_caller_gave() -> None:
    plain, odd = replace(ASKED, tools=(NOW,)), replace(ASKED, tools=(NOW, Tool("n.ow")))

    assert hearing_of(ASKED, OLD).is_plain
    assert hearing_of(plain, OLD).is_plain
    assert hearing_of(odd, OLD) == Hearing({"n_ow": "n.ow"})
    assert not hearing_of(odd, OLD).is_plain
    assert hearing_of(replace(odd, original=Foreign(NAME, {})), OLD).is_plain


@given(st.lists(st.text(max_size=140), max_size=8))
def test_no_two_names_are_told_alike(names: list[str]) -> None:
    told = write_names(names)

    assert told.keys() == set(names)
    assert len(set(told.values())) == len(told)
    for name, label in told.items():
        assert label
        assert len(label) <= 128
        assert all(c.isascii() and (c.isalnum() or c in "_-") for c in label)
        assert label == name or label not in names


@pytest.mark.parametrize(
    ("more", "at"),
    [
        ({"tools": (Tool("a"), Tool("a"))}, "tools"),
        ({"tools": (Tool("a", parameters={"type": "array"}),)}, "tools"),
        ({"tools": (Tool("a", parameters={"type": None}),)}, "tools"),
        ({"tools": (Tool("a"),), "tool_choice": ToolChoice(Choosing.NAMED, "b")}, "tool_choice"),
        ({"tool_choice": ToolChoice(Choosing.NAMED, "b")}, "tool_choice"),
    ],
)
def test_tools_that_anthropic_would_refuse_are_refused_at_their_place(
    more: dict[str, Any], at: str
) -> None:
    request = ChatRequest(
        "m", (Message(Role.USER, "hi"),), Tags("f", "t:1", "u:1", "-", "r"), **more
    )

    with pytest.raises(Problem) as refused:
        write_request(request, model="claude-x", traits=Traits())

    assert (refused.value.kind, refused.value.at) == (Kind.BAD_REQUEST, at)
