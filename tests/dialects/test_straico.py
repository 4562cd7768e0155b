"""What Straico is asked: two shapes of a body, a fixed list of fields, and nothing passed through."""

from dataclasses import replace
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
    Tags,
    Text,
    Thinking,
    Tool,
    ToolCall,
    ToolChoice,
    Written,
)
from bff.dialects.straico import Endpoint, write_request
from bff.dialects.tool_prompt import Place
from bff.errors import Kind, Problem

TAGS = Tags("bff", "t:1", "u:1", "-", "req_1")
HELLO = ChatRequest("straico/openai/gpt-4o-mini", (Message(Role.USER, "hello"),), TAGS)
MODEL = "openai/gpt-4o-mini"
CAT = Image("https://pictures.example/cat.png")
NOW = Tool("now", "The time.", {"type": "object", "properties": {"tz": {"type": "string"}}})
CHATS = (Endpoint.CHAT, Endpoint.CHAT_V0)
FIELDS = {"model", "models", "messages", "message", "images", "temperature", "max_tokens"}


def write(request: ChatRequest, endpoint: Endpoint = Endpoint.CHAT, **more: Any) -> Written:
    return write_request(request, model=MODEL, endpoint=endpoint, **more)


def body(request: ChatRequest, endpoint: Endpoint = Endpoint.CHAT, **more: Any) -> Any:
    return orjson.loads(write(request, endpoint, **more).body)


def says(*turns: Message) -> ChatRequest:
    return replace(HELLO, messages=turns)


def shows(*parts: Part, role: Role = Role.USER) -> ChatRequest:
    return says(Message(role, parts))


@pytest.mark.parametrize("endpoint", CHATS)
def test_a_chat_is_sent_in_its_roles_with_both_parameters(endpoint: Endpoint) -> None:
    asked = replace(
        says(
            Message(Role.SYSTEM, "Be brief."),
            Message(Role.USER, "One?", name="ann"),
            Message(Role.ASSISTANT, "1"),
            Message(Role.SYSTEM, "Be long."),
            Message(Role.USER, "Two?"),
        ),
        temperature=1.5,
        max_tokens=7,
    )

    assert body(asked, endpoint) == {
        "model": MODEL,
        "messages": [
            {"role": "system", "content": "Be brief."},
            {"role": "user", "content": "One?"},
            {"role": "assistant", "content": "1"},
            {"role": "system", "content": "Be long."},
            {"role": "user", "content": "Two?"},
        ],
        "temperature": 1.5,
        "max_tokens": 7,
    }


def test_the_old_endpoint_gets_one_text() -> None:
    asked = replace(
        says(
            Message(Role.SYSTEM, "Be brief."),
            Message(Role.USER, "One?"),
            Message(Role.ASSISTANT, "1"),
            Message(Role.USER, (Text("Two"), Text("or three?"))),
        ),
        temperature=0,
        max_tokens=7,
    )

    assert body(asked, Endpoint.PROMPT) == {
        "models": [MODEL],
        "message": "Be brief.\n\nUser: One?\nAssistant: 1\nUser: Two\nor three?\nAssistant:",
        "temperature": 0,
        "max_tokens": 7,
    }


def test_a_lone_question_is_sent_to_the_old_endpoint_as_it_is() -> None:
    assert body(HELLO, Endpoint.PROMPT) == {"models": [MODEL], "message": "hello"}


def test_pictures_go_to_a_chat_where_they_stood() -> None:
    content = body(
        shows(Text("What is this?"), replace(CAT, detail="low"), replace(CAT, detail="x"))
    )["messages"][0]["content"]

    assert content == [
        {"type": "text", "text": "What is this?"},
        {"type": "image_url", "image_url": {"url": CAT.url, "detail": "low"}},
        {"type": "image_url", "image_url": {"url": CAT.url}},
    ]


def test_pictures_go_beside_the_text_at_the_old_endpoint() -> None:
    asked = says(
        Message(Role.USER, (Text("What is this?"), CAT)),
        Message(Role.ASSISTANT, "A cat."),
        Message(Role.USER, (Image("https://pictures.example/dog.png"), Text("And this?"))),
    )

    assert body(asked, Endpoint.PROMPT) == {
        "models": [MODEL],
        "message": "User: What is this?\nAssistant: A cat.\nUser: And this?\nAssistant:",
        "images": [CAT.url, "https://pictures.example/dog.png"],
    }


def test_a_fifth_picture_is_too_much_for_the_old_endpoint_only() -> None:
    asked = shows(Text("?"), *[CAT] * 5)

    with pytest.raises(Problem) as caught:
        write(asked, Endpoint.PROMPT)

    assert (caught.value.kind, caught.value.at) == (Kind.BAD_REQUEST, "messages[0].content[5]")
    assert len(body(shows(*[CAT] * 4), Endpoint.PROMPT)["images"]) == 4
    assert len(body(asked)["messages"][0]["content"]) == 6


