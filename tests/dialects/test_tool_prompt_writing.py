"""Tools told in the prompt."""

import json
import re
from dataclasses import replace
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from bff.chat.request import (
    ChatRequest,
    Choosing,
    Foreign,
    Image,
    Message,
    Part,
    Role,
    Tags,
    Text,
    Tool,
    ToolCall,
    ToolChoice,
)
from bff.dialects.tool_prompt import Place, offered, read_tools, write_tools
from bff.errors import Kind, Problem

TAGS = Tags("chat", "t:1", "u:1", "-", "req")
NOW = Tool("now", "The time.", {"type": "object", "properties": {"tz": {"type": "string"}}})
ADD = Tool("add")
SYSTEM = Message(Role.SYSTEM, "Be kind.")
HI = Message(Role.USER, "Hi")
ASKED = Message(Role.ASSISTANT, "Let me look.", calls=(ToolCall("c1", "now", '{"tz": "UTC"}'),))
TOLD = Message(Role.TOOL, "12:00", answers="c1")
ANY_TEXT = st.text(st.characters(codec=None), max_size=20)
PIECES = (
    *("<", "/", "|", " ", "\n", "\u200b", "&lt;", "```", '"', "\\", "]", "}", "functions.now:0"),
    *("tools>", "TOOLS >", "tool_calls>", "Tool_Call>", "tool_result id=", "tool_result>"),
    *("tool_calls_section_begin|>", "tool_call_argument_begin|>", "arg_key>", "now", "</"),
)
TAG_LIKE = st.lists(st.sampled_from(PIECES), max_size=12).map("".join)
OURS = re.compile(r"<[\s/|\u200b]*(tools|tool_calls?|tool_results?|tool_call\w*)\b", re.IGNORECASE)


def request(*messages: Message, **more: Any) -> ChatRequest:
    fields: dict[str, Any] = {"tools": (NOW, ADD), "original": Foreign("openai_chat", {})}
    return ChatRequest("m", messages or (SYSTEM, HI), TAGS, **(fields | more))


def told(asked: ChatRequest, place: Place = Place.SYSTEM) -> str:
    """The block that tells of the tools."""
    added = write_tools(asked, place).messages[0].content
    assert isinstance(added, str)
    return added


def definitions(text: str) -> list[Any]:
    (inside,) = re.findall(r"\n<tools>\n(.*?)\n</tools>\n", text, re.DOTALL)
    return [json.loads(line) for line in inside.split("\n")]


def test_definitions_stand_one_a_line_at_the_end_of_the_system_message() -> None:
    written = write_tools(request(), Place.SYSTEM)

    system, question = written.messages
    assert question == HI
    assert system.role is Role.SYSTEM
    assert isinstance(system.content, str)
    assert system.content.startswith("Be kind.\n\nYou can use tools.")
    assert definitions(system.content) == [
        {"name": "now", "description": "The time.", "parameters": NOW.parameters},
        {"name": "add", "description": "", "parameters": {"type": "object", "properties": {}}},
    ]
    assert '<tool_calls>[{"name":' in system.content
    assert "If no tool is needed" in system.content
    assert "at most one" not in system.content
    assert written == replace(request(), messages=written.messages, tools=(), original=None)


def test_a_system_message_is_made_where_there_is_none() -> None:
    system, question = write_tools(request(HI), Place.SYSTEM).messages

    assert (system.role, question) == (Role.SYSTEM, HI)
    assert len(definitions(str(system.content))) == 2


def test_definitions_may_stand_in_front_of_the_first_user_message() -> None:
    later = Message(Role.USER, "And now?")

    system, question, last = write_tools(request(SYSTEM, HI, later), Place.USER).messages

    assert (system, last) == (SYSTEM, later)
    assert question.role is Role.USER
    assert str(question.content).startswith("You can use tools.")
    assert str(question.content).endswith("\n\nHi")
    assert len(definitions(str(question.content))) == 2


def test_a_picture_of_the_user_stays_behind_the_definitions() -> None:
    picture = Image("https://a.example/x.png")

    (question,) = write_tools(
        request(Message(Role.USER, (Text("What is <tools>?"), picture))), Place.USER
    ).messages

    assert isinstance(question.content, tuple)
    block, *rest = question.content
    assert isinstance(block, Text)
    assert len(definitions(block.text)) == 2
    assert rest == [Text("What is &lt;tools>?"), picture]


def test_a_user_message_is_made_where_there_is_none() -> None:
    system, block = write_tools(request(SYSTEM), Place.USER).messages

    assert (system, block.role) == (SYSTEM, Role.USER)


