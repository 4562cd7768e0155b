"""Our request in OpenAI's words: turns, tools, parameters, and what a family refuses."""

import json
from typing import Any

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
    Role,
    Shape,
    Tags,
    Text,
    Thinking,
    Tool,
    ToolCall,
    ToolChoice,
)
from bff.chat.traits import Traits
from bff.dialects.openai_chat import write_request
from bff.errors import Kind, Problem
from bff.policy.models import openai_traits
from bff.simulators.openai.checks import check_request

TAGS = Tags("bff", "t:1", "u:1", "-", "req_1")
NOW = Tool("now", "The time.", {"type": "object", "properties": {"tz": {"type": "string"}}}, True)
CALL = ToolCall("call_a", "now", '{"tz":"UTC"}')
HELLO = Message(Role.USER, "hello")


def sent(*messages: Message, model: str = "gpt-4o", **more: Any) -> dict[str, Any]:
    return written(*messages, model=model, **more)[0]


def written(
    *messages: Message, model: str = "gpt-4o", **more: Any
) -> tuple[dict[str, Any], tuple[str, ...]]:
    request = ChatRequest(model, messages or (HELLO,), TAGS, **more)
    told = write_request(request, model=model, traits=openai_traits(model))
    return json.loads(told.body), told.ignored


def test_a_plain_question_holds_nothing_more_than_it_must() -> None:
    assert sent(stream=False) == {
        "model": "gpt-4o",
        "messages": [{"role": "user", "content": "hello"}],
    }


def test_calls_and_their_results_stand_where_openai_wants_them() -> None:
    body = sent(
        HELLO,
        Message(Role.ASSISTANT, "", calls=(CALL,)),
        Message(Role.TOOL, "12:00", answers="call_a"),
        Message(Role.ASSISTANT, "Noon.", name="bot"),
    )

    assert body["messages"][1:] == [
        {
            "role": "assistant",
            "content": None,
            "tool_calls": [
                {
                    "id": "call_a",
                    "type": "function",
                    "function": {"name": "now", "arguments": '{"tz":"UTC"}'},
                }
            ],
        },
        {"role": "tool", "content": "12:00", "tool_call_id": "call_a"},
        {"role": "assistant", "content": "Noon.", "name": "bot"},
    ]


def test_a_call_without_arguments_has_an_empty_object() -> None:
    body = sent(Message(Role.ASSISTANT, "", calls=(ToolCall("c", "now", ""),)))

    assert body["messages"][0]["tool_calls"][0]["function"]["arguments"] == "{}"


def test_a_long_id_is_shortened_the_same_on_both_sides() -> None:
    long = "toolu_" + "x" * 60

    body = sent(
        Message(Role.ASSISTANT, "", calls=(ToolCall(long, "now", "{}"),)),
        Message(Role.TOOL, "12:00", answers=long),
    )

    id_ = body["messages"][0]["tool_calls"][0]["id"]
    assert body["messages"][1]["tool_call_id"] == id_
    assert len(id_) <= 40


def test_pictures_of_results_follow_all_results_of_the_turn() -> None:
    picture = Image("https://x.example/i.png", "low")
    calls = (CALL, ToolCall("call_b", "now", "{}"))

    body = sent(
        Message(Role.ASSISTANT, "", calls=calls),
        Message(Role.TOOL, (Text("see"), picture), answers="call_a"),
        Message(Role.TOOL, "12:00", answers="call_b"),
    )

    shown = {"type": "image_url", "image_url": {"url": "https://x.example/i.png", "detail": "low"}}
    assert [message["role"] for message in body["messages"]] == [
        "assistant",
        "tool",
        "tool",
        "user",
    ]
    assert [part["type"] for part in body["messages"][1]["content"]] == ["text", "text"]
    assert body["messages"][3]["content"] == [shown]
    again = sent(
        Message(Role.ASSISTANT, "", calls=(CALL,)),
        Message(Role.TOOL, (picture,), answers="call_a"),
        HELLO,
    )
    assert [message["role"] for message in again["messages"]] == [
        "assistant",
        "tool",
        "user",
        "user",
    ]


def test_parts_have_openais_names_and_foreign_thoughts_are_left_out() -> None:
    body = sent(
        Message(
            Role.USER,
            (
                Text("t"),
                Image("data:image/png;base64,AA=="),
                Document("data:application/pdf;base64,AA==", "a.pdf"),
                Thinking("hm", "sig"),
                Foreign("openai_chat", {"type": "input_audio", "input_audio": {}}),
            ),
        ),
        Message(Role.ASSISTANT, (Thinking("hm"),)),
    )

    assert body["messages"][0]["content"] == [
        {"type": "text", "text": "t"},
        {"type": "image_url", "image_url": {"url": "data:image/png;base64,AA=="}},
        {
            "type": "file",
            "file": {"filename": "a.pdf", "file_data": "data:application/pdf;base64,AA=="},
        },
        {"type": "input_audio", "input_audio": {}},
    ]
    assert body["messages"][1]["content"] == ""


