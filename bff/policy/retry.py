"""After a failed attempt: try again, take the next way, ask another model, or stop. Facts in,
verdict out.

Source: gateway.md §11 (the fallback table, row by row), providers.md §8, operations.md (retry
budget).
"""

import re
from collections import deque
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import datetime
from email.utils import parsedate_to_datetime
from enum import StrEnum

from bff.errors import Kind, Problem, Sign


class Move(StrEnum):
    RETRY = "retry"  # the same way again
    NEXT_WAY = "next_way"  # the next way to the same model
    NEXT_MODEL = "next_model"  # a model that stands in for it
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

    *tried* counts attempts on this way; *left_s* are the seconds left for this model, *rest_s*
    those left for the whole request; *roll* is a random number in [0, 1).
    """

    problem: Problem
    via: str
    tried: int
    left_s: float
    rest_s: float
    roll: float
    patience: Patience = Patience()
    content_sent: bool = False
    is_fallback: bool = False  # the model that failed stands in itself
    more_ways: bool = False
    more_models: bool = False
    may_retry: bool = True  # the retry budget is not spent
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

_NEVER_BYPASSED = frozenset(
    {Sign.GATEWAY_LIMIT, Sign.GATEWAY_POLICY, Sign.GATEWAY_BILLING, Sign.GATEWAY_UNKNOWN}
)
_OF_THE_VENDOR = frozenset(  # another one may well answer
    {
        Kind.UPSTREAM_RATE_LIMIT,
        Kind.OVERLOADED,
        Kind.UPSTREAM,
        Kind.TIMEOUT,
        Kind.CONNECTION,
        Kind.UPSTREAM_AUTH,  # our own key, not the caller's
        Kind.BUDGET,  # the vendor's: the gateway's is never bypassed
    }
)
_DOWN = frozenset(  # of the direct way
    {
        Sign.UNREACHABLE,
        Sign.NO_FIRST_BYTE,
        Sign.EDGE,
        Sign.EMPTY_STREAM,
        Sign.STALLED,
        Sign.CUT,
        Sign.PROVIDER_DOWN,
    }
)
_AS_OFTEN_AS_IT_LIKES = frozenset({Sign.UNREACHABLE, Sign.PROVIDER_BUSY})
_ONCE_THROUGH_THE_GATEWAY = frozenset({Sign.EDGE, Sign.PROVIDER_DOWN})
_ONCE = frozenset(  # it took its time, or may have been paid for
    {
        Sign.NO_FIRST_BYTE,
        Sign.GATEWAY_PROVIDER,
        Sign.GATEWAY_UNKNOWN,
        Sign.EMPTY_STREAM,
        Sign.CUT,
        Sign.NOT_AN_ANSWER,
    }
)
_ITS_OWN_WORDS = frozenset({Sign.PROVIDER_REFUSED, Sign.PROVIDER_BUSY, Sign.PROVIDER_DOWN})
_FINAL = frozenset({Kind.CONTENT_POLICY, Kind.BUDGET})  # whatever it says of asking again


def is_fallback_class(problem: Problem, *, via: str) -> bool:
    """Whether this failure says the gateway itself is in the way."""
    return via == "gateway" and problem.sign in FALLBACK


def tells_against(problem: Problem, *, via: str) -> bool:
    """Whether this failure counts for the breaker of its way. Never a refusal, a limit or a policy:
    or a caller could switch a vendor off.
    """
    return problem.sign in _DOWN if via == "direct" else is_fallback_class(problem, via=via)


def stands_in(problem: Problem) -> bool:
    """Whether another model may answer after this failure: it says nothing about the question."""
    return problem.kind in _OF_THE_VENDOR and problem.sign not in _NEVER_BYPASSED


def _never_asked(problem: Problem) -> bool:
    """Whether the question cannot be put to that vendor: nobody has refused it, so that nothing is
    bypassed where another is asked.
    """
    return problem.kind is Kind.BAD_REQUEST and problem.sign is Sign.NONE


def told(asked: Problem, last: Problem) -> Problem:
    """What the caller hears when what it asked for failed, and then what stood in for it: its own
    model's failure, unless a policy has refused.
    """
    return last if last.kind is Kind.CONTENT_POLICY else asked


def decide(situation: Situation) -> Verdict:
    """Nothing after the first content; a refusal is never bypassed; no wait beyond the deadline."""
    problem = situation.problem
    if situation.content_sent or situation.rest_s <= 0:
        return Verdict(Move.STOP)
    may_go_round = situation.round_misconfigured or problem.sign not in MISCONFIGURED
    if situation.left_s > 0:
        if situation.more_ways and may_go_round and is_fallback_class(problem, via=situation.via):
            return Verdict(Move.NEXT_WAY)
        wait = _wait(situation)
        if wait is not None:
            return Verdict(Move.RETRY, wait)
    may_change = stands_in(problem) or (situation.is_fallback and _never_asked(problem))
    if situation.more_models and may_go_round and may_change:
        return Verdict(Move.NEXT_MODEL)
    return Verdict(Move.STOP)


def _wait(situation: Situation) -> float | None:
    """Seconds before the same way is tried again; None when it is not. A wait that is too long is
    not waited for: the caller is told it.
    """
    problem, patience = situation.problem, situation.patience
    if not situation.may_retry or situation.tried > _retries(problem, situation.via, patience):
        return None
    wait = problem.retry_after
    if wait is None:
        wait = backoff(situation.tried, situation.roll, patience)
    return wait if wait <= LONGEST_WAIT_S and wait < situation.left_s else None


def _retries(problem: Problem, via: str, patience: Patience) -> int:
    """How often the same way is tried again; what upstream itself says of it overrules."""
    sign, most = problem.sign, patience.tries - 1
    if problem.should_retry is False:
        return 0
    if problem.should_retry and sign in _ITS_OWN_WORDS and problem.kind not in _FINAL:
        return most
    if sign in _AS_OFTEN_AS_IT_LIKES or (sign in _ONCE_THROUGH_THE_GATEWAY and via == "direct"):
        return most
    return min(most, 1) if sign in _ONCE or sign in _ONCE_THROUGH_THE_GATEWAY else 0


def backoff(tried: int, roll: float, patience: Patience = Patience()) -> float:
    """The first wait, doubled with each try, moved by *roll*; never more than the longest wait."""
    most = (LONGEST_WAIT_S - patience.added_s) / (1 + patience.share)
    steady = min(patience.first_s * 2 ** (tried - 1), most)
    moved = 1 + patience.share * (2 * roll - 1)
    return float(steady * moved + patience.added_s * roll)


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


# -- what upstream says of it ----------------------------------------------------------------------

_TOO_MANY = 429
_SECONDS = re.compile(r"\d{1,9}(\.\d{1,9})?")
_DURATION = re.compile(  # OpenAI's: `1s`, `6m0s`, `20ms`
    r"(?:(\d{1,4})h)?(?:(\d{1,6})m)?(?:(\d{1,9}(?:\.\d{1,9})?)s)?(?:(\d{1,9}(?:\.\d{1,9})?)ms)?"
)
_UNITS = (3600.0, 60.0, 1.0, 0.001)
_LIMITS = (  # what is left of a limit, and when it is whole again
    ("x-ratelimit-remaining-requests", "x-ratelimit-reset-requests"),
    ("x-ratelimit-remaining-tokens", "x-ratelimit-reset-tokens"),
    *(
        (f"anthropic-ratelimit-{what}-remaining", f"anthropic-ratelimit-{what}-reset")
        for what in ("requests", "tokens", "input-tokens", "output-tokens")
    ),
)


def read_wait(status: int, headers: Mapping[str, str]) -> float | None:
    """Seconds before a refused request is asked again: as `retry-after` says, else when the limits
    that are used up are whole again. *headers* ignore case.
    """
    wait = read_retry_after(headers)
    if wait is None and status == _TOO_MANY:
        return max(_resets(headers), default=None)
    return wait


def read_retry_after(headers: Mapping[str, str]) -> float | None:
    """Seconds to wait, as upstream asks: `retry-after-ms`, then `retry-after` in seconds or as a
    date (counted from its own `date`, so that our clock does not matter). *headers* ignore case.
    """
    for name, unit in (("retry-after-ms", 0.001), ("retry-after", 1.0)):
        text = headers.get(name, "").strip()
        if _SECONDS.fullmatch(text):
            return float(text) * unit
    try:
        return _until(parsedate_to_datetime(headers["retry-after"]), headers)
    except (KeyError, ValueError, TypeError):
        return None


def read_should_retry(headers: Mapping[str, str]) -> bool | None:
    """What upstream itself says of asking again (`x-should-retry`). *headers* ignore case."""
    return {"true": True, "false": False}.get(headers.get("x-should-retry", "").strip().lower())


def _resets(headers: Mapping[str, str]) -> Iterator[float]:
    """A limit of which something is left is not what refused us."""
    for left, reset in _LIMITS:
        if headers.get(left, "0").strip() == "0":
            seconds = _reset(headers.get(reset, "").strip(), headers)
            if seconds is not None:
                yield seconds


def _reset(text: str, headers: Mapping[str, str]) -> float | None:
    """A duration, or a moment in RFC 3339."""
    duration = _DURATION.fullmatch(text)
    if duration is not None and text:
        parts = zip(duration.groups(default="0"), _UNITS, strict=True)
        return sum(float(number) * unit for number, unit in parts)
    try:
        return _until(datetime.fromisoformat(text), headers)
    except (KeyError, ValueError, TypeError):
        return None


def _until(moment: datetime, headers: Mapping[str, str]) -> float:
    """Seconds from the answer's own date. Raises KeyError, ValueError or TypeError."""
    return max(0.0, (moment - parsedate_to_datetime(headers["date"])).total_seconds())
