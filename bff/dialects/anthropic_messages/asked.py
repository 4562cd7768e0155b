"""A caller's request for a message, read into our words. Its turns: asked_turns.py.

The body itself goes along unchanged, so that Anthropic is asked in the caller's own words; what
only Anthropic can do is not read. Source: contract providers.md §2, §6.1-§6.3; api-faces.md §3.
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
from bff.dialects.anthropic_messages.asked_turns import read_messages, read_texts
from bff.dialects.anthropic_messages.names import NAME
from bff.dialects.anthropic_messages.passing import passed_headers, passed_query
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

_CHOOSING: Mapping[str, Choosing] = {
    "auto": Choosing.AUTO,
    "none": Choosing.NONE,
    "any": Choosing.REQUIRED,
    "tool": Choosing.NAMED,
}
_READ = frozenset(
    {
        *("model", "messages", "system", "max_tokens", "stream", "stop_sequences"),
        *("temperature", "top_p", "tools", "tool_choice"),
        *("metadata", "output_config", "output_format"),
    }
)
_NOTHING = (("service_tier", "auto"),)
_OWN_TOOLS = (None, "custom")  # the types of tools that the caller runs


def read_request(
    body: Any,
    *,
    tags: Tags,
    headers: Mapping[str, str] | None = None,
    query: str = "",
    most_messages: int = 1000,
    most_parts: int = 1000,
    counting: bool = False,
) -> ChatRequest:
    """The question in *body*; *headers* are the caller's, *query* the URL's, as it was written.

    With *counting* its tokens are asked for, and there need be no limit of an answer's. Raises
    Problem(INVALID) with the place in the body.
    """
    if not isinstance(body, dict):
        raise refused("", "The body must be a JSON object.")
    limit = optional(body, "max_tokens", read_count)
    if limit is None and not counting:
        raise refused("max_tokens", "This is required.")
    tools, theirs = _read_tools(body)
    choice, parallel = _read_choice(optional(body, "tool_choice", read_object))
    format_, effort = _read_output(body)
    said = optional(body, "metadata", read_object) or {}
    return ChatRequest(
        model=read_name(body.get("model"), "model"),
        messages=(
            *_read_system(body.get("system"), most_parts),
            *read_messages(
                body.get("messages"), most_messages=most_messages, most_parts=most_parts
            ),
        ),
        tags=tags,
        max_tokens=limit,
        stream=optional(body, "stream", read_flag) or False,
        tools=tools,
        tool_choice=choice,
        parallel_calls=parallel,
        temperature=optional(body, "temperature", partial(read_number, most=2)),
        top_p=optional(body, "top_p", partial(read_number, most=1)),
        stop=_read_stops(optional(body, "stop_sequences", read_list) or []),
        format=format_,
        effort=effort,
        end_user=optional(said, "user_id", read_text, "metadata") or "",
        others=_read_others(body, theirs),
        passes=NAME,
        original=Foreign(NAME, body),
        headers=passed_headers(headers or {}),
        query=passed_query(query),
    )


def _read_system(system: Any, most_parts: int) -> tuple[Message, ...]:
    """One turn, its blocks in their order: Claude Code's first block says whose request it is."""
    if system is None or system in ("", []):
        return ()
    if isinstance(system, str):
        return (Message(Role.SYSTEM, system),)
    return (Message(Role.SYSTEM, read_texts(system, "system", most_parts)),)


def _read_stops(stops: list[Any]) -> tuple[str, ...]:
    return tuple(read_text(stop, f"stop_sequences[{i}]") for i, stop in enumerate(stops))


def _read_tools(
    body: Mapping[str, Any],
) -> tuple[tuple[Tool, ...], dict[str, Any]]:
    """The caller's functions; and by type those that only Anthropic can run."""
    tools: list[Tool] = []
    theirs: dict[str, Any] = {}
    for index, value in enumerate(optional(body, "tools", read_list) or ()):
        at = f"tools[{index}]"
        tool = read_object(value, at)
        type_ = tool.get("type")
        if type_ in _OWN_TOOLS:
            tools.append(_read_tool(tool, at))
        else:
            theirs[read_name(type_, inside(at, "type"))] = tool
    return tuple(tools), theirs


def _read_others(body: Mapping[str, Any], theirs: Mapping[str, Any]) -> dict[str, Any]:
    """By name what is not read, for it means something to Anthropic only: *theirs* are its tools.
    What asks for nothing is left out, and so is a field of which something was read.
    """
    others = {
        name: value
        for name, value in body.items()
        if name not in _READ and value is not None and (name, value) not in _NOTHING
    }
    if isinstance(body.get("thinking"), dict) and body["thinking"].get("type") == "disabled":
        del others["thinking"]
    return unread({**others, **theirs}, ())


def _read_tool(tool: Mapping[str, Any], at: str) -> Tool:
    return Tool(
        name=read_name(tool.get("name"), inside(at, "name")),
        description=optional(tool, "description", read_text, at) or "",
        parameters=optional(tool, "input_schema", read_object, at),
        strict=optional(tool, "strict", read_flag, at),
    )


def _read_choice(choice: Mapping[str, Any] | None) -> tuple[ToolChoice, bool]:
    """What may be called, and whether several at once."""
    if choice is None:
        return ToolChoice(), True
    type_ = choice.get("type")
    how = _CHOOSING.get(type_) if isinstance(type_, str) else None
    if how is None:
        raise refused("tool_choice.type", "This must be auto, any, tool or none.")
    name = ""
    if how is Choosing.NAMED:
        name = read_name(choice.get("name"), "tool_choice.name")
    single = optional(choice, "disable_parallel_tool_use", read_flag, "tool_choice")
    return ToolChoice(how, name), single is not True


def _read_output(body: Mapping[str, Any]) -> tuple[Format | None, str]:
    """The form of the answer and the effort, also where an older beta had the form."""
    at = "output_config"
    config = optional(body, at, read_object) or {}
    effort = optional(config, "effort", read_text, at) or ""
    format_ = optional(config, "format", read_object, at)
    if format_ is None:
        at, format_ = "", optional(body, "output_format", read_object)
    if format_ is None or format_.get("type") != "json_schema":
        return None, effort
    at = inside(at, "format") if at else "output_format"
    return Format(Shape.SCHEMA, schema=optional(format_, "schema", read_object, at)), effort
