"""Names and ids that Anthropic takes: letters, digits, `_` and `-`, and none of them twice.

What fits already is sent as it is; anything else gets a label of its own, the same wherever it
stands in the request. Source: contract providers.md §2.
"""

import re
from collections import deque
from collections.abc import Iterable

_ODD = re.compile(r"[^a-zA-Z0-9_-]")
_NAME_MOST = 128


def write_names(names: Iterable[str]) -> dict[str, str]:
    """Each name, and what it is called there."""
    wanted = dict.fromkeys(names)
    told = {name: name for name in wanted if _fits(name)}
    taken = set(told)
    for name in wanted:
        if name not in told:
            told[name] = free_name(name, taken)
    return told


def free_name(name: str, taken: set[str]) -> str:
    """*name* as it is allowed to be, unlike all that are *taken*; takes it."""
    return _free(_cleaned(name), taken)


class CallIds:
    """The ids of calls: each call has one of its own, even where a client began to count anew with
    each turn, and its result finds it.
    """

    def __init__(self, reserved: Iterable[str]) -> None:
        """*reserved* are those that are sent as they are."""
        self._taken = set(reserved)
        self._open: dict[str, deque[str]] = {}

    def begin_turn(self) -> None:
        """Calls of an earlier turn cannot be answered any more."""
        self._open.clear()

    def call(self, id_: str) -> str:
        told = _free(_cleaned(id_), self._taken)
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


def _free(label: str, taken: set[str]) -> str:
    free, number = label, 1
    while free in taken:
        number += 1
        tail = f"_{number}"
        free = label[: _NAME_MOST - len(tail)] + tail
    taken.add(free)
    return free