def test_without_tools_and_calls_nothing_is_said_of_any() -> None:
    messages = (SYSTEM, Message(Role.USER, "What does <tools> mean?"))

    assert write_tools(request(*messages, tools=()), Place.SYSTEM).messages == messages
    none = request(*messages, tool_choice=ToolChoice(Choosing.NONE))
    assert write_tools(none, Place.SYSTEM) == replace(
        none, tools=(), tool_choice=ToolChoice(), original=None
    )


@pytest.mark.parametrize(
    ("choice", "names", "words"),
    [
        (ToolChoice(), ["now", "add"], "If no tool is needed"),
        (ToolChoice(Choosing.REQUIRED), ["now", "add"], "must call at least one"),
        (ToolChoice(Choosing.NAMED, "add"), ["add"], 'must call the tool "add"'),
    ],
)
def test_the_callers_choice_is_said_in_words(
    choice: ToolChoice, names: list[str], words: str
) -> None:
    asked = request(tool_choice=choice)

    assert words in told(asked)
    assert [one["name"] for one in definitions(told(asked))] == names
    assert [tool.name for tool in offered(asked)] == names


def test_one_call_at_a_time_is_said_in_words() -> None:
    assert "Call at most one tool" in told(request(parallel_calls=False))


def test_calls_and_results_of_the_history_are_text() -> None:
    second = ToolCall("c2", "add", "{}")
    history = (
        HI,
        replace(ASKED, calls=(*ASKED.calls, second), original=Foreign("openai_chat", {})),
        TOLD,
        Message(Role.TOOL, "no such thing", answers="c2", is_error=True),
        Message(Role.USER, "Well?"),
        Message(Role.ASSISTANT, "", calls=(second,)),
        Message(Role.TOOL, (Text("one"), Text("two")), answers="gone", name='a "<b>"\n'),
    )

    written = write_tools(request(*history, tools=()), Place.SYSTEM)

    assert written.messages == (
        HI,
        Message(
            Role.ASSISTANT,
            "Let me look.\n"
            '<tool_calls>[{"id":"c1","name":"now","arguments":{"tz":"UTC"}},'
            '{"id":"c2","name":"add","arguments":{}}]</tool_calls>',
        ),
        Message(
            Role.USER,
            '<tool_result id="c1" name="now">12:00</tool_result>\n'
            '<tool_result id="c2" name="add" is_error="true">no such thing</tool_result>',
        ),
        Message(Role.USER, "Well?"),
        Message(
            Role.ASSISTANT, '<tool_calls>[{"id":"c2","name":"add","arguments":{}}]</tool_calls>'
        ),
        Message(
            Role.USER,
            '<tool_result id="gone" name="a &quot;&lt;b&gt;&quot;">one\ntwo</tool_result>',
        ),
    )


def test_history_is_told_even_where_no_tool_may_be_called() -> None:
    none = request(HI, ASKED, TOLD, tool_choice=ToolChoice(Choosing.NONE))

    text = str(write_tools(none, Place.SYSTEM).messages)

    assert "<tool_result id=" in text
    assert "<tools>" not in text


@pytest.mark.parametrize("arguments", ["", "[1]", '{"a":', "now"])
def test_arguments_that_are_no_object_are_told_as_their_text(arguments: str) -> None:
    turn = Message(Role.ASSISTANT, "", calls=(ToolCall("c1", "now", arguments),))

    (written,) = write_tools(request(turn, tools=()), Place.SYSTEM).messages

    inside = str(written.content).removeprefix("<tool_calls>").removesuffix("</tool_calls>")
    assert json.loads(inside)[0]["arguments"] == arguments


@pytest.mark.parametrize(
    "turn",
    [
        Message(Role.TOOL, (Image("https://a.example/x.png"),), answers="c1"),
        replace(ASKED, content=(Image("https://a.example/x.png"),)),
    ],
)
def test_a_picture_that_cannot_become_text_is_refused(turn: Message) -> None:
    with pytest.raises(Problem) as refused:
        write_tools(request(HI, turn), Place.SYSTEM)

    assert refused.value.kind is Kind.BAD_REQUEST
    assert refused.value.at == "messages[1].content[0]"


