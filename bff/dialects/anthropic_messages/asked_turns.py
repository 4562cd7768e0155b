"""The turns of a caller's conversation, in Anthropic's words: blocks into parts, calls and results.

A user's turn may hold results and text; in our words each result is a turn of its own, right behind
the turn that made the call. Source: contract providers.md §2, §6.1, §6.2; api-faces.md §3.
"""

import re
from collections.abc import Mapping
from typing import Any

from bff.chat.request import (
    Document,
    Foreign,
    Image,
    Message,
    Part,
    Role,
    Text,
    Thinking,
    ToolCall,
)
from bff.dialects.anthropic_messages.names import NAME
from bff.dialects.fields import (
    inside,
    optional,
    read_flag,
    read_image_url,
    read_list,
    read_name,
    read_object,
    read_text,
    refused,
)
from bff.dialects.json_text import write_ascii

_MEDIA_TYPE = re.compile(r"[\w.+-]+/[\w.+-]+", re.ASCII)
_ROLES: Mapping[str, Role] = {
    "user": Role.USER,
    "assistant": Role.ASSISTANT,
    "system": Role.SYSTEM,
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


def read_texts(value: Any, at: str, most_parts: int) -> tuple[Part, ...]:
    blocks = read_list(value, at, most=most_parts)
    return tuple(
        _read_text(read_object(b, f"{at}[{i}]"), f"{at}[{i}]") for i, b in enumerate(blocks)
    )


class _Reader:
    """Reads turn by turn; knows which calls of the last assistant's turns still want a result.

    Neighbours of one role count as one turn, as Anthropic counts them.
    """

    def __init__(self, most_parts: int) -> None:
        self.messages: list[Message] = []
        self._most_parts = most_parts
        self._asked: set[str] = set()
        self._open: set[str] = set()
        self._spoke = Role.SYSTEM  # who was last, of user and assistant
        self._at = ""
        self._results_end = 0  # where the next result goes: behind the calls, before any text

    def read(self, value: Any, at: str) -> None:
        turn = read_object(value, at)
        spoken = turn.get("role")
        role = _ROLES.get(spoken) if isinstance(spoken, str) else None
        if role is None:
            raise refused(inside(at, "role"), "The role must be user or assistant.")
        if role is Role.ASSISTANT and self._spoke is not Role.ASSISTANT:
            self.close()
            self._asked.clear()
        if role is not Role.SYSTEM:
            self._spoke, self._at = role, at
        content = turn.get("content")
        at = inside(at, "content")
        if isinstance(content, str):
            self.messages.append(Message(role, content))
        elif not isinstance(content, list):
            raise refused(at, "Content must be a string or a list of blocks.")
        else:
            self._read_blocks(role, read_list(content, at, most=self._most_parts), at)
        if role is Role.ASSISTANT:
            self._results_end = len(self.messages)

    def close(self) -> None:
        """Once the user has spoken each call must have its result."""
        if self._open and self._spoke is Role.USER:
            raise refused(
                self._at,
                "tool_use ids were found without tool_result blocks immediately after. "
                "Each tool_use block must have its tool_result in the next message.",
            )

    def _read_blocks(self, role: Role, blocks: list[Any], at: str) -> None:
        parts: list[Part] = []
        calls: list[ToolCall] = []
        for index, value in enumerate(blocks):
            here = f"{at}[{index}]"
            block = read_object(value, here)
            type_ = block.get("type")
            if type_ == "tool_use" and role is Role.ASSISTANT:
                calls.append(self._read_call(block, here))
            elif type_ == "tool_result" and role is Role.USER:
                self._add_result(block, here)
            else:
                parts.append(_read_block(block, here))
        if parts or calls or role is not Role.USER:
            self.messages.append(Message(role, tuple(parts) if parts else "", calls=tuple(calls)))

    def _read_call(self, block: Mapping[str, Any], at: str) -> ToolCall:
        id_ = read_name(block.get("id"), inside(at, "id"))
        said = optional(block, "input", read_object, at) or {}
        self._asked.add(id_)
        self._open.add(id_)
        name = read_name(block.get("name"), inside(at, "name"))
        return ToolCall(id_, name, write_ascii(said).decode("ascii"))

    def _add_result(self, block: Mapping[str, Any], at: str) -> None:
        here = inside(at, "tool_use_id")
        id_ = read_name(block.get("tool_use_id"), here)
        if id_ not in self._asked:
            raise refused(here, "There is no tool_use with this id in the message before.")
        self._open.discard(id_)
        result = Message(
            Role.TOOL,
            self._read_result(block.get("content"), inside(at, "content")),
            answers=id_,
            is_error=optional(block, "is_error", read_flag, at) or False,
        )
        self.messages.insert(self._results_end, result)
        self._results_end += 1

    def _read_result(self, content: Any, at: str) -> str | tuple[Part, ...]:
        if content is None:
            return ""
        if isinstance(content, str):
            return content
        blocks = read_list(content, at, most=self._most_parts)
        return tuple(
            _read_block(read_object(block, f"{at}[{i}]"), f"{at}[{i}]")
            for i, block in enumerate(blocks)
        )


# -- blocks ----------------------------------------------------------------------------------------


def _read_block(block: dict[str, Any], at: str) -> Part:
    """Blocks of a type that we do not know go along unread: only Anthropic can be sent them."""
    match read_name(block.get("type"), inside(at, "type")):
        case "text":
            return _read_text(block, at)
        case "image":
            return _read_image(block, at)
        case "document":
            return _read_document(block, at)
        case "thinking":
            return Thinking(
                read_text(block.get("thinking"), inside(at, "thinking")),
                optional(block, "signature", read_text, at) or "",
            )
        case "tool_use":
            raise refused(at, "Only an assistant's message may hold a tool_use block.")
        case "tool_result":
            raise refused(at, "Only a user's message may hold a tool_result block.")
    return Foreign(NAME, block)


def _read_text(block: Mapping[str, Any], at: str) -> Text:
    return Text(
        read_text(block.get("text"), inside(at, "text")),
        optional(block, "cache_control", read_object, at),
    )


def _read_image(block: dict[str, Any], at: str) -> Part:
    source, at = _read_source(block, at)
    match source.get("type"):
        case "base64":
            return Image(_data_url(source, at))
        case "url":
            return Image(read_image_url(source.get("url"), inside(at, "url")))
    return Foreign(NAME, block)  # a file that lies with Anthropic


def _read_document(block: dict[str, Any], at: str) -> Part:
    title = optional(block, "title", read_text, at) or ""
    source, at = _read_source(block, at)
    match source.get("type"):
        case "base64":
            return Document(_data_url(source, at), title)
        case "text":
            return Text(read_text(source.get("data"), inside(at, "data")))
    return Foreign(NAME, block)


def _read_source(block: Mapping[str, Any], at: str) -> tuple[dict[str, Any], str]:
    at = inside(at, "source")
    return read_object(block.get("source"), at), at


def _data_url(source: Mapping[str, Any], at: str) -> str:
    here = inside(at, "media_type")
    media_type = read_name(source.get("media_type"), here)
    if not _MEDIA_TYPE.fullmatch(media_type):
        raise refused(here, "This is no media type.")
    encoded = read_name(source.get("data"), inside(at, "data"))
    return f"data:{media_type};base64,{encoded}"
