"""Names and ids that Anthropic takes: letters, digits, `_` and `-`, and none of them twice.

What fits already is sent as it is; anything else gets a label of its own, the same wherever it
stands in the request. Source: contract providers.md §2.
"""

import re
from collections import deque
from collections.abc import Iterable

_ODD = re.compile(r"[^a-zA-Z0-9_-]")
_NAME_MOST = 128
_STEM_MOST = _NAME_MOST - 10  # what no number at its end can reach


def write_names(names: Iterable[str]) -> dict[str, str]:
    """Each name, and what it is called there."""
    wanted = dict.fromkeys(names)
    told = {name: name for name in wanted if _fits(name)}
    labels = _Labels(told)
    for name in wanted:
        if name not in told:
            told[name] = labels.free(name)
    return told


def free_name(name: str, taken: Iterable[str]) -> str:
    """*name* as it is allowed to be, unlike all that are *taken*."""
    return _Labels(taken).free(name)


class CallIds:
    """The ids of calls: each call has one of its own, even where a client began to count anew with
    each turn, and its result finds it.
    """

    def __init__(self, reserved: Iterable[str]) -> None:
        """*reserved* are those that are sent as they are."""
        self._labels = _Labels(reserved)
        self._open: dict[str, deque[str]] = {}

    def begin_turn(self) -> None:
        """Calls of an earlier turn cannot be answered any more."""
        self._open.clear()

    def call(self, id_: str) -> str:
        told = self._labels.free(id_)
        self._open.setdefault(id_, deque()).append(told)
        return told

    def note(self, id_: str) -> None:
        """A call that is sent as it is."""
        self._open.setdefault(id_, deque()).append(id_)

    def answer(self, id_: str) -> str | None:
        """What the call is called there; None when there is none that waits for its result."""
        waiting = self._open.get(id_)
        return waiting.popleft() if waiting else None


def _fits(name: str) -> bool:
    return bool(name) and len(name) <= _NAME_MOST and not _ODD.search(name)


def _cleaned(text: str) -> str:
    return _ODD.sub("_", text)[:_NAME_MOST] or "_"


class _Labels:
    """Those that are taken; of what begins alike it remembers the last number, for a caller may
    send a hundred thousand that do.
    """

    def __init__(self, taken: Iterable[str]) -> None:
        self._taken = set(taken)
        self._numbers: dict[str, int] = {}

    def free(self, text: str) -> str:
        """*text* as it is allowed to be, unlike all that are taken; takes it."""
        free = label = _cleaned(text)
        stem = label[:_STEM_MOST]
        while free in self._taken:
            number = self._numbers[stem] = self._numbers.get(stem, 1) + 1
            tail = f"_{number}"
            free = label[: _NAME_MOST - len(tail)] + tail
        self._taken.add(free)
        return free
