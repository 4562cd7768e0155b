"""How long things may take: the four upstream timers, a question's body, an answer behind a router.

Not a clock: how long, never when. Source: design.md 4, providers.md §8; api-faces.md §8.
"""

from dataclasses import dataclass, replace

TOKENS_PER_FIRST_BYTE = 1_500  # 25 tokens a second at the default: a slow model's pace
BODY_PACE = 64 * 2**10  # bytes a second that earn more time: a slow line's, not a trickle
ROUTER_MARGIN_S = 2.0  # to say ourselves that it took too long, before a router does


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


def for_body(seconds: float, received: int) -> float:
    """Seconds in all that a body may take of which *received* bytes are here: a large one on a slow
    line is honest, one that trickles is not waited for.
    """
    return seconds + received / BODY_PACE


def whole_budget(router_s: float, spent_s: float) -> float | None:
    """Seconds left for an answer that is not streamed, behind a router that hangs up *router_s*
    after it passed the whole question on; None where there is none (0). *spent_s* runs since the
    body was here: so does the router's own countdown. Source: Heroku, "Request timeout".
    """
    if not router_s:
        return None
    return max(0.0, router_s - min(ROUTER_MARGIN_S, router_s / 2) - spent_s)
