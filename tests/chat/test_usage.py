"""The estimate of what an answer used."""

import pytest

from bff.chat.events import UsageReported
from bff.chat.request import (
    ChatRequest,
    Document,
    Foreign,
    Image,
    Message,
    Part,
    Role,
    Tags,
    Text,
    Thinking,
    Tool,
    ToolCall,
)
from bff.chat.usage import estimated_prompt, estimated_usage, tokens_of

TAGS = Tags("bff", "t", "u", "-", "r")


def test_four_characters_are_a_token_rounded_up() -> None:
    asked = ChatRequest(
        "m",
        (
            Message(Role.USER, "x" * 5),
            Message(Role.USER, (Text("abc"),)),
            Message(Role.ASSISTANT, "", calls=(ToolCall("c", "now", "{}"),)),
        ),
        TAGS,
    )

    assert estimated_usage(asked, 9) == UsageReported(4, 3, 7, estimated=True)


def test_tools_count_with_their_schemas() -> None:
    tool = Tool("now", "The time.", {"type": "object"})

    assert estimated_prompt(ChatRequest("m", (), TAGS, tools=(tool, Tool("f")))) == 8


@pytest.mark.parametrize(
    ("part", "tokens"),
    [
        (Image("data:image/png;base64," + "A" * 10**6), 1000),
        (Document("data:application/pdf;base64," + "A" * 10**6), 3000),
        (Thinking("12345678", "signature"), 2),
        (Foreign("other", {"a": "1"}), 3),
        (Foreign("other", {"a": "1" * 10**6}), 2000),
    ],
)
def test_what_is_no_text_counts_too(part: Part, tokens: int) -> None:
    asked = ChatRequest("m", (Message(Role.USER, (part,)),), TAGS)

    assert estimated_prompt(asked) == tokens


def test_a_question_has_at_least_one_token() -> None:
    assert estimated_prompt(ChatRequest("m", (Message(Role.USER, ""),), TAGS)) == 1


@pytest.mark.parametrize(("characters", "tokens"), [(0, 0), (1, 1), (4, 1), (5, 2)])
def test_nothing_is_nothing_and_a_little_is_one(characters: int, tokens: int) -> None:
    assert tokens_of(characters) == tokens
