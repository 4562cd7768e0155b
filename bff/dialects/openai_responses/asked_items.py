"""The items of a caller's input: turns of a conversation, calls that were made and their results.

A model's turn may lie in several items, its words and each of its calls. Source: contract
api-faces.md §2 "/v1/responses"; providers.md §6.1, §6.2.
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
from bff.dialects.openai_responses.errors import unsupported
from bff.dialects.openai_responses.names import NAME

_ROLES: Mapping[str, Role] = {
    "developer": Role.SYSTEM,
    "system": Role.SYSTEM,
    "user": Role.USER,
    "assistant": Role.ASSISTANT,
}
_Content = str | tuple[Part, ...]


def read_input(value: Any, *, most_messages: int, most_parts: int) -> tuple[Message, ...]:
    """Raises Problem(INVALID): also where a call stays without its result, or the reverse."""
    if isinstance(value, str):
        return (Message(Role.USER, value),)
    if value is None:
        raise refused("input", "This is required: a string, or a list of items.")
    items = read_list(value, "input", most=most_messages)
    if not items:
        raise refused("input", "At least one item is required.")
    reader = _Reader(most_parts)
    for index, item in enumerate(items):
        reader.read(item, f"input[{index}]")
    reader.close()
    if not reader.messages:
        raise refused("input", "At least one item must be a message or a function call.")
    return tuple(reader.messages)


class _Reader:
    """Reads item by item; knows the model's turn that is not over, and which calls of it still
    want a result.
    """

    def __init__(self, most_parts: int) -> None:
        self.messages: list[Message] = []
        self._most_parts = most_parts
        self._speaking = False
        self._said: list[_Content] = []
        self._calls: list[ToolCall] = []
        self._asked: set[str] = set()
        self._open: dict[str, str] = {}  # where the call stands

    def read(self, value: Any, at: str) -> None:
        item = read_object(value, at)
        type_ = item.get("type")
        if type_ is None and "role" in item:
            type_ = "message"
        match read_name(type_, inside(at, "type")):
            case "message":
                self._read_message(item, at)
            case "function_call":
                self._read_call(item, at)
            case "function_call_output":
                self._read_result(item, at)
            case "reasoning":
                pass  # only OpenAI can read it again, and gets it with the whole body
            case _:
                raise unsupported(inside(at, "type"), "Items of this type are not supported here.")

    def close(self) -> None:
        """Before anyone else speaks each call must have been answered."""
        self._hush()
        for at in self._open.values():
            raise refused(at, "Every function_call must be followed by its function_call_output.")
        self._asked.clear()

    def _hush(self) -> None:
        """The model's turn is over, but for the results."""
        if self._speaking:
            calls = tuple(self._calls)
            self.messages.append(Message(Role.ASSISTANT, _joined(self._said), calls=calls))
        self._speaking = False

    def _speak(self) -> None:
        self._speaking, self._said, self._calls = True, [], []

    def _read_message(self, item: Mapping[str, Any], at: str) -> None:
        spoken = item.get("role")
        role = _ROLES.get(spoken) if isinstance(spoken, str) else None
        if role is None:
            raise refused(
                inside(at, "role"), "The role must be system, developer, user or assistant."
            )
        content = self._read_content(item.get("content"), inside(at, "content"))
        if role is not Role.ASSISTANT:
            self.close()
            self.messages.append(Message(role, content))
            return
        if not (self._speaking and self._calls):  # words after a call belong to its turn
            self.close()
            self._speak()
        self._said.append(content)

    def _read_call(self, item: Mapping[str, Any], at: str) -> None:
        if not self._speaking:
            self.close()
            self._speak()
        id_ = read_name(item.get("call_id"), inside(at, "call_id"))
        name = read_name(item.get("name"), inside(at, "name"))
        arguments = item.get("arguments")
        if arguments is None:
            arguments = ""
        elif isinstance(arguments, dict):  # some clients forget to make it a string
            arguments = write_ascii(arguments).decode("ascii")
        arguments = read_text(arguments, inside(at, "arguments")) or "{}"
        self._calls.append(ToolCall(id_, name, arguments))
        self._asked.add(id_)
        self._open[id_] = at

    def _read_result(self, item: Mapping[str, Any], at: str) -> None:
        self._hush()
        id_ = read_name(item.get("call_id"), inside(at, "call_id"))
        if id_ not in self._asked:
            raise refused(inside(at, "call_id"), "This answers no function_call right before it.")
        self._open.pop(id_, None)
        content = self._read_content(item.get("output"), inside(at, "output"))
        self.messages.append(Message(Role.TOOL, content, answers=id_))

    def _read_content(self, content: Any, at: str) -> _Content:
        if content is None:
            return ""
        if isinstance(content, str):
            return content
        if not isinstance(content, list):
            raise refused(at, "This must be a string or a list of parts.")
        parts = read_list(content, at, most=self._most_parts)
        return tuple(_read_part(part, f"{at}[{index}]") for index, part in enumerate(parts))


def _joined(said: list[_Content]) -> _Content:
    """What a turn says in one item stays as it is; in several they are its parts."""
    if len(said) == 1:
        return said[0]
    parts: list[Part] = []
    for content in said:
        parts += [Text(content)] if isinstance(content, str) else content
    return tuple(parts) or ""


def _read_part(value: Any, at: str) -> Part:
    part = read_object(value, at)
    match part.get("type"):
        case "input_text" | "output_text":
            return Text(read_text(part.get("text"), inside(at, "text")))
        case "refusal":
            return Text(read_text(part.get("refusal"), inside(at, "refusal")))
        case "input_image":
            if part.get("image_url") is None and part.get("file_id") is not None:
                return Foreign(NAME, part)  # a picture that lies with OpenAI
            url = read_image_url(part.get("image_url"), inside(at, "image_url"))
            return Image(url, optional(part, "detail", read_text, at) or "")
        case "input_file":
            return _read_file(part, at)
        case "input_audio":
            return Foreign(NAME, part)
    raise refused(inside(at, "type"), "This type of content part is not known.")


def _read_file(part: Mapping[str, Any], at: str) -> Part:
    url = optional(part, "file_data", read_text, at)
    if not url or not url.startswith("data:"):
        return Foreign(NAME, part)  # a file that only OpenAI can read
    return Document(url, optional(part, "filename", read_text, at) or "")
