"""Server-sent events, read and framed: bytes cut anywhere in, whole frames out.

Not a client and not a server: no I/O. Source: HTML Living Standard, "Parsing an event stream", with
the tolerances of contract providers.md §7.1 (a missing last blank line, no space after the colon).
"""

import re
from typing import NamedTuple

from bff.errors import Kind, Problem, Sign

BOM = b"\xef\xbb\xbf"
_LINE_END = re.compile(rb"\r\n|\n|\r")
_FIELD_NAME = 16  # bytes a line may be longer than its event's limit: the field's name and colon


class Frame(NamedTuple):
    """One dispatched event: its name, empty when it had none, and its data, joined with LF."""

    event: str
    data: bytes


class Decoder:
    """Eats bytes, returns whole frames. Comments, `id:`, `retry:` and events without data are
    dropped.

    When one event, or one line, grows beyond *limit* bytes, `problem` says so and the rest is
    ignored: what was read before it is still returned, so that no part of an answer is lost.
    """

    problem: Problem | None = None

    def __init__(self, limit: int = 8 * 2**20) -> None:
        self._limit = limit
        self._begun: list[bytes] = []  # pieces of a line whose end has not come
        self._begun_size = 0
        self._name = b""
        self._data: list[bytes] = []
        self._data_size = 0
        self._started = False  # the byte order mark is behind us
        self._after_cr = False  # the last byte was CR: an LF that follows belongs to it

    def feed(self, data: bytes) -> list[Frame]:
        """The frames that *data* completes."""
        frames: list[Frame] = []
        if self.problem is None:
            try:
                self._feed(data, frames)
            except _TooLarge:
                self.problem = _too_large()
        return frames

    def close(self) -> list[Frame]:
        """The frame that the end of the stream completes: a missing last blank line is forgiven."""
        return self.feed(b"\n\n")

    def _feed(self, data: bytes, frames: list[Frame]) -> None:
        if (
            data[-2:] == b"\n\n"
            and self._started
            and not (self._begun or self._data or self._name or self._after_cr)
            and b"\r" not in data
        ):
            self._feed_whole(data, frames)
        else:
            self._feed_lines(data, frames)

    def _feed_whole(self, data: bytes, frames: list[Frame]) -> None:
        """The common case, in fewer steps: nothing is pending, and *data* ends where an event
        ends.
        """
        for block in data[:-2].split(b"\n\n"):
            if block[:6] == b"data: " and b"\n" not in block and len(block) - 6 <= self._limit:
                if len(block) > 6:
                    frames.append(Frame("", block[6:]))
            else:
                for line in block.split(b"\n"):
                    self._line(line, frames)
                self._line(b"", frames)

    def _feed_lines(self, data: bytes, frames: list[Frame]) -> None:
        if self._after_cr and data:
            self._after_cr = False
            data = data.removeprefix(b"\n")
        if not self._started:
            data = b"".join([*self._begun, data])
            self._begun, self._begun_size = [], 0
            if len(data) < len(BOM) and BOM.startswith(data):
                self._begin(data)
                return
            data = data.removeprefix(BOM)
            self._started = True
        start = 0
        for end in _LINE_END.finditer(data):
            line = data[start : end.start()]
            if self._begun:
                line = b"".join([*self._begun, line])
                self._begun, self._begun_size = [], 0
            self._line(line, frames)
            start = end.end()
        self._after_cr = data[-1:] == b"\r" or (self._after_cr and not data)
        self._begin(data[start:])

    def _begin(self, piece: bytes) -> None:
        """Keeps the head of a line for later; searched once, joined once."""
        if piece:
            self._begun.append(piece)
            self._begun_size += len(piece)
            if self._begun_size > self._limit + _FIELD_NAME:
                raise _TooLarge

    def _line(self, line: bytes, frames: list[Frame]) -> None:
        if not line:
            data = b"\n".join(self._data)
            if data:
                frames.append(Frame(self._name.decode("utf-8", "replace"), data))
            self._name, self._data, self._data_size = b"", [], 0
            return
        if len(line) > self._limit + _FIELD_NAME:
            raise _TooLarge
        field, _, value = line.partition(b":")
        value = value.removeprefix(b" ")
        if field == b"data":
            self._data.append(value)
            self._data_size += len(value) + 1
            if self._data_size > self._limit + 1:
                raise _TooLarge
        elif field == b"event":
            self._name = value


class _TooLarge(Exception):  # noqa: N818 - caught in this module alone
    """One event is larger than we hold; never leaves this module."""


def _too_large() -> Problem:
    return Problem(Kind.UPSTREAM, "The model sent an event that is too large.", sign=Sign.CUT)
