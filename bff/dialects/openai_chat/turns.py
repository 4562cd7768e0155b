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

_ID_MOST = 40  # characters of a call's id
_PICTURE_FOLLOWS = "[The picture follows in the next message.]"


def write_messages(messages: Sequence[Message]) -> list[Mapping[str, Any]]:
    """Pictures that a tool gave stand in a message of the user's, after all results of the turn.

    Raises Problem(BAD_REQUEST) for a part that only another dialect can say.
    """
    written: list[Mapping[str, Any]] = []
    pictures: list[Mapping[str, Any]] = []
    for index, message in enumerate(messages):
        if pictures and message.role is not Role.TOOL:
            written.append({"role": "user", "content": pictures})
            pictures = []
        if message.role is Role.TOOL:
            pictures += _pictures(message)
        written.append(_write_message(message, index))
    if pictures:
        written.append({"role": "user", "content": pictures})
    return written


def short_id(id_: str) -> str:
    """*id_*, or one that OpenAI takes: the same for a call and for its result."""
    if len(id_) <= _ID_MOST:
        return id_
    return f"call_{hashlib.sha256(id_.encode('utf-8', 'surrogatepass')).hexdigest()[:24]}"


def _write_message(message: Message, index: int) -> Mapping[str, Any]:
    original, content = message.original, message.content
    if original is not None and original.dialect == NAME:
        return original.original
    if not isinstance(content, str):
        content = _write_parts(message, content, f"messages[{index}].content")
    written: dict[str, Any] = {"role": message.role.value, "content": content}
    if message.role is Role.TOOL:
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


def _write_parts(message: Message, parts: Sequence[Part], at: str) -> Any:
    written = list(_parts(parts, at, in_result=message.role is Role.TOOL))
    return written or ""


def _parts(parts: Sequence[Part], at: str, *, in_result: bool) -> Iterator[Any]:
    for index, part in enumerate(parts):
        match part:
            case Text():
                yield {"type": "text", "text": part.text}
            case Image() if in_result:
                yield {"type": "text", "text": _PICTURE_FOLLOWS}
            case Image():
                yield _picture(part)
            case Document():
                file = {"filename": part.name or "document.pdf", "file_data": part.url}
                yield {"type": "file", "file": file}
            case Thinking():
                continue  # only its own vendor can read it again
            case Foreign(dialect, original):
                if dialect != NAME:
                    raise Problem(
                        Kind.BAD_REQUEST,
                        "This content cannot be sent to this model.",
                        at=f"{at}[{index}]",
                    )
                yield original


def _pictures(message: Message) -> list[Mapping[str, Any]]:
    if isinstance(message.content, str):
        return []
    return [_picture(part) for part in message.content if isinstance(part, Image)]


def _picture(image: Image) -> Mapping[str, Any]:
    url = {"url": image.url, "detail": image.detail} if image.detail else {"url": image.url}
    return {"type": "image_url", "image_url": url}
