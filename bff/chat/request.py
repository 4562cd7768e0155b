"""ChatRequest: what a caller asks, in our words. Faces read theirs into it, vendors write theirs
from it.

Originals stand beside our reading: a writer of the same dialect passes them on, so that no field is
lost. What no other dialect can say is left out there and named to the caller. Source: providers.md
§6.1-§6.3.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Any


class Role(StrEnum):
    SYSTEM = "system"  # also what OpenAI calls developer
    USER = "user"
    ASSISTANT = "assistant"
    TOOL = "tool"  # the result of a call; answers the message that made it


@dataclass(frozen=True, slots=True)
class Foreign:
    """Something we carry but do not read, as the dialect named *dialect* spelled it."""

    dialect: str
    original: Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class Text:
    """*cache_control* is Anthropic's, and read by nobody else."""

    text: str
    cache_control: Mapping[str, Any] | None = None


@dataclass(frozen=True, slots=True)
class Image:
    """*url* is https, http, or a data URL in base64. Never fetched by us."""

    url: str
    detail: str = ""


@dataclass(frozen=True, slots=True)
class Document:
    """*url* is a data URL in base64; *name* is what the caller calls it."""

    url: str
    name: str = ""


@dataclass(frozen=True, slots=True)
class Thinking:
    """What a model thought, with its vendor's *signature*; only that vendor can read it again."""

    text: str
    signature: str = ""


Part = Text | Image | Document | Thinking | Foreign


@dataclass(frozen=True, slots=True)
class ToolCall:
    """*arguments* is the text of a JSON object, as the model wrote it."""

    id: str
    name: str
    arguments: str


@dataclass(frozen=True, slots=True)
class Message:
    """One turn. *content* is plain text, or parts where the caller sent parts; a result
    (`Role.TOOL`) names the call it answers.

    *original* is the whole turn as its speaker spelled it, where nothing of it may get lost.
    """

    role: Role
    content: str | tuple[Part, ...]
    original: Foreign | None = None
    calls: tuple[ToolCall, ...] = ()
    answers: str = ""  # the id of the call
    is_error: bool = False
    name: str = ""


@dataclass(frozen=True, slots=True)
class Tool:
    """A function the model may ask for. *parameters* is a JSON schema, None where there is none."""

    name: str
    description: str = ""
    parameters: Mapping[str, Any] | None = None
    strict: bool | None = None


class Choosing(StrEnum):
    AUTO = "auto"
    NONE = "none"
    REQUIRED = "required"
    NAMED = "named"


@dataclass(frozen=True, slots=True)
class ToolChoice:
    """*name* with NAMED only."""

    how: Choosing = Choosing.AUTO
    name: str = ""


class Shape(StrEnum):
    """What an answer must look like."""

    JSON = "json_object"
    SCHEMA = "json_schema"


@dataclass(frozen=True, slots=True)
class Format:
    """*schema* with SCHEMA only."""

    shape: Shape
    schema: Mapping[str, Any] | None = None
    name: str = "answer"
    strict: bool | None = None


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
    """One question with its history. *model* is what the caller wrote; *max_tokens* counts tokens.
    Without *stream* upstream is asked for its answer in one piece.

    *passes* names the dialect whose originals the caller's face passes on, in both directions.
    *original* is the whole body in that dialect, where there is one: its vendor gets it with
    another model's name and nothing else changed, and with it *headers*, which say under what rules
    it was written. *body* is what *original* was read from, to the byte, and *query* what else of
    its URL goes along. *others* are parameters we do not read, in OpenAI's words.
    """

    model: str
    messages: tuple[Message, ...]
    tags: Tags
    max_tokens: int | None = None
    stream: bool = True
    tools: tuple[Tool, ...] = ()
    tool_choice: ToolChoice = ToolChoice()
    parallel_calls: bool = True
    temperature: float | None = None  # 0 to 2
    top_p: float | None = None
    stop: tuple[str, ...] = ()
    count: int = 1  # answers; OpenAI's `n`
    format: Format | None = None
    effort: str = ""
    end_user: str = ""
    others: Mapping[str, Any] = field(default_factory=dict)
    passes: str = "openai_chat"
    original: Foreign | None = None
    headers: Mapping[str, str] = field(default_factory=dict)
    body: bytes = field(default=b"", repr=False)
    query: str = ""


@dataclass(frozen=True, slots=True)
class Written:
    """A request in a vendor's words: the *body*, and the names (OpenAI's) of what was asked for and
    cannot be said there.
    """

    body: bytes
    ignored: tuple[str, ...] = ()
