"""Stage: frames of an answer in, what to do on the wire out, as one Fault has it. Pure.

Not the performance: Acts are carried out by wire.py.
"""

from collections.abc import Callable
from dataclasses import dataclass
from enum import Enum, auto

import orjson

from bff.simulators.faults import Fault
from bff.simulators.openai.frames import BAD_LINE, DONE, delta, error_frame

_BOM = b"\xef\xbb\xbf"
_COMMENT = b": keep-alive\n\n"
_PADDING = b',"obfuscation":"kZ3vQ1xT"}\n\n'


class Deed(Enum):
    HANG = auto()
    CUT = auto()  # reset the connection
    END = auto()  # end the body cleanly


@dataclass(frozen=True, slots=True)
class Pause:
    seconds: float


Act = bytes | Pause | Deed


@dataclass(frozen=True, slots=True)
class Speech:
    """What faults put into a vendor's mouth; `no-done` leaves out its *last* frame."""

    delta: Callable[[str], bytes]
    error: Callable[[], bytes]
    bad_line: bytes
    last: bytes


COMPLETIONS = Speech(delta, error_frame, BAD_LINE, DONE)


class Stage:
    """Counts frames. After a Deed nothing more is said: *over* is true then."""

    def __init__(self, fault: Fault, speech: Speech = COMPLETIONS) -> None:
        self.over = False
        self._fault, self._speech = fault, speech
        self._frames = 0
        self._begun = False
        self._held = bytearray()  # what a burst keeps back

    def feed(self, frame: bytes) -> list[Act]:
        if self.over:
            return []
        fault, acts = self._fault, self._breaks()
        if self.over or (fault.no_done and frame == self._speech.last):
            return acts
        if fault.frame_delay_ms:
            acts.append(Pause(fault.frame_delay_ms / 1000))
        acts += self._spoken(frame)
        self._frames += 1
        if self._frames == 1 and fault.huge:
            delta = self._speech.delta
            acts += self._spoken(delta("x" * max(0, fault.huge - len(delta("")))))
        return acts

    def close(self) -> list[Act]:
        """The answer is at its end; a break that was set beyond it comes now."""
        if self.over:
            return []
        acts = self._breaks(at_the_end=True)
        return acts if self.over else acts + self._ended(Deed.END)

    def _breaks(self, *, at_the_end: bool = False) -> list[Act]:
        fault, acts = self._fault, list[Act]()
        if self._reached(fault.bad_line_after, exact=True):
            acts += self._spoken(self._speech.bad_line)
        if self._reached(fault.error_after, at_the_end):
            return acts + self._spoken(self._speech.error()) + self._ended(Deed.END)
        if self._reached(fault.hang_after, at_the_end):
            return acts + self._ended(Deed.HANG)
        if self._reached(fault.cut_after, at_the_end):
            return acts + self._ended(Deed.CUT)
        if self._reached(1 if fault.role_only else fault.end_after):
            return acts + self._ended(Deed.END)
        return acts

    def _reached(self, after: int | None, at_the_end: bool = False, *, exact: bool = False) -> bool:
        if after is None:
            return False
        return self._frames == after if exact else self._frames >= after or at_the_end

    def _ended(self, deed: Deed) -> list[Act]:
        self.over = True
        return [bytes(self._held), deed] if self._held else [deed]

    def _spoken(self, frame: bytes) -> list[Act]:
        data = _dressed(frame, self._fault)
        if self._fault.bom and not self._begun:
            data = _BOM + data
        self._begun = True
        if self._fault.split:
            return [data[i : i + 1] for i in range(len(data))]
        if self._fault.burst:
            self._held += data
            return []
        return [data]


def _dressed(frame: bytes, fault: Fault) -> bytes:
    if fault.obfuscation and frame.endswith(b"}\n\n"):
        frame = frame[:-3] + _PADDING
    if fault.multiline and frame.endswith(b"}\n\n"):
        head, _, data = frame.partition(b"data: ")
        lines = orjson.dumps(orjson.loads(data), option=orjson.OPT_INDENT_2).split(b"\n")
        frame = head + b"".join(b"data: %b\n" % line for line in lines) + b"\n"
    if fault.no_space:
        frame = b"\n".join(
            b"data:" + line[6:] if line.startswith(b"data: ") else line
            for line in frame.split(b"\n")
        )
    if fault.comments:
        frame = _COMMENT + frame
    if fault.crlf:
        frame = frame.replace(b"\n", b"\r\n")
    elif fault.cr:
        frame = frame.replace(b"\n", b"\r")
    return frame
