"""Token quotas: who may spend, how much is set aside for a call, and what two records say together.

The Node app asked "is anything left?" and then spent, so that parallel calls all passed. Here calls
are admitted as if they came one after the other. Source: node-bff.md §3.3, §3.4, §9 (B13, B36).
"""

from collections import deque
from dataclasses import dataclass, field
from enum import Enum, auto
from typing import Final

from bff.records import ClientQuota

CONTEXT_WINDOW = 128_000  # tokens: no call of a model we serve can use more
REMEMBERED_CALLS = 100
CALLS_AT_ONCE = 8  # of one client, while it has no more left than that many contexts
INTEGER_LEAST, INTEGER_MOST = -(2**31), 2**31 - 1  # the columns' own, on PostgreSQL


@dataclass(frozen=True, slots=True)
class Admit:
    """Go, with so many tokens set aside."""

    tokens: int


class Verdict(Enum):
    """Not now, or no more."""

    WAIT = auto()  # what is left is set aside for others, who may use less
    REFUSE = auto()


WAIT: Final = Verdict.WAIT
REFUSE: Final = Verdict.REFUSE


def decide(token_quota: int, reserved: int, wanted: int) -> Admit | Verdict:
    """Whether a call that can use *wanted* tokens may begin beside those that hold *reserved*.

    The last call may go below zero, as it does when calls come one by one; the whole of what it can
    use is set aside all the same, or a call behind it could slip in. However little is *wanted*, a
    share of what is left is set aside: an upstream that reports more than it was thought to use
    must not find hundreds of calls under way.
    """
    if token_quota <= 0:
        return REFUSE
    if token_quota - reserved <= 0:
        return WAIT
    share = min(token_quota // CALLS_AT_ONCE, CONTEXT_WINDOW)
    return Admit(max(1, share, spent(wanted)))


def used(quota: ClientQuota) -> int:
    """Tokens used, within [0, max_quota]: outside it the frontend hides its own warning."""
    return max(0, min(quota.max_quota - quota.token_quota, quota.max_quota))


def spent(tokens: int) -> int:
    """What a call says it used, as a number the columns can hold."""
    return max(0, min(tokens, INTEGER_MOST))


def merge(here: ClientQuota, there: ClientQuota) -> ClientQuota:
    """Two records of one client as one: the higher limit, and the more that was used of any.

    So a raised limit stays raised, no used token is given back, and merging again changes nothing.
    """
    limit = max(here.max_quota, there.max_quota)
    most_used = max(quota.max_quota - quota.token_quota for quota in (here, there))
    return ClientQuota(here.client_key, limit, max(INTEGER_LEAST, limit - most_used))


@dataclass(slots=True)
class Sizes:
    """What calls of a model have used, for what to set aside for the next one."""

    _seen: dict[str, deque[int]] = field(default_factory=dict)

    def wanted(self, model: str, tokens: int) -> int:
        """*tokens* is the caller's own upper estimate. Nothing is cheap before it has been seen."""
        seen = self._seen.get(model)
        return CONTEXT_WINDOW if seen is None else max(min(tokens, CONTEXT_WINDOW), *seen)

    def settled(self, model: str, tokens: int) -> None:
        """A call that used nothing says nothing about the next."""
        if tokens > 0:
            self._seen.setdefault(model, deque(maxlen=REMEMBERED_CALLS)).append(spent(tokens))
