"""How many tokens a call can use, before it is made: an upper bound, not a guess.

Not a tokenizer: a token of text is at least one byte of UTF-8, and that is all that is needed to
set enough aside.
"""

from typing import Any

from bff.chat.request import ChatRequest, Document, Image, Message, Part, Text, Thinking
from bff.policy.models import image_tokens

_TURN = 16  # tokens around a message: its role and its ends
_PRICED_BY_SIZE = "image_url"
_READ = frozenset({"role", "content"})


def most_tokens(request: ChatRequest) -> int:
    """Prompt and answer together."""
    per_image = image_tokens(request.model.partition("/")[2])
    asked = sum(_TURN + _of_message(message, per_image) for message in request.messages)
    return asked + (request.max_tokens or 0)


def _of_message(message: Message, per_image: int) -> int:
    content, beside = message.content, 0
    if message.original is not None:  # what else it carries is sent on, so it is paid for
        fields = message.original.original.items()
        beside = sum(_of_value(value) for name, value in fields if name not in _READ)
    beside += sum(_length(call.name) + _length(call.arguments) for call in message.calls)
    if isinstance(content, str):
        return beside + _length(content)
    return beside + sum(_of_part(part, per_image) for part in content)


def _of_part(part: Part, per_image: int) -> int:
    match part:
        case Text() | Thinking():
            return _length(part.text)
        case Image():
            return per_image
        case Document():
            return _length(part.url)
    if part.original.get("type") == _PRICED_BY_SIZE:
        return per_image
    return _of_value(part.original)


def _of_value(value: Any) -> int:
    """What we do not know, by its texts."""
    if isinstance(value, str):
        return _length(value)
    if isinstance(value, list):
        return sum(map(_of_value, value))
    if isinstance(value, dict):
        return sum(map(_of_value, value.values()))
    return 1


def _length(text: str) -> int:
    return len(text.encode("utf-8", "surrogatepass"))
