"""What a caller of `/v1/responses` asks, read into ours."""

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
from bff.dialects.openai_responses.asked import read_request
from bff.dialects.openai_responses.echo import write_echo
from bff.dialects.openai_responses.names import NAME
from bff.errors import Kind, Problem
from tests.support.faces import SECRET, TAGS, bodies, complaint

NOW = {"type": "function", "name": "now", "description": "The time.", "strict": True}
CALL = {"type": "function_call", "call_id": "c1", "name": "now", "arguments": '{"tz":"UTC"}'}
RESULT = {"type": "function_call_output", "call_id": "c1", "output": "12:00"}
USER = {"role": "user", "content": "hello"}
SAID = {"type": "message", "role": "assistant", "content": "Let me look."}
THOUGHT = {"type": "reasoning", "id": "rs_1", "summary": [], "encrypted_content": "AA"}
READ_CALL = ToolCall("c1", "now", '{"tz":"UTC"}')
READ_RESULT = Message(Role.TOOL, "12:00", answers="c1")


def read(**more: Any) -> ChatRequest:
    return read_request({"model": "gpt-4o", "input": "hello", **more}, tags=TAGS)


def turns(*items: Any) -> tuple[Message, ...]:
    return read(input=list(items)).messages


def parts(*parts: Any) -> Any:
    return turns({"role": "user", "content": list(parts)})[0].content


def refusal(**more: Any) -> Problem:
    with pytest.raises(Problem) as caught:
        read(**more)
    assert caught.value.kind is Kind.INVALID
    return caught.value


def called(id_: str) -> dict[str, Any]:
    return CALL | {"call_id": id_}


def answered(id_: str) -> dict[str, Any]:
    return RESULT | {"call_id": id_}


def test_the_least_question_is_read_and_its_own_words_go_along() -> None:
    body = {"model": "gpt-4o", "input": "hello"}

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
        instructions="Be kind.",
        max_output_tokens=9,
        temperature=1,
        top_p=0.5,
        stream=True,
        tools=[NOW | {"parameters": {"type": "object"}}],
        tool_choice={"type": "function", "name": "now"},
        parallel_tool_calls=False,
        reasoning={"effort": "high", "summary": "auto"},
        text={
            "format": {"type": "json_schema", "name": "x", "schema": {"a": 1}, "strict": True},
            "verbosity": "low",
        },
        metadata={"a": "b"},
        user="me",
        safety_identifier="you",
        store=True,
        background=False,
        stream_options={"include_obfuscation": False},
        include=["reasoning.encrypted_content"],
        odd={"x": 1},
    )

    assert chat.messages == (Message(Role.SYSTEM, "Be kind."), Message(Role.USER, "hello"))
    assert (chat.max_tokens, chat.temperature, chat.top_p) == (9, 1.0, 0.5)
    assert (chat.stream, chat.effort, chat.end_user) == (True, "high", "me")
    assert chat.tools == (Tool("now", "The time.", {"type": "object"}, strict=True),)
    assert chat.tool_choice == ToolChoice(Choosing.NAMED, "now")
    assert not chat.parallel_calls
    assert chat.format == Format(Shape.SCHEMA, {"a": 1}, "x", strict=True)
    assert set(chat.others) == {"include", "odd"}


def test_what_is_null_or_minus_one_is_missing_and_goes_nowhere() -> None:
    names = ("instructions", "tools", "tool_choice", "text", "reasoning", "temperature", "stream")

    chat = read(
        **dict.fromkeys(names), max_output_tokens=-1, previous_response_id=None, prompt=None
    )

    assert chat == read()


def test_the_identifier_for_safety_stands_in_for_the_user() -> None:
    assert read(safety_identifier="you").end_user == "you"


@pytest.mark.parametrize(
    ("format_", "expected"),
    [
        (None, None),
        ({"type": "text"}, None),
        ({"type": "json_object"}, Format(Shape.JSON)),
        ({"type": "json_schema"}, Format(Shape.SCHEMA)),
    ],
)
def test_the_form_of_the_answer_is_read(format_: Any, expected: Format | None) -> None:
    assert read(text={"format": format_}).format == expected


