"""What a question and its answer use, where upstream does not say. Source: providers.md §6.5."""

from dataclasses import dataclass

from bff.chat.events import Original, UsageReported
from bff.chat.request import ChatRequest, Document, Foreign, Message, Part, Text, Thinking, Tool

_CHARACTERS = 4  # of a token
_PICTURE = 1000  # tokens: Anthropic's most is some 1600, OpenAI's least 85
_DOCUMENT = 3000  # tokens: a page or two
_FOREIGN_MOST = 8000  # characters that are counted of what we cannot read


@dataclass(frozen=True, slots=True)
class Counted:
    """The tokens of a question; *original* is its vendor's own answer, where the vendor counted."""

    tokens: int
    original: Original | None = None


def estimated_usage(request: ChatRequest, characters: int) -> UsageReported:
    """*characters* is the length of the answer, its calls' arguments included."""
    prompt = estimated_prompt(request)
    completion = tokens_of(characters)
    return UsageReported(prompt, completion, prompt + completion, estimated=True)


def estimated_prompt(request: ChatRequest) -> int:
    """The tokens of the question with its tools and pictures, at least one."""
    said = sum(map(_length, request.messages)) + sum(map(_length_of_tool, request.tools))
    shown = sum(
        _shown(part)
        for message in request.messages
        if not isinstance(message.content, str)
        for part in message.content
    )
    return max(1, tokens_of(said) + shown)


def tokens_of(characters: int) -> int:
    return -(-characters // _CHARACTERS)


def _length(message: Message) -> int:
    content = message.content
    said = sum(len(call.name) + len(call.arguments) for call in message.calls)
    if isinstance(content, str):
        return said + len(content)
    return said + sum(map(_length_of_part, content))


def _length_of_part(part: Part) -> int:
    match part:
        case Text(text) | Thinking(text):
            return len(text)
        case Foreign():
            return min(len(str(part.original)), _FOREIGN_MOST)
    return 0


def _length_of_tool(tool: Tool) -> int:
    schema = "" if tool.parameters is None else str(tool.parameters)
    return len(tool.name) + len(tool.description) + len(schema)


def _shown(part: Part) -> int:
    """The tokens of what is looked at."""
    match part:
        case Document():
            return _DOCUMENT
        case Text() | Thinking() | Foreign():
            return 0
    return _PICTURE
