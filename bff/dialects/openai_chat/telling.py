"""Our answer in OpenAI's words, as a stream. In one piece: told_whole.py.

A chunk that came in this dialect is passed on as it is, unless a word of it must change; any other
is spelled from its events. Source: contract providers.md §1, §6.4, §7.2; api-faces.md §2.
"""

import re
from collections.abc import Iterable, Mapping
from typing import Any

from bff.chat.events import (
    Chunk,
    Event,
    Finished,
    FinishReason,
    Started,
    TextDelta,
    ThoughtDelta,
    ToolDelta,
    ToolStarted,
    UsageReported,
)
from bff.chat.usage import tokens_of
from bff.dialects.json_text import escape, read_json, write_ascii
from bff.dialects.openai_chat.errors import error_object
from bff.dialects.openai_chat.names import NAME
from bff.dialects.openai_chat.told_calls import Calls
from bff.dialects.openai_chat.told_whole import write_ending, write_usage
from bff.errors import Problem

DONE = b"data: [DONE]\n\n"
HEARTBEAT = b": keep-alive\n\n"

_HERE = "\x00text"  # where a frame's text stands; escaped, no name of a model holds it
_QUOTED = b'"\\u0000text"'
# The quotes stand for themselves: inside a JSON string they would be escaped, so these are keys.
_PADDING = re.compile(rb',\s*"obfuscation"\s*:\s*"[^"\\]*"')
_PADDING_AND_NO_USAGE = re.compile(_PADDING.pattern + rb'|,\s*"usage"\s*:\s*null')


