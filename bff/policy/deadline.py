"""The four upstream timers: named, frozen, each with its own error and its own setting.

Not a clock: how long, never when. Source: design.md 4, providers.md §8.
"""

from dataclasses import dataclass, replace

TOKENS_PER_FIRST_BYTE = 1_500  # 25 tokens a second at the default: a slow model's pace


@dataclass(frozen=True, slots=True)
class Timers:
    """Seconds: to connect, to the headers, between two reads, for the whole answer. *floor* is the
    least that a stream brings, in bytes a second, averaged over the third of them.
    """

    connect: float = 5.0
    first_byte: float = 60.0
    idle: float = 60.0
    total: float = 600.0
    floor: float = 0.0


def for_whole_answer(timers: Timers, max_tokens: int | None) -> Timers:
    """A whole answer is silent until its last token, so its first byte may take one more first-byte
    time for every 1,500 tokens it can have; the total stays, and with it time for the other way.
    """
    if max_tokens is None:
        return replace(timers, first_byte=timers.total)
    silent = timers.first_byte * (1 + max_tokens / TOKENS_PER_FIRST_BYTE)
    return replace(timers, first_byte=min(silent, timers.total))


def within(timers: Timers, total: float) -> Timers:
    """A vendor who never needs longer than *total*."""
    total = min(timers.total, total)
    return replace(timers, total=total, first_byte=min(timers.first_byte, total))


def silent(timers: Timers) -> Timers:
    """A vendor who says nothing until the answer is there: only the total counts."""
    return replace(timers, first_byte=timers.total, idle=timers.total, floor=0.0)


def by_length(characters: int, *, slow: bool = False) -> float:
    """Seconds that a question of so many *characters* may take (providers.md §4, "Timeout")."""
    seconds = 60.0 if characters <= 10_000 else 120.0 if characters <= 30_000 else 240.0
    return min(seconds * (1.2 if slow else 1.0), 300.0)
