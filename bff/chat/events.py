"""What a streamed answer is made of. The grammar is `Started (TextDelta)* [UsageReported]
Finished`.

A Chunk is a piece of an answer as it arrived: our reading of it, and the original bytes, so that
a writer of the same dialect can pass them on without encoding anything twice.
"""

from dataclasses import dataclass
from enum import StrEnum


class FinishReason(StrEnum):
    STOP = "stop"
    LENGTH = "length"
    TOOL_CALLS = "tool_calls"
    CONTENT_FILTER = "content_filter"


@dataclass(frozen=True, slots=True)
class Started:
    """The answer has begun; *created* in seconds since 1970, 0 when upstream did not say."""

    id: str
    model: str
    created: int


@dataclass(frozen=True, slots=True)
class TextDelta:
    text: str


@dataclass(frozen=True, slots=True)
class UsageReported:
    """Tokens, as upstream counted them. *prompt_tokens* includes *cached_tokens*."""

    prompt_tokens: int
    completion_tokens: int
    total_tokens: int
    cached_tokens: int = 0


@dataclass(frozen=True, slots=True)
class Finished:
    reason: FinishReason


Event = Started | TextDelta | UsageReported | Finished


@dataclass(frozen=True, slots=True)
class Original:
    """The speaker's own bytes: one event's data, as the dialect named *dialect* frames it."""

    dialect: str
    data: bytes


@dataclass(frozen=True, slots=True)
class Chunk:
    """*content* is true when a reader would see something of it: after that nothing is retried.
    *delta* is true when the original says where text would stand, even if there is none.
    """

    events: tuple[Event, ...]
    original: Original | None = None
    content: bool = False
    delta: bool = False
