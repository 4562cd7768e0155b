"""Calls in what a model says."""

import itertools
from typing import Any

import pytest

from bff.chat.events import Event, TextDelta, ToolDelta, ToolStarted
from bff.chat.request import ChatRequest, Choosing, Message, Role, Tags, Tool, ToolCall, ToolChoice
from bff.dialects.tool_prompt import Heard, ToolReader, read_tools

TAGS = Tags("chat", "t:1", "u:1", "-", "req")
TOOLS = (
    Tool("now"),
    Tool("add", parameters={"properties": {"text": {"type": "string"}, "n": True}}),
)
CALL = '<tool_call>{"name":"now","arguments":{}}</tool_call>'
LIST = '<tool_calls>[{"name":"now","arguments":{"tz":"UTC"}}]</tool_calls>'
GLM = "<tool_call>now\n<arg_key>tz</arg_key>\n<arg_value>UTC</arg_value>\n</tool_call>"
KIMI = (
    "<|tool_calls_section_begin|><|tool_call_begin|>functions.now:0"
    '<|tool_call_argument_begin|>{"tz":"UTC"}<|tool_call_end|><|tool_calls_section_end|>'
)


def reader(tools: tuple[Tool, ...] = TOOLS, *, parallel: bool = True) -> ToolReader:
    numbers = itertools.count(1)
    return ToolReader(tools, parallel=parallel, new_id=lambda: f"c{next(numbers)}")


def hear(text: str, size: int = 0, *, parallel: bool = True) -> Heard:
    """What is heard of *text* in pieces of *size*."""
    listening = reader(parallel=parallel)
    cuts = [text[at : at + size] for at in range(0, len(text), size)] if size else [text]
    events = [event for cut in cuts for event in listening.feed(cut)] + listening.close()
    return fold(events, listening.failed)


def fold(events: list[Event], failed: int) -> Heard:
    texts: list[str] = []
    calls: list[ToolCall] = []
    for event in events:
        match event:
            case TextDelta(text):
                assert text
                texts.append(text)
            case ToolStarted(index, id_, name):
                assert index == len(calls)
                calls.append(ToolCall(id_, name, ""))
            case ToolDelta(index, arguments):
                assert index == len(calls) - 1
                calls[index] = ToolCall(calls[index].id, calls[index].name, arguments)
            case _:
                pytest.fail(f"no such event: {event}")
    return Heard("".join(texts), tuple(calls), failed)


def called(heard: Heard) -> list[tuple[str, str]]:
    return [(call.name, call.arguments) for call in heard.calls]


UTC = ("now", '{"tz":"UTC"}')


@pytest.mark.parametrize(
    ("text", "calls"),
    [
        (LIST, [UTC]),
        (GLM, [UTC]),
        (KIMI, [UTC]),
        (CALL, [("now", "{}")]),
        (f"{CALL}\n{CALL}", [("now", "{}")] * 2),
        ("<tool_call>now</tool_call>", [("now", "{}")]),
        ('<tool_calls> {"name":"now","parameters":{"tz":"UTC"}}\n</tool_calls>', [UTC]),
        (
            '<tool_call>{"function":{"name":"now","arguments":"{\\"tz\\": \\"UTC\\"}"}}</tool_call>',
            [UTC],
        ),
        ('```json\n{"function_calls":[{"name":"now","arguments":{"tz":"UTC"}}]}\n```', [UTC]),
        (
            '``` JSON \r\n\n { "function_calls" : [{"name":"now","arguments":{"tz":"UTC"}}] }\r\n\n ```` ',
            [UTC],
        ),
        ('```json\n[{"name":"now","arguments":{"tz":"UTC"}}]\n```', [UTC]),
    ],
)
def test_each_form_of_a_call_is_heard(text: str, calls: list[tuple[str, str]]) -> None:
    assert hear(text) == Heard(
        "", tuple(ToolCall(f"c{n}", *call) for n, call in enumerate(calls, 1)), 0
    )
    around = hear(f"\n Let me look.\n{text}\n")
    assert (around.text, called(around)) == ("Let me look.", calls)


def test_the_request_says_what_may_be_called() -> None:
    def ask(**more: Any) -> Heard:
        request = ChatRequest("m", (Message(Role.USER, "Hi"),), TAGS, **more)
        return read_tools(f"{LIST}\n{CALL} ", request, lambda: "c")

    both = (ToolCall("c", *UTC), ToolCall("c", "now", "{}"))
    assert ask(tools=TOOLS) == Heard("", both, 0)
    assert ask(tools=TOOLS, parallel_calls=False) == Heard("", both[:1], 0)
    assert ask(tools=TOOLS, tool_choice=ToolChoice(Choosing.NAMED, "now")) == Heard("", both, 0)
    named = ask(tools=TOOLS, tool_choice=ToolChoice(Choosing.NAMED, "add"))
    assert named == Heard(f"{LIST}\n{CALL}", (), 2)
    for nothing in ({}, {"tools": TOOLS, "tool_choice": ToolChoice(Choosing.NONE)}):
        assert ask(**nothing) == Heard(f"{LIST}\n{CALL} ", (), 0)
