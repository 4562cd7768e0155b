"""What a caller asks in OpenAI's words, read into ours."""

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
    Text,
    Tool,
    ToolCall,
    ToolChoice,
)
from bff.dialects.openai_chat import NAME
from bff.dialects.openai_chat.asked import Manner, read_manner, read_request
from bff.errors import Kind, Problem
from tests.support.faces import SECRET, TAGS, bodies, complaint

HELLO = [{"role": "user", "content": "hello"}]
NOW = {"name": "now", "description": "The time.", "parameters": {"type": "object"}, "strict": True}
CALL = {"id": "c1", "type": "function", "function": {"name": "now", "arguments": '{"tz":"UTC"}'}}
CALLED = {"role": "assistant", "content": None, "tool_calls": [CALL]}
RESULT = {"role": "tool", "tool_call_id": "c1", "content": "12:00"}


def read(**more: Any) -> ChatRequest:
    return read_request({"model": "gpt-4o", "messages": HELLO, **more}, tags=TAGS)


def turns(*messages: Any) -> tuple[Message, ...]:
    return read(messages=list(messages)).messages


def refusal(**more: Any) -> Problem:
    with pytest.raises(Problem) as caught:
        read(**more)
    assert caught.value.kind is Kind.INVALID
    return caught.value


def test_the_least_question_is_read_and_its_own_words_go_along() -> None:
    body = {"model": "gpt-4o", "messages": HELLO}

    chat = read_request(body, tags=TAGS)

    assert chat == ChatRequest(
        "gpt-4o",
        (Message(Role.USER, "hello"),),
        TAGS,
        stream=False,
        passes=NAME,
        original=Foreign(NAME, body),
    )


def test_every_field_is_read() -> None:
    chat = read(
        max_completion_tokens=9,
        temperature=1,
        top_p=0.5,
        n=2,
        stop=["a", "b"],
        stream=True,
        stream_options={"include_usage": True},
        tools=[{"type": "function", "function": NOW}],
        tool_choice={"type": "function", "function": {"name": "now"}},
        parallel_tool_calls=False,
        response_format={
            "type": "json_schema",
            "json_schema": {"name": "x", "schema": {"type": "object"}, "strict": True},
        },
        reasoning_effort="high",
        user="me",
        safety_identifier="you",
        seed=7,
        odd={"x": 1},
    )

    assert (chat.max_tokens, chat.temperature, chat.top_p, chat.count) == (9, 1.0, 0.5, 2)
    assert (chat.stop, chat.stream, chat.effort, chat.end_user) == (("a", "b"), True, "high", "me")
    assert chat.tools == (Tool("now", "The time.", {"type": "object"}, True),)
    assert chat.tool_choice == ToolChoice(Choosing.NAMED, "now")
    assert chat.parallel_calls is False
    assert chat.format == Format(Shape.SCHEMA, {"type": "object"}, "x", True)
    assert chat.others == {"seed": 7, "odd": {"x": 1}}
    assert read_manner(chat) == Manner(include_usage=True)


def test_a_field_that_is_null_and_a_limit_of_minus_one_are_missing() -> None:
    chat = read(max_tokens=-1, temperature=None, stream=None, tools=None, user=None, n=None)

    assert chat == read()


def test_of_two_limits_the_newer_wins_also_upstream() -> None:
    chat = read(max_tokens=5, max_completion_tokens=6)

    assert chat.max_tokens == 6
    assert chat.original is not None
    assert "max_tokens" not in chat.original.original
    assert read(max_tokens=5, max_completion_tokens=-1).max_tokens == 5


@pytest.mark.parametrize(
    ("more", "field", "value"),
    [
        ({"max_tokens": 5}, "max_tokens", 5),
        ({"stop": "x"}, "stop", ("x",)),
        ({"stop": []}, "stop", ()),
        ({"safety_identifier": "you"}, "end_user", "you"),
        ({"tool_choice": "auto"}, "tool_choice", ToolChoice()),
        ({"tool_choice": "none"}, "tool_choice", ToolChoice(Choosing.NONE)),
        ({"tool_choice": "required"}, "tool_choice", ToolChoice(Choosing.REQUIRED)),
        ({"response_format": {"type": "text"}}, "format", None),
        ({"response_format": {"type": "json_object"}}, "format", Format(Shape.JSON)),
        (
            {"response_format": {"type": "json_schema", "json_schema": {}}},
            "format",
            Format(Shape.SCHEMA),
        ),
        ({"tools": [{"type": "function", "function": {"name": "f"}}]}, "tools", (Tool("f"),)),
        ({"stream_options": {}, "stream": True}, "stream", True),
    ],
)
def test_a_field_is_read(more: dict[str, Any], field: str, value: Any) -> None:
    assert getattr(read(**more), field) == value


