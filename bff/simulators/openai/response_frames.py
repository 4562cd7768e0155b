"""What OpenAI puts on the wire for a response: the events of its stream, and the whole of it.

Not the decision what to answer. Text stays UTF-8, as OpenAI sends it. Source: api-faces.md §2.
"""

from collections.abc import Iterator, Mapping
from typing import Any

import orjson

from bff.simulators.faults import Fault
from bff.simulators.openai.asked import Asked
from bff.simulators.openai.checks import is_reasoning
from bff.simulators.stage import Speech

BAD_LINE = (
    b'event: response.output_text.delta\ndata: {"type":"response.output_text.delta","delta":"ha\n\n'
)
_ARGUMENT_PIECE = 7  # characters: arguments come in pieces too
_THOUGHT = "**Thinking** about it"
_PADDING = "kZ3vQ1xTb9LmWc7e"
_FAILED = {"code": "server_error", "message": "The model failed to answer."}
# What the answer says back of the question, and what it says where the question did not.
_ECHOED: Mapping[str, Any] = {
    "background": False,
    "instructions": None,
    "max_output_tokens": None,
    "max_tool_calls": None,
    "metadata": {},
    "parallel_tool_calls": True,
    "previous_response_id": None,
    "prompt_cache_key": None,
    "safety_identifier": None,
    "store": True,
    "temperature": 1.0,
    "tool_choice": "auto",
    "tools": [],
    "top_logprobs": 0,
    "top_p": 1.0,
    "truncation": "disabled",
    "user": None,
}


class Frames:
    """The events of one response, numbered as they are made. *asked* is the request it answers."""

    def __init__(
        self,
        *,
        id: str = "resp_scripted",  # noqa: A002 - the field's name
        model: str = "gpt-4o-2024-08-06",
        created: int = 1760000000,
        asked: Mapping[str, Any] | None = None,
    ) -> None:
        self._asked = asked or {}
        self._head = {"id": id, "object": "response", "created_at": created, "model": model}
        self._tail = id.removeprefix("resp_")
        options = self._asked.get("stream_options") or {}
        self._pads = options.get("include_obfuscation", True)
        self._number = 0
        self._output: list[dict[str, Any]] = []
        self._open = f"msg_{self._tail}"  # the item whose pieces come

    # -- one event each ---------------------------------------------------------------------------

    def created(self) -> bytes:
        return self._event("response.created", response=self._response("in_progress"))

    def in_progress(self) -> bytes:
        return self._event("response.in_progress", response=self._response("in_progress"))

    def delta(self, text: str) -> bytes:
        """A piece of the message that is open, or of the first where none is."""
        return self._piece("response.output_text.delta", text, content_index=0, logprobs=[])

    def error(self) -> bytes:
        """What a failure looks like once the stream has begun: an event, and the response's end."""
        told = self._event("error", **_FAILED, param=None)
        failed = self._response("failed", error=_FAILED)
        return told + self._event("response.failed", response=failed)

    # -- an item, from its first event to its last -------------------------------------------------

    def thought(self, *, told: bool) -> Iterator[bytes]:
        """What a model thought: its summary where it is to be *told*."""
        item = {"id": f"rs_{self._tail}", "type": "reasoning", "summary": []}
        yield self._added(item)
        part = {"type": "summary_text", "text": _THOUGHT}
        if told:
            at = {"summary_index": 0}
            kind = "response.reasoning_summary"
            yield self._at(f"{kind}_part.added", part={**part, "text": ""}, **at)
            for piece in _pieces(_THOUGHT):
                yield self._piece(f"{kind}_text.delta", piece, **at)
            yield self._at(f"{kind}_text.done", text=_THOUGHT, **at)
            yield self._at(f"{kind}_part.done", part=part, **at)
        yield self._done({**item, "summary": [part] if told else []})

    def message(self, pieces: list[str], *, whole: bool = True) -> Iterator[bytes]:
        yield from self.begin_message()
        for piece in pieces:
            yield self.delta(piece)
        yield from self.end_message("".join(pieces), whole=whole)

    def begin_message(self) -> Iterator[bytes]:
        yield self._added({**_message(self._tail), "status": "in_progress", "content": []})
        yield self._at("response.content_part.added", content_index=0, part=_text(""))

    def end_message(self, text: str, *, whole: bool = True) -> Iterator[bytes]:
        yield self._at("response.output_text.done", content_index=0, text=text, logprobs=[])
        yield self._at("response.content_part.done", content_index=0, part=_text(text))
        status = "completed" if whole else "incomplete"
        yield self._done({**_message(self._tail), "status": status, "content": [_text(text)]})

    def call(self, id: str, name: str, arguments: str) -> Iterator[bytes]:  # noqa: A002 - the field's name
        item = _call(self._tail, len(self._output), id, name)
        kind = "response.function_call_arguments"
        yield self._added({**item, "status": "in_progress", "arguments": ""})
        for piece in _pieces(arguments):
            yield self._piece(f"{kind}.delta", piece)
        yield self._at(f"{kind}.done", arguments=arguments)
        yield self._done({**item, "status": "completed", "arguments": arguments})

    def end(self, reason: str, spent: tuple[int, int]) -> bytes:
        """*reason* is `stop`, `length` or `tool_calls`, as completions call it."""
        status = _status(reason)
        response = self._response(status, usage=tokens(*spent), incomplete_details=_why(reason))
        return self._event(f"response.{status}", response=response)

    # -- how they are made ------------------------------------------------------------------------

    def _added(self, item: dict[str, Any]) -> bytes:
        self._open = item["id"]
        return self._event("response.output_item.added", output_index=len(self._output), item=item)

    def _done(self, item: dict[str, Any]) -> bytes:
        frame = self._event("response.output_item.done", output_index=len(self._output), item=item)
        self._output.append(item)
        return frame

    def _at(self, type_: str, **said: Any) -> bytes:
        """An event of the item that is open."""
        return self._event(type_, item_id=self._open, output_index=len(self._output), **said)

    def _piece(self, type_: str, delta: str, **said: Any) -> bytes:
        padding = {"obfuscation": _PADDING[len(delta) % len(_PADDING) :]} if self._pads else {}
        return self._at(type_, **said, delta=delta, **padding)

    def _event(self, type_: str, **said: Any) -> bytes:
        value = {"type": type_, "sequence_number": self._number, **said}
        self._number += 1
        return b"event: %b\ndata: %b\n\n" % (type_.encode(), orjson.dumps(value))

    def _response(self, status: str, **said: Any) -> dict[str, Any]:
        return response(self._asked, self._head, status, self._output, **said)


