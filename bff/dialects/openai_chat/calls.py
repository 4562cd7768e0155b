"""The calls in a completion: pieces of them as they come, in one numbering of ours.

Servers that speak OpenAI's words leave out the index or the id, repeat either, repeat the name, or
send arguments as an object; legacy ones have one `function_call`. Source: contract providers.md §1.
"""

import hashlib
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

from bff.chat.events import Event, ThoughtDelta, ToolDelta, ToolStarted
from bff.dialects.json_text import read_json, write_ascii

_LEGACY = "function_call"


@dataclass(frozen=True, slots=True)
class _Piece:
    """What one delta says of a call; empty where it says nothing. *key* is its index, if any."""

    key: int | str | None
    id: str
    name: str
    arguments: str


@dataclass(slots=True)
class _Call:
    """*number* is None until the name is known; *said* are its arguments so far."""

    id: str
    name: str = ""
    number: int | None = None
    said: list[str] = field(default_factory=list)

    @property
    def is_whole(self) -> bool:
        """Whether its arguments are a JSON value already: nothing more can follow."""
        try:
            read_json("".join(self.said).encode("utf-8", "surrogatepass"))
        except ValueError:
            return False
        return True


class CallReader:
    """Deltas in, calls out. Of a delta that cannot be read nothing is remembered: who is told of a
    call's arguments was told of the call.
    """

    def __init__(self) -> None:
        self._calls: dict[int | str, _Call] = {}
        self._last: _Call | None = None
        self._started = 0

    @property
    def any_started(self) -> bool:
        return self._started > 0

    def read(self, delta: Mapping[str, Any], answer: str) -> list[Event]:
        """Of a delta, or of a whole message. *answer* names the answer, for ids of our own. Raises
        TypeError.
        """
        events: list[Event] = []
        for piece in list(_pieces(delta)):
            call = self._find(piece)
            told = piece.arguments
            if call.number is None and piece.name:
                events.append(self._start(call, piece.name, answer))
                told = "".join(call.said) + told
            call.said.append(piece.arguments)
            if told and call.number is not None:
                events.append(ToolDelta(call.number, told))
        return events

    def _start(self, call: _Call, name: str, answer: str) -> ToolStarted:
        call.name, call.number = name, self._started
        self._started += 1
        call.id = call.id or _own_id(answer, call.number)
        return ToolStarted(call.number, call.id, name)

    def _find(self, piece: _Piece) -> _Call:
        """The call that *piece* goes on with, or a new one."""
        key = piece.key if piece.key is not None else piece.id
        call = self._calls.get(key) if key != "" else self._last
        if call is None and piece.key is None and not piece.name:
            call = self._last
        if call is None or _begins_another(piece, call):
            call = _Call(piece.id)
            self._calls[key] = call
        call.id = call.id or piece.id
        self._last = call
        return call


def read_thought(delta: Mapping[str, Any]) -> tuple[ThoughtDelta, ...]:
    """One or none. Raises TypeError."""
    thought = delta.get("reasoning_content")
    return (ThoughtDelta(_text(thought)),) if thought else ()


def _begins_another(piece: _Piece, call: _Call) -> bool:
    """Whether *piece* is a call of its own beside *call*, where it would be taken for more of it:
    some give every call the same index, or none, and some an id that changes with every piece.
    """
    if not piece.name or not call.name:
        return False
    if piece.id and call.id:
        return piece.id != call.id
    return piece.key is None and (piece.name != call.name or call.is_whole)


def _pieces(delta: Mapping[str, Any]) -> Iterator[_Piece]:
    told = delta.get("tool_calls")
    for value in told or ():
        if not isinstance(value, dict):
            raise TypeError("a call is no object")
        index = value.get("index")
        yield _piece(index if isinstance(index, int) else None, value)
    legacy = delta.get("function_call")
    if legacy and not told:
        yield _piece(_LEGACY, {"function": legacy})


def _piece(key: int | str | None, value: Mapping[str, Any]) -> _Piece:
    function = value.get("function") or {}  # the name may follow
    if not isinstance(function, dict):
        raise TypeError("a function is no object")
    arguments = function.get("arguments") or ""
    if isinstance(arguments, dict):
        arguments = write_ascii(arguments).decode()
    id_ = value.get("id")
    named = _text(function.get("name") or "")
    return _Piece(key, id_ if isinstance(id_, str) else "", named, _text(arguments))


def _text(value: object) -> str:
    if not isinstance(value, str):
        raise TypeError("no text")
    return value


def _own_id(answer: str, number: int) -> str:
    named = f"{answer}/{number}".encode("utf-8", "surrogatepass")
    return f"call_{hashlib.sha256(named).hexdigest()[:24]}"
