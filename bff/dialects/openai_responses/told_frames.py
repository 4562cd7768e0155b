"""The events of a streamed response as frames, numbered. Source: api-faces.md §2 "Stream"."""

from collections.abc import Mapping
from typing import Any

from bff.dialects.json_text import escape, read_json, write_ascii


class Frames:
    """Each event has a name, which its data repeats, and a number above that of the one before."""

    def __init__(self) -> None:
        self._number = 0
        self._passed = b""  # upstream's last event, whose number was not looked at

    def spell(self, type_: str, value: Mapping[str, Any]) -> bytes:
        """An event under the next number, whatever *value* says of it."""
        numbered = {"type": type_, **value, "sequence_number": self._next()}
        return _frame(type_, write_ascii(numbered))

    def pass_on(self, type_: str, data: bytes) -> bytes:
        """Upstream's event under its own number."""
        self._number += 1
        self._passed = data
        if b"\n" in data:
            data = data.replace(b"\n", b" ")  # valid JSON: a line end stands between tokens only
        return _frame(type_, data if data.isascii() else escape(data))

    def _next(self) -> int:
        if self._passed:
            theirs = read_json(self._passed).get("sequence_number")  # as its reader did
            if isinstance(theirs, int):
                self._number = max(self._number, theirs + 1)
            self._passed = b""
        number, self._number = self._number, self._number + 1
        return number


def _frame(type_: str, data: bytes) -> bytes:
    return b"event: %b\ndata: %b\n\n" % (type_.encode("ascii"), data)
