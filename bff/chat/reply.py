"""Reply: a collected answer, for callers who want it whole; and its inverse, an answer that came
whole as the chunks it could have been streamed in.

Not every answer has a text: a model may report what it used and say nothing.
"""

import re
import unicodedata
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from itertools import chain, pairwise

from bff.chat.events import (
    Chunk,
    Event,
    Finished,
    FinishReason,
    Flagged,
    Started,
    TextDelta,
    ThoughtDelta,
    ToolDelta,
    ToolStarted,
    UsageReported,
)
from bff.chat.request import ToolCall

_WORD = re.compile(r"\s*\S+\s*|\s+")
_MOST = 48  # characters of a piece: not every script writes blanks between its words
_LARGE = 32 * 1024  # characters of a text: a larger one is no longer cut at its words
_PIECES = 1024  # of a large text: each costs as much as the text in it
_JOINER = "\u200d"


@dataclass(frozen=True, slots=True)
class Reply:
    """*text* is None when there was no answer at all, *usage* when nothing was reported, *reason*
    when it did not end by itself.
    """

    text: str | None
    usage: UsageReported | None
    calls: tuple[ToolCall, ...] = ()
    reason: FinishReason | None = None
    started: Started = Started("", "", 0)  # noqa: RUF009 - frozen
    stopped_by: str = ""
    toxic: bool = False
    thought: str = ""


@dataclass(slots=True)
class Collector:
    """Folds the chunks of an answer into its Reply. An answer begins anew where a new try does."""

    _texts: list[str] = field(default_factory=list)
    _thoughts: list[str] = field(default_factory=list)
    _calls: dict[int, tuple[str, str, list[str]]] = field(default_factory=dict)
    _answered: bool = False
    _toxic: bool = False
    _started: Started = Started("", "", 0)  # noqa: RUF009 - frozen
    _finished: Finished | None = None
    _usage: UsageReported | None = None

    def feed(self, batch: Sequence[Chunk]) -> None:
        for chunk in batch:
            for event in chunk.events:
                self._take(event)

    def _take(self, event: Event) -> None:
        match event:
            case Started():
                self._begin(event)
            case TextDelta(text):
                self._texts.append(text)
                self._answered = True
            case ThoughtDelta(text):
                self._thoughts.append(text)
            case ToolStarted(index, id_, name):
                self._calls[index] = (id_, name, [])
                self._answered = True
            case ToolDelta(index, arguments):
                self._calls[index][2].append(arguments)
            case UsageReported():
                self._usage = event
            case Flagged():
                self._toxic = True
            case _:
                self._finished = event
                self._answered = True  # it ended, if without a word

    def _begin(self, started: Started) -> None:
        self._started, self._finished, self._toxic = started, None, False
        self._usage = None
        for pieces in (self._texts, self._thoughts, self._calls):
            pieces.clear()

    def reply(self) -> Reply:
        finished = self._finished
        return Reply(
            text="".join(self._texts) if self._answered else None,
            usage=self._usage,
            calls=tuple(
                ToolCall(id_, name, "".join(pieces) or "{}")
                for _, (id_, name, pieces) in sorted(self._calls.items())
            ),
            reason=None if finished is None else finished.reason,
            started=self._started,
            stopped_by="" if finished is None else finished.stopped_by,
            toxic=self._toxic,
            thought="".join(self._thoughts),
        )


def replay(reply: Reply) -> list[Chunk]:
    """The chunks of an answer that came whole, its text word by word: one event in each.

    The inverse of collecting. A reply without a reason ends with `stop`, or with its calls.
    """
    return [Chunk((event,), content=_is_seen(event)) for event in _events(reply)]


def cut(text: str) -> list[str]:
    """*text* in pieces of a word or so; joined they are the text. What is one character with what
    is before it (an accent, half a surrogate pair, a joined emoji) stays with it.
    """
    ends = [0]
    for possible in chain(_ends(text), [len(text)]):
        end = max(possible, ends[-1])
        while 0 < end < len(text) and _belongs(text[end - 1], text[end]):
            end += 1
        if end > ends[-1]:
            ends.append(end)
    return [text[start:end] for start, end in pairwise(ends)]


def _ends(text: str) -> Iterable[int]:
    """Where pieces may end, in order."""
    if len(text) > _LARGE:
        return range(0, len(text), -(-len(text) // _PIECES))
    return _ends_of_words(text)


def _ends_of_words(text: str) -> Iterator[int]:
    for word in _WORD.finditer(text):
        yield from range(word.start() + _MOST, word.end(), _MOST)
        yield word.end()


def _belongs(before: str, character: str) -> bool:
    return (
        before == _JOINER
        or character == _JOINER
        or unicodedata.category(character).startswith("M")
        or "\udc00" <= character <= "\udfff"
        or "\U0001f3fb" <= character <= "\U0001f3ff"  # a tone of skin
    )


def _events(reply: Reply) -> Iterator[Event]:
    yield reply.started
    if reply.toxic:
        yield Flagged()
    if reply.thought:
        yield ThoughtDelta(reply.thought)
    for piece in cut(reply.text or ""):
        yield TextDelta(piece)
    for index, call in enumerate(reply.calls):
        yield ToolStarted(index, call.id, call.name)
        yield ToolDelta(index, call.arguments)
    if reply.usage is not None:
        yield reply.usage
    yield Finished(_ending(reply), reply.stopped_by)


def _ending(reply: Reply) -> FinishReason:
    """With calls in it an answer ends with them, whatever upstream said (providers.md §6.4)."""
    if reply.calls and reply.reason in (None, FinishReason.STOP):
        return FinishReason.TOOL_CALLS
    return reply.reason or FinishReason.STOP


def _is_seen(event: Event) -> bool:
    return isinstance(event, TextDelta | ThoughtDelta | ToolStarted | ToolDelta)
