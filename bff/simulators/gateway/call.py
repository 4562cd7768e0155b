"""One call on its way through the gateway: where it goes, what its headers ask for, what was seen.

Pure; the journey itself is gateway.py's. Source: gateway.md §3.
"""

import re
from dataclasses import dataclass, field
from typing import Any

from multidict import CIMultiDictProxy

from bff.simulators.faults import Fault
from bff.simulators.gateway.logs import LogEntry

_KEPT_BODY = 64 * 1024
_TAIL = 2048  # bytes at the end of a stream where the usage stands
_TOKENS = (
    re.compile(rb'"(?:prompt|input)_tokens":\s*(\d+)'),
    re.compile(rb'"(?:completion|output)_tokens":\s*(\d+)'),
)


@dataclass(slots=True)
class Call:
    """One request on its way through."""

    method: str
    account: str
    gateway: str
    provider: str
    endpoint: str  # with the query
    headers: CIMultiDictProxy[str]
    body: bytes
    fault: Fault
    entry: LogEntry
    own_headers: dict[str, str]
    asked: Any = None
    seen: bytearray = field(default_factory=bytearray)
    tail: bytes = b""
    turned_away: bool = False  # by the gateway, in a way that leaves no log

    @property
    def streams(self) -> bool:
        return isinstance(self.asked, dict) and self.asked.get("stream") is True

    def flag(self, name: str, default: bool) -> bool:
        return {"true": True, "false": False}.get(self.headers.get(name, "").lower(), default)

    def number(self, name: str, *, least: int, most: int) -> int | None:
        """A header's whole number, or None where there is none or it is out of range."""
        text = self.headers.get(name, "")
        if not text.isdecimal() or not least <= int(text) <= most:
            return None
        return int(text)

    def note(self, data: bytes) -> None:
        """Remembers what went by, for the log."""
        if len(self.seen) < _KEPT_BODY:
            self.seen += data[: _KEPT_BODY - len(self.seen)]
        self.tail = (self.tail + data)[-_TAIL:]

    @property
    def tokens(self) -> tuple[int, int]:
        """In and out, as the provider counted them; 0 where it said nothing."""
        found = [pattern.search(self.tail) for pattern in _TOKENS]
        into, out = (int(match[1]) if match else 0 for match in found)
        return into, out
