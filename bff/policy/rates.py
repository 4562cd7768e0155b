"""How many requests may begin within a minute: a sliding window, exact, without a burst above the
number. What is refused does not count.

Not a clock: seconds arrive as arguments. Source: operations.md (limits), api-faces.md §7.2.
"""

from collections import OrderedDict, deque
from dataclasses import dataclass, field

from bff.records import Standing

SPAN_S = 60.0


@dataclass(slots=True)
class RateWindow:
    """When the requests of the last *SPAN_S* seconds began: at most as many as were allowed."""

    _starts: deque[float] = field(default_factory=deque)

    def admit(self, now: float, most: int) -> Standing:
        """One more request at *now*, where *most* may begin within any span."""
        starts = self._starts
        self.forget(now)
        wait_s = None
        if len(starts) >= most:  # more than that when the number was lowered
            wait_s = starts[len(starts) - most] + SPAN_S - now
        else:
            starts.append(now)
        return Standing(most, max(0, most - len(starts)), starts[-1] + SPAN_S - now, wait_s)

    def forget(self, now: float) -> bool:
        """Drops what no longer counts; whether nothing is left."""
        while self._starts and now - self._starts[0] >= SPAN_S:
            self._starts.popleft()
        return not self._starts


@dataclass(slots=True)
class RateWindows:
    """A window for everybody who asked within the last span, and for nobody else."""

    _windows: OrderedDict[str, RateWindow] = field(default_factory=OrderedDict)

    def __len__(self) -> int:
        return len(self._windows)

    def admit(self, holder: str, now: float, most: int) -> Standing:
        """One more request of *holder*; those who have been silent for a span are forgotten."""
        window = self._windows.setdefault(holder, RateWindow())
        standing = window.admit(now, most)
        self._windows.move_to_end(holder)
        while next(iter(self._windows.values())).forget(now):
            self._windows.popitem(last=False)
        return standing
