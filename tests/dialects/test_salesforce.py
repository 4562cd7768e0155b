"""Our request in Salesforce's words, and nothing else in it."""

from collections.abc import Mapping
from typing import Any

import orjson
import pytest
from hypothesis import given
from hypothesis import strategies as st

from bff.chat.request import (
    ChatRequest,
    Choosing,
    Document,
    Foreign,
    Format,
    Image,
    Message,
    Part,
    Role,
    Shape,
    Text,
    Thinking,
    Tool,
    ToolCall,
    ToolChoice,
)
from bff.dialects.salesforce import (
    Endpoint,
    characters,
    write_feedback,
    write_request,
)
from bff.dialects.tool_prompt import Place
from bff.errors import Kind, Problem
from tests.support.salesforce import CHAT, NOW, ONE_TEXT, TAGS, asked

LOCALIZATION = {
    "defaultLocale": "en_US",
    "inputLocales": [{"locale": "en_US", "probability": 0.8}],
    "expectedLocales": ["en_US"],
}


def body(request: ChatRequest, endpoint: Endpoint = CHAT, **more: Any) -> dict[str, Any]:
    return orjson.loads(write_request(request, endpoint=endpoint, **more).body)


def turns(*messages: Message, **more: Any) -> list[tuple[str, str]]:
    written = body(asked(*messages, **more))
    return [(turn["role"], turn["content"]) for turn in written["messages"]]


# -- the request -----------------------------------------------------------------------------------


def test_a_question_is_messages_a_locale_and_tags() -> None:
    assert body(asked()) == {
        "messages": [{"role": "user", "content": "Hi"}],
        "localization": LOCALIZATION,
        "tags": {},
    }


def test_the_other_endpoint_is_told_one_text() -> None:
    assert body(asked(), ONE_TEXT, locale="de_DE") == {
        "prompt": "Hi",
        "localization": {
            "defaultLocale": "de_DE",
            "inputLocales": [{"locale": "de_DE", "probability": 0.8}],
            "expectedLocales": ["de_DE"],
        },
        "tags": {},
    }


def test_a_conversation_is_one_text_for_the_other_endpoint() -> None:
    request = asked(
        Message(Role.SYSTEM, "Be brief."), Message(Role.USER, "one"), Message(Role.ASSISTANT, "two")
    )

    assert body(request, ONE_TEXT)["prompt"] == (
        "Be brief.\n\nUser: one\nAssistant: two\nAssistant:"
    )


def test_parts_are_one_text_and_thoughts_left_out() -> None:
    content = (Text("one"), Thinking("hm", "s"), Text("two"))

    assert turns(Message(Role.USER, content)) == [("user", "one\ntwo")]


@pytest.mark.parametrize(
    "part",
    [
        Image("https://x.example/i.png"),
        Document("data:application/pdf;base64,AA=="),
        Foreign("openai_chat", {"type": "input_audio"}),
    ],
)
@pytest.mark.parametrize("role", [Role.USER, Role.TOOL])
@pytest.mark.parametrize("endpoint", Endpoint)
def test_what_is_no_text_is_refused(part: Part, role: Role, endpoint: Endpoint) -> None:
    request = asked(Message(Role.USER, "x"), Message(role, (Text("see"), part), answers="c"))

    with pytest.raises(Problem) as caught:
        write_request(request, endpoint=endpoint)

    assert (caught.value.kind, caught.value.at) == (Kind.BAD_REQUEST, "messages[1].content[1]")
    assert "example" not in caught.value.public


@pytest.mark.parametrize(
    ("change", "at"),
    [({"count": 2}, "n"), ({"others": {"modalities": ["text", "audio"]}}, "modalities")],
)
def test_what_would_change_the_meaning_is_refused(change: dict[str, Any], at: str) -> None:
    with pytest.raises(Problem) as caught:
        write_request(asked(**change), endpoint=CHAT)

    assert (caught.value.kind, caught.value.at) == (Kind.BAD_REQUEST, at)


def test_the_system_speaks_once_at_the_start_and_later_through_the_user() -> None:
    assert turns(
        Message(Role.SYSTEM, "a"),
        Message(Role.SYSTEM, ""),
        Message(Role.SYSTEM, (Text("b"),)),
        Message(Role.USER, "c"),
        Message(Role.SYSTEM, "d"),
        Message(Role.USER, "e"),
    ) == [("system", "a\n\nb"), ("user", "c"), ("user", "System: d"), ("user", "e")]


def test_instructions_alone_are_sent_as_they_are() -> None:
    assert turns(Message(Role.SYSTEM, "a")) == [("system", "a")]


def test_a_turn_without_text_is_left_out_unless_there_is_no_other() -> None:
    assert turns(Message(Role.USER, "a"), Message(Role.ASSISTANT, "")) == [("user", "a")]
    assert turns(Message(Role.USER, "")) == [("user", "")]


@pytest.mark.parametrize(
    ("endpoint", "place", "told"),
    [(CHAT, Place.SYSTEM, 0), (CHAT, Place.USER, 1), (ONE_TEXT, Place.SYSTEM, None)],
)
def test_tools_are_told_where_they_belong(
    endpoint: Endpoint, place: Place, told: int | None
) -> None:
    request = asked(Message(Role.SYSTEM, "Be brief."), Message(Role.USER, "Hi"), tools=(NOW,))

    written = body(request, endpoint, place=place)

    if told is None:
        assert written["prompt"].startswith("Be brief.\n\nUser: ")
        assert '"name":"now"' in written["prompt"]
    else:
        texts = [turn["content"] for turn in written["messages"]]
        assert ['"name":"now"' in text for text in texts] == [told == 0, told == 1]


