"""Our answer in Anthropic's words, as a stream. In one piece: told_whole.py.

A chunk that came in this dialect is passed on as it is; any other is spelled from its events.
Source: contract providers.md §2, §6.4, §6.5, §7.3; api-faces.md §3.
"""

from typing import Any

from bff.chat.events import Chunk, Event, Finished, FinishReason, Original, Started, UsageReported
from bff.dialects.anthropic_messages.errors import error_object, said_here
from bff.dialects.anthropic_messages.names import NAME
from bff.dialects.anthropic_messages.told_blocks import Blocks, frame, raw_frame
from bff.dialects.anthropic_messages.told_whole import write_ending, write_usage
from bff.dialects.json_text import read_json, write_ascii
from bff.errors import Problem

HEARTBEAT = b'event: ping\ndata: {"type": "ping"}\n\n'


class StreamWriter:
    """Chunks in, whole frames out. *input_tokens* is an estimate: the true number comes last."""

    def __init__(
        self, *, model: str, answer_id: str, input_tokens: int, request_id: str = ""
    ) -> None:
        self._model, self._id, self._input_tokens = model, answer_id, input_tokens
        self._request_id = request_id
        self._begun = False
        self._own_start = False
        self._said = self._ended = self._stopped = False  # of upstream's own frames
        self._blocks = Blocks()
        self._withheld: list[bytes] = []  # frames of upstream's, before it said anything
        self._finished = Finished(FinishReason.STOP)
        self._usage: UsageReported | None = None

    def begin(self) -> bytes:
        """`message_start` under our own id and model: before anything came (the early commit)."""
        if self._begun:
            return b""
        self._begun = self._own_start = True
        message: dict[str, Any] = {
            "id": self._id,
            "type": "message",
            "role": "assistant",
            "model": self._model,
            "content": [],
            "stop_reason": None,
            "stop_sequence": None,
            "usage": {"input_tokens": self._input_tokens, "output_tokens": 1},  # as theirs
        }
        return frame("message_start", {"message": message})

    def feed(self, chunk: Chunk) -> bytes:
        """The frames of *chunk*; empty when there is nothing to say of it yet."""
        if chunk.original is not None and chunk.original.dialect == NAME:
            return self._pass_on(chunk, chunk.original)
        for event in chunk.events:
            self._note(event)
        frames = self._blocks.feed(chunk.events)
        return self.begin() + frames if frames or _has_begun(chunk) else b""

    def end(self) -> bytes:
        """After a finish: closes what is open, says why it ended and what it used."""
        if self._stopped:
            return b""
        lead = self.begin() + b"".join(self._withheld) + self._blocks.close()
        if self._ended:
            return lead + frame("message_stop", {})
        calls = self._blocks.calls
        delta = write_ending(self._finished, calls=calls)
        usage = {"input_tokens": self._input_tokens, "output_tokens": self._blocks.tokens()}
        if self._usage is not None:
            usage = write_usage(self._usage)
        return (
            lead
            + frame("message_delta", {"delta": delta, "usage": usage})
            + frame("message_stop", {})
        )

    def fail(self, problem: Problem) -> bytes:
        """After the 200: the error, which is the end."""
        said = said_here(problem)
        if said is None:
            return frame("error", error_object(problem, self._request_id))
        return raw_frame("error", said.body)

    def _note(self, event: Event) -> None:
        match event:
            case Started():
                self._withheld.clear()  # a new try
                self._ended = False
            case UsageReported():
                self._usage = event
            case Finished():
                self._finished = event

    # -- upstream's own frames ---------------------------------------------------------------------

    def _pass_on(self, chunk: Chunk, original: Original) -> bytes:
        """Nothing is changed but what contradicts the `message_start` that is out. A block's start
        waits for its content: until then another try may begin the answer anew.
        """
        for event in chunk.events:
            self._note(event)
        name = original.event or str(read_json(original.data).get("type"))
        if name == "message_start":
            said, self._begun = self._begun, True
            return b"" if said else raw_frame(name, original.data)
        if name == "ping":
            return raw_frame(name, original.data) if self._begun else b""
        data = original.data
        if name == "message_delta":
            self._ended = True
            data = self._with_usage(data) if self._own_start else data
        self._withheld.append(raw_frame(name, data))
        if not (chunk.content or name == "message_stop" or self._said):
            return b""
        frames = self.begin() + b"".join(self._withheld)
        self._withheld.clear()
        self._said, self._stopped = True, name == "message_stop"
        return frames

    def _with_usage(self, data: bytes) -> bytes:
        """The true input, for our own `message_start` had an estimate."""
        value = read_json(data)  # as its reader did
        told = {} if self._usage is None else write_usage(self._usage)
        return write_ascii({**value, "usage": {**told, **(value.get("usage") or {})}})


def _has_begun(chunk: Chunk) -> bool:
    return any(isinstance(event, Started) for event in chunk.events)
