"""A conversation in OpenAI's words: calls, results, and the pictures that results may hold.

Source: contract providers.md §1, §6.1, §6.2.
"""

import hashlib
from collections.abc import Iterator, Mapping, Sequence
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
from bff.dialects.openai_chat.names import NAME
from bff.errors import Kind, Problem

_TOOL = Role.TOOL  # looked up once: asked of every turn
_ID_MOST = 40  # characters of a call's id
_FOLLOWS = "[This part of the result follows in the next message of the user.]"


def write_messages(messages: Sequence[Message]) -> list[Mapping[str, Any]]:
    """What else than text a tool gave stands in a message of the user's, after all results of the
    turn. Raises Problem(BAD_REQUEST) for a part that only another dialect can say.
    """
    written: list[Mapping[str, Any]] = []
    shown: list[Mapping[str, Any]] = []
    for index, message in enumerate(messages):
        if shown and message.role is not _TOOL:
            written.append({"role": "user", "content": shown})
            shown = []
        written.append(_write_message(message, index, shown))
    if shown:
        written.append({"role": "user", "content": shown})
    return written


def write_own_messages(messages: Any) -> Any:
    """A caller's own, for who knows no developer."""
    if not isinstance(messages, list):
        return messages
    return [
        {**message, "role": "system"}
        if isinstance(message, dict) and message.get("role") == "developer"
        else message
        for message in messages
    ]


def short_id(id_: str) -> str:
    """*id_*, or one that OpenAI takes: the same for a call and for its result."""
    if len(id_) <= _ID_MOST:
        return id_
    return f"call_{hashlib.sha256(id_.encode('utf-8', 'surrogatepass')).hexdigest()[:24]}"


def _write_message(
    message: Message, index: int, shown: list[Mapping[str, Any]]
) -> Mapping[str, Any]:
    original, content = message.original, message.content
    if original is not None and original.dialect == NAME:
        return original.original
    if not isinstance(content, str):
        at = f"messages[{index}].content"
        beside = shown if message.role is _TOOL else None
        content = list(_parts(content, at, beside)) or ""  # type: ignore[assignment]  # as it is written
    written: dict[str, Any] = {"role": message.role, "content": content}
    if message.role is _TOOL:
        written["tool_call_id"] = short_id(message.answers)
    elif message.name:
        written["name"] = message.name
    if message.calls:
        written["content"] = content or None
        written["tool_calls"] = [_write_call(call) for call in message.calls]
    return written


def _write_call(call: ToolCall) -> Mapping[str, Any]:
    function = {"name": call.name, "arguments": call.arguments or "{}"}
    return {"id": short_id(call.id), "type": "function", "function": function}


def _parts(
    parts: Sequence[Part], at: str, beside: list[Mapping[str, Any]] | None
) -> Iterator[Mapping[str, Any]]:
    """What cannot stand in a result is added to *beside*, where that is given, and announced."""
    for index, part in enumerate(parts):
        match part:
            case Thinking():
                continue  # only its own vendor can read it again
            case Text():
                yield {"type": "text", "text": part.text}
            case Image() | Document() if beside is not None:
                beside.append(_attachment(part))
                yield {"type": "text", "text": _FOLLOWS}
            case Image() | Document():
                yield _attachment(part)
            case Foreign() if part.dialect == NAME:
                yield part.original
            case _:
                raise Problem(
                    Kind.BAD_REQUEST,
                    "This content cannot be sent to this model.",
                    at=f"{at}[{index}]",
                )


def _attachment(part: Image | Document) -> Mapping[str, Any]:
    if isinstance(part, Document):
        file = {"filename": part.name or "document.pdf", "file_data": part.url}
        return {"type": "file", "file": file}
    url = {"url": part.url, "detail": part.detail} if part.detail else {"url": part.url}
    return {"type": "image_url", "image_url": url}
