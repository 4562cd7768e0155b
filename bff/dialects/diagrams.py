"""The diagram editor's two dialects: a picture in, or a whole dialogue; a JSON answer out.

The editor shows no status and waits for ever unless `answer` is text and `messages` an array, so
whatever fails upstream is said in the Node app's own words under a 200. Source: contract
node-bff.md §3.4, §9 (B10, B27, B28); operations.md decisions.
"""

import re
from collections.abc import Mapping
from typing import Any

from bff.chat.reply import Reply
from bff.chat.request import ChatRequest, Foreign, Image, Message, Part, Role, Tags, Text
from bff.dialects import openai_chat
from bff.dialects.json_text import write_utf8
from bff.errors import Kind, Problem

# Only what the vendor may fetch for a caller, and never a blank or a line end before it.
_PICTURE = re.compile(r"(?:https?://|data:image/)[^\x00-\x20]", re.IGNORECASE)
_ROLES: Mapping[str, Role] = {"user": Role.USER, "assistant": Role.ASSISTANT}

FAILED_PICTURE = "Something is wrong: "
EMPTY_PICTURE = "Something is wrong..."
FAILED_DIALOGUE = {"error": "Response error"}
EMPTY_DIALOGUE = {"error": "Missing choices"}


class MissingFieldError(Exception):
    """What the Node app called missing: anything that JavaScript takes for false."""


# -- a picture -------------------------------------------------------------------------------------


def read_picture(
    body: Any, *, model: str, system_prompt: str, prompt: str, max_tokens: int, tags: Tags
) -> ChatRequest:
    """The picture in *body* behind our prompts. Raises MissingFieldError, Problem(INVALID)."""
    picture = _field(body, "imageUrl")
    if not isinstance(picture, str | dict):
        raise MissingFieldError
    _check_picture(picture, "imageUrl")
    spelled = [{"type": "text", "text": prompt}, {"type": "image_url", "image_url": picture}]
    question = Message(
        Role.USER,
        (Text(prompt), _picture(picture)),
        Foreign(openai_chat.NAME, {"role": "user", "content": spelled}),
    )
    messages = (Message(Role.SYSTEM, system_prompt), question)
    return ChatRequest(model, messages, tags, max_tokens, stream=False)


def write_picture(reply: Reply | None) -> bytes:
    """A JSON string, always. None: upstream failed."""
    if reply is None or reply.usage is None:
        return write_utf8(FAILED_PICTURE)
    return write_utf8(EMPTY_PICTURE if reply.text is None else reply.text)


# -- a dialogue ------------------------------------------------------------------------------------


def read_dialogue(
    body: Any,
    *,
    model: str,
    system_prompt: str,
    max_tokens: int,
    tags: Tags,
    most_messages: int,
    most_parts: int,
) -> ChatRequest:
    """The dialogue in *body* behind our system prompt; each turn is passed on as it is spelled.

    Raises MissingFieldError, Problem(INVALID) with the place in the body.
    """
    said = _field(body, "messages")
    if not isinstance(said, list):
        raise Problem(Kind.INVALID, "Messages must be an array", at="messages")
    if len(said) > most_messages:
        raise Problem(Kind.INVALID, f"More than {most_messages} messages", at="messages")
    turns = [Message(Role.SYSTEM, system_prompt)]
    for index, message in enumerate(said):
        turns.append(_read_turn(message, f"messages[{index}]", most_parts))
    return ChatRequest(model, tuple(turns), tags, max_tokens, stream=False)


def write_dialogue(reply: Reply | None, said: Any) -> bytes:
    """The answer beside what was *said*, unchanged. None: upstream failed."""
    if reply is None or reply.usage is None:
        return write_utf8(FAILED_DIALOGUE)
    if reply.text is None:
        return write_utf8(EMPTY_DIALOGUE)
    return write_utf8({"answer": reply.text, "messages": said})


def _field(body: Any, name: str) -> Any:
    """Raises MissingFieldError for what JavaScript takes for false."""
    value = body.get(name) if isinstance(body, dict) else None
    if value is None or value is False or value == "" or value == 0:
        raise MissingFieldError
    return value


def _read_turn(message: Any, at: str, most_parts: int) -> Message:
    if not isinstance(message, dict):
        raise Problem(Kind.INVALID, "A message must be an object", at=at)
    role = message.get("role")
    if not isinstance(role, str) or role not in _ROLES:
        raise Problem(
            Kind.INVALID, "Only the roles user and assistant are accepted", at=f"{at}.role"
        )
    content = _read_content(message.get("content"), f"{at}.content", most_parts)
    return Message(_ROLES[role], content, Foreign(openai_chat.NAME, message))


def _read_content(content: Any, at: str, most_parts: int) -> str | tuple[Part, ...]:
    if content is None:
        return ""
    if isinstance(content, str):
        return content
    if not isinstance(content, list):
        raise Problem(Kind.INVALID, "Content must be text or a list of parts", at=at)
    if len(content) > most_parts:
        raise Problem(Kind.INVALID, f"More than {most_parts} parts", at=at)
    return tuple(_read_part(part, f"{at}[{index}]") for index, part in enumerate(content))


def _read_part(part: Any, at: str) -> Part:
    if not isinstance(part, dict) or not isinstance(part.get("type"), str):
        raise Problem(Kind.INVALID, "A content part must be an object with a type", at=at)
    if part["type"] == "image_url":
        _check_picture(part.get("image_url"), f"{at}.image_url")
        return _picture(part["image_url"])
    if part["type"] == "text" and isinstance(part.get("text"), str):
        return Text(part["text"])
    return Foreign(openai_chat.NAME, part)


def _picture(picture: Any) -> Image:
    """Of a *picture* that was checked."""
    if isinstance(picture, str):
        return Image(picture)
    detail = picture.get("detail")
    return Image(picture["url"], detail if isinstance(detail, str) else "")


def _check_picture(picture: Any, at: str) -> None:
    url = picture.get("url") if isinstance(picture, dict) else picture
    if not isinstance(url, str) or _PICTURE.match(url) is None:
        raise Problem(Kind.INVALID, "A picture must be an https, http or data:image URL", at=at)
