"""After a failed attempt: try again, take the next way, or stop. Facts in, verdict out.

Source: gateway.md §11 (the fallback table, row by row), providers.md §8, operations.md (retry
budget).
"""

import re
from collections import deque
from collections.abc import Mapping
from dataclasses import dataclass
from email.utils import parsedate_to_datetime
from enum import StrEnum

from bff.errors import Problem, Sign

_SECONDS = re.compile(r"\d{1,9}(\.\d{1,9})?")


class Move(StrEnum):
    RETRY = "retry"  # the same way again
    NEXT = "next"  # the next way on the list
    STOP = "stop"


@dataclass(frozen=True, slots=True)
class Verdict:
    move: Move
    wait_s: float = 0.0


@dataclass(frozen=True, slots=True)
class Patience:
    """How a vendor is asked again: *tries* in all; the first wait, doubled with each try; moved by
    chance by a *share* of it more or less, or by up to so many seconds *added*.
    """

    tries: int = 3
    first_s: float = 0.5
    share: float = 0.25
    added_s: float = 0.0


@dataclass(frozen=True, slots=True)
class Situation:
    """What is known when an attempt has failed.

    *tried* counts attempts on this way, *left_s* the seconds left of the deadline, *roll* is a
    random number in [0, 1).
    """

    problem: Problem
    via: str
    tried: int
    left_s: float
    roll: float
    content_sent: bool = False
    more_routes: bool = False
    round_misconfigured: bool = True  # a gateway that is set up wrong must not stop users


MISCONFIGURED = frozenset({Sign.EDGE_REFUSED, Sign.GATEWAY_CONFIG})
FALLBACK = MISCONFIGURED | {
    Sign.UNREACHABLE,
    Sign.NO_FIRST_BYTE,
    Sign.EDGE,
    Sign.GATEWAY_PROVIDER,
    Sign.EMPTY_STREAM,
    Sign.STALLED,
    Sign.CUT,
}
LONGEST_WAIT_S = 8.0
_RETRIES: Mapping[Sign, int] = {
    Sign.UNREACHABLE: 2,
    Sign.NO_FIRST_BYTE: 1,
    Sign.EDGE: 1,
    Sign.GATEWAY_PROVIDER: 1,
    Sign.EMPTY_STREAM: 1,
    Sign.CUT: 1,
    Sign.PROVIDER_BUSY: 2,
    Sign.PROVIDER_DOWN: 1,
    Sign.NOT_AN_ANSWER: 1,
}


def is_fallback_class(problem: Problem, *, via: str) -> bool:
    """Whether this failure says the gateway itself is in the way."""
    return via == "gateway" and problem.sign in FALLBACK


def decide(situation: Situation) -> Verdict:
    """Nothing after the first content; a refusal is never bypassed; no wait beyond the deadline."""
    problem = situation.problem
    if situation.content_sent or situation.left_s <= 0:
        return Verdict(Move.STOP)
    may_go_round = situation.round_misconfigured or problem.sign not in MISCONFIGURED
    if situation.more_routes and may_go_round and is_fallback_class(problem, via=situation.via):
        return Verdict(Move.NEXT)
    if situation.tried > _RETRIES.get(problem.sign, 0):
        return Verdict(Move.STOP)
    wait = problem.retry_after
    if wait is None:
        wait = backoff(situation.tried, situation.roll)
    if wait > LONGEST_WAIT_S or wait >= situation.left_s:
        return Verdict(Move.STOP)
    return Verdict(Move.RETRY, wait)


def backoff(tried: int, roll: float) -> float:
    """Half a second, doubled with each try, at most eight, a quarter more or less by *roll*."""
    return float(min(0.5 * 2 ** (tried - 1), LONGEST_WAIT_S / 1.25) * (0.75 + 0.5 * roll))


def read_retry_after(headers: Mapping[str, str]) -> float | None:
    """Seconds to wait, as upstream asks: `retry-after-ms`, then `retry-after` in seconds or as a
    date (counted from its own `date`, so that our clock does not matter). *headers* ignore case.
    """
    for name, unit in (("retry-after-ms", 0.001), ("retry-after", 1.0)):
        text = headers.get(name, "").strip()
        if _SECONDS.fullmatch(text):
            return float(text) * unit
    try:
        until = parsedate_to_datetime(headers["retry-after"])
        return max(0.0, (until - parsedate_to_datetime(headers["date"])).total_seconds())
    except (KeyError, ValueError, TypeError):
        return None


def read_should_retry(headers: Mapping[str, str]) -> bool | None:
    """What upstream itself says of asking again (`x-should-retry`). *headers* ignore case."""
    return {"true": True, "false": False}.get(headers.get("x-should-retry", "").strip().lower())


class RetryBudget:
    """Second tries are at most a share of the requests of the last minute, with a floor.

    Without it an upstream in trouble gets three times its load, and every caller waits three times.
    """

    def __init__(self, *, share: float = 0.2, floor: int = 10, window_s: float = 60.0) -> None:
        self._share, self._floor, self._window = share, floor, window_s
        self._requests: deque[float] = deque()
        self._retries: deque[float] = deque()

    def asked(self, now: float) -> None:
        """A request came in."""
        self._requests.append(now)
        self._forget(now)

    def spend(self, now: float) -> bool:
        """Whether one more try may be made; if so it is counted."""
        self._forget(now)
        if len(self._retries) >= max(self._floor, int(self._share * len(self._requests))):
            return False
        self._retries.append(now)
        return True

    def _forget(self, now: float) -> None:
        for times in (self._requests, self._retries):
            while times and now - times[0] >= self._window:
                times.popleft()
