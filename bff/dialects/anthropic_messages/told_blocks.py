"""The content blocks of a streamed answer, never two at a time. Source: providers.md §7.3."""

from collections.abc import Mapping
from typing import Any

from bff.chat.events import Event, TextDelta, ThoughtDelta, ToolDelta, ToolStarted
from bff.chat.usage import tokens_of
from bff.dialects.anthropic_messages.told_whole import read_input
from bff.dialects.json_text import write_ascii
from bff.dialects.said_calls import CallNumbers

# The frame of nearly every event, its index and its text to be filled in.
_TEXT = (
    b'event: content_block_delta\ndata: {"type":"content_block_delta","index":%d,'
    b'"delta":{"type":"text_delta","text":%b}}\n\n'
)


class Blocks:
    """Events in, the frames of content blocks out: never two of them open at a time.

    What does not belong to an open call waits until the call's arguments are a whole object.
    """

    def __init__(self) -> None:
        self._kind = ""  # of the open block: text, thinking or tool_use
        self._index = -1
        self._call = -1  # which of upstream's calls the open block is
        self._arguments: list[str] = []
        self._whole: bool | None = None  # what they are, where it was looked at
        self._waiting: list[Event] = []
        self._numbers = CallNumbers()
        self._characters = 0

    @property
    def calls(self) -> int:
        return len(self._numbers)

    def tokens(self) -> int:
        """An estimate of what was said."""
        return tokens_of(self._characters)

    def feed(self, events: tuple[Event, ...]) -> bytes:
        if len(events) == 1 and self._kind == "text" and type(events[0]) is TextDelta:
            return self._tell_text(events[0].text)  # nearly all of them
        frames = [self._take(event) for event in events]
        while self._waiting and self._is_whole():
            frames.append(self._retake())
        return b"".join(frames)

    def close(self) -> bytes:
        """The end: whatever waits has waited long enough."""
        frames = []
        while self._waiting:
            frames += [self._stop(), self._retake()]
        return b"".join([*frames, self._stop()])

    def _retake(self) -> bytes:
        waiting, self._waiting = self._waiting, []
        return b"".join([self._take(event) for event in waiting])

    def _take(self, event: Event) -> bytes:
        match event:
            case ToolDelta(index, arguments) if index == self._call:
                return self._tell_arguments(arguments)
            case TextDelta("") | ThoughtDelta("", "") | ToolDelta(_, ""):
                return b""
            case TextDelta() | ThoughtDelta() | ToolStarted() | ToolDelta():
                if self._waiting or not self._is_whole():
                    self._waiting.append(event)
                    return b""
                return self._begin(event)
        return b""

    def _begin(self, event: TextDelta | ThoughtDelta | ToolStarted | ToolDelta) -> bytes:
        match event:
            case TextDelta(text):
                return self._start("text", {"text": ""}) + self._tell_text(text)
            case ThoughtDelta(text, signature):
                return self._think(text, signature)
            case ToolStarted():
                call = self._numbers.open(event)
                if call is None:
                    return b""
                lead = self._stop() + self._start(
                    "tool_use", {"id": call.id, "name": call.name, "input": {}}
                )
                self._call, self._arguments, self._whole = event.index, [], None
                return lead
        return b""  # arguments of a call that is closed, or is none

    def _tell_text(self, text: str) -> bytes:
        if not text:
            return b""
        self._characters += len(text)
        return _TEXT % (self._index, write_ascii(text))

    def _think(self, text: str, signature: str) -> bytes:
        self._characters += len(text)
        frames = self._start("thinking", {"thinking": "", "signature": ""})
        if text:
            frames += self._delta("thinking_delta", thinking=text)
        if signature:  # it comes once, at the thought's end
            frames += self._delta("signature_delta", signature=signature) + self._stop()
        return frames

    def _tell_arguments(self, arguments: str) -> bytes:
        if not arguments:
            return b""
        self._arguments.append(arguments)
        self._whole = None
        self._characters += len(arguments)
        return self._delta("input_json_delta", partial_json=arguments)

    def _is_whole(self) -> bool:
        """Whether nothing more can belong to the open block. A call that has said nothing yet may
        still speak.
        """
        if self._kind != "tool_use":
            return True
        if self._whole is None:
            text = "".join(self._arguments)
            self._whole = text.rstrip().endswith("}") and read_input(text) is not None
        return self._whole

    def _start(self, kind: str, block: Mapping[str, Any]) -> bytes:
        if self._kind == kind and kind != "tool_use":
            return b""
        lead = self._stop()
        self._kind = kind
        self._index += 1
        started = {"index": self._index, "content_block": {"type": kind, **block}}
        return lead + frame("content_block_start", started)

    def _delta(self, kind: str, **said: str) -> bytes:
        return frame("content_block_delta", {"index": self._index, "delta": {"type": kind, **said}})

    def _stop(self) -> bytes:
        if not self._kind:
            return b""
        self._kind, self._call = "", -1
        return frame("content_block_stop", {"index": self._index})


def frame(name: str, value: Mapping[str, Any]) -> bytes:
    return raw_frame(name, write_ascii({"type": name, **value}))


def raw_frame(name: str, data: bytes) -> bytes:
    """*data* is JSON: a line end in it stands between tokens, and each line needs its field."""
    if b"\r" in data:  # ends a line too
        data = data.replace(b"\r\n", b"\n").replace(b"\r", b"\n")
    return b"event: %b\ndata: %b\n\n" % (name.encode(), data.replace(b"\n", b"\ndata: "))
