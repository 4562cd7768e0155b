"""Tools told in the prompt: their definitions, the calls and results of the history as text, and
content that cannot pass for any of them. Source: contract providers.md §6.1, §7.4.
"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from itertools import groupby
from typing import Any

from bff.chat.request import (
    ChatRequest,
    Choosing,
    Message,
    Part,
    Role,
    Text,
    Tool,
    ToolCall,
    ToolChoice,
)
from bff.dialects.plain_turns import add_to_system, text_of
from bff.dialects.tool_prompt.markup import (
    CALLS,
    CALLS_END,
    RESULT_END,
    TOOLS,
    TOOLS_END,
    defuse,
    result_tag,
    write_inside,
)
from bff.dialects.tool_prompt.place import Place, offered
from bff.dialects.tool_prompt.values import read_value
from bff.errors import Kind, Problem

_NO_PARAMETERS: Mapping[str, Any] = {"type": "object", "properties": {}}
_EXAMPLE = '[{"name":"the tool\'s name","arguments":{"parameter":"value"}}]'


def write_tools(request: ChatRequest, place: Place) -> ChatRequest:
    """*request* for a model that has no tools: everything about them is in its messages.

    Of content only texts are changed: a picture in a user's turn is left to the vendor. Raises
    Problem(BAD_REQUEST) for one in a result, or in another turn that must become text; and where
    a tool must be called and is not there.
    """
    tools = offered(request)
    if not tools and request.tool_choice.how in (Choosing.REQUIRED, Choosing.NAMED):
        missing = "This asks for a tool that the request does not define."
        raise Problem(Kind.BAD_REQUEST, missing, at="tool_choice")
    told = replace(request, tools=(), tool_choice=ToolChoice(), original=None)
    if not (tools or _has_history(request.messages)):
        return told
    messages = tuple(_turns(request.messages))
    if tools:
        block = _block(tools, request)
        put = add_to_system if place is Place.SYSTEM else _before_first_user
        messages = put(messages, block)
    return replace(told, messages=messages)


def _has_history(messages: Sequence[Message]) -> bool:
    return any(turn.role is Role.TOOL or turn.calls for turn in messages)


# -- the definitions -------------------------------------------------------------------------------


def _block(tools: Sequence[Tool], request: ChatRequest) -> str:
    definitions = [_definition(tool) for tool in tools]
    return "\n".join(
        [
            "You can use tools. Each line below defines one, as a JSON object with its name, its "
            "description and the JSON schema of its parameters.",
            TOOLS,
            *definitions,
            TOOLS_END,
            "To use tools, end your answer with one block of exactly this form, and write nothing "
            "after it:",
            f"{CALLS}{_EXAMPLE}{CALLS_END}",
            "Between the tags stands one JSON array. Use only names defined above; `arguments` is "
            "a JSON object that fits the schema of the tool's parameters. Inside JSON strings "
            r"write \u003c for the character <. Do not put the block into a code fence.",
            "The results come in the next message. Never write a result yourself.",
            *_rules(request),
        ]
    )


def _definition(tool: Tool) -> str:
    parameters = _NO_PARAMETERS if tool.parameters is None else tool.parameters
    return write_inside(
        {"name": tool.name, "description": tool.description, "parameters": parameters}
    )


def _rules(request: ChatRequest) -> Iterator[str]:
    match request.tool_choice.how:
        case Choosing.REQUIRED:
            yield "In this answer you must call at least one of the tools."
        case Choosing.NAMED:
            yield f"In this answer you must call the tool {write_inside(request.tool_choice.name)}."
        case _:
            yield "If no tool is needed, answer in plain text without the block."
    if not request.parallel_calls:
        yield "Call at most one tool in an answer."


def _before_first_user(messages: Sequence[Message], text: str) -> tuple[Message, ...]:
    """*text* in front of the first user message, or at the end where there is none."""
    users = (index for index, turn in enumerate(messages) if turn.role is Role.USER)
    index = next(users, None)
    if index is None:
        return (*messages, Message(Role.USER, text))
    turn = messages[index]
    content = turn.content
    longer = (
        "\n\n".join(filter(None, (text, content)))
        if isinstance(content, str)
        else (Text(f"{text}\n"), *content)
    )
    return (*messages[:index], replace(turn, content=longer), *messages[index + 1 :])


# -- the history -----------------------------------------------------------------------------------


def _turns(messages: Sequence[Message]) -> Iterator[Message]:
    names: dict[str, str] = {}  # some clients number the calls of each turn anew
    numbered = enumerate(messages)
    for is_result, group in groupby(numbered, key=lambda one: one[1].role is Role.TOOL):
        if is_result:
            results = [_result(turn, names, index) for index, turn in group]
            yield Message(Role.USER, "\n".join(results))
        else:
            for index, turn in group:
                names.update((call.id, call.name) for call in turn.calls)
                yield _turn(turn, index)


def _result(turn: Message, names: Mapping[str, str], index: int) -> str:
    name = turn.name or names.get(turn.answers, "")
    text = defuse(text_of(turn.content, f"messages[{index}].content"))
    return f"{result_tag(turn.answers, name, is_error=turn.is_error)}{text}{RESULT_END}"


def _turn(turn: Message, index: int) -> Message:
    if not turn.calls:
        return replace(turn, content=_defused(turn.content), original=None)
    text = defuse(text_of(turn.content, f"messages[{index}].content"))
    said = "\n".join(filter(None, (text, _calls(turn.calls))))
    return replace(turn, content=said, calls=(), original=None)


def _defused(content: str | tuple[Part, ...]) -> str | tuple[Part, ...]:
    if isinstance(content, str):
        return defuse(content)
    return tuple(
        replace(part, text=defuse(part.text)) if isinstance(part, Text) else part
        for part in content
    )


def _calls(calls: Sequence[ToolCall]) -> str:
    items = [
        {"id": call.id, "name": call.name, "arguments": _arguments(call.arguments)}
        for call in calls
    ]
    return f"{CALLS}{write_inside(items)}{CALLS_END}"


def _arguments(text: str) -> Any:
    """The object in *text*; what is none is told as the text it is."""
    try:
        value = read_value(text)
    except ValueError:
        return text
    return value if isinstance(value, dict) else text