@pytest.mark.parametrize("how", [Choosing.AUTO, Choosing.NONE, Choosing.REQUIRED])
def test_a_choice_among_tools_is_read(how: Choosing) -> None:
    assert read(tools=[NOW], tool_choice=how.value).tool_choice == ToolChoice(how)


# -- items -----------------------------------------------------------------------------------------


def test_a_message_needs_no_type_and_each_role_is_ours() -> None:
    spoken = ["user", "assistant", "system", "developer"]
    roles = [Role.USER, Role.ASSISTANT, Role.SYSTEM, Role.SYSTEM]

    plain = turns(*[{"role": role, "content": "x"} for role in spoken])
    typed = turns(*[{"type": "message", "role": role, "content": "x"} for role in spoken])

    assert plain == typed == tuple(Message(role, "x") for role in roles)


def test_parts_are_read_and_what_only_openai_can_read_is_carried() -> None:
    url = "data:application/pdf;base64,AA=="
    theirs = [
        {"type": "input_image", "file_id": "file_1"},
        {"type": "input_file", "file_url": "https://example.org/a.pdf"},
        {"type": "input_file", "file_data": "AA=="},
        {"type": "input_audio", "input_audio": {}},
    ]

    content = parts(
        {"type": "input_text", "text": "a"},
        {"type": "output_text", "text": "b", "annotations": []},
        {"type": "refusal", "refusal": "c"},
        {"type": "input_image", "image_url": "https://example.org/a.png", "detail": "low"},
        {"type": "input_image", "image_url": "data:image/png;base64,AA==", "file_id": None},
        {"type": "input_file", "file_data": url, "filename": "a.pdf"},
        {"type": "input_file", "file_data": url},
        *theirs,
    )

    assert content == (
        *(Text("a"), Text("b"), Text("c")),
        *(Image("https://example.org/a.png", "low"), Image("data:image/png;base64,AA==")),
        *(Document(url, "a.pdf"), Document(url)),
        *(Foreign(NAME, part) for part in theirs),
    )


def test_calls_belong_to_the_words_right_before_them_and_to_each_other() -> None:
    read = turns(USER, SAID, called("c1"), THOUGHT, called("c2"), answered("c2"), answered("c1"))

    calls = (READ_CALL, ToolCall("c2", "now", '{"tz":"UTC"}'))
    assert read[1:] == (
        Message(Role.ASSISTANT, "Let me look.", calls=calls),
        Message(Role.TOOL, "12:00", answers="c2"),
        Message(Role.TOOL, "12:00", answers="c1"),
    )


def test_calls_without_words_are_a_turn_and_a_result_ends_it() -> None:
    read = turns(called("c1"), answered("c1"), called("c2"), answered("c2"), SAID)

    assert read == (
        Message(Role.ASSISTANT, "", calls=(READ_CALL,)),
        READ_RESULT,
        Message(Role.ASSISTANT, "", calls=(ToolCall("c2", "now", '{"tz":"UTC"}'),)),
        Message(Role.TOOL, "12:00", answers="c2"),
        Message(Role.ASSISTANT, "Let me look."),
    )


def test_words_after_a_call_belong_to_its_turn() -> None:
    more = SAID | {"content": [{"type": "output_text", "text": "There."}]}

    assert turns(SAID, CALL, more, RESULT) == (
        Message(Role.ASSISTANT, (Text("Let me look."), Text("There.")), calls=(READ_CALL,)),
        READ_RESULT,
    )
    assert turns(CALL, SAID, RESULT)[0] == Message(
        Role.ASSISTANT, "Let me look.", calls=(READ_CALL,)
    )


def test_words_after_words_or_after_a_result_are_a_turn_of_their_own() -> None:
    assert turns(SAID, SAID) == (Message(Role.ASSISTANT, "Let me look."),) * 2
    assert turns(CALL, RESULT, SAID)[2] == Message(Role.ASSISTANT, "Let me look.")


@pytest.mark.parametrize(
    ("arguments", "expected"),
    [(None, "{}"), ("", "{}"), ({"é": 1}, '{"\\u00e9":1}'), ("{broken", "{broken")],
)
def test_arguments_are_the_text_of_an_object(arguments: Any, expected: str) -> None:
    (call,) = turns(CALL | {"arguments": arguments}, RESULT)[0].calls

    assert call.arguments == expected


