"""A caller's request for a completion, read into our words. Its turns: asked_turns.py.

The body itself goes along, so that a vendor of this dialect is asked in the caller's own words.
Source: contract providers.md §1, §6.1-§6.3; api-faces.md §2 "Validate", §4 "n8n".
"""

from collections.abc import Mapping
from dataclasses import dataclass
from functools import partial
from typing import Any

from bff.chat.request import (
    ChatRequest,
    Choosing,
    Foreign,
    Format,
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
from bff.dialects.openai_chat.asked_turns import read_messages
from bff.dialects.openai_chat.names import NAME

_LIMITS = ("max_completion_tokens", "max_tokens")  # the first of them wins
_CHOOSING: Mapping[str, Choosing] = {
    "auto": Choosing.AUTO,
    "none": Choosing.NONE,
    "required": Choosing.REQUIRED,
}
_READ = frozenset(
    {
        *_LIMITS,
        *("model", "messages", "stream", "stream_options", "tools", "tool_choice", "functions"),
        *("function_call", "parallel_tool_calls", "temperature", "top_p", "stop", "n"),
        *("response_format", "reasoning_effort", "user", "safety_identifier"),
    }
)


@dataclass(frozen=True, slots=True)
class Manner:
    """How the caller wants to be answered: with a usage chunk, in the words of before tools."""

    include_usage: bool = False
    legacy: bool = False


def read_request(
    body: Any, *, tags: Tags, most_messages: int = 1000, most_parts: int = 1000
) -> ChatRequest:
    """The question in *body*. Raises Problem(INVALID) with the place in the body.

    A field that is null, or a limit of -1 (n8n's "unset"), counts as missing.
    """
    if not isinstance(body, dict):
        raise refused("", "The body must be a JSON object.")
    asked = {name: value for name, value in body.items() if not _is_missing(name, value)}
    if _LIMITS[0] in asked:
        asked.pop(_LIMITS[1], None)
    stream = optional(asked, "stream", read_flag) or False
    _read_stream_options(asked, stream)
    tools, others = _read_tools(asked)
    choice = _read_choice(asked, others)
    effort, user = (
        optional(asked, "reasoning_effort", read_text),
        optional(asked, "user", read_text),
    )
    safety = optional(asked, "safety_identifier", read_text)
    parallel = optional(asked, "parallel_tool_calls", read_flag)
    return ChatRequest(
        model=read_name(asked.get("model"), "model"),
        messages=read_messages(
            asked.get("messages"), most_messages=most_messages, most_parts=most_parts
        ),
        tags=tags,
        max_tokens=_read_limit(asked),
        stream=stream,
        tools=tools,
        tool_choice=choice,
        parallel_calls=parallel is not False and not _is_legacy(asked),
        temperature=optional(asked, "temperature", partial(read_number, most=2)),
        top_p=optional(asked, "top_p", partial(read_number, most=1)),
        stop=_read_stop(asked.get("stop")),
        count=optional(asked, "n", read_count) or 1,
        format=optional(asked, "response_format", _read_format),
        effort=effort or "",
        end_user=user or safety or "",
        others=others | unread(asked, _READ),
        passes=NAME,
        original=Foreign(NAME, asked),
    )


def read_manner(request: ChatRequest) -> Manner:
    """Of a request that `read_request` has read."""
    body = request.original.original if request.original is not None else {}
    options = body.get("stream_options") or {}
    return Manner(options.get("include_usage") is True, _is_legacy(body))


def _is_missing(name: str, value: Any) -> bool:
    return value is None or (name in _LIMITS and value == -1)


def _is_legacy(body: Mapping[str, Any]) -> bool:
    return "functions" in body and not body.get("tools")


def _read_stream_options(body: Mapping[str, Any], stream: bool) -> None:
    options = optional(body, "stream_options", read_object)
    if options is None:
        return
    if not stream:
        raise refused("stream_options", "stream_options is only allowed with stream: true.")
    optional(options, "include_usage", read_flag, "stream_options")


def _read_limit(body: Mapping[str, Any]) -> int | None:
    limits = [optional(body, name, read_count) for name in _LIMITS]
    return limits[0] if limits[0] is not None else limits[1]


def _read_stop(stop: Any) -> tuple[str, ...]:
    if stop is None:
        return ()
    if isinstance(stop, str):
        return (stop,)
    return tuple(
        read_text(one, f"stop[{index}]") for index, one in enumerate(read_list(stop, "stop"))
    )


def _read_format(value: Any, at: str) -> Format | None:
    asked = read_object(value, at)
    match asked.get("type"):
        case "text":
            return None
        case "json_object":
            return Format(Shape.JSON)
        case "json_schema":
            at = inside(at, "json_schema")
            named = read_object(asked.get("json_schema"), at)
            return Format(
                Shape.SCHEMA,
                schema=optional(named, "schema", read_object, at),
                name=optional(named, "name", read_text, at) or "answer",
                strict=optional(named, "strict", read_flag, at),
            )
    raise refused(inside(at, "type"), "This must be text, json_object or json_schema.")


# -- tools -----------------------------------------------------------------------------------------


def _read_tools(body: Mapping[str, Any]) -> tuple[tuple[Tool, ...], dict[str, Any]]:
    """The functions; and by their place the tools of other types, which only OpenAI has."""
    if _is_legacy(body):
        functions = read_list(body["functions"], "functions")
        return tuple(_read_tool(one, f"functions[{i}]") for i, one in enumerate(functions)), {}
    tools: list[Tool] = []
    others: dict[str, Any] = {}
    for index, value in enumerate(optional(body, "tools", read_list) or ()):
        at = f"tools[{index}]"
        tool = read_object(value, at)
        if read_name(tool.get("type"), inside(at, "type")) == "function":
            tools.append(_read_tool(tool.get("function"), inside(at, "function")))
        else:
            others[at] = tool
    return tuple(tools), others


def _read_tool(value: Any, at: str) -> Tool:
    function = read_object(value, at)
    return Tool(
        name=read_name(function.get("name"), inside(at, "name")),
        description=optional(function, "description", read_text, at) or "",
        parameters=optional(function, "parameters", read_object, at),
        strict=optional(function, "strict", read_flag, at),
    )


def _read_choice(body: Mapping[str, Any], others: dict[str, Any]) -> ToolChoice:
    name = "function_call" if _is_legacy(body) else "tool_choice"
    choice = body.get(name)
    if choice is None:
        return ToolChoice()
    if isinstance(choice, str):
        if choice not in _CHOOSING:
            raise refused(name, "This must be auto, none, required, or name a function.")
        return ToolChoice(_CHOOSING[choice])
    asked, at = read_object(choice, name), name
    if name == "tool_choice":
        if read_name(asked.get("type"), inside(name, "type")) != "function":
            others[name] = asked  # a choice among tools that only OpenAI has
            return ToolChoice()
        at = inside(name, "function")
        asked = read_object(asked.get("function"), at)
    return ToolChoice(Choosing.NAMED, read_name(asked.get("name"), inside(at, "name")))