@pytest.mark.parametrize("endpoint", Endpoint)
@pytest.mark.parametrize(
    "part",
    [
        Image("data:image/png;base64,AAAA"),
        Image("http://pictures.example/cat.png"),
        Document("data:application/pdf;base64,AAAA"),
        Foreign("openai_chat", {"type": "input_audio"}),
    ],
)
def test_what_straico_cannot_see_is_refused_where_it_stands(endpoint: Endpoint, part: Part) -> None:
    asked = says(Message(Role.USER, "hi"), Message(Role.USER, (Thinking("hm"), Text("?"), part)))

    with pytest.raises(Problem) as caught:
        write(asked, endpoint)

    assert (caught.value.kind, caught.value.at) == (Kind.BAD_REQUEST, "messages[1].content[2]")


def test_a_picture_without_an_address_is_refused_under_the_code_of_the_contract() -> None:
    with pytest.raises(Problem) as caught:
        write(shows(Image("data:image/png;base64,AAAA")))

    assert caught.value.code == "unsupported_content"


@pytest.mark.parametrize("role", [Role.TOOL, Role.ASSISTANT, Role.SYSTEM])
def test_a_picture_that_no_user_sent_is_refused(role: Role) -> None:
    with pytest.raises(Problem) as caught:
        write(shows(CAT, role=role))

    assert (caught.value.kind, caught.value.at) == (Kind.BAD_REQUEST, "messages[0].content[0]")


@pytest.mark.parametrize("endpoint", Endpoint)
@pytest.mark.parametrize(
    ("change", "at"), [({"count": 2}, "n"), ({"others": {"modalities": ["audio"]}}, "modalities")]
)
def test_what_would_change_the_meaning_is_refused(
    endpoint: Endpoint, change: dict[str, Any], at: str
) -> None:
    with pytest.raises(Problem) as caught:
        write(replace(HELLO, **change), endpoint)

    assert (caught.value.kind, caught.value.at) == (Kind.BAD_REQUEST, at)


@pytest.mark.parametrize("said", [True, 5, "audio", {"audio": 1}, [["audio"]], []])
def test_modalities_that_name_no_sound_are_left_out(said: Any) -> None:
    asked = replace(HELLO, others={"modalities": said})

    assert write_request(asked, model=MODEL, endpoint=Endpoint.CHAT).ignored == ("modalities",)


def test_what_is_not_said_is_named() -> None:
    asked = replace(
        HELLO,
        temperature=1,
        max_tokens=5,
        stop=("x",),
        top_p=0.5,
        effort="high",
        end_user="ann",
        others={"seed": 1, "logprobs": True, "modalities": None},
    )

    written = write(asked)

    assert written.ignored == (
        "top_p",
        "reasoning_effort",
        "user",
        "seed",
        "logprobs",
        "modalities",
    )
    assert set(orjson.loads(written.body)) == {"model", "messages", "temperature", "max_tokens"}


@pytest.mark.parametrize("parts", [(Text("hello"),), (Thinking("hm"), Text("hello"))])
def test_one_text_part_is_a_text(parts: tuple[Part, ...]) -> None:
    assert body(shows(*parts))["messages"] == [{"role": "user", "content": "hello"}]


def test_several_text_parts_stay_parts() -> None:
    assert body(shows(Text("a"), Text("b")))["messages"][0]["content"] == [
        {"type": "text", "text": "a"},
        {"type": "text", "text": "b"},
    ]


def test_turns_that_say_nothing_are_left_out() -> None:
    asked = says(
        Message(Role.USER, "hi"),
        Message(Role.ASSISTANT, (Thinking("hm"),)),
        Message(Role.USER, "?"),
    )

    assert [turn["role"] for turn in body(asked)["messages"]] == ["user", "user"]
    assert body(says(Message(Role.USER, "")))["messages"] == [{"role": "user", "content": ""}]


def test_json_is_asked_for_in_words() -> None:
    asked = replace(HELLO, format=Format(Shape.JSON))

    system, user = body(asked)["messages"]

    assert (system["role"], "JSON" in system["content"]) == ("system", True)
    assert user == {"role": "user", "content": "hello"}
    assert "JSON" in body(asked, Endpoint.PROMPT)["message"]


