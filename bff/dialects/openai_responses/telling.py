"""Our answer as a streamed response. In one piece: told_whole.py; its items: told_items.py.

An event that came in this dialect is passed on as it is, unless a word of it must change; any other
is spelled from what it means. Thoughts are not told: only OpenAI's own could be sent back. Source:
contract api-faces.md §2 "/v1/responses"; providers.md §6.4, §7.2.
"""

from collections.abc import Mapping
from typing import Any

from bff.chat.events import (
    Chunk,
    Event,
    Finished,
    FinishReason,
    Original,
    Started,
    UsageReported,
)
from bff.dialects.json_text import read_json
from bff.dialects.openai_responses.errors import write_event, write_failure
from bff.dialects.openai_responses.names import NAME
from bff.dialects.openai_responses.told_frames import Frames
from bff.dialects.openai_responses.told_items import Items
from bff.dialects.openai_responses.told_whole import status_of, write_head, write_response
from bff.errors import Problem

HEARTBEAT = b": keep-alive\n\n"

_CREATED, _IN_PROGRESS = "response.created", "response.in_progress"
_HEADS = frozenset({_CREATED, "response.queued", _IN_PROGRESS})
_ENDS = frozenset({"response.completed", "response.incomplete"})


class StreamWriter:
    """Chunks in, whole frames out: `response.created` first and once, the same id, time and model
    in each event that names them, the number of each event above the last.

    They are upstream's where it speaks this dialect, else ours. *echo* is what the response says
    again of its request; *input_tokens* an estimate, for where nobody counted.
    """

    def __init__(
        self,
        *,
        model: str,
        created: int,
        answer_id: str,
        echo: Mapping[str, Any],
        input_tokens: int = 0,
        request_id: str = "",
    ) -> None:
        self._head = write_head(model=model, created=created, answer_id=answer_id)
        self._echo, self._input_tokens, self._request_id = echo, input_tokens, request_id
        self._frames = Frames()
        self._items = Items(self._frames, answer_id)
        self._told_heads: set[str] = set()
        self._own_head = False  # an event of upstream's own would say another id
        self._withheld: list[Original] = []  # before upstream said anything
        self._said = self._ended = False  # of upstream's own events
        self._finished = Finished(FinishReason.STOP)
        self._usage: UsageReported | None = None

    def begin(self) -> bytes:
        """`response.created` and `response.in_progress`, before anything came (the early commit):
        all others then bear their id, time and model, ours. Nothing, once they are out.
        """
        if self._told_heads:
            return b""
        self._told_heads |= _HEADS
        self._own_head = True
        response = write_response(self._head, self._echo, status="in_progress")
        return b"".join(
            [
                self._frames.spell(type_, {"response": response})
                for type_ in (_CREATED, _IN_PROGRESS)
            ]
        )

    def feed(self, chunk: Chunk) -> bytes:
        """The frames of *chunk*; empty when there is nothing to say of it yet."""
        original = chunk.original
        for event in chunk.events:
            self._note(event)
        if original is not None and original.dialect == NAME:
            return self._pass_on(chunk, original)
        if original is not None and original.event == "ping":
            return HEARTBEAT  # Anthropic's word for the same
        if not chunk.events:
            return b""
        return self.begin() + b"".join([self._items.feed(event) for event in chunk.events])

    def end(self) -> bytes:
        """After a finish: closes what is open, says how it ended and what it used."""
        if self._ended:
            return b""
        reason = self._finished.reason
        status = status_of(reason)
        lead = self.begin() + self._let_go() + self._items.close(status)
        response = write_response(
            self._head,
            self._echo,
            status=status,
            output=self._items.written(status),
            reason=reason,
            usage=self._usage or self._estimate(),
        )
        return lead + self._frames.spell(f"response.{status}", {"response": response})

    def fail(self, problem: Problem) -> bytes:
        """After the 200: the error, and a response that failed. Items stay open: a call that was
        cut off must not look like one that can be made.
        """
        lead = self.begin() + self._frames.spell("error", write_event(problem, self._request_id))
        response = write_response(
            self._head,
            self._echo,
            status="failed",
            output=self._items.written("incomplete"),
            error=write_failure(problem),
        )
        return lead + self._frames.spell("response.failed", {"response": response})

    def _note(self, event: Event) -> None:
        match event:
            case Started():
                self._withheld.clear()  # a new try
                self._usage = None
            case UsageReported():
                self._usage = event
            case Finished():
                self._finished = event

    def _estimate(self) -> UsageReported:
        told = self._items.tokens()
        return UsageReported(self._input_tokens, told, self._input_tokens + told, estimated=True)

    # -- upstream's own events ---------------------------------------------------------------------

    def _pass_on(self, chunk: Chunk, original: Original) -> bytes:
        """What frames the answer waits for its content: until then another try may begin anew."""
        for event in chunk.events:
            if isinstance(event, Started):
                self._adopt(event)
        name = original.event or str(read_json(original.data).get("type"))
        if name in _HEADS:
            return self._tell_head(name, original.data)
        self._withheld.append(Original(NAME, original.data, name))
        if not (chunk.content or name in _ENDS or self._said):
            return b""
        self._said, self._ended = True, name in _ENDS
        return self.begin() + self._let_go()

    def _adopt(self, started: Started) -> None:
        """Upstream's head is ours, unless it is none, or another one is out."""
        theirs = {"id": started.id, "created_at": started.created, "model": started.model}
        if not self._told_heads and all(theirs.values()):
            self._head |= theirs
        elif any(self._head[name] != theirs[name] for name in theirs):
            self._own_head = True

    def _tell_head(self, name: str, data: bytes) -> bytes:
        if name in self._told_heads:
            return b""
        if not self._told_heads and name != _CREATED:  # that one was lost
            return self.begin()
        self._told_heads.add(name)
        return self._raw(name, data)

    def _let_go(self) -> bytes:
        withheld, self._withheld = self._withheld, []
        return b"".join([self._raw(one.event, one.data) for one in withheld])

    def _raw(self, name: str, data: bytes) -> bytes:
        if not self._own_head:
            return self._frames.pass_on(name, data)
        value = read_json(data)  # as its reader did
        response = value.get("response")
        if isinstance(response, dict):
            value["response"] = {**response, **self._head}
        return self._frames.spell(name, value)
