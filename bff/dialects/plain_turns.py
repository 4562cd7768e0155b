"""Turns as plain text, for models that read nothing else: parts joined, a whole conversation as one
text, an answer cut at its stop sequence.

Nothing here keeps a turn from containing a line that looks like another turn's: one text has no
walls. Source: contract providers.md §4 (Which endpoint), §6.1-§6.3.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace
from typing import assert_never

from bff.chat.request import (
    ChatRequest,
    Document,
    Foreign,
    Image,
    Message,
    Part,
    Role,
    Text,
    Thinking,
)
from bff.errors import Kind, Problem

_SPEAKERS: Mapping[Role, str] = {
    Role.SYSTEM: "System",  # in mid-conversation; at its start it heads the text
    Role.USER: "User",
    Role.ASSISTANT: "Assistant",
    Role.TOOL: "User",  # whoever has no such role is told by the user
}


def refuse_more_than_text(request: ChatRequest) -> None:
    """Raises Problem(BAD_REQUEST) where more than one text is wanted: left out, the answer would
    be another one (providers.md §6.3).
    """
    if request.count > 1:
        raise Problem(Kind.BAD_REQUEST, "This model gives one answer at a time.", at="n")
    wanted = request.others.get("modalities")
    if isinstance(wanted, list) and "audio" in wanted:
        raise Problem(Kind.BAD_REQUEST, "This model answers in text only.", at="modalities")


def text_of(content: str | Sequence[Part], at: str) -> str:
    """The text of *content*, which stands in the body at *at* ("messages[2].content").

    One text part is passed on unchanged, several are joined by a line end; what the model thought
    is another vendor's and left out. Raises Problem(BAD_REQUEST) for anything that is no text.
    """
    if isinstance(content, str):
        return content
    texts = (_text_of_part(part, f"{at}[{index}]") for index, part in enumerate(content))
    return "\n".join(text for text in texts if text is not None)


def _text_of_part(part: Part, at: str) -> str | None:
    match part:
        case Text():
            return part.text
        case Thinking():
            return None
        case Image():
            raise Problem(Kind.BAD_REQUEST, "This model cannot be sent pictures.", at=at)
        case Document():
            raise Problem(Kind.BAD_REQUEST, "This model cannot be sent documents.", at=at)
        case Foreign():
            raise Problem(Kind.BAD_REQUEST, "This model can be sent text only.", at=at)
        case _:  # pragma: no cover - mypy knows that there is no other
            assert_never(part)


def one_text(messages: Sequence[Message]) -> str:
    """*messages* as one text that asks to be continued. A lone user message is sent as it is; of
    the others those without text are left out. Raises as `text_of`.
    """
    texts = [
        text_of(turn.content, f"messages[{index}].content") for index, turn in enumerate(messages)
    ]
    if len(messages) == 1 and messages[0].role is Role.USER:
        return texts[0]
    head = _leading(messages)
    lines = [
        f"{_SPEAKERS[turn.role]}: {text}"
        for turn, text in zip(messages[head:], texts[head:], strict=True)
        if text
    ]
    return "\n\n".join([*filter(None, texts[:head]), "\n".join([*lines, "Assistant:"])])


def add_to_system(messages: Sequence[Message], text: str) -> tuple[Message, ...]:
    """*messages* with *text* at the end of the system message; it is made where there is none."""
    head = _leading(messages)
    if not head:
        return (Message(Role.SYSTEM, text), *messages)
    system = messages[head - 1]
    content = system.content
    longer = (
        "\n\n".join(filter(None, (content, text)))
        if isinstance(content, str)
        else (*content, Text(text))
    )
    return (
        *messages[: head - 1],
        replace(system, content=longer, original=None),
        *messages[head:],
    )


def cut_at(text: str, stops: Iterable[str]) -> tuple[str, str]:
    """*text* before the first of *stops* in it, and which one that was: "" when there is none."""
    found = [(place, stop) for stop in stops if stop and (place := text.find(stop)) >= 0]
    if not found:
        return text, ""
    place, stop = min(found, key=lambda one: one[0])  # of two at one place, the first named
    return text[:place], stop


def _leading(messages: Sequence[Message]) -> int:
    """How many system messages the conversation starts with."""
    others = (index for index, turn in enumerate(messages) if turn.role is not Role.SYSTEM)
    return next(others, len(messages))
