"""Our request in OpenAI's words. Source: contract providers.md §1, §6.1-§6.3."""

from collections.abc import Mapping
from typing import Any

from bff.chat.request import ChatRequest, Foreign, Image, Message, Part, Text, Written
from bff.chat.traits import Traits
from bff.dialects.json_text import write_utf8
from bff.dialects.openai_chat.names import NAME
from bff.errors import Kind, Problem


def write_request(request: ChatRequest, *, model: str, traits: Traits) -> Written:
    """The body of a completion."""
    body: dict[str, Any] = {
        "model": model,
        "messages": [_write_message(message) for message in request.messages],
    }
    if request.stream:
        body |= {"stream": True, "stream_options": {"include_usage": True}}
    if request.max_tokens is not None:
        body[traits.limit_field] = request.max_tokens
    # half a surrogate pair in a question is sent on as it came
    return Written(write_utf8(body))


def _write_message(message: Message) -> Mapping[str, Any]:
    original, content = message.original, message.content
    if original is not None and original.dialect == NAME:
        return original.original
    return {
        "role": message.role.value,
        "content": content if isinstance(content, str) else [_write_part(part) for part in content],
    }


def _write_part(part: Part) -> Any:
    match part:
        case Text():
            return {"type": "text", "text": part.text}
        case Image():
            return {"type": "image_url", "image_url": {"url": part.url}}
        case Foreign():
            return part.original
    raise Problem(Kind.BAD_REQUEST, "The model cannot be sent this content.")
