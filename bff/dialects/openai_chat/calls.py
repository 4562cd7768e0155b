"""The calls in a completion: pieces of them as they come, in one numbering of ours.

Servers that speak OpenAI's words leave out the index, repeat the name or forget the id; legacy ones
have one `function_call`. Source: contract providers.md §1.
"""

import hashlib
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from bff.chat.events import Event, ThoughtDelta, ToolDelta, ToolStarted


@dataclass(slots=True)
class _Call:
    """*held* are arguments that came before the name did."""

    number: int
    id: str
    started: bool = False
    held: list[str] = field(default_factory=list)


class CallReader:
    """Deltas in, ToolStarted and ToolDelta out. *answer* names the answer, for ids of our own."""

    def __init__(self) -> None:
        self._calls: dict[object, _Call] = {}
        self._last: _Call | None = None

    @property
    def any_started(self) -> bool:
        return any(call.started for call in self._calls.values())

    def read(self, delta: Mapping[str, Any], answer: str) -> list[Event]:
        """Thoughts and calls of a delta, or of a whole message. Raises what UNREADABLE names."""
        events: list[Event] = []
        thought = delta.get("reasoning_content")
        if thought:
            if not isinstance(thought, str):
                raise TypeError("a thought is not text")
            events.append(ThoughtDelta(thought))
        for piece in delta.get("tool_calls") or ():
            self._piece(piece, answer, events)
        legacy = delta.get("function_call")
        if legacy:
            self._piece({"index": 0, "function": legacy}, answer, events)
        return events

    def _piece(self, piece: Mapping[str, Any], answer: str, events: list[Event]) -> None:
        call = self._find(piece, answer)
        function = piece.get("function") or {}
        name, arguments = function.get("name") or "", function.get("arguments") or ""
        if not isinstance(name, str) or not isinstance(arguments, str):
            raise TypeError("a call's name or arguments are not text")
        if not call.started:
            call.held.append(arguments)
            if not name:
                return
            call.started = True
            events.append(ToolStarted(call.number, call.id, name))
            arguments = "".join(call.held)
        if arguments:
            events.append(ToolDelta(call.number, arguments))

    def _find(self, piece: Mapping[str, Any], answer: str) -> _Call:
        """The call that *piece* belongs to: by its index, else its id, else the last one."""
        id_ = piece.get("id")
        id_ = id_ if isinstance(id_, str) else ""
        key: object = piece.get("index")
        if not isinstance(key, int):
            if not id_ and self._last is not None:
                return self._last
            key = id_ or len(self._calls)
        call = self._calls.get(key)
        if call is None:
            number = len(self._calls)
            call = self._calls[key] = _Call(number, id_ or _own_id(answer, number))
        self._last = call
        return call


def _own_id(answer: str, number: int) -> str:
    named = f"{answer}/{number}".encode("utf-8", "surrogatepass")
    return f"call_{hashlib.sha256(named).hexdigest()[:24]}"
