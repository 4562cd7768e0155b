"""Our parts as Anthropic's content blocks. Source: contract providers.md §2, §6.2."""

import re
from collections.abc import Mapping
from typing import Any

from bff.chat.request import Document, Foreign, Image, Part, Text, Thinking
from bff.dialects.anthropic_messages.names import NAME
from bff.errors import Kind, Problem

Block = Mapping[str, Any]

_DATA_URL = re.compile(r"data:([\w.+-]+/[\w.+-]+)(?:;[\w.=-]+)*;base64,", re.IGNORECASE)
_PICTURES = frozenset({"image/jpeg", "image/png", "image/gif", "image/webp"})
_THOUGHTS = frozenset({"thinking", "redacted_thinking"})


def write_content(
    content: str | tuple[Part, ...], at: str, *, thoughts: bool = False
) -> list[Block]:
    """The blocks of *content*, which stands in the body at *at*; none for what is blank, which
    Anthropic refuses. *thoughts* may stand in an assistant's turn only. Raises
    Problem(BAD_REQUEST).
    """
    if isinstance(content, str):
        return text_block(content)
    blocks: list[Block] = []
    for index, part in enumerate(content):
        if isinstance(part, Text):
            blocks += text_block(part.text, part.cache_control)
        elif isinstance(part, Thinking):
            if thoughts and part.signature:  # without it the thought is another vendor's
                thought = {"thinking": part.text, "signature": part.signature}
                blocks.append({"type": "thinking", **thought})
        else:
            if thoughts and isinstance(part, Image):
                raise _refused("An assistant's message cannot hold a picture.", f"{at}[{index}]")
            blocks.append(_write_part(part, f"{at}[{index}]"))
    return blocks


def text_block(text: str, cache_control: Mapping[str, Any] | None = None) -> list[Block]:
    """One block, or none where there is nothing to say."""
    if not text.strip():
        return []
    block = {"type": "text", "text": text}
    return [block if cache_control is None else {**block, "cache_control": cache_control}]


def shortest(blocks: list[Block]) -> str | list[Block]:
    """*blocks* as a plain text where they are nothing else."""
    if len(blocks) == 1 and set(blocks[0]) == {"type", "text"}:
        return str(blocks[0]["text"])
    return blocks


def is_thought(block: Block) -> bool:
    return block.get("type") in _THOUGHTS


def _write_part(part: Image | Document | Foreign, at: str) -> Block:
    match part:
        case Image(url):
            return {"type": "image", "source": _picture(url, at)}
        case Document(url, name):
            block = {"type": "document", "source": _pdf(url, at)}
            return {**block, "title": name} if name else block
        case Foreign(dialect, original) if dialect == NAME:
            return original
    raise _refused("The model cannot be sent this kind of content.", at)


def _picture(url: str, at: str) -> Block:
    if url.lower().startswith("https://"):
        return {"type": "url", "url": url}
    source = _inline(url, at, "A picture must be a data URL in base64 or an https URL.")
    if source["media_type"] not in _PICTURES:
        raise _refused("The model takes pictures as JPEG, PNG, GIF or WebP.", at)
    return source


def _pdf(url: str, at: str) -> Block:
    source = _inline(url, at, "A file must be a data URL in base64.")
    if source["media_type"] != "application/pdf":
        raise _refused("The model takes files as PDF only.", at)
    return source


def _inline(url: str, at: str, otherwise: str) -> Block:
    found = _DATA_URL.match(url)
    if found is None or found.end() == len(url):
        raise _refused(otherwise, at)
    kind = found[1].lower().replace("image/jpg", "image/jpeg")  # a common slip
    return {"type": "base64", "media_type": kind, "data": url[found.end() :]}


def _refused(public: str, at: str) -> Problem:
    return Problem(Kind.BAD_REQUEST, public, at=at)
