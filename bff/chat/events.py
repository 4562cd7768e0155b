"""What a streamed answer is made of. The grammar is `Started (TextDelta | ThoughtDelta |
ToolStarted ToolDelta*)* [UsageReported] Finished`.

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
    """The answer has begun; *created* in seconds since 1970, 0 when upstream did not say.
    *feedback_id* is what the vendor's feedback names, where it is not *id*.
    """

    id: str
    model: str
    created: int
    feedback_id: str = ""


@dataclass(frozen=True, slots=True)
class TextDelta:
    text: str


@dataclass(frozen=True, slots=True)
class ThoughtDelta:
    """What the model thinks before it speaks. *signature* comes once, at the thought's end."""

    text: str
    signature: str = ""


@dataclass(frozen=True, slots=True)
class ToolStarted:
    """The model asks for a function. *index* counts the calls of an answer from 0."""

    index: int
    id: str
    name: str


@dataclass(frozen=True, slots=True)
class ToolDelta:
    """A piece of the call's arguments: joined they are the text of a JSON object, or empty."""

    index: int
    arguments: str


@dataclass(frozen=True, slots=True)
class UsageReported:
    """Tokens, as upstream counted them, or *estimated* by us. *prompt_tokens* includes
    *cached_tokens* and *cache_write_tokens*, *completion_tokens* includes *reasoning_tokens*.
    *coins* is a price in the vendor's own money, which is not dollars.
    """

    prompt_tokens: int
    completion_tokens: int
    total_tokens: int
    cached_tokens: int = 0
    cache_write_tokens: int = 0
    reasoning_tokens: int = 0
    coins: float | None = None
    estimated: bool = False


@dataclass(frozen=True, slots=True)
class Flagged:
    """The vendor looked at the answer and found it toxic; it is passed on all the same."""


@dataclass(frozen=True, slots=True)
class Finished:
    """*stopped_by* is the stop sequence, where upstream names it."""

    reason: FinishReason
    stopped_by: str = ""


Event = (
    Started
    | TextDelta
    | ThoughtDelta
    | ToolStarted
    | ToolDelta
    | UsageReported
    | Flagged
    | Finished
)


@dataclass(frozen=True, slots=True)
class Original:
    """The speaker's own bytes: one event's data, as the dialect named *dialect* frames it, under
    its *event* name where it has one.
    """

    dialect: str
    data: bytes
    event: str = ""


@dataclass(frozen=True, slots=True)
class Chunk:
    """*content* is true when a reader would see something of it: after that nothing is retried.
    *delta* is true when the original says where text would stand, even if there is none.
    """

    events: tuple[Event, ...]
    original: Original | None = None
    content: bool = False
    delta: bool = False
