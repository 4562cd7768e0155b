"""Reply: a collected answer, for callers who want it whole.

Not every answer has a text: a model may report what it used and say nothing.
"""

from collections.abc import Sequence
from dataclasses import dataclass, field

from bff.chat.events import Chunk, Started, TextDelta, UsageReported


@dataclass(frozen=True, slots=True)
class Reply:
    """*text* is None when there was no answer at all, *usage* when nothing was reported."""

    text: str | None
    usage: UsageReported | None


@dataclass(slots=True)
class Collector:
    """Folds the chunks of an answer into its Reply. An answer begins anew where a new try does."""

    _texts: list[str] = field(default_factory=list)
    _answered: bool = False
    _usage: UsageReported | None = None

    def feed(self, batch: Sequence[Chunk]) -> None:
        for chunk in batch:
            for event in chunk.events:
                if isinstance(event, Started):
                    self._texts.clear()
                elif isinstance(event, TextDelta):
                    self._texts.append(event.text)
                    self._answered = True
                elif isinstance(event, UsageReported):
                    self._usage = event
                else:
                    self._answered = True  # it ended, if without a word

    def reply(self) -> Reply:
        return Reply("".join(self._texts) if self._answered else None, self._usage)