@pytest.mark.parametrize(("place", "role"), [(Place.SYSTEM, "system"), (Place.USER, "user")])
def test_a_chat_is_told_of_tools_where_the_setting_says(place: Place, role: str) -> None:
    asked = says(Message(Role.SYSTEM, "Be brief."), Message(Role.USER, "What time is it?"))
    messages = body(replace(asked, tools=(NOW,)), place=place)["messages"]

    assert [turn["role"] for turn in messages if "<tools>" in turn["content"]] == [role]


def test_the_old_endpoint_is_told_of_tools_in_the_user_turn() -> None:
    asked = says(Message(Role.SYSTEM, "Be brief."), Message(Role.USER, "What time is it?"))
    message = body(replace(asked, tools=(NOW,)), Endpoint.PROMPT)["message"]

    assert message.index("User: ") < message.index("<tools>") < message.index("What time")


def test_without_a_choice_of_tools_none_are_told_of() -> None:
    asked = replace(HELLO, tools=(NOW,), tool_choice=ToolChoice(Choosing.NONE))

    assert body(asked)["messages"] == [{"role": "user", "content": "hello"}]


@pytest.mark.parametrize("endpoint", Endpoint)
def test_calls_and_results_of_the_history_are_told_as_text(endpoint: Endpoint) -> None:
    asked = says(
        Message(Role.USER, "What time is it?"),
        Message(Role.ASSISTANT, "", calls=(ToolCall("call_1", "now", '{"tz":"UTC"}'),)),
        Message(Role.TOOL, "12:00", answers="call_1"),
    )

    text = write(asked, endpoint).body.decode()

    assert '\\"name\\":\\"now\\"' in text
    assert 'id=\\"call_1\\"' in text
    assert '"tool"' not in text


def test_a_picture_and_tools_go_together() -> None:
    messages = body(replace(shows(Text("What is this?"), CAT), tools=(NOW,)))["messages"]

    assert [turn["role"] for turn in messages] == ["system", "user"]
    assert messages[1]["content"][1] == {"type": "image_url", "image_url": {"url": CAT.url}}


WORDS = st.text(max_size=20)
JSON = st.recursive(
    st.none() | st.booleans() | WORDS, lambda inner: st.dictionaries(WORDS, inner, max_size=2)
)
PARTS = st.builds(Text, WORDS) | st.builds(Thinking, WORDS) | st.just(CAT)
USERS = st.builds(
    Message,
    role=st.just(Role.USER),
    content=WORDS | st.lists(PARTS, max_size=3).map(tuple),
    name=WORDS,
    original=st.none() | st.builds(Foreign, st.just("openai_chat"), st.dictionaries(WORDS, JSON)),
)
OTHERS = st.builds(
    Message, role=st.sampled_from([Role.SYSTEM, Role.ASSISTANT]), content=WORDS, name=WORDS
)
REQUESTS = st.builds(
    ChatRequest,
    model=WORDS,
    messages=st.lists(USERS | OTHERS, min_size=1, max_size=4).map(tuple),
    tags=st.just(TAGS),
    max_tokens=st.none() | st.integers(1, 9),
    stream=st.booleans(),
    tools=st.sampled_from([(), (NOW,)]),
    tool_choice=st.sampled_from([ToolChoice(how, "now") for how in Choosing]),
    parallel_calls=st.booleans(),
    temperature=st.none() | st.floats(0, 2),
    top_p=st.none() | st.floats(0, 1),
    stop=st.lists(WORDS, max_size=2).map(tuple),
    format=st.none() | st.builds(Format, st.sampled_from(Shape), st.dictionaries(WORDS, JSON)),
    effort=WORDS,
    end_user=WORDS,
    others=st.dictionaries(
        st.sampled_from(
            ["stream", "tools", "functions", "function_call", "response_format", "seed"]
        ),
        JSON,
    ),
    original=st.none() | st.builds(Foreign, st.just("openai_chat"), st.dictionaries(WORDS, JSON)),
)


@given(REQUESTS, st.sampled_from(Endpoint), st.sampled_from(Place))
def test_whatever_a_caller_asks_only_these_fields_are_sent(
    asked: ChatRequest, endpoint: Endpoint, place: Place
) -> None:
    try:
        written = write(asked, endpoint, place=place)
    except Problem as problem:
        # a fifth picture, a tool that is not there, and nothing else
        assert problem.at.startswith(("messages[", "tool_choice"))  # noqa: PT017 - see above
        return

    sent = orjson.loads(written.body)
    assert set(sent) <= FIELDS
    for turn in sent.get("messages", ()):
        assert set(turn) == {"role", "content"}
        assert turn["role"] in {"system", "user", "assistant"}
        for part in turn["content"] if isinstance(turn["content"], list) else ():
            assert set(part) in ({"type", "text"}, {"type", "image_url"})
    assert set(written.ignored).isdisjoint({"temperature", "max_tokens", "stop"})