def test_a_part_only_another_dialect_can_say_is_refused_with_its_place() -> None:
    with pytest.raises(Problem) as refused:
        sent(HELLO, Message(Role.USER, (Text("a"), Foreign("other", {"type": "x"}))))

    assert (refused.value.kind, refused.value.at) == (
        Kind.BAD_REQUEST,
        "messages[1].content[1]",
    )


@pytest.mark.parametrize(
    ("more", "field", "value"),
    [
        ({"tool_choice": ToolChoice(Choosing.REQUIRED)}, "tool_choice", "required"),
        (
            {"tool_choice": ToolChoice(Choosing.NAMED, "now")},
            "tool_choice",
            {"type": "function", "function": {"name": "now"}},
        ),
        ({}, "tool_choice", None),
        ({"parallel_calls": False}, "parallel_tool_calls", False),
        ({"temperature": 0.0}, "temperature", 0.0),
        ({"top_p": 0.5}, "top_p", 0.5),
        ({"stop": ("a", "b")}, "stop", ["a", "b"]),
        ({"count": 2}, "n", 2),
        ({"format": Format(Shape.JSON)}, "response_format", {"type": "json_object"}),
        (
            {"format": Format(Shape.SCHEMA, {"type": "object"}, "city", True)},
            "response_format",
            {
                "type": "json_schema",
                "json_schema": {"name": "city", "schema": {"type": "object"}, "strict": True},
            },
        ),
        (
            {"format": Format(Shape.SCHEMA)},
            "response_format",
            {"type": "json_schema", "json_schema": {"name": "answer", "schema": {}}},
        ),
        ({"end_user": "u"}, "user", "u"),
        ({"others": {"seed": 7}}, "seed", 7),
    ],
)
def test_a_wish_has_openais_name(more: dict[str, Any], field: str, value: Any) -> None:
    assert sent(tools=(NOW,), **more).get(field) == value


def test_a_tool_is_a_function() -> None:
    body = sent(tools=(NOW, Tool("bare")))

    assert body["tools"] == [
        {
            "type": "function",
            "function": {
                "name": "now",
                "description": "The time.",
                "parameters": NOW.parameters,
                "strict": True,
            },
        },
        {"type": "function", "function": {"name": "bare"}},
    ]


@pytest.mark.parametrize("model", ["o1", "o3-mini", "gpt-5", "gpt-5-mini-2025-08-07"])
def test_a_model_that_thinks_is_not_told_how_to_sample(model: str) -> None:
    body, ignored = written(
        model=model,
        temperature=0.2,
        top_p=1.0,
        max_tokens=5,
        effort="low",
        others={"logit_bias": {"1": 2}, "presence_penalty": 0, "seed": 1},
    )

    assert ignored == ("temperature", "logit_bias")
    assert (body["max_completion_tokens"], body["reasoning_effort"], body["seed"]) == (5, "low", 1)
    assert not body.keys() & {"temperature", "top_p", "logit_bias", "presence_penalty"}


@pytest.mark.parametrize("model", ["gpt-4o", "gpt-5-chat-latest", "something-new"])
def test_a_model_that_does_not_think_is_told(model: str) -> None:
    assert sent(model=model, temperature=0.2)["temperature"] == 0.2


def test_an_effort_is_left_out_where_nobody_knows_it() -> None:
    assert written(effort="high")[1] == ("reasoning_effort",)


def test_a_callers_own_body_goes_out_as_it_is() -> None:
    own = {
        "model": "mine",
        "messages": [{"role": "user", "content": "x", "odd": 1}],
        "new_field": {"a": [1]},
        "max_tokens": 5,
        "stream": True,
        "stream_options": {"include_obfuscation": False},
    }

    body = sent(original=Foreign("openai_chat", own))

    assert body == {
        **own,
        "model": "gpt-4o",
        "stream_options": {"include_obfuscation": False, "include_usage": True},
    }
    whole = sent(original=Foreign("openai_chat", own), stream=False)
    assert not whole.keys() & {"stream", "stream_options"}


def test_a_callers_own_body_loses_what_the_family_refuses() -> None:
    own = {"model": "m", "messages": [], "max_tokens": 5, "temperature": 1, "top_p": 0.5}

    body, ignored = written(model="o3", original=Foreign("openai_chat", own))

    assert ignored == ("top_p",)
    assert body["max_completion_tokens"] == 5
    assert "max_tokens" not in body
    both = {**own, "max_completion_tokens": 9}
    assert sent(model="o3", original=Foreign("openai_chat", both))["max_completion_tokens"] == 9
    none = {**own, "max_tokens": None}
    assert "max_completion_tokens" not in sent(model="o3", original=Foreign("openai_chat", none))


