"""JSON asked for in words."""

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bff.chat.request import ChatRequest, Foreign, Format, Message, Role, Shape, Tags, Tool
from bff.dialects.json_prompt import ask_for_json, unwrap_json

TAGS = Tags("chat", "t:1", "u:1", "-", "req")
HI = Message(Role.USER, "Hi")
VALUES = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(st.characters(codec=None)),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(), inner, max_size=3),
    max_leaves=8,
)


def asking(form: Format | None, *tools: Tool) -> ChatRequest:
    return ChatRequest(
        "m", (HI,), TAGS, format=form, tools=tools, original=Foreign("openai_chat", {})
    )


def test_a_request_without_a_format_stays_as_it_is() -> None:
    request = asking(None)

    assert ask_for_json(request) is request


def test_json_is_asked_for_in_the_system_message() -> None:
    request = ask_for_json(asking(Format(Shape.JSON)))

    system, question = request.messages
    assert system == Message(
        Role.SYSTEM, "Your whole answer must be one JSON object: no other words, no code fence."
    )
    assert question == HI
    assert request.format is None
    assert request.original is None


def test_a_schema_is_told_as_one_line_of_json() -> None:
    schema = {"type": "object", "properties": {"größe": {"type": "number"}}}

    request = ask_for_json(asking(Format(Shape.SCHEMA, schema)))

    told = request.messages[0].content
    assert isinstance(told, str)
    assert json.loads(told.splitlines()[-1]) == schema
    assert "größe" in told


def test_with_tools_a_call_is_said_to_be_no_answer() -> None:
    request = ask_for_json(asking(Format(Shape.JSON), Tool("now")))

    assert "This does not concern tool calls." in request.messages[0].content


@given(VALUES, st.sampled_from(["```json", "```", "``` JSON "]), st.sampled_from(["", "\n", " \n"]))
def test_a_fenced_block_of_json_is_unwrapped(value: object, opening: str, around: str) -> None:
    inside = json.dumps(value, ensure_ascii=False)

    assert unwrap_json(f"{around}{opening}\n{inside}\n```{around}") == inside
    assert unwrap_json(inside) == inside


@pytest.mark.parametrize(
    "text",
    [
        "",
        "```json",
        "```json```",
        "```\n```",
        "``````",
        '```json\n{"a":1}',
        '{"a":1}\n```',
        '```json\n{"a":\n```',
        '```python\n{"a":1}\n```',
        '````json\n{"a":1}\n````',
        'Here:\n```json\n{"a":1}\n```',
        '```json\n{"a":1}\n```\nDone.',
        "```json\n1\n```\n```json\n2\n```",
        "```json\n```",
    ],
)
def test_any_other_text_stays_as_it_is(text: str) -> None:
    assert unwrap_json(text) == text