def speak(asked: Asked, *, created: int) -> tuple[Iterator[bytes], Speech]:
    frames = Frames(id=asked.id, model=asked.model, created=created, asked=asked.json)
    return _speak(frames, asked), Speech(frames.delta, frames.error, BAD_LINE, b"")


def _speak(frames: Frames, asked: Asked) -> Iterator[bytes]:
    yield frames.created()
    yield frames.in_progress()
    if is_reasoning(asked.model):
        yield from frames.thought(told=_tells_thoughts(asked.json))
    if asked.pieces or not asked.calls:
        yield from frames.message(asked.pieces, whole=asked.reason == "stop")
    for id_, name, arguments in asked.called:
        yield from frames.call(id_, name, arguments)
    yield frames.end(asked.reason, asked.spent)


def whole(asked: Asked, *, created: int) -> dict[str, Any]:
    """The whole answer in one object: the one that the stream ends with."""
    frames, _ = speak(asked, created=created)
    *_, last = frames
    value: dict[str, Any] = orjson.loads(last.partition(b"data: ")[2])["response"]
    return value


def response(
    asked: Mapping[str, Any],
    head: Mapping[str, Any],
    status: str,
    output: list[dict[str, Any]],
    **said: Any,
) -> dict[str, Any]:
    echoed = {name: asked.get(name) for name in _ECHOED if asked.get(name) is not None}
    reasoning, text = asked.get("reasoning") or {}, asked.get("text") or {}
    return {
        **head,
        **_ECHOED,
        **echoed,
        "status": status,
        "error": None,
        "incomplete_details": None,
        "output": list(output),
        "reasoning": {"effort": reasoning.get("effort"), "summary": reasoning.get("summary")},
        "service_tier": "default" if status == "completed" else "auto",
        "text": {"format": {"type": "text"}, "verbosity": "medium", **text},
        "usage": None,
        **said,
    }


def maimed(value: dict[str, Any], fault: Fault) -> dict[str, Any]:
    """A whole response without what it shall lack; its output stands where completions have
    choices.
    """
    if fault.error_object:
        return {**value, "status": "failed", "error": _FAILED, "output": [], "usage": None}
    lacking = {"usage": fault.no_usage, "output": fault.no_choices}
    kept = {name: part for name, part in value.items() if not lacking.get(name)}
    return kept | {"output": [{"type": "message"}]} if fault.empty_choices else kept


def tokens(prompt: int, completion: int) -> dict[str, Any]:
    return {
        "input_tokens": prompt,
        "input_tokens_details": {"cached_tokens": 0, "cache_write_tokens": 0},
        "output_tokens": completion,
        "output_tokens_details": {"reasoning_tokens": 0},
        "total_tokens": prompt + completion,
    }


def last_words(reason: str) -> tuple[bytes, ...]:
    """The end of a scripted answer."""
    return (Frames().end(reason, (12, 3)),)


def _status(reason: str) -> str:
    return "incomplete" if _why(reason) else "completed"


def _why(reason: str) -> dict[str, str] | None:
    return {"reason": "max_output_tokens"} if reason == "length" else None


def _tells_thoughts(asked: Mapping[str, Any]) -> bool:
    return bool((asked.get("reasoning") or {}).get("summary"))


def _pieces(text: str) -> list[str]:
    return [text[i : i + _ARGUMENT_PIECE] for i in range(0, len(text), _ARGUMENT_PIECE)]


def _message(tail: str) -> dict[str, Any]:
    return {"id": f"msg_{tail}", "type": "message", "role": "assistant"}


def _text(text: str) -> dict[str, Any]:
    return {"type": "output_text", "annotations": [], "logprobs": [], "text": text}


def _call(tail: str, number: int, id: str, name: str) -> dict[str, Any]:  # noqa: A002 - the field's name
    return {"id": f"fc_{tail}{number}", "type": "function_call", "call_id": id, "name": name}
