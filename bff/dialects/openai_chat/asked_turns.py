"""The turns of a caller's conversation, in OpenAI's words: who speaks, what they say, which calls
are made and answered. Source: contract providers.md §1, §6.1, §6.2; api-faces.md §2 "Validate".
"""

from collections.abc import Mapping
from typing import Any

from bff.chat.request import Document, Foreign, Image, Message, Part, Role, Text, ToolCall
from bff.dialects.fields import (
    inside,
    optional,
    read_image_url,
    read_list,
    read_name,
    read_object,
    read_text,
    refused,
)
from bff.dialects.json_text import write_ascii
from bff.dialects.openai_chat.names import NAME

_ROLES: Mapping[str, Role] = {
    "developer": Role.SYSTEM,
    "system": Role.SYSTEM,
    "user": Role.USER,
    "assistant": Role.ASSISTANT,
    "tool": Role.TOOL,
    "function": Role.TOOL,  # as results were called before tools
}


def read_messages(value: Any, *, most_messages: int, most_parts: int) -> tuple[Message, ...]:
    """Raises Problem(INVALID): also where a call stays without its result, or the reverse."""
    turns = read_list(value, "messages", most=most_messages)
    if not turns:
        raise refused("messages", "At least one message is required.")
    reader = _Reader(most_parts)
    for index, turn in enumerate(turns):
        reader.read(turn, f"messages[{index}]")
    reader.close()
    return tuple(reader.messages)


class _Reader:
    """Reads turn by turn; knows which calls of the last assistant's turn still want a result."""

    def __init__(self, most_parts: int) -> None:
        self.messages: list[Message] = []
        self._most_parts = most_parts
        self._asked: frozenset[str] = frozenset()
        self._open: set[str] = set()
        self._asked_at = ""
        self._made_ids = 0

    def read(self, value: Any, at: str) -> None:
        turn = read_object(value, at)
        spoken = turn.get("role")
        role = _ROLES.get(spoken) if isinstance(spoken, str) else None
        if role is None:
            raise refused(
                inside(at, "role"),
                "The role must be system, developer, user, assistant or tool.",
            )
        if role is not Role.TOOL:
            self.close()
        answers = self._read_answers(turn, at) if role is Role.TOOL else ""
        calls = self._read_calls(turn, at) if role is Role.ASSISTANT else ()
        self.messages.append(
            Message(
                role,
                self._read_content(turn, at),
                calls=calls,
                answers=answers,
                name=optional(turn, "name", read_text, at) or "",
            )
        )

    def close(self) -> None:
        """Before anyone else speaks each call must have been answered."""
        if self._open:
            raise refused(
                inside(self._asked_at, "tool_calls"),
                "Every tool call must be followed by a tool message with its tool_call_id.",
            )
        self._asked = frozenset()

    def _read_content(self, turn: Mapping[str, Any], at: str) -> str | tuple[Part, ...]:
        content = turn.get("content")
        if content is None:  # a refusal stands where the text would
            return optional(turn, "refusal", read_text, at) or ""
        if isinstance(content, str):
            return content
        at = inside(at, "content")
        if not isinstance(content, list):
            raise refused(at, "Content must be a string or a list of parts.")
        parts = read_list(content, at, most=self._most_parts)
        return tuple(_read_part(part, f"{at}[{index}]") for index, part in enumerate(parts))

    # -- calls and their results -------------------------------------------------------------------

    def _read_calls(self, turn: Mapping[str, Any], at: str) -> tuple[ToolCall, ...]:
        calls: list[ToolCall] = []
        for index, value in enumerate(optional(turn, "tool_calls", read_list, at) or ()):
            here = f"{at}.tool_calls[{index}]"
            call = read_object(value, here)
            calls.append(_read_call(call, here))
        legacy = optional(turn, "function_call", read_object, at)
        if legacy is not None and not calls:
            self._made_ids += 1
            id_ = f"call_{self._made_ids:024d}"
            calls.append(_read_function(legacy, inside(at, "function_call"), id_))
        self._open = {call.id for call in calls}
        self._asked, self._asked_at = frozenset(self._open), at
        return tuple(calls)

    def _read_answers(self, turn: Mapping[str, Any], at: str) -> str:
        if turn["role"] == "function":  # there was one call at a time, and no id
            id_ = next(iter(self._asked), "")
        else:
            at = inside(at, "tool_call_id")
            id_ = read_name(turn.get("tool_call_id"), at)
        if id_ not in self._asked:
            raise refused(at, "This answers no tool call of the assistant message before it.")
        self._open.discard(id_)
        return id_


def _read_call(call: Mapping[str, Any], at: str) -> ToolCall:
    id_ = read_name(call.get("id"), inside(at, "id"))
    match call.get("type", "function"):
        case "function":
            at = inside(at, "function")
            return _read_function(read_object(call.get("function"), at), at, id_)
        case "custom":  # its input is any text: elsewhere it is the one argument
            at = inside(at, "custom")
            custom = read_object(call.get("custom"), at)
            said = read_text(custom.get("input"), inside(at, "input"))
            name = read_name(custom.get("name"), inside(at, "name"))
            return ToolCall(id_, name, _spelled({"input": said}))
    raise refused(inside(at, "type"), "A call must be of the type function or custom.")


def _read_function(function: Mapping[str, Any], at: str, id_: str) -> ToolCall:
    name, arguments = read_name(function.get("name"), inside(at, "name")), function.get("arguments")
    if arguments is None:
        arguments = ""
    elif isinstance(arguments, dict):  # some clients forget to make it a string
        arguments = _spelled(arguments)
    return ToolCall(id_, name, read_text(arguments, inside(at, "arguments")) or "{}")


def _spelled(arguments: dict[str, Any]) -> str:
    return write_ascii(arguments).decode("ascii")


# -- parts -----------------------------------------------------------------------------------------


def _read_part(value: Any, at: str) -> Part:
    part = read_object(value, at)
    match part.get("type"):
        case "text":
            return Text(
                read_text(part.get("text"), inside(at, "text")),
                optional(part, "cache_control", read_object, at),
            )
        case "refusal":
            return Text(read_text(part.get("refusal"), inside(at, "refusal")))
        case "image_url":
            at = inside(at, "image_url")
            image = read_object(part.get("image_url"), at)
            return Image(
                read_image_url(image.get("url"), inside(at, "url")),
                optional(image, "detail", read_text, at) or "",
            )
        case "file":
            return _read_file(part, inside(at, "file"))
        case "input_audio":
            read_object(part.get("input_audio"), inside(at, "input_audio"))
            return Foreign(NAME, part)
    raise refused(inside(at, "type"), "This type of content part is not known.")


def _read_file(part: Mapping[str, Any], at: str) -> Part:
    file = read_object(part.get("file"), at)
    url = optional(file, "file_data", read_text, at)
    if not url or not url.startswith("data:"):
        return Foreign(NAME, part)  # a file that lies with OpenAI, or one that only it can read
    return Document(url, optional(file, "filename", read_text, at) or "")
