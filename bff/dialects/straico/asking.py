"""Our request in Straico's words: a few fields, each written here, and nothing passed through.

The chat endpoints refuse or ignore `stream`, `tools` and JSON mode, the old one takes one text; so
what they lack is told in words, or done by us. Source: providers.md §5, §6.1-§6.3, §7.4.
"""

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import replace
from enum import StrEnum
from typing import Any

from bff.chat.request import (
    ChatRequest,
    Document,
    Foreign,
    Image,
    Message,
    Part,
    Role,
    Thinking,
    Written,
)
from bff.dialects.json_prompt import ask_for_json
from bff.dialects.json_text import write_utf8
from bff.dialects.plain_turns import one_text, refuse_more_than_text, text_of
from bff.dialects.tool_prompt import Place, write_tools
from bff.errors import Kind, Problem

NAME = "straico"
_PICTURES_MOST = 4  # of a question, at the old endpoint
_SEVERAL = 2
_DETAILS = frozenset({"auto", "high", "low"})


class Endpoint(StrEnum):
    CHAT = "chat"
    CHAT_V0 = "chat-v0"
    PROMPT = "prompt"


def write_request(
    request: ChatRequest, *, model: str, endpoint: Endpoint, place: Place = Place.SYSTEM
) -> Written:
    """The body of a completion. *place* is where tools are described, in a conversation. Raises
    Problem(BAD_REQUEST) for several answers or a spoken one, and for what is neither text nor the
    https address of a picture.
    """
    _check(request, endpoint)
    turns = as_turns(request, endpoint=endpoint, place=place)
    body: dict[str, Any]
    if endpoint is Endpoint.PROMPT:
        body = {"models": [model], "message": one_text(turns)}
        pictures = [part.url for _, _, part in _parts(request) if isinstance(part, Image)]
        if pictures:
            body["images"] = pictures
    else:
        body = {"model": model, "messages": [_write_turn(turn) for turn in turns]}
    for name, value in (("temperature", request.temperature), ("max_tokens", request.max_tokens)):
        if value is not None:
            body[name] = value
    return Written(write_utf8(body), tuple(_ignored(request)))


def as_turns(
    request: ChatRequest, *, endpoint: Endpoint, place: Place = Place.SYSTEM
) -> tuple[Message, ...]:
    """The conversation as it is sent, in the roles system, user and assistant; at the old endpoint
    its pictures stand elsewhere.
    """
    if endpoint is Endpoint.PROMPT:
        place = Place.USER
    said = tuple(_plain(turn, number, endpoint) for number, turn in enumerate(request.messages))
    turns = write_tools(ask_for_json(replace(request, messages=said)), place).messages
    return tuple(turn for turn in turns if turn.content) or turns


def _plain(turn: Message, number: int, endpoint: Endpoint) -> Message:
    """*turn* without what other vendors' models thought, and as one text where that says it all."""
    content = turn.content
    if isinstance(content, str):
        return turn
    one = endpoint is Endpoint.PROMPT
    kept = tuple(
        part
        for part in content
        if not (isinstance(part, Thinking) or (one and isinstance(part, Image)))
    )
    if one or (len(kept) < _SEVERAL and not any(isinstance(part, Image) for part in kept)):
        return replace(turn, content=text_of(kept, f"messages[{number}].content"))
    return replace(turn, content=kept)


def _check(request: ChatRequest, endpoint: Endpoint) -> None:
    """Of the caller's own turns, so that what is refused is found where we say it is."""
    refuse_more_than_text(request)
    pictures = 0
    for at, role, part in _parts(request):
        if isinstance(part, Image):
            _check_picture(part, role, at)
            pictures += 1
        elif isinstance(part, Document | Foreign):
            only = "This model can be sent texts and pictures only."
            raise Problem(Kind.BAD_REQUEST, only, at=at)
        if endpoint is Endpoint.PROMPT and pictures > _PICTURES_MOST:
            most = f"This model can be sent {_PICTURES_MOST} pictures at most."
            raise Problem(Kind.BAD_REQUEST, most, at=at)


def _check_picture(picture: Image, role: Role, at: str) -> None:
    """Straico fetches it, so it needs an address."""
    if role is not Role.USER:
        raise Problem(Kind.BAD_REQUEST, "This model can be sent pictures by users only.", at=at)
    if not picture.url.startswith("https://"):
        only = "This model can be sent pictures by their https address only."
        problem = Problem(Kind.BAD_REQUEST, only, at=at)
        problem.code = "unsupported_content"
        raise problem


def _parts(request: ChatRequest) -> Iterator[tuple[str, Role, Part]]:
    """Every part there is, with where it stands and who says it."""
    for number, turn in enumerate(request.messages):
        if not isinstance(turn.content, str):
            for index, part in enumerate(turn.content):
                yield f"messages[{number}].content[{index}]", turn.role, part


def _write_turn(turn: Message) -> Mapping[str, Any]:
    content = turn.content
    return {
        "role": turn.role.value,
        "content": content if isinstance(content, str) else [_write_part(part) for part in content],
    }


def _write_part(part: Part) -> Mapping[str, Any]:
    if isinstance(part, Image):
        detail = {"detail": part.detail} if part.detail in _DETAILS else {}
        return {"type": "image_url", "image_url": {"url": part.url} | detail}
    return {"type": "text", "text": text_of((part,), "messages")}


def _ignored(request: ChatRequest) -> Iterable[str]:
    """What was asked for and is not said, in OpenAI's words."""
    asked = {
        "top_p": request.top_p is not None,
        "reasoning_effort": bool(request.effort),
        "user": bool(request.end_user),
    }
    return dict.fromkeys([*(name for name, is_asked in asked.items() if is_asked), *request.others])
