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
    """A state machine; *now* is monotonic seconds. One probe at a time while half open."""

    def __init__(self, *, failures: int = 5, window_s: float = 30.0, rest_s: float = 30.0) -> None:
        self._most, self._window, self._rest = failures, window_s, rest_s
        self._failed_at: deque[float] = deque(maxlen=failures)
        self._opened_at: float | None = None
        self._probing = False

    def state(self, now: float) -> BreakerState:
        if self._opened_at is None:
            return BreakerState.CLOSED
        if self._probing or now - self._opened_at >= self._rest:
            return BreakerState.HALF_OPEN
        return BreakerState.OPEN

    def admit(self, now: float) -> bool:
        """Whether to ask this upstream now; while half open the first to ask is the probe."""
        state = self.state(now)
        if state is BreakerState.HALF_OPEN and not self._probing:
            self._probing = True
            return True
        return state is BreakerState.CLOSED

    def succeeded(self) -> None:
        """It answered. Closes a half-open breaker; a closed one keeps its count of failures."""
        if self._opened_at is not None:
            self._opened_at, self._probing = None, False
            self._failed_at.clear()

    def failed(self, now: float) -> None:
        """A failure that would have been worth a fallback."""
        self._failed_at.append(now)
        full = len(self._failed_at) == self._most and now - self._failed_at[0] <= self._window
        if self._opened_at is not None or full:
            self._opened_at, self._probing = now, False

    def abandoned(self) -> None:
        """The probe ended without telling us anything: a refusal, or its caller left."""
        self._probing = False