class StreamWriter:
    """Chunks in, whole frames out: the same id, time and model in all of them, the role first.

    They are upstream's where it speaks this dialect, else ours. *legacy* answers in the words of
    before tools; *thoughts* shows what the model thinks. *input_tokens* is an estimate, for where a
    usage is asked for and nobody counted.
    """

    def __init__(
        self,
        *,
        model: str,
        created: int,
        answer_id: str,
        include_usage: bool = False,
        input_tokens: int = 0,
        legacy: bool = False,
        thoughts: bool = False,
        request_id: str = "",
    ) -> None:
        self._head = {
            "id": answer_id,
            "object": "chat.completion.chunk",
            "created": created,
            "model": model,
        }
        self._include_usage, self._legacy, self._thoughts = include_usage, legacy, thoughts
        self._unwanted = _PADDING if include_usage else _PADDING_AND_NO_USAGE
        self._request_id = request_id
        self._input_tokens, self._characters = input_tokens, 0
        self._begun = False
        self._own_head = False  # a frame of upstream's own would say another id
        self._finished = False
        self._calls = Calls(legacy=legacy)
        self._usage: Mapping[str, Any] | None = None  # the frame of it, but for its head
        self._around_text: tuple[bytes, bytes] | None = None  # of a frame that says some

    def begin(self) -> bytes:
        """The first frame, before anything came (the early commit): all others then bear its id
        and model, ours.
        """
        self._own_head = True
        return self._role()

    def feed(self, chunk: Chunk) -> bytes:
        """The frames of *chunk*; empty when the caller has no use for it."""
        original = chunk.original
        if self._include_usage:
            self._characters += sum(map(_length, chunk.events))
        if original is not None and original.dialect == NAME:
            return self._pass_on(chunk, original.data)
        if original is not None and original.event == "ping":
            return HEARTBEAT  # Anthropic's word for the same
        events = chunk.events
        if self._begun and len(events) == 1 and type(events[0]) is TextDelta:
            return self._tell_text(events[0].text)  # nearly all of them
        return self._spell_all(self._calls.number(events))

    def end(self) -> bytes:
        """After a finish: what is still missing, the usage if it was asked for, and `[DONE]`."""
        missing = b"" if self._finished else self._spell(Finished(FinishReason.STOP))
        if self._include_usage:
            usage = self._usage or {"usage": write_usage(self._estimate())}
            missing += _frame({**usage, **self._head, "choices": []})
        return missing + DONE

    def fail(self, problem: Problem) -> bytes:
        """After the 200: the error, then `[DONE]`."""
        return _frame(error_object(problem, self._request_id)) + DONE

    def _estimate(self) -> UsageReported:
        told = tokens_of(self._characters)
        return UsageReported(self._input_tokens, told, self._input_tokens + told, estimated=True)

    # -- upstream's own frames ---------------------------------------------------------------------

    def _pass_on(self, chunk: Chunk, data: bytes) -> bytes:
        if self._look(chunk, data):
            return self._mend(chunk, data)
        if not _is_shown(chunk):
            return b""
        if b'"obfuscation"' in data or (b'"usage"' in data and not self._include_usage):
            data = self._unwanted.sub(b"", data)
        if b"\n" in data:
            data = data.replace(b"\n", b" ")  # valid JSON: a line end stands between tokens only
        data = data if data.isascii() else escape(data)
        return b"%bdata: %b\n\n" % (self._lead(data), data)

    def _look(self, chunk: Chunk, data: bytes) -> bool:
        """Notes what the end depends on. Whether the original must be read to be passed on."""
        must_read = self._own_head or (self._begun and b'"role"' in data)
        if len(chunk.events) == 1 and type(chunk.events[0]) is TextDelta:
            return must_read  # nearly all of them
        for event in chunk.events:
            if isinstance(event, Started):
                self._adopt(event)
            elif isinstance(event, UsageReported | Finished):
                must_read = True
        return must_read or self._own_head or b'"tool_calls"' in data or b'"function_call"' in data

    def _adopt(self, started: Started) -> None:
        """Upstream's head is ours, unless it is none, or another one is out."""
        theirs = {"id": started.id, "created": started.created, "model": started.model}
        if not self._begun and all(theirs.values()):
            self._head |= theirs
            self._around_text = None
        elif any(self._head[name] != theirs[name] for name in theirs):
            self._own_head = True

    def _lead(self, data: bytes) -> bytes:
        """What must stand before the first frame, where that one does not say who speaks."""
        if self._begun or b'"role"' in data:
            self._begun = True
            return b""
        return self._role()

    def _mend(self, chunk: Chunk, data: bytes) -> bytes:
        """A frame in which a word may have to change: read, changed, and written anew."""
        wire = read_json(data)  # as its reader did
        usage = wire.pop("usage", None)
        wire.pop("obfuscation", None)
        if usage is not None:
            self._usage = {**wire, "usage": usage}
        if not _is_shown(chunk):
            return b""
        choice = next(iter(wire.get("choices") or ()), None) or {}
        if choice.get("index"):  # one of several answers, and not the first
            self._finished = self._finished or _finish_in(chunk.events) is not None
            return self._lead(data) + self._own(wire)
        said = [event for event in chunk.events if not isinstance(event, UsageReported)]
        return self._mend_first(data, wire, choice, list(self._calls.number(said)))

    def _mend_first(
        self, data: bytes, wire: Mapping[str, Any], choice: dict[str, Any], events: list[Event]
    ) -> bytes:
        """The answer that was read: begun once, with calls that can be made, ended by a word of
        OpenAI's.
        """
        if not self._calls.are_spelled(choice.get("delta") or {}, events):
            return self._spell_all(events)
        if self._begun and _only_repeats_role(choice):
            return b""
        lead = self._lead(data)
        for event in events:
            self._calls.note(event)
        finish = _finish_in(events)
        self._finished = self._finished or finish is not None
        if finish is not None and not self._calls.any_foreign:
            lead += self._end_calls()
            choice |= {
                "delta": choice.get("delta") or {},
                "finish_reason": self._ending(finish.reason),
            }
        return lead + self._own(wire)

    def _own(self, wire: Mapping[str, Any]) -> bytes:
        """A frame of upstream's under the head that is out."""
        return _frame({**wire, **self._head, **self._no_usage()})

    # -- our own -----------------------------------------------------------------------------------

    def _spell_all(self, events: Iterable[Event]) -> bytes:
        return b"".join([self._spell(event) for event in events])

    def _spell(self, event: Event) -> bytes:
        """*event*, a call's under its number."""
        match event:
            case Started():
                return self._role()
            case TextDelta(text):
                return self._lead_role() + self._tell_text(text) if text else b""
            case ThoughtDelta(text) if text and self._thoughts:
                return self._delta({"reasoning_content": text})
            case ToolStarted() | ToolDelta(_, _):
                return self._tell_call(event)
            case UsageReported():
                self._usage = {"usage": write_usage(event)}
            case Finished(reason):
                return self._finish(reason)
        return b""

    def _role(self) -> bytes:
        if self._begun:
            return b""
        self._begun = True
        return self._delta({"role": "assistant", "content": ""})

    def _lead_role(self) -> bytes:
        return b"" if self._begun else self._role()

    def _tell_text(self, text: str) -> bytes:
        """A frame like `_delta`'s, for a text that says something; the role is out."""
        if not text:
            return b""
        if self._around_text is None:
            before, _, after = _frame(self._choice({"content": _HERE})).rpartition(_QUOTED)
            self._around_text = before, after
        before, after = self._around_text
        return b"%b%b%b" % (before, write_ascii(text), after)

    def _tell_call(self, event: ToolStarted | ToolDelta) -> bytes:
        if isinstance(event, ToolDelta) and not event.arguments:
            return b""
        return b"".join(map(self._delta, self._calls.tell(event)))

    def _end_calls(self) -> bytes:
        return b"".join(map(self._delta, self._calls.end()))

    def _finish(self, reason: FinishReason) -> bytes:
        self._finished = True
        return self._end_calls() + self._delta({}, self._ending(reason))

    def _ending(self, reason: FinishReason) -> str:
        return write_ending(reason, calls=len(self._calls), legacy=self._legacy)

    def _delta(self, delta: Mapping[str, Any], reason: str | None = None) -> bytes:
        lead = self._lead_role()
        return lead + _frame(self._choice(delta, reason))

    def _choice(self, delta: Mapping[str, Any], reason: str | None = None) -> dict[str, Any]:
        choice = {"index": 0, "delta": delta, "logprobs": None, "finish_reason": reason}
        return {**self._head, "choices": [choice], **self._no_usage()}

    def _no_usage(self) -> dict[str, None]:
        return {"usage": None} if self._include_usage else {}


def _is_shown(chunk: Chunk) -> bool:
    """Not what has no choice in it: clients look for the first unguarded (api-faces.md §2)."""
    if chunk.content or chunk.delta:
        return True
    return any(isinstance(event, Started | Finished) for event in chunk.events)


def _length(event: Event) -> int:
    if isinstance(event, TextDelta | ThoughtDelta):
        return len(event.text)
    return len(event.arguments) if isinstance(event, ToolDelta) else 0


def _finish_in(events: Iterable[Event]) -> Finished | None:
    return next((event for event in events if isinstance(event, Finished)), None)


def _only_repeats_role(choice: dict[str, Any]) -> bool:
    """Takes the role out of a frame that is not the first: clients put it together from pieces, as
    they do a text. Whether the frame said nothing else.
    """
    delta = choice.get("delta") or {}
    repeats = delta.pop("role", None) is not None
    return repeats and not any(delta.values()) and not choice.get("finish_reason")


def _frame(value: Mapping[str, Any]) -> bytes:
    return b"data: %b\n\n" % write_ascii(value)
