"""What an answer used, where upstream does not say. Source: providers.md §6.5."""

from bff.chat.events import UsageReported
from bff.chat.request import ChatRequest, Message, Text

_CHARACTERS = 4  # of a token


def estimated_usage(request: ChatRequest, characters: int) -> UsageReported:
    """*characters* is the length of the answer, its calls' arguments included."""
    prompt = tokens_of(sum(map(_length, request.messages)))
    completion = tokens_of(characters)
    return UsageReported(prompt, completion, prompt + completion, estimated=True)


def tokens_of(characters: int) -> int:
    return -(-characters // _CHARACTERS)


def _length(message: Message) -> int:
    content = message.content
    said = sum(len(call.name) + len(call.arguments) for call in message.calls)
    if isinstance(content, str):
        return said + len(content)
    return said + sum(len(part.text) for part in content if isinstance(part, Text))
