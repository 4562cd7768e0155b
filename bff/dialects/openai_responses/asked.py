"""A caller's request for a response, read into our words. Its input: asked_items.py; what of it the
answer says again: echo.py.

The body itself goes along, so that OpenAI is asked in the caller's own words. What only OpenAI's
own state and tools can do is refused, whoever answers. Source: contract api-faces.md §2
"/v1/responses", §4 "n8n"; providers.md §6.
"""

from collections.abc import Mapping
from functools import partial
from typing import Any

from bff.chat.request import (
    ChatRequest,
    Choosing,
    Foreign,
    Format,
    Message,
    Role,
    Shape,
    Tags,
    Tool,
    ToolChoice,
)
from bff.dialects.fields import (
    inside,
    optional,
    read_count,
    read_flag,
    read_list,
    read_name,
    read_number,
    read_object,
    read_text,
    refused,
    unread,
)
from bff.dialects.openai_responses.asked_items import read_input
from bff.dialects.openai_responses.errors import unsupported
from bff.dialects.openai_responses.names import NAME

_LIMIT = "max_output_tokens"
_STATE = ("previous_response_id", "conversation", "prompt")  # all of it lies with OpenAI
_CHOOSING: Mapping[str, Choosing] = {
    "auto": Choosing.AUTO,
    "none": Choosing.NONE,
    "required": Choosing.REQUIRED,
}
_READ = frozenset(
    {
        *("model", "input", "instructions", "stream", "stream_options", "tools", "tool_choice"),
        *("parallel_tool_calls", _LIMIT, "temperature", "top_p", "text", "reasoning", "metadata"),
        *("user", "safety_identifier", "store", "background"),
    }
)


def read_request(
    body: Any, *, tags: Tags, most_messages: int = 1000, most_parts: int = 1000
) -> ChatRequest:
    """The question in *body*. Raises Problem(INVALID) with the place in the body.

    A field that is null, or a limit of -1 (n8n's "unset"), counts as missing.
    """
    if not isinstance(body, dict):
        raise refused("", "The body must be a JSON object.")
    asked = {name: value for name, value in body.items() if not _is_missing(name, value)}
    _refuse_state(asked)
    optional(asked, "metadata", read_object)
    user = optional(asked, "user", read_text)
    safety = optional(asked, "safety_identifier", read_text)
    reasoning = optional(asked, "reasoning", read_object) or {}
    parallel = optional(asked, "parallel_tool_calls", read_flag)
    return ChatRequest(
        model=read_name(asked.get("model"), "model"),
        messages=(
            *_read_instructions(asked),
            *read_input(asked.get("input"), most_messages=most_messages, most_parts=most_parts),
        ),
        tags=tags,
        max_tokens=optional(asked, _LIMIT, read_count),
        stream=optional(asked, "stream", read_flag) or False,
        tools=_read_tools(asked),
        tool_choice=_read_choice(asked.get("tool_choice")),
        parallel_calls=parallel is not False,
        temperature=optional(asked, "temperature", partial(read_number, most=2)),
        top_p=optional(asked, "top_p", partial(read_number, most=1)),
        format=_read_format(asked),
        effort=optional(reasoning, "effort", read_text, "reasoning") or "",
        end_user=user or safety or "",
        others=unread(asked, _READ),
        passes=NAME,
        original=Foreign(NAME, asked),
    )


def _is_missing(name: str, value: Any) -> bool:
    return value is None or (name == _LIMIT and value == -1)


def _refuse_state(asked: Mapping[str, Any]) -> None:
    for name in _STATE:
        if name in asked:
            raise unsupported(name, "Nothing is kept here: send the whole conversation as input.")
    if optional(asked, "background", read_flag):
        raise unsupported("background", "Nothing runs in the background here: use stream: true.")


def _read_instructions(asked: Mapping[str, Any]) -> tuple[Message, ...]:
    said = optional(asked, "instructions", read_text)
    return (Message(Role.SYSTEM, said),) if said else ()


def _read_format(asked: Mapping[str, Any]) -> Format | None:
    said = optional(asked, "text", read_object) or {}
    format_ = optional(said, "format", read_object, "text")
    if format_ is None:
        return None
    at = "text.format"
    match format_.get("type"):
        case "text":
            return None
        case "json_object":
            return Format(Shape.JSON)
        case "json_schema":
            return Format(
                Shape.SCHEMA,
                schema=optional(format_, "schema", read_object, at),
                name=optional(format_, "name", read_text, at) or "answer",
                strict=optional(format_, "strict", read_flag, at),
            )
    raise refused(inside(at, "type"), "This must be text, json_object or json_schema.")


# -- tools -----------------------------------------------------------------------------------------


def _read_tools(asked: Mapping[str, Any]) -> tuple[Tool, ...]:
    tools = optional(asked, "tools", read_list) or ()
    return tuple(_read_tool(tool, f"tools[{index}]") for index, tool in enumerate(tools))


def _read_tool(value: Any, at: str) -> Tool:
    tool = read_object(value, at)
    if read_name(tool.get("type"), inside(at, "type")) != "function":
        raise unsupported(inside(at, "type"), "Only tools of the type function are supported here.")
    return Tool(
        name=read_name(tool.get("name"), inside(at, "name")),
        description=optional(tool, "description", read_text, at) or "",
        parameters=optional(tool, "parameters", read_object, at),
        strict=optional(tool, "strict", read_flag, at),
    )


def _read_choice(choice: Any) -> ToolChoice:
    at = "tool_choice"
    if choice is None:
        return ToolChoice()
    if isinstance(choice, str):
        if choice not in _CHOOSING:
            raise refused(at, "This must be auto, none, required, or name a function.")
        return ToolChoice(_CHOOSING[choice])
    asked = read_object(choice, at)
    if read_name(asked.get("type"), inside(at, "type")) != "function":
        raise unsupported(inside(at, "type"), "Only a function can be chosen here.")
    return ToolChoice(Choosing.NAMED, read_name(asked.get("name"), inside(at, "name")))
