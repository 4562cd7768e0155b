"""The diagram editor's dialects: what it may ask, and what it is told."""

from typing import Any

import orjson
import pytest
from hypothesis import given
from hypothesis import strategies as st

from bff.chat.events import UsageReported
from bff.chat.reply import Reply
from bff.chat.request import ChatRequest, Foreign, Image, Message, Role, Tags, Text
from bff.chat.traits import Traits
from bff.dialects import diagrams, openai_chat
from bff.dialects.diagrams import MissingFieldError
from bff.errors import Kind, Problem

TAGS = Tags("diagram", "t:1", "u:1", "-", "req")
USED = UsageReported(1, 2, 3)
PNG = "data:image/png;base64,AAAA"
JSON = st.recursive(
    st.none()
    | st.booleans()
    | st.integers()
    | st.floats(allow_nan=False, allow_infinity=False)
    | st.text(),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(), inner, max_size=4),
    max_leaves=12,
)


def picture(body: Any) -> ChatRequest:
    return diagrams.read_picture(
        body, model="openai/gpt-4o", system_prompt="S", prompt="P", max_tokens=9, tags=TAGS
    )


def dialogue(body: Any, *, most_messages: int = 5, most_parts: int = 3) -> ChatRequest:
    return diagrams.read_dialogue(
        body,
        model="openai/gpt-4o",
        system_prompt="S",
        max_tokens=9,
        tags=TAGS,
        most_messages=most_messages,
        most_parts=most_parts,
    )


@pytest.mark.parametrize("url", [PNG, {"url": PNG, "detail": "low"}, "HTTPS://a.example/x.png"])
def test_a_picture_is_passed_on_as_it_is_spelled(url: Any) -> None:
    chat = picture({"imageUrl": url, "more": 1})

    spelled = [{"type": "text", "text": "P"}, {"type": "image_url", "image_url": url}]
    original = Foreign(openai_chat.NAME, {"role": "user", "content": spelled})
    image = Image(url) if isinstance(url, str) else Image(url["url"], url["detail"])
    assert chat == ChatRequest(
        "openai/gpt-4o",
        (Message(Role.SYSTEM, "S"), Message(Role.USER, (Text("P"), image), original)),
        TAGS,
        9,
        stream=False,
    )


@pytest.mark.parametrize("value", [None, "", 0, False, 0.0, 5, True, [PNG], ...])
def test_what_is_no_picture_is_missing(value: Any) -> None:
    body = {} if value is ... else {"imageUrl": value}

    with pytest.raises(MissingFieldError):
        picture(body)


@pytest.mark.parametrize("body", [[], None, "text"])
def test_a_body_that_is_no_object_has_no_fields(body: Any) -> None:
    with pytest.raises(MissingFieldError):
        picture(body)
    with pytest.raises(MissingFieldError):
        dialogue(body)


BAD_URLS = [
    "file:///etc/passwd",
    "ftp://a.example/x.png",
    "data:text/html,x",
    "javascript:alert(1)",
    " https://a.example",
    "\nhttps://a.example",
    "https://",
    "https://\x00a",
    "gopher://a",
    "x",
    {},
    {"url": 5},
    {"url": "file:///x"},
]


@pytest.mark.parametrize("url", BAD_URLS)
def test_only_pictures_of_the_web_or_in_place_are_taken(url: Any) -> None:
    with pytest.raises(Problem) as alone:
        picture({"imageUrl": url})
    part = {"type": "image_url", "image_url": url}
    with pytest.raises(Problem) as inside:
        dialogue({"messages": [{"role": "user", "content": [part]}]})

    assert (alone.value.kind, alone.value.at) == (Kind.INVALID, "imageUrl")
    assert inside.value.at == "messages[0].content[0].image_url"


def test_a_dialogue_goes_upstream_as_it_is_spelled() -> None:
    said = [
        {
            "role": "user",
            "content": [
                {"type": "text", "text": "a"},
                {"type": "image_url", "image_url": {"url": PNG}},
            ],
        },
        {"role": "assistant", "content": "b", "refusal": None, "name": "x", "odd": [1, {"y": 2}]},
        {"role": "assistant", "content": None},
        {"role": "user"},
    ]
    chat = dialogue({"messages": said})

    sent = openai_chat.write_request(
        chat, model="gpt-4o", traits=Traits(limit_field="max_tokens")
    ).body
    assert orjson.loads(sent) == {
        "model": "gpt-4o",
        "messages": [{"role": "system", "content": "S"}, *said],
        "max_tokens": 9,
    }