def test_json_is_asked_for_in_words() -> None:
    written = turns(Message(Role.USER, "Hi"), format=Format(Shape.JSON))

    assert written[0][0] == "system"
    assert "JSON" in written[0][1]
    assert written[1] == ("user", "Hi")


def test_half_a_character_is_sent_on_as_it_came() -> None:
    written = write_request(asked(Message(Role.USER, "\ud83d")), endpoint=CHAT)

    assert rb'"content":"\ud83d"' in written.body


# -- nothing else in it ----------------------------------------------------------------------------


def test_what_was_asked_for_and_is_not_sent_is_named() -> None:
    request = asked(
        temperature=0.0,
        top_p=0.5,
        max_tokens=9,
        effort="low",
        end_user="u",
        others={"seed": 1, "logit_bias": {}, "temperature": 1},
        stop=("x",),
        tools=(NOW,),
        parallel_calls=False,
        format=Format(Shape.JSON),
    )

    written = write_request(request, endpoint=CHAT)

    assert written.ignored == (
        "temperature",
        "top_p",
        "max_tokens",
        "reasoning_effort",
        "user",
        "seed",
        "logit_bias",
    )
    assert write_request(asked(), endpoint=CHAT).ignored == ()


@pytest.mark.parametrize(
    ("more", "parameters", "ignored"),
    [
        (
            {"temperature": 0.0, "max_tokens": 5, "top_p": 0.1},
            {"temperature": 0.0, "max_tokens": 5},
            ("top_p",),
        ),
        ({"max_tokens": 5}, {"max_tokens": 5}, ()),
        ({}, None, ()),
    ],
)
def test_an_org_that_listens_is_told_two_parameters(
    more: Mapping[str, Any], parameters: Any, ignored: tuple[str, ...]
) -> None:
    written = write_request(asked(**more), endpoint=CHAT, send_parameters=True)

    assert orjson.loads(written.body).get("parameters") == parameters
    assert written.ignored == ignored


words = st.text(max_size=8)
names = st.sampled_from(["now", "add", "tools"])
foreign = st.builds(
    Foreign,
    st.sampled_from(["openai_chat", "anthropic"]),
    st.dictionaries(st.sampled_from(["tools", "tool_choice", "content", "role"]), words),
)
parts = st.one_of(st.builds(Text, words), st.builds(Thinking, words, words))
messages = st.builds(
    Message,
    st.sampled_from(Role),
    st.one_of(words, st.lists(parts, max_size=2).map(tuple)),
    original=st.none() | foreign,
    calls=st.lists(st.builds(ToolCall, words, names, st.just("{}")), max_size=2).map(tuple),
    answers=words,
)
requests = st.builds(
    ChatRequest,
    words,
    st.lists(messages, min_size=1, max_size=4).map(tuple),
    st.just(TAGS),
    max_tokens=st.none() | st.integers(1, 9),
    stream=st.booleans(),
    tools=st.lists(st.builds(Tool, names, words), max_size=2, unique_by=lambda t: t.name).map(
        tuple
    ),
    tool_choice=st.builds(ToolChoice, st.sampled_from(Choosing), names),
    parallel_calls=st.booleans(),
    temperature=st.none() | st.floats(0, 2),
    top_p=st.none() | st.floats(0, 1),
    stop=st.lists(words, max_size=2).map(tuple),
    format=st.none() | st.builds(Format, st.sampled_from(Shape)),
    effort=st.sampled_from(["", "low"]),
    end_user=words,
    others=st.dictionaries(st.sampled_from(["seed", "tools", "functions", "messages"]), words),
    passes=st.sampled_from(["openai_chat", "salesforce"]),
    original=st.none() | foreign,
)


@given(requests, st.sampled_from(Endpoint), st.sampled_from(Place), st.booleans())
def test_no_request_of_any_shape_puts_another_key_in_the_body(
    request: ChatRequest, endpoint: Endpoint, place: Place, send_parameters: bool
) -> None:
    try:
        written = write_request(
            request, endpoint=endpoint, place=place, send_parameters=send_parameters
        )
    except Problem as problem:
        assert problem.at == "tool_choice"  # noqa: PT017 - a tool that is not there
        return

    sent = orjson.loads(written.body)
    spoken = "messages" if endpoint is CHAT else "prompt"
    assert {spoken, "localization", "tags"} <= set(sent)
    assert set(sent) <= {spoken, "localization", "tags", "parameters"}
    assert set(sent.get("parameters", {})) <= {"temperature", "max_tokens"}
    assert (sent["localization"], sent["tags"]) == (LOCALIZATION, {})
    if endpoint is CHAT:
        assert all(set(turn) == {"role", "content"} for turn in sent["messages"])
        assert all(turn["role"] in ("system", "user", "assistant") for turn in sent["messages"])
        assert all(isinstance(turn["content"], str) for turn in sent["messages"])
    else:
        assert isinstance(sent["prompt"], str)


def test_what_there_is_to_read_is_counted_with_its_tools() -> None:
    image = Image("https://x.example/i.png")

    assert characters(asked(Message(Role.USER, "abc"))) == 3
    assert characters(asked(Message(Role.USER, (Text("ab"), image)))) == 2
    assert characters(asked(Message(Role.USER, "abc"), tools=(NOW, Tool("x")))) == 3 + 9 + 17


def test_feedback_names_an_answer_and_what_was_thought_of_it() -> None:
    assert [orjson.loads(write_feedback("g", good=good)) for good in (True, False)] == [
        {"generationId": "g", "feedback": "GOOD"},
        {"generationId": "g", "feedback": "BAD"},
    ]
    assert orjson.loads(write_feedback("g", good=False, text="No."))["feedbackText"] == "No."