def test_how_a_callers_own_body_is_streamed_is_ours_to_say() -> None:
    own = Foreign("openai_chat", {"model": "m", "messages": [], "stream_options": 5})

    assert sent(original=own)["stream_options"] == {"include_usage": True}
    request = ChatRequest("m", (), TAGS, original=own)
    body = write_request(request, model="m", traits=Traits(usage_in_stream=False)).body
    assert json.loads(body) == {"model": "m", "messages": [], "stream": True}


@pytest.mark.parametrize("messages", [None, 5, [{"role": "user", "content": "x"}, 5]])
def test_a_body_without_developers_is_left_as_it_is(messages: Any) -> None:
    own = {"model": "m", "messages": messages}
    request = ChatRequest("m", (), TAGS, stream=False, original=Foreign("openai_chat", own))

    body = write_request(request, model="m", traits=Traits(developer=False)).body

    assert json.loads(body) == own


@pytest.mark.parametrize(
    "others",
    [
        {"logprobs": False, "top_logprobs": 0, "frequency_penalty": 0.0, "logit_bias": {}},
        {"presence_penalty": None, "temperature": 1},
    ],
)
def test_what_asks_for_nothing_is_left_out_without_a_word(others: dict[str, Any]) -> None:
    body, ignored = written(model="o3", others=others)

    assert (ignored, body.keys() & others.keys()) == ((), set())


def test_what_another_tongue_says_beside_its_question_is_not_said_in_openais() -> None:
    others = {"top_k": 5, "web_search_20250305": {"type": "x"}}

    body, ignored = written(passes="anthropic_messages", others=others)

    assert body.keys() == {"model", "messages", "stream", "stream_options"}
    assert ignored == ("top_k", "web_search_20250305")


def test_what_was_not_read_never_takes_the_place_of_what_was() -> None:
    custom = {"type": "custom", "custom": {"name": "grep"}}
    chosen = {"type": "custom", "custom": {"name": "grep"}}
    others = {
        "model": "mine",
        "messages": [],
        "stream": False,
        "stream_options": {"a": 1},
        "temperature": 2,
        "tools[1]": custom,
        "tool_choice": chosen,
    }

    body = sent(temperature=0.5, tools=(NOW,), others=others)

    assert (body["model"], body["messages"], body["temperature"]) == (
        "gpt-4o",
        [{"role": "user", "content": "hello"}],
        0.5,
    )
    assert (body["stream"], body["stream_options"]) == (True, {"include_usage": True})
    assert [tool["type"] for tool in body["tools"]] == ["function", "custom"]
    assert body["tool_choice"] == chosen
    assert "tools[1]" not in body
    assert sent(others={"tools[0]": custom})["tools"] == [custom]


def test_a_users_name_is_no_longer_than_openai_takes_it() -> None:
    long = "user_" + "0" * 64 + "_account__session_"

    first, again = sent(end_user=long)["user"], sent(end_user=long)["user"]

    assert first == again
    assert len(first) == 64
    assert first != sent(end_user=long + "x")["user"]


def test_a_document_that_a_tool_gave_follows_as_a_picture_does() -> None:
    paper = Document("data:application/pdf;base64,AA==")

    body = sent(
        Message(Role.ASSISTANT, "", calls=(CALL,)),
        Message(Role.TOOL, (Text("see"), paper), answers="call_a"),
    )

    assert [part["type"] for part in body["messages"][1]["content"]] == ["text", "text"]
    [shown] = body["messages"][2]["content"]
    assert shown["file"] == {"filename": "document.pdf", "file_data": paper.url}


def test_a_body_of_another_dialect_is_not_passed_on() -> None:
    assert sent(original=Foreign("other", {"x": 1}))["messages"] == [
        {"role": "user", "content": "hello"}
    ]


texts = st.text(max_size=20)
calls = st.lists(
    st.builds(ToolCall, st.text(min_size=1, max_size=60), st.just("now"), st.just("{}")),
    max_size=3,
    unique_by=lambda call: call.id,
)


@st.composite
def conversations(draw: st.DrawFn) -> tuple[Message, ...]:
    messages: list[Message] = []
    for _ in range(draw(st.integers(1, 5))):
        role = draw(st.sampled_from([Role.SYSTEM, Role.USER, Role.ASSISTANT]))
        made = tuple(draw(calls)) if role is Role.ASSISTANT else ()
        messages.append(Message(role, draw(texts), calls=made))
        messages += [Message(Role.TOOL, draw(texts), answers=call.id) for call in made]
    return tuple(messages)


@given(messages=conversations())
def test_whatever_was_said_is_a_body_that_openai_takes(messages: tuple[Message, ...]) -> None:
    assert check_request(sent(*messages, tools=(NOW,)), None)