def test_a_field_whose_name_no_header_could_hold_is_not_named() -> None:
    assert read(
        **{"odd\r\nx-evil: 1": 1, "é": 1, "": 1, "o" * 65: 1, "fine": 1, "none": None}
    ).others == {"fine": 1}
    assert len(read(**{f"odd{i}": i for i in range(99)}).others) == 32


def test_tools_that_only_openai_has_are_named_and_not_read() -> None:
    custom = {"type": "custom", "custom": {"name": "sh"}}
    allowed = {"type": "allowed_tools", "allowed_tools": {}}

    chat = read(tools=[{"type": "function", "function": NOW}, custom], tool_choice=allowed)

    assert [tool.name for tool in chat.tools] == ["now"]
    assert chat.others == {"tools[1]": custom, "tool_choice": allowed}
    assert chat.tool_choice == ToolChoice()


@pytest.mark.parametrize(
    ("choice", "read_as"),
    [
        (None, ToolChoice()),
        ("none", ToolChoice(Choosing.NONE)),
        ({"name": "now"}, ToolChoice(Choosing.NAMED, "now")),
    ],
)
def test_functions_of_before_tools_are_tools_of_which_one_is_called(
    choice: Any, read_as: ToolChoice
) -> None:
    chat = read(functions=[NOW], function_call=choice)

    assert chat.tools == (Tool("now", "The time.", {"type": "object"}, True),)
    assert (chat.tool_choice, chat.parallel_calls) == (read_as, False)
    assert read_manner(chat) == Manner(legacy=True)
    assert read_manner(read(functions=[NOW], tools=[{"type": "function", "function": NOW}])) == (
        Manner()
    )


def test_the_manner_of_a_request_without_its_own_words_is_the_plain_one() -> None:
    assert read_manner(ChatRequest("m", (), TAGS)) == Manner()


# -- turns -----------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("message", "role"),
    [("developer", Role.SYSTEM), ("system", Role.SYSTEM), ("user", Role.USER)],
)
def test_a_role_is_read(message: str, role: Role) -> None:
    assert turns({"role": message, "content": "x", "name": "n"}) == (Message(role, "x", name="n"),)


@pytest.mark.parametrize(
    ("part", "read_as"),
    [
        ({"type": "text", "text": "x"}, Text("x")),
        (
            {"type": "text", "text": "x", "cache_control": {"type": "ephemeral"}},
            Text("x", {"type": "ephemeral"}),
        ),
        ({"type": "refusal", "refusal": "no"}, Text("no")),
        ({"type": "image_url", "image_url": {"url": "https://x/y.png"}}, Image("https://x/y.png")),
        (
            {
                "type": "image_url",
                "image_url": {"url": "data:image/png;base64,AA", "detail": "low"},
            },
            Image("data:image/png;base64,AA", "low"),
        ),
        (
            {"type": "file", "file": {"file_data": "data:application/pdf;base64,AA"}},
            Document("data:application/pdf;base64,AA"),
        ),
        (
            {"type": "file", "file": {"file_data": "data:x;base64,AA", "filename": "a.pdf"}},
            Document("data:x;base64,AA", "a.pdf"),
        ),
        (
            {"type": "file", "file": {"file_data": "AA"}},
            Foreign(NAME, {"type": "file", "file": {"file_data": "AA"}}),
        ),
        (
            {"type": "file", "file": {"file_id": "f"}},
            Foreign(NAME, {"type": "file", "file": {"file_id": "f"}}),
        ),
        (
            {"type": "input_audio", "input_audio": {"data": "AA"}},
            Foreign(NAME, {"type": "input_audio", "input_audio": {"data": "AA"}}),
        ),
    ],
)
def test_a_part_is_read(part: dict[str, Any], read_as: Any) -> None:
    assert turns({"role": "user", "content": [part]}) == (Message(Role.USER, (read_as,)),)


