"""ChatRequest: what a caller asks, in our words. Faces read theirs into it, vendors write theirs
from it.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum
from typing import Any


class Role(StrEnum):
    SYSTEM = "system"
    USER = "user"
    ASSISTANT = "assistant"


@dataclass(frozen=True, slots=True)
class Text:
    text: str


@dataclass(frozen=True, slots=True)
class Foreign:
    """A content part we carry but do not read, as the dialect named *dialect* spelled it."""

    dialect: str
    original: Mapping[str, Any]


Part = Text | Foreign


@dataclass(frozen=True, slots=True)
class Message:
    """One turn. *content* is plain text, or parts where the caller sent parts.

    *original* is the whole turn as its speaker spelled it, where nothing of it may get lost.
    """

    role: Role
    content: str | tuple[Part, ...]
    original: Foreign | None = None


@dataclass(frozen=True, slots=True)
class Tags:
    """Who asked, in pseudonyms: all that may reach a third party's log (gateway.md §11)."""

    face: str
    tenant: str
    user: str
    conversation: str
    request_id: str


@dataclass(frozen=True, slots=True)
class ChatRequest:
    """One question with its history. *model* is written `provider/model`; *max_tokens* counts
    tokens. Without *stream* upstream is asked for its answer in one piece.
    """

    model: str
    messages: tuple[Message, ...]
    tags: Tags
    max_tokens: int | None = None
    stream: bool = True