def test_a_result_may_be_parts_or_nothing() -> None:
    picture = {"type": "input_image", "image_url": "https://example.org/a.png"}
    output = [{"type": "input_text", "text": "seen"}, picture]

    assert turns(CALL, RESULT | {"output": output})[1].content == (
        Text("seen"),
        Image("https://example.org/a.png"),
    )
    assert turns(CALL, RESULT | {"output": None})[1].content == ""


# -- refused ---------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("more", "at"),
    [
        ({"model": None}, "model"),
        ({"model": ""}, "model"),
        ({"input": None}, "input"),
        ({"input": []}, "input"),
        ({"input": [{"type": "reasoning"}]}, "input"),
        ({"input": 5}, "input"),
        ({"input": [5]}, "input[0]"),
        ({"input": [{}]}, "input[0].type"),
        ({"input": [{"type": 5}]}, "input[0].type"),
        ({"input": [{"role": "tool", "content": "x"}]}, "input[0].role"),
        ({"input": [{"role": 5, "content": "x"}]}, "input[0].role"),
        ({"input": [{"type": "message", "content": "x"}]}, "input[0].role"),
        ({"input": [{"role": "user", "content": 5}]}, "input[0].content"),
        ({"input": [{"role": "user", "content": [5]}]}, "input[0].content[0]"),
        ({"input": [{"role": "user", "content": [{"type": "x"}]}]}, "input[0].content[0].type"),
        (
            {"input": [{"role": "user", "content": [{"type": "input_image"}]}]},
            "input[0].content[0].image_url",
        ),
        ({"input": [CALL]}, "input[0]"),
        ({"input": [CALL, USER, RESULT]}, "input[0]"),
        ({"input": [called("c1"), called("c2"), answered("c2"), SAID]}, "input[0]"),
        ({"input": [called("c1"), called("c2"), answered("c1"), called("c3")]}, "input[1]"),
        ({"input": [RESULT]}, "input[0].call_id"),
        ({"input": [CALL, RESULT, USER, RESULT]}, "input[3].call_id"),
        ({"input": [CALL | {"call_id": ""}]}, "input[0].call_id"),
        ({"input": [CALL | {"name": None}]}, "input[0].name"),
        ({"input": [CALL | {"arguments": 5}]}, "input[0].arguments"),
        ({"input": [CALL, RESULT | {"output": {}}]}, "input[1].output"),
        ({"instructions": 5}, "instructions"),
        ({"stream": "yes"}, "stream"),
        ({"max_output_tokens": 0}, "max_output_tokens"),
        ({"temperature": 2.1}, "temperature"),
        ({"top_p": 1.1}, "top_p"),
        ({"metadata": []}, "metadata"),
        ({"reasoning": {"effort": 1}}, "reasoning.effort"),
        ({"text": {"format": {"type": "xml"}}}, "text.format.type"),
        ({"text": {"format": {"type": "json_schema", "schema": 1}}}, "text.format.schema"),
        ({"tools": [{}]}, "tools[0].type"),
        ({"tools": [{"type": "function", "function": NOW}]}, "tools[0].name"),
        ({"tool_choice": "any"}, "tool_choice"),
        ({"tool_choice": {}}, "tool_choice.type"),
        ({"tool_choice": {"type": "function"}}, "tool_choice.name"),
    ],
)
def test_what_cannot_be_asked_is_refused_by_its_place(more: dict[str, Any], at: str) -> None:
    problem = refusal(**more)

    assert (problem.at, problem.code) == (at, "")


@pytest.mark.parametrize(
    ("more", "at"),
    [
        ({"previous_response_id": "resp_1"}, "previous_response_id"),
        ({"conversation": {"id": "conv_1"}}, "conversation"),
        ({"prompt": {"id": "pmpt_1"}, "input": None}, "prompt"),
        ({"background": True}, "background"),
        ({"tools": [NOW, {"type": "web_search"}]}, "tools[1].type"),
        ({"tools": [{"type": "custom", "name": "x"}]}, "tools[0].type"),
        ({"tool_choice": {"type": "file_search"}}, "tool_choice.type"),
        ({"tool_choice": {"type": "allowed_tools", "mode": "auto"}}, "tool_choice.type"),
        ({"input": [USER, {"type": "item_reference", "id": "msg_1"}]}, "input[1].type"),
    ],
)
def test_what_lies_with_openai_is_refused_by_the_code_that_says_so(
    more: dict[str, Any], at: str
) -> None:
    problem = refusal(**more)

    assert (problem.at, problem.code) == (at, "unsupported_parameter")