def test_what_is_read_of_a_turn_stands_beside_its_spelling() -> None:
    """For vendors of another tongue: pictures are pictures, texts are texts."""
    parts = [
        {"type": "text", "text": "a"},
        {"type": "text"},
        {"type": "image_url", "image_url": {"url": PNG, "detail": "low"}},
        {"type": "image_url", "image_url": {"url": PNG, "detail": 5}},
        {"type": "input_audio", "input_audio": {}},
    ]
    turn = {"role": "user", "content": parts}

    [_, read] = dialogue({"messages": [turn]}, most_parts=5).messages

    assert read.content == (
        Text("a"),
        Foreign(openai_chat.NAME, {"type": "text"}),
        Image(PNG, "low"),
        Image(PNG),
        Foreign(openai_chat.NAME, parts[4]),
    )
    assert read.original == Foreign(openai_chat.NAME, turn)


def test_an_empty_dialogue_is_the_vendors_to_judge() -> None:
    assert dialogue({"messages": []}).messages == (Message(Role.SYSTEM, "S"),)


@pytest.mark.parametrize(
    ("messages", "at"),
    [
        ("hello", "messages"),
        ({"0": 1}, "messages"),
        (True, "messages"),
        ([{"role": "user", "content": ""}] * 6, "messages"),
        (["hello"], "messages[0]"),
        ([None], "messages[0]"),
        ([{"content": "x"}], "messages[0].role"),
        ([{"role": "system", "content": "x"}], "messages[0].role"),
        ([{"role": "developer", "content": "x"}], "messages[0].role"),
        ([{"role": "tool", "content": "x"}], "messages[0].role"),
        ([{"role": 5, "content": "x"}], "messages[0].role"),
        ([{"role": "user", "content": 5}], "messages[0].content"),
        ([{"role": "user", "content": {"parts": ["x"]}}], "messages[0].content"),
        ([{"role": "user", "content": [{"type": "text", "text": ""}] * 4}], "messages[0].content"),
        ([{"role": "user", "content": ["x"]}], "messages[0].content[0]"),
        ([{"role": "user", "content": [{"type": 5}]}], "messages[0].content[0]"),
    ],
)
def test_b27_b28_a_dialogue_is_bounded_and_has_two_voices(messages: Any, at: str) -> None:
    with pytest.raises(Problem) as refused:
        dialogue({"messages": messages})

    assert (refused.value.kind, refused.value.at) == (Kind.INVALID, at)


@pytest.mark.parametrize("value", [None, "", 0, False, ...])
def test_what_javascript_calls_false_is_no_dialogue(value: Any) -> None:
    with pytest.raises(MissingFieldError):
        dialogue({} if value is ... else {"messages": value})


@given(body=JSON)
def test_any_body_is_read_missing_or_refused(body: Any) -> None:
    for read in (picture, dialogue):
        try:
            chat = read(body)
        except (MissingFieldError, Problem):
            continue
        assert chat.messages[0] == Message(Role.SYSTEM, "S")


@pytest.mark.parametrize(
    ("reply", "alone", "beside"),
    [
        (Reply("D", USED), "D", {"answer": "D", "messages": ["m"]}),
        (Reply("", USED), "", {"answer": "", "messages": ["m"]}),
        (Reply(None, USED), "Something is wrong...", {"error": "Missing choices"}),
        (Reply("D", None), "Something is wrong: ", {"error": "Response error"}),
        (None, "Something is wrong: ", {"error": "Response error"}),
    ],
)
def test_every_reply_has_the_node_apps_words(reply: Reply | None, alone: str, beside: Any) -> None:
    assert orjson.loads(diagrams.write_picture(reply)) == alone
    assert orjson.loads(diagrams.write_dialogue(reply, ["m"])) == beside
