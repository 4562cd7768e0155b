"""Breaker: stops asking an upstream that keeps failing, and asks again, once, after a while.

Not a limiter: a refusal (policy, budget, a bad request) is never counted here, or an attacker could
switch a policy off. Source: gateway.md §11, operations.md: five failures within a rolling 30 s;
successes in between do not reset the count.
"""

from collections import deque
from enum import StrEnum


class BreakerState(StrEnum):
    CLOSED = "closed"
    OPEN = "open"
    HALF_OPEN = "half_open"


class Breaker:
    """A state machine; *now* is monotonic seconds. One probe at a time while half open.

    Who is admitted gets a ticket and shows it with the outcome: what was asked before the breaker
    last opened or closed tells nothing about it any more.
    """

    def __init__(self, *, failures: int = 5, window_s: float = 30.0, rest_s: float = 30.0) -> None:
        self._most, self._window, self._rest = failures, window_s, rest_s
        self._failed_at: deque[float] = deque(maxlen=failures)
        self._opened_at: float | None = None
        self._current = 0  # the ticket that counts
        self._probing = False

    def state(self, now: float) -> BreakerState:
        if self._opened_at is None:
            return BreakerState.CLOSED
        if self._probing or now - self._opened_at >= self._rest:
            return BreakerState.HALF_OPEN
        return BreakerState.OPEN

    def admit(self, now: float) -> int | None:
        """A ticket to ask this upstream with; while half open the first to ask is the probe."""
        state = self.state(now)
        if state is BreakerState.HALF_OPEN and not self._probing:
            self._probing = True
            self._current += 1
            return self._current
        return self._current if state is BreakerState.CLOSED else None

    def succeeded(self, ticket: int | None) -> None:
        """It answered. Closes a half-open breaker; a closed one keeps its count of failures."""
        if self._is_probe(ticket):
            self._opened_at, self._probing = None, False
            self._failed_at.clear()

    def failed(self, ticket: int | None, now: float) -> None:
        """A failure that would have been worth a fallback."""
        if self._is_probe(ticket):
            self._open(now)
        elif self._opened_at is None and ticket == self._current:
            self._failed_at.append(now)
            if len(self._failed_at) == self._most and now - self._failed_at[0] <= self._window:
                self._open(now)

    def abandoned(self, ticket: int | None) -> None:
        """The probe ended without telling us anything: a refusal, or its caller left."""
        if self._is_probe(ticket):
            self._probing = False

    def _is_probe(self, ticket: int | None) -> bool:
        return self._probing and ticket == self._current

    def _open(self, now: float) -> None:
        self._opened_at, self._probing = now, False
        self._current += 1
