"""The estimate of what an answer used."""

import pytest

from bff.chat.events import UsageReported
from bff.chat.request import ChatRequest, Image, Message, Role, Tags, Text, ToolCall
from bff.chat.usage import estimated_usage, tokens_of

TAGS = Tags("bff", "t", "u", "-", "r")


def test_four_characters_are_a_token_rounded_up() -> None:
    asked = ChatRequest(
        "m",
        (
            Message(Role.USER, "x" * 5),
            Message(Role.USER, (Text("abc"), Image("https://x.example/i.png"))),
            Message(Role.ASSISTANT, "", calls=(ToolCall("c", "now", "{}"),)),
        ),
        TAGS,
    )

    assert estimated_usage(asked, 9) == UsageReported(4, 3, 7, estimated=True)


@pytest.mark.parametrize(("characters", "tokens"), [(0, 0), (1, 1), (4, 1), (5, 2)])
def test_nothing_is_nothing_and_a_little_is_one(characters: int, tokens: int) -> None:
    assert tokens_of(characters) == tokens
