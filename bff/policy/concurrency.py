"""How many streams one caller may have open at a time. Counts; knows no stream.

Source: api-faces.md §7.2, operations.md (`STREAMS_PER_USER`, `STREAMS_PER_KEY`).
"""

from collections.abc import Hashable
from dataclasses import dataclass, field

from bff.records import Caller

TRY_AGAIN_S = 5.0  # nobody knows when one ends; most are over by then


@dataclass(frozen=True, slots=True)
class Share:
    """*holder* may have *most* open, None for any number."""

    holder: Hashable
    most: int | None


def share_of(caller: Caller, *, per_user: int | None, per_key: int | None) -> Share:
    """A key's own number goes before the house's. Who is no user of the tenant, as an anonymous
    visitor, shares one share with all of them, of the size of a key's.
    """
    key = caller.key
    if key is not None:
        return Share(("key", key.id), per_key if key.streams is None else key.streams)
    if caller.account_id is None:
        return Share(("visitors", caller.client_key), per_key)
    return Share(("user", caller.client_key, caller.account_id), per_user)


@dataclass(slots=True)
class Streams:
    """How many are open, by holder; who has none is not remembered."""

    _open: dict[Hashable, int] = field(default_factory=dict)

    def __len__(self) -> int:
        """How many holders there are."""
        return len(self._open)

    def open(self, share: Share) -> bool:
        """Whether one more may be open; if so it is, until it is closed."""
        now_open = self._open.get(share.holder, 0)
        if share.most is not None and now_open >= share.most:
            return False
        self._open[share.holder] = now_open + 1
        return True

    def close(self, share: Share) -> None:
        """One that was opened is over."""
        left = self._open[share.holder] - 1
        if left:
            self._open[share.holder] = left
        else:
            del self._open[share.holder]
