"""Turns as plain text: joined, told as one text, cut."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bff.chat.request import (
    Document,
    Foreign,
    Image,
    Message,
    Part,
    Role,
    Text,
    Thinking,
)
from bff.dialects.plain_turns import add_to_system, cut_at, one_text, text_of
from bff.errors import Kind, Problem

TEXTS = st.text(max_size=30)
FOREIGN = Foreign("openai_chat", {"type": "image_url"})
SYSTEM = Message(Role.SYSTEM, "Be kind.")
HI = Message(Role.USER, "Hi")


@given(TEXTS)
def test_a_text_and_a_lone_text_part_are_passed_on_unchanged(text: str) -> None:
    assert text_of(text, "messages[0].content") == text
    assert text_of((Text(text),), "messages[0].content") == text


def test_several_texts_are_joined_by_a_line_end_and_thoughts_left_out() -> None:
    content = (Text("one"), Thinking("hm", "signed"), Text(""), Text("two "))

    assert text_of(content, "messages[0].content") == "one\n\ntwo "


@pytest.mark.parametrize("part", [Image("https://a.example/x"), Document("data:,"), FOREIGN])
def test_what_is_no_text_is_refused_at_its_place(part: Part) -> None:
    with pytest.raises(Problem) as refused:
        text_of((Text("see"), part), "messages[2].content")

    assert refused.value.kind is Kind.BAD_REQUEST
    assert refused.value.at == "messages[2].content[1]"
    assert "example" not in refused.value.public


@given(TEXTS)
def test_a_lone_question_is_sent_as_it_is(text: str) -> None:
    assert one_text([Message(Role.USER, text)]) == text


def test_a_conversation_is_told_line_by_line_below_the_system_text() -> None:
    turns = [
        SYSTEM,
        Message(Role.SYSTEM, ""),
        Message(Role.SYSTEM, "Be short."),
        HI,
        Message(Role.ASSISTANT, "Hello!"),
        Message(Role.SYSTEM, "Hurry."),
        Message(Role.ASSISTANT, ""),
        Message(Role.TOOL, "42"),
        Message(Role.USER, (Text("And"), Text("now?"))),
    ]

    assert one_text(turns) == (
        "Be kind.\n\nBe short.\n\n"
        "User: Hi\nAssistant: Hello!\nSystem: Hurry.\nUser: 42\nUser: And\nnow?\nAssistant:"
    )


@pytest.mark.parametrize(
    ("turns", "told"),
    [
        ([], "Assistant:"),
        ([SYSTEM], "Be kind.\n\nAssistant:"),
        ([SYSTEM, HI], "Be kind.\n\nUser: Hi\nAssistant:"),
        ([Message(Role.ASSISTANT, "So")], "Assistant: So\nAssistant:"),
    ],
)
def test_one_text_always_asks_to_be_continued(turns: list[Message], told: str) -> None:
    assert one_text(turns) == told


def test_the_place_of_what_cannot_be_told_counts_all_messages() -> None:
    with pytest.raises(Problem) as refused:
        one_text([SYSTEM, Message(Role.USER, (FOREIGN,))])

    assert refused.value.at == "messages[1].content[0]"


@pytest.mark.parametrize(
    ("content", "longer"),
    [
        ("Be kind.", "Be kind.\n\nmore"),
        ("", "more"),
        ((Text("Be kind."),), (Text("Be kind."), Text("more"))),
    ],
)
def test_the_last_of_the_system_messages_is_added_to(
    content: str | tuple[Part, ...], longer: str | tuple[Part, ...]
) -> None:
    turns = [SYSTEM, Message(Role.SYSTEM, content, Foreign("x", {})), HI, SYSTEM]

    assert add_to_system(turns, "more") == (SYSTEM, Message(Role.SYSTEM, longer), HI, SYSTEM)


def test_a_system_message_is_made_where_the_conversation_starts_without() -> None:
    assert add_to_system([HI, SYSTEM], "more") == (Message(Role.SYSTEM, "more"), HI, SYSTEM)


@pytest.mark.parametrize(
    ("text", "stops", "cut"),
    [
        ("one two", (), ("one two", "")),
        ("one two", ("", "three"), ("one two", "")),
        ("one two", ("two", "one t", "e"), ("", "one t")),
        ("ENDING", ("ENDING", "END"), ("", "ENDING")),
        ("a\nb", ("\n",), ("a", "\n")),
    ],
)
def test_a_text_ends_before_the_first_stop_in_it(
    text: str, stops: tuple[str, ...], cut: tuple[str, str]
) -> None:
    assert cut_at(text, stops) == cut


@given(st.text("ab", max_size=12), st.lists(st.text("ab", max_size=3), max_size=3))
def test_what_is_left_of_a_cut_text_holds_no_stop(text: str, stops: list[str]) -> None:
    left, stop = cut_at(text, stops)

    assert text.startswith(left + stop)
    assert not any(one in left for one in stops if one)
    assert stop or left == text
