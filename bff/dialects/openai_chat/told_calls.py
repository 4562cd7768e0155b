"""The calls of a streamed answer on their way to a caller: each begun once, under a number, an id
and a name of its own, and none without arguments.

Servers that speak OpenAI's words leave out the index, give every call the same, name no id or the
same twice, or send arguments as an object: clients put such pieces together wrongly, or fail. So
upstream's own spelling of calls is passed on only where it says what was read. Source: contract
api-faces.md §2, §4 "tool arguments".
"""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Any

from bff.chat.events import Event, Finished, ToolDelta, ToolStarted
from bff.dialects.said_calls import CallNumbers

Delta = dict[str, Any]
_ABOUT = {"index", "id", "type"}  # of a call, whatever its kind
_Piece = tuple[Any, Any, Any, Any]  # index, id, name and arguments; empty where it says nothing


class Calls:
    """*legacy* is told in the words of before tools, and of the first call only."""

    def __init__(self, *, legacy: bool) -> None:
        self._legacy = legacy
        self._numbers = CallNumbers()
        self._silent: set[int] = set()  # calls without arguments so far
        self.any_foreign = False  # upstream tells calls that are of no function: not ours to mend

    def __len__(self) -> int:
        return len(self._numbers)

    def number(self, events: Iterable[Event]) -> Iterator[Event]:
        """*events* with the calls under their numbers here, without those that are not shown."""
        for event in events:
            numbered: Event | None = event
            if isinstance(event, ToolStarted):
                numbered = self._numbers.open(event)
            elif isinstance(event, ToolDelta):
                number = self._numbers.of(event.index)
                numbered = None if number is None else ToolDelta(number, event.arguments)
            if numbered is not None:
                yield numbered

    def note(self, event: Event) -> None:
        """Of a call under its number, that it is told."""
        if isinstance(event, ToolStarted):
            self._silent.add(event.index)
        elif isinstance(event, ToolDelta):
            self._silent.discard(event.index)

    def tell(self, event: ToolStarted | ToolDelta) -> list[Delta]:
        """The deltas of a call under its number: one or none."""
        self.note(event)
        call: Delta = {"index": event.index}
        if isinstance(event, ToolStarted):
            call |= {"id": event.id, "type": "function"}
            function = {"name": event.name, "arguments": ""}
        else:
            function = {"arguments": event.arguments}
        if self._legacy:
            return [{"function_call": function}] if event.index == 0 else []
        return [{"tool_calls": [{**call, "function": function}]}]

    def end(self) -> list[Delta]:
        """Before the finish: empty arguments for who got none."""
        silent = [ToolDelta(number, "{}") for number in sorted(self._silent)]
        return [delta for event in silent for delta in self.tell(event)]

    def are_spelled(self, delta: Mapping[str, Any], events: Sequence[Event]) -> bool:
        """Whether *delta*, upstream's own, tells the calls in *events*, which bear their numbers,
        as a caller must have them.
        """
        calls = delta.get("tool_calls") or ()
        self.any_foreign = self.any_foreign or any(map(_is_foreign, calls))
        if self.any_foreign:
            return True
        if self._legacy:
            return not calls
        told = _told(events)
        if told and any(isinstance(event, Finished) for event in events):
            return False  # what is missing must stand between
        return not delta.get("function_call") and list(_spelled(delta)) == told


def _is_foreign(call: Mapping[str, Any]) -> bool:
    """Whether it is one of OpenAI's newer kinds, which have no function."""
    if call.get("type") not in (None, "function"):
        return True
    return "function" not in call and not call.keys() <= _ABOUT


def _spelled(delta: Mapping[str, Any]) -> Iterator[_Piece]:
    for call in delta.get("tool_calls") or ():
        function = call.get("function") or {}
        name, arguments = function.get("name") or "", function.get("arguments")
        if name and call.get("type") != "function":
            arguments = None  # some clients look for it
        yield call.get("index"), call.get("id") or "", name, arguments


def _told(events: Iterable[Event]) -> list[_Piece]:
    """The arguments that follow a call's beginning at once stand in one piece with it."""
    pieces: list[_Piece] = []
    for event in events:
        if isinstance(event, ToolStarted):
            pieces.append((event.index, event.id, event.name, ""))
        elif isinstance(event, ToolDelta):
            index, id_, name, said = pieces[-1] if pieces else (None, "", "", "")
            if index == event.index and name and not said:
                pieces[-1] = (index, id_, name, event.arguments)
            else:
                pieces.append((event.index, "", "", event.arguments))
    return pieces