def test_calls_and_their_results_are_read_in_their_order() -> None:
    second = {"id": "c2", "function": {"name": "here", "arguments": {"a": "é"}}}
    third = {"id": "c3", "type": "custom", "custom": {"name": "sh", "input": "ls"}}
    called = {"role": "assistant", "content": "I look.", "tool_calls": [CALL, second, third]}

    said = turns(
        *HELLO,
        called,
        {"role": "tool", "tool_call_id": "c3", "content": [{"type": "text", "text": "x"}]},
        RESULT,
        {"role": "tool", "tool_call_id": "c2", "content": None, "name": "here"},
    )

    assert said[1:] == (
        Message(
            Role.ASSISTANT,
            "I look.",
            calls=(
                ToolCall("c1", "now", '{"tz":"UTC"}'),
                ToolCall("c2", "here", '{"a":"\\u00e9"}'),
                ToolCall("c3", "sh", '{"input":"ls"}'),
            ),
        ),
        Message(Role.TOOL, (Text("x"),), answers="c3"),
        Message(Role.TOOL, "12:00", answers="c1"),
        Message(Role.TOOL, "", answers="c2", name="here"),
    )


@pytest.mark.parametrize("arguments", [None, "", {}])
def test_a_call_without_arguments_has_an_empty_object(arguments: Any) -> None:
    call = {"id": "c1", "function": {"name": "now", "arguments": arguments}}

    _, said, _ = turns(*HELLO, CALLED | {"tool_calls": [call]}, RESULT)

    assert said.calls == (ToolCall("c1", "now", "{}"),)


def test_a_refusal_stands_where_the_text_would() -> None:
    assert turns({"role": "assistant", "refusal": "no"}) == (Message(Role.ASSISTANT, "no"),)


def test_a_function_call_of_before_tools_gets_an_id_and_its_result_that_id() -> None:
    called = {"role": "assistant", "content": None, "function_call": {"name": "now"}}
    result = {"role": "function", "name": "now", "content": "12:00"}

    said = turns(called, result, called, result)

    first, second = said[0].calls[0].id, said[2].calls[0].id
    assert first != second
    assert [message.answers for message in said] == ["", first, "", second]
    assert said[0].calls[0].arguments == "{}"


@pytest.mark.parametrize(
    ("messages", "at"),
    [
        (None, "messages"),
        ([], "messages"),
        ("hello", "messages"),
        ([{"role": "user", "content": "x"}] * 6, "messages"),
        ([*HELLO, "hello"], "messages[1]"),
        ([{"content": "x"}], "messages[0].role"),
        ([*HELLO, *HELLO, {"role": "owl", "content": "x"}], "messages[2].role"),
        ([{"role": ["user"], "content": "x"}], "messages[0].role"),
        ([{"role": "user", "content": 5}], "messages[0].content"),
        ([{"role": "user", "content": {}}], "messages[0].content"),
        ([{"role": "user", "content": [{"type": "text", "text": ""}] * 6}], "messages[0].content"),
        ([{"role": "user", "content": ["x"]}], "messages[0].content[0]"),
        ([{"role": "user", "content": [{"type": "video"}]}], "messages[0].content[0].type"),
        ([{"role": "user", "content": [{"type": "text"}]}], "messages[0].content[0].text"),
        (
            [{"role": "user", "content": [{"type": "image_url", "image_url": "u"}]}],
            "messages[0].content[0].image_url",
        ),
        (
            [{"role": "user", "content": [{"type": "image_url", "image_url": {}}]}],
            "messages[0].content[0].image_url.url",
        ),
        (
            [
                {
                    "role": "user",
                    "content": [{"type": "image_url", "image_url": {"url": "file:///x"}}],
                }
            ],
            "messages[0].content[0].image_url.url",
        ),
        ([{"role": "user", "name": 5, "content": "x"}], "messages[0].name"),
        ([{"role": "tool", "content": "x"}], "messages[0].tool_call_id"),
        ([CALLED, {"role": "tool", "tool_call_id": "", "content": ""}], "messages[1].tool_call_id"),
        ([CALLED, RESULT | {"tool_call_id": "c2"}], "messages[1].tool_call_id"),
        ([CALLED, RESULT, *HELLO, RESULT], "messages[3].tool_call_id"),
        ([{"role": "function", "name": "now", "content": "x"}], "messages[0]"),
        ([CALLED], "messages[0].tool_calls"),
        ([*HELLO, CALLED, *HELLO], "messages[1].tool_calls"),
        ([CALLED | {"tool_calls": CALL}], "messages[0].tool_calls"),
        ([CALLED | {"tool_calls": ["c1"]}], "messages[0].tool_calls[0]"),
        ([CALLED | {"tool_calls": [CALL | {"id": 1}]}], "messages[0].tool_calls[0].id"),
        ([CALLED | {"tool_calls": [CALL | {"type": "odd"}]}], "messages[0].tool_calls[0].type"),
        (
            [CALLED | {"tool_calls": [CALL | {"function": {"arguments": "{}"}}]}],
            "messages[0].tool_calls[0].function.name",
        ),
        (
            [CALLED | {"tool_calls": [CALL | {"function": {"name": "f", "arguments": 5}}]}],
            "messages[0].tool_calls[0].function.arguments",
        ),
    ],
)
def test_turns_that_cannot_be_read_are_refused_by_their_place(messages: Any, at: str) -> None:
    with pytest.raises(Problem) as caught:
        read_request({"model": "m", "messages": messages}, tags=TAGS, most_messages=5, most_parts=5)

    assert (caught.value.kind, caught.value.at) == (Kind.INVALID, at)


