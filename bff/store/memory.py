"""Counters in this process's memory: each worker counts for itself, so a caller may have as many
times its share as there are workers. What may be is policy's to say.
"""

from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager

from bff.errors import Kind, Problem
from bff.policy.concurrency import TRY_AGAIN_S, Streams, share_of
from bff.policy.rates import RateWindows
from bff.records import Caller, Standing


class CallerCounts:
    """What every caller has under way, and began of late. *now* is monotonic seconds."""

    def __init__(
        self, *, per_user: int | None, per_key: int | None, now: Callable[[], float]
    ) -> None:
        self._per_user, self._per_key, self._now = per_user, per_key, now
        self._streams, self._rates = Streams(), RateWindows()

    async def count(self, caller: Caller) -> Standing | None:
        """One request more; None for a caller without a limit."""
        key = caller.key
        if key is None or key.requests is None:
            return None
        return self._rates.admit(key.id, self._now(), key.requests)

    @asynccontextmanager
    async def stream(self, caller: Caller) -> AsyncIterator[None]:
        """Raises Problem(OWN_RATE_LIMIT) where the caller's share is used up."""
        share = share_of(caller, per_user=self._per_user, per_key=self._per_key)
        if not self._streams.open(share):
            raise Problem(
                Kind.OWN_RATE_LIMIT,
                f"You have {share.most} answers under way, and may not have more at a time. "
                "Wait for one of them to end.",
                retry_after=TRY_AGAIN_S,
            )
        try:
            yield
        finally:
            self._streams.close(share)