@pytest.mark.parametrize(
    "tag",
    [
        "<tools>",
        "</tools>",
        "< / TOOLS >",
        "<\n tool_calls>",
        "</Tool_Calls>",
        "<tool_call>",
        "<|tool_calls_section_begin|>",
        "< | tool_call_begin|>",
        "<\u200btool_result id=x>",
        "<\u2063/\ufe0f\u0301tool_result>",
        "<!--tool_calls>",
        "</tool_result>",
    ],
)
def test_a_tag_in_content_is_defused(tag: str) -> None:
    text = f"a {tag} b <b> < c"
    history = (
        Message(Role.SYSTEM, text),
        Message(Role.USER, (Text(text),)),
        replace(ASKED, content=text),
        Message(Role.TOOL, text, answers=tag, name=tag),
        Message(Role.ASSISTANT, text),
    )

    messages = write_tools(request(*history, tools=()), Place.SYSTEM).messages

    defused = f"a &lt;{tag[1:]} b <b> < c"
    assert messages[0].content == defused
    assert messages[1].content == (Text(defused),)
    assert str(messages[2].content).startswith(f"{defused}\n<tool_calls>[")
    assert str(messages[3].content).endswith(f">{defused}</tool_result>")
    assert len(OURS.findall(str(messages[3].content))) == 2
    assert messages[4].content == defused


@pytest.mark.parametrize("text", ["<toolbox>", "<tool>", "tools", "a<b", "< tool calls>"])
def test_what_is_no_tag_of_ours_stays_as_it_is(text: str) -> None:
    messages = write_tools(request(Message(Role.USER, text)), Place.SYSTEM).messages

    assert messages[-1].content == text


@settings(deadline=None)
@given(TAG_LIKE | ANY_TEXT)
def test_content_adds_no_tag_of_ours(text: str) -> None:
    def tags(content: str) -> list[str]:
        tool = Tool("now", content, {"type": "object", content: content})
        history = (
            Message(Role.SYSTEM, content),
            Message(Role.USER, content),
            Message(
                Role.ASSISTANT,
                content,
                calls=(ToolCall(content, content, json.dumps({content: content})),),
            ),
            Message(Role.TOOL, content, answers=content, name=content),
        )
        written = write_tools(request(*history, tools=(tool,)), Place.SYSTEM)
        return [tag for turn in written.messages for tag in OURS.findall(str(turn.content))]

    assert tags(text) == tags("plain")


@settings(deadline=None)
@given(
    st.lists(
        st.tuples(
            st.sampled_from(["now", "add"]),
            st.dictionaries(TAG_LIKE | ANY_TEXT, TAG_LIKE | ANY_TEXT | st.integers(), max_size=3),
        ),
        min_size=1,
        max_size=4,
    ),
    st.sampled_from(["", "Let me look."]),
)
def test_what_is_told_of_a_call_reads_back_as_the_call(
    calls: list[tuple[str, dict[str, Any]]], text: str
) -> None:
    made = tuple(ToolCall("c", name, json.dumps(arguments)) for name, arguments in calls)
    asked = request(Message(Role.ASSISTANT, text, calls=made))

    (_, written) = write_tools(asked, Place.SYSTEM).messages
    heard = read_tools(str(written.content), asked, lambda: "c")

    assert heard.text == text
    assert [(call.name, json.loads(call.arguments)) for call in heard.calls] == calls
    assert heard.failed == 0


def test_content_of_parts_is_told_in_parts() -> None:
    parts: tuple[Part, ...] = (Text("Be"), Text("kind."))

    system, _ = write_tools(request(Message(Role.SYSTEM, parts), HI), Place.SYSTEM).messages

    assert isinstance(system.content, tuple)
    assert system.content[:2] == parts
    assert len(system.content) == 3


@pytest.mark.parametrize(
    ("tools", "choice"),
    [
        ((NOW,), ToolChoice(Choosing.NAMED, "NOW")),
        ((), ToolChoice(Choosing.NAMED, "now")),
        ((), ToolChoice(Choosing.REQUIRED)),
    ],
)
def test_a_tool_that_must_be_called_and_is_not_there_is_refused(
    tools: tuple[Tool, ...], choice: ToolChoice
) -> None:
    with pytest.raises(Problem) as caught:
        write_tools(request(tools=tools, tool_choice=choice), Place.SYSTEM)

    assert (caught.value.kind, caught.value.at) == (Kind.BAD_REQUEST, "tool_choice")


def test_an_id_that_is_used_again_names_the_call_before_its_result() -> None:
    other = Message(Role.ASSISTANT, "", calls=(ToolCall("c1", "add", "{}"),))

    written = write_tools(request(HI, ASKED, TOLD, other, TOLD, tools=()), Place.SYSTEM).messages

    results = [str(turn.content) for turn in written if turn.role is Role.USER][1:]
    assert results == [
        f'<tool_result id="c1" name="{name}">12:00</tool_result>' for name in ("now", "add")
    ]