@pytest.mark.parametrize(
    ("more", "at"),
    [
        ({"model": None}, "model"),
        ({"model": ""}, "model"),
        ({"model": 5}, "model"),
        ({"stream": "true"}, "stream"),
        ({"stream": 1}, "stream"),
        ({"stream_options": {"include_usage": True}}, "stream_options"),
        ({"stream_options": 5, "stream": True}, "stream_options"),
        ({"stream_options": {"include_usage": 1}, "stream": True}, "stream_options.include_usage"),
        ({"temperature": 2.1}, "temperature"),
        ({"temperature": -0.1}, "temperature"),
        ({"temperature": "1"}, "temperature"),
        ({"temperature": True}, "temperature"),
        ({"top_p": 1.1}, "top_p"),
        ({"max_tokens": 0}, "max_tokens"),
        ({"max_tokens": -2}, "max_tokens"),
        ({"max_tokens": 1.5}, "max_tokens"),
        ({"max_completion_tokens": 0}, "max_completion_tokens"),
        ({"n": 0}, "n"),
        ({"n": True}, "n"),
        ({"stop": 5}, "stop"),
        ({"stop": ["a", 5]}, "stop[1]"),
        ({"user": 5}, "user"),
        ({"reasoning_effort": 5}, "reasoning_effort"),
        ({"parallel_tool_calls": 0}, "parallel_tool_calls"),
        ({"tools": 5}, "tools"),
        ({"tools": ["now"]}, "tools[0]"),
        ({"tools": [{}]}, "tools[0].type"),
        ({"tools": [{"type": "function"}]}, "tools[0].function"),
        ({"tools": [{"type": "function", "function": {}}]}, "tools[0].function.name"),
        ({"functions": [5]}, "functions[0]"),
        ({"functions": [NOW], "function_call": {}}, "function_call.name"),
        ({"tool_choice": "any"}, "tool_choice"),
        ({"tool_choice": 5}, "tool_choice"),
        ({"tool_choice": {}}, "tool_choice.type"),
        ({"tool_choice": {"type": "function"}}, "tool_choice.function"),
        ({"response_format": {"type": "xml"}}, "response_format.type"),
        ({"response_format": {"type": "json_schema"}}, "response_format.json_schema"),
    ],
)
def test_a_field_that_cannot_be_read_is_refused_by_its_name(more: dict[str, Any], at: str) -> None:
    assert refusal(**more).at == at


@pytest.mark.parametrize("body", [None, [], "x", 5])
def test_a_body_that_is_no_object_is_refused(body: Any) -> None:
    with pytest.raises(Problem) as caught:
        read_request(body, tags=TAGS)

    assert (caught.value.kind, caught.value.at) == (Kind.INVALID, "")


NAMES = (
    *("model", "messages", "role", "content", "type", "text", "tool_calls", "id", "function"),
    *("name", "arguments", "tool_call_id", "function_call", "functions", "tools", "tool_choice"),
    *("stream", "stream_options", "stop", "response_format", "json_schema", "schema", "image_url"),
    *("url", "file", "file_data", "input_audio", "temperature", "max_tokens", "n", "refusal"),
)
WORDS = (
    *("user", "assistant", "tool", "function", "system", "text", "image_url", "file", "custom"),
    *("json_schema", "json_object", "auto", "refusal", "input_audio"),
)
ANY = bodies(WORDS, NAMES)
TURN = st.fixed_dictionaries(
    {"role": st.sampled_from(["user", "assistant", "tool", "function", "system"])},
    optional=dict.fromkeys(("content", "tool_calls", "tool_call_id", "function_call"), ANY),
)
PLAUSIBLE = st.fixed_dictionaries(
    {"model": st.just("m"), "messages": st.lists(TURN, min_size=1, max_size=4)},
    optional={name: ANY for name in NAMES if name not in ("model", "messages")},
)


@given(body=ANY | PLAUSIBLE)
def test_whatever_the_body_is_it_is_read_or_refused_without_a_word_of_it(body: Any) -> None:
    assert SECRET not in complaint(lambda: read_manner(read_request(body, tags=TAGS)))
