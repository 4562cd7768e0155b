"""What a call can use at most."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bff.chat.request import (
    ChatRequest,
    Document,
    Foreign,
    Image,
    Message,
    Role,
    Tags,
    Text,
    Thinking,
    ToolCall,
)
from bff.policy.estimates import most_tokens

TAGS = Tags("diagram", "t", "u", "-", "r")


def asked(*contents: object, model: str = "openai/gpt-4o", max_tokens: int | None = None) -> int:
    turns = tuple(Message(Role.USER, content) for content in contents)  # type: ignore[arg-type]
    return most_tokens(ChatRequest(model, turns, TAGS, max_tokens))


def picture(url: str) -> Foreign:
    return Foreign("openai_chat", {"type": "image_url", "image_url": {"url": url}})


@given(text=st.text(st.characters(exclude_categories=[])))
def test_a_token_is_at_least_a_byte(text: str) -> None:
    length = len(text.encode("utf-8", "surrogatepass"))

    assert asked(text) == asked((Text(text),)) == length + 16


def test_the_answer_counts_in_full() -> None:
    assert asked("", max_tokens=4096) == 4096 + 16


def test_a_picture_costs_the_same_whatever_its_bytes() -> None:
    small, large = (
        picture("data:image/png;base64,AA"),
        picture("data:image/png;base64," + "A" * 9999),
    )

    assert asked((small,)) == asked((large,)) == 1_445 + 16


@pytest.mark.parametrize(
    ("model", "cost"),
    [
        ("gpt-4o-2024-08-06", 1_445),
        ("gpt-4o-mini", 48_169),
        ("gpt-4-vision-preview", 1_445),
        ("gpt-4.1", 1_536),
        ("gpt-4.1-mini", 2_489),
        ("gpt-4.1-nano", 3_779),
        ("gpt-5.4", 12_000),
        ("nobody-knows", 12_000),
    ],
)
def test_a_picture_costs_what_the_model_says(model: str, cost: int) -> None:
    assert asked((picture("https://a.example/x.png"),), model=f"openai/{model}") == cost + 16


def test_a_part_nobody_knows_counts_by_its_texts() -> None:
    part = Foreign("openai_chat", {"type": "file", "file": {"names": ["abcd", 7], "id": None}})

    assert asked((part,)) == len("file") + len("abcd") + 2 + 16


def test_what_a_turn_carries_beside_its_content_counts_too() -> None:
    turn = {
        "role": "assistant",
        "content": "four",
        "tool_calls": [{"function": {"arguments": "x" * 1000}}],
        "type": "image_url",
    }
    message = Message(Role.ASSISTANT, "four", Foreign("openai_chat", turn))

    most = most_tokens(ChatRequest("openai/gpt-4o", (message,), TAGS))

    assert most == 4 + 1000 + len("image_url") + 16


def test_a_document_counts_by_its_bytes_and_a_call_by_its_words() -> None:
    url = "data:application/pdf;base64,AAAA"
    call = ToolCall("c", "now", '{"tz":"UTC"}')

    assert asked((Document(url), Thinking("hm"))) == 16 + len(url) + 2
    assert asked((Image("https://x.example/i.png"),)) == asked((picture("https://x.example/"),))
    turn = Message(Role.ASSISTANT, "", calls=(call,))
    assert most_tokens(ChatRequest("m", (turn,), TAGS)) == 16 + len("now") + len(call.arguments)
