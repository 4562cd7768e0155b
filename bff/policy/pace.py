"""When an event stream must say something: the first frame, a heartbeat, or nothing any more.

A state machine over monotonic seconds; the shell looks at it now and then and does what is due.
Source: api-faces.md §1 (early commit, silence, a client that does not read).
"""

from enum import StrEnum


class Due(StrEnum):
    NOTHING = "nothing"
    COMMIT = "commit"  # send the status line and what is held
    HEARTBEAT = "heartbeat"
    CUT = "cut"  # the client has stopped reading


class Pace:
    """*preamble_s* is how long a preamble without content is held back: while it is, a failure
    keeps its real status. *early* lets what is due at a moment be done a little before it.
    """

    def __init__(
        self,
        now: float,
        *,
        heartbeat_s: float = 10.0,
        commit_s: float = 10.0,
        preamble_s: float = 1.0,
        stall_s: float = 60.0,
        early_s: float = 0.0,
    ) -> None:
        self._heartbeat, self._stall, self._preamble = heartbeat_s, stall_s, preamble_s
        self._early = early_s
        self._commit_at = now + commit_s
        self._last_write = now
        self._sent = 0
        self._stuck_since: float | None = None
        self.committed = False

    def held(self, now: float) -> None:
        """A preamble waits for the first content."""
        self._commit_at = min(self._commit_at, now + self._preamble)

    def wrote(self, now: float) -> None:
        """Bytes were handed over: the status line is out, and the line is not silent."""
        self.committed = True
        self._last_write = now

    def look(self, now: float, *, sent: int, waiting: int) -> Due:
        """What is due. *waiting* bytes lie unsent in our buffer, *sent* bytes have left it so
        far.
        """
        if waiting and sent <= self._sent:
            if self._stuck_since is None:
                self._stuck_since = now
            return Due.CUT if now - self._stuck_since >= self._stall else Due.NOTHING
        self._sent, self._stuck_since = sent, None
        if waiting:
            return Due.NOTHING
        soon = now + self._early
        if not self.committed:
            return Due.COMMIT if soon >= self._commit_at else Due.NOTHING
        return Due.HEARTBEAT if soon - self._last_write >= self._heartbeat else Due.NOTHING
