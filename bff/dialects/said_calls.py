"""The calls of an answer as a face may show them: numbered from 0 without a gap, each with a name
and an id of its own. Source: api-faces.md §2, §4 "tool arguments".
"""

from collections.abc import Sequence

from bff.chat.events import ToolStarted
from bff.chat.request import ToolCall


class CallNumbers:
    """A call without a name is no call: what is said of it has no number."""

    def __init__(self) -> None:
        self._numbers: dict[int, int] = {}
        self._ids: set[str] = set()

    def __len__(self) -> int:
        return len(self._numbers)

    def open(self, call: ToolStarted) -> ToolStarted | None:
        """*call* under its number here; None when it is not to be shown, or was already."""
        if not call.name or call.index in self._numbers:
            return None
        number = self._numbers[call.index] = len(self._numbers)
        id_ = call.id
        if not id_ or id_ in self._ids:
            id_ = f"call_{number:024d}"
        self._ids.add(id_)
        return ToolStarted(number, id_, call.name)

    def of(self, index: int) -> int | None:
        return self._numbers.get(index)


def shown_calls(calls: Sequence[ToolCall]) -> list[ToolCall]:
    """The same for an answer in one piece; a call without arguments has `{}`."""
    numbers, shown = CallNumbers(), []
    for index, call in enumerate(calls):
        opened = numbers.open(ToolStarted(index, call.id, call.name))
        if opened is not None:
            shown.append(ToolCall(opened.id, opened.name, call.arguments or "{}"))
    return shown