@pytest.mark.parametrize("body", [None, [], "x", 5])
def test_a_body_must_be_an_object(body: Any) -> None:
    with pytest.raises(Problem) as caught:
        read_request(body, tags=TAGS)

    assert (caught.value.kind, caught.value.at) == (Kind.INVALID, "")


def test_a_conversation_has_so_many_items_and_an_item_so_many_parts() -> None:
    said = [{"type": "input_text", "text": "x"}] * 3
    body = {"model": "m", "input": [USER, {"role": "user", "content": said}]}

    read_request(body, tags=TAGS, most_messages=2, most_parts=3)
    for limits in ({"most_messages": 1}, {"most_parts": 2}):
        with pytest.raises(Problem, match="more than"):
            read_request(body, tags=TAGS, **limits)


WORDS = [
    *("message", "function_call", "function_call_output", "reasoning", "user", "assistant", "c1"),
    *("input_text", "output_text", "input_image", "input_file", "function", "json_schema", "auto"),
]
NAMES = [
    *("model", "input", "instructions", "tools", "tool_choice", "text", "format", "reasoning"),
    *("type", "role", "content", "call_id", "name", "arguments", "output", "image_url"),
    *("file_data", "max_output_tokens", "stream", "parameters", "effort", "schema"),
]
FIELDS = {name: bodies(WORDS, NAMES) for name in NAMES[:8]}


@given(body=bodies(WORDS, NAMES) | st.fixed_dictionaries({}, optional=FIELDS))
def test_any_body_is_read_or_refused_without_a_word_of_it(body: Any) -> None:
    assert SECRET not in complaint(lambda: read_request(body, tags=TAGS))


@given(items=st.lists(bodies(WORDS, NAMES) | st.sampled_from([USER, SAID, CALL, RESULT, THOUGHT])))
def test_any_items_are_read_with_each_call_answered_or_refused(items: list[Any]) -> None:
    try:
        messages = turns(*items)
    except Problem:
        return

    open_: set[str] = set()
    for message in messages:
        if message.role is Role.TOOL:
            open_.discard(message.answers)
        else:
            assert not open_
            open_ = {call.id for call in message.calls}
    assert not open_


# -- said again ------------------------------------------------------------------------------------


def test_a_plain_question_is_echoed_with_what_holds_here() -> None:
    assert write_echo(read()) == {
        "background": False,
        "instructions": None,
        "max_output_tokens": None,
        "metadata": {},
        "parallel_tool_calls": True,
        "previous_response_id": None,
        "reasoning": {"effort": None, "summary": None},
        "store": False,
        "temperature": None,
        "text": {"format": {"type": "text"}},
        "tool_choice": "auto",
        "tools": [],
        "top_p": None,
        "truncation": "disabled",
    }
    assert write_echo(ChatRequest("m", (), TAGS))["instructions"] is None


def test_what_was_asked_is_echoed_in_the_words_it_was_asked_in() -> None:
    schema = {"type": "json_schema", "name": "x", "schema": {}, "strict": False}
    asked = {
        "instructions": "Be kind.",
        "max_output_tokens": 9,
        "metadata": {"a": "b"},
        "parallel_tool_calls": False,
        "temperature": 1.5,
        "text": {"format": schema},
        "tool_choice": {"type": "function", "name": "now"},
        "tools": [NOW | {"parameters": {"type": "object"}}],
        "top_p": 0.5,
    }

    echo = write_echo(read(**asked, reasoning={"effort": "low"}))

    assert {name: echo[name] for name in asked} == asked
    assert echo["reasoning"]["effort"] == "low"
    assert write_echo(read(text={"format": {"type": "json_object"}}))["text"] == {
        "format": {"type": "json_object"}
    }
    assert write_echo(read(tool_choice="none"))["tool_choice"] == "none"
