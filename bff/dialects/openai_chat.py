"""OpenAI chat completions, the vendor half: our request out, their stream, completion and errors
in.

Not the OpenAI face (callers who speak it to us). Source: contract providers.md §1, §6.6, §7.1.
"""

from collections.abc import Callable, Mapping, Sequence
from typing import Any, TypedDict, TypeGuard

from bff.chat.events import (
    Chunk,
    Event,
    Finished,
    FinishReason,
    Original,
    Started,
    TextDelta,
    UsageReported,
)
from bff.chat.request import ChatRequest, Foreign, Message, Part
from bff.dialects.json_text import read_json, write_utf8
from bff.dialects.sse import Decoder
from bff.errors import Kind, Problem, Sign

NAME = "openai_chat"
_COUNT_MOST = 2**53  # tokens; beyond it JSON readers disagree
_UNREADABLE = (AttributeError, TypeError, KeyError, IndexError, ValueError)

_REASONS: Mapping[str, FinishReason] = {
    "stop": FinishReason.STOP,
    "length": FinishReason.LENGTH,
    "tool_calls": FinishReason.TOOL_CALLS,
    "function_call": FinishReason.TOOL_CALLS,
    "content_filter": FinishReason.CONTENT_FILTER,
}


class _Delta(TypedDict, total=False):
    content: str | None
    refusal: str | None


class _Choice(TypedDict, total=False):
    index: int
    delta: _Delta
    message: _Delta
    finish_reason: str | None


class WireChunk(TypedDict, total=False):
    """One `data:` frame of a streamed completion, or a whole one; only what we read."""

    id: str
    created: int
    model: str
    choices: list[_Choice]
    usage: dict[str, Any] | None
    error: Any


def write_request(request: ChatRequest, *, model: str, limit_field: str) -> bytes:
    """The body of a completion. *limit_field* is what this model calls its token limit."""
    body: dict[str, Any] = {
        "model": model,
        "messages": [_write_message(message) for message in request.messages],
    }
    if request.stream:
        body |= {"stream": True, "stream_options": {"include_usage": True}}
    if request.max_tokens is not None:
        body[limit_field] = request.max_tokens
    return write_utf8(body)  # half a surrogate pair in a question is sent on as it came


def _write_message(message: Message) -> Mapping[str, Any]:
    original, content = message.original, message.content
    if original is not None and original.dialect == NAME:
        return original.original
    return {
        "role": message.role.value,
        "content": content if isinstance(content, str) else [_write_part(part) for part in content],
    }


def _write_part(part: Part) -> Any:
    return part.original if isinstance(part, Foreign) else {"type": "text", "text": part.text}


class StreamReader:
    """Bytes of a streamed completion in, Chunks out; the grammar's end is checked by `close`.

    After each call `problem` says whether the stream has failed (what came before it is returned
    all the same), and `done` whether nothing more is to be read. Events that are not one JSON
    object are dropped and counted in `bad_events`.
    """

    def __init__(
        self,
        event_limit: int = 8 * 2**20,
        *,
        read_refusal: Callable[[bytes], Problem | None] = lambda _: None,
    ) -> None:
        """*read_refusal* knows the errors of who stands in between, and is asked first."""
        self._decoder = Decoder(event_limit)
        self._read_refusal = read_refusal
        self._started = False
        self._content = False
        self.finished = False
        self.done = False
        self.problem: Problem | None = None
        self.bad_events = 0

    def feed(self, data: bytes) -> list[Chunk]:
        chunks: list[Chunk] = []
        for frame in self._decoder.feed(data):
            if self.done:
                return chunks
            self._read(frame.data, chunks)
        if self._decoder.problem is not None and not self.done:
            self._fail(self._decoder.problem)
        return chunks

    def close(self) -> list[Chunk]:
        """The end of the body: complete after `[DONE]` or a finish, a failure otherwise."""
        chunks = self.feed(b"\n\n")
        if not (self.done or self.finished):
            self._fail(_cut() if self._content else _empty())
        self.done = True
        return chunks

    def _read(self, data: bytes, chunks: list[Chunk]) -> None:
        if data.strip() == b"[DONE]":
            self._end(chunks)
            return
        try:
            value = read_json(data)
        except ValueError:
            self.bad_events += 1
            return
        if not isinstance(value, dict):
            self.bad_events += 1
            return
        error = value.get("error")
        if error:
            if self.finished:
                self.done = True  # the answer is whole: what fails after it takes nothing away
            else:
                self._fail(self._read_refusal(data) or read_error_object(error))
            return
        try:
            chunks.append(self._chunk(value, data))  # type: ignore[arg-type]  # checked field by field
        except _UNREADABLE:
            self.bad_events += 1

    def _end(self, chunks: list[Chunk]) -> None:
        self.done = True
        if self.finished:
            return
        if self._content:
            self.finished = True
            chunks.append(Chunk((Finished(FinishReason.STOP),)))
        else:
            self._fail(_empty())

    def _fail(self, problem: Problem) -> None:
        self.problem, self.done = problem, True

    def _chunk(self, wire: WireChunk, data: bytes) -> Chunk:
        events: list[Event] = []
        content = delta = False
        choices = wire.get("choices")
        if choices:
            if not self._started:
                self._started = True
                events.append(_started(wire))
            text, reason = _read_choice(choices[0], "delta")
            delta = isinstance(choices[0].get("delta"), dict)
            if text:
                self.finished = False  # whatever was said before: it goes on
                content = self._content = True
                events.append(TextDelta(text))
            if reason is not None:
                self.finished = True
                events.append(Finished(reason))
        events.extend(_read_usage(wire.get("usage")))
        return Chunk(tuple(events), Original(NAME, data), content, delta)


def read_completion(data: bytes) -> list[Chunk]:
    """A whole completion as the chunks it could have been streamed in: a stream request answered by
    JSON (gateway.md §7). Raises Problem when it is an error, or no completion.
    """
    wire = _read_whole(data)
    try:
        return _whole_chunks(wire)
    except _UNREADABLE as cause:
        raise not_an_answer() from cause


def read_reply(data: bytes) -> list[Chunk]:
    """A whole completion that was asked for: one whose answer cannot be read, or is missing, still
    says what it used. Raises Problem when it is an error, or says neither.
    """
    wire = _read_whole(data)
    try:
        return _whole_chunks(wire)
    except _UNREADABLE as cause:
        used = _read_usage(wire.get("usage"))
        if not used:
            raise not_an_answer() from cause
        return [Chunk((_started(wire), *used))]


def _read_whole(data: bytes) -> WireChunk:
    try:
        wire: WireChunk = read_json(data)
        error = wire.get("error")
    except (AttributeError, ValueError) as cause:
        raise not_an_answer() from cause
    if error:
        raise read_error_object(error)
    return wire


def _whole_chunks(wire: WireChunk) -> list[Chunk]:
    text, reason = _read_choice(wire["choices"][0], "message")
    events: Sequence[Event] = (
        _started(wire),
        TextDelta(text),
        *_read_usage(wire.get("usage")),
        Finished(reason or FinishReason.STOP),
    )
    return [
        Chunk((event,), content=isinstance(event, TextDelta) and bool(text)) for event in events
    ]


def _started(wire: WireChunk) -> Started:
    created = wire.get("created")
    return Started(
        str(wire.get("id") or ""),
        str(wire.get("model") or ""),
        created if isinstance(created, int) else 0,
    )


def _read_choice(choice: _Choice, field: str) -> tuple[str, FinishReason | None]:
    """The visible text of a choice and why it ended. Raises TypeError when the text is no text."""
    delta: _Delta = choice.get(field) or {}  # type: ignore[assignment]  # `delta` or `message`
    text = delta.get("content") or delta.get("refusal") or ""
    if not isinstance(text, str):
        raise TypeError("content is not text")
    reason = choice.get("finish_reason")
    if not isinstance(reason, str) or not reason:  # some servers send "" on every chunk
        return text, None
    return text, _REASONS.get(reason, FinishReason.STOP)


def _read_usage(usage: object) -> tuple[UsageReported, ...]:
    """One report or none: a usage we cannot read must not cost the text beside it."""
    if not isinstance(usage, dict):
        return ()
    details = usage.get("prompt_tokens_details")
    cached = details.get("cached_tokens") if isinstance(details, dict) else 0
    prompt, completion = usage.get("prompt_tokens"), usage.get("completion_tokens")
    total = usage.get("total_tokens")
    if not (_is_count(prompt) and _is_count(completion)):
        if not _is_count(total):
            return ()
        prompt, completion = total, 0  # only the sum is known; it is what counts
    return (
        UsageReported(
            prompt,
            completion,
            total if _is_count(total) else prompt + completion,
            cached if _is_count(cached) else 0,
        ),
    )


def _is_count(value: object) -> TypeGuard[int]:
    return isinstance(value, int) and 0 <= value < _COUNT_MOST


# -- errors --------------------------------------------------------------------------------------

_KIND_OF_STATUS: Mapping[int, Kind] = {
    401: Kind.UPSTREAM_AUTH,
    402: Kind.UPSTREAM_AUTH,
    403: Kind.UPSTREAM_AUTH,
    404: Kind.NOT_FOUND,
    408: Kind.TIMEOUT,
    413: Kind.TOO_LARGE,
    429: Kind.UPSTREAM_RATE_LIMIT,
    503: Kind.OVERLOADED,
    504: Kind.TIMEOUT,
    524: Kind.TIMEOUT,
    529: Kind.OVERLOADED,
}
_KIND_OF_CODE: Mapping[str, Kind] = {
    "context_length_exceeded": Kind.CONTEXT_LENGTH,
    "content_policy_violation": Kind.CONTENT_POLICY,
    "content_filter": Kind.CONTENT_POLICY,
    "insufficient_quota": Kind.BUDGET,
    "invalid_api_key": Kind.UPSTREAM_AUTH,
    "rate_limit_exceeded": Kind.UPSTREAM_RATE_LIMIT,
    "model_not_found": Kind.NOT_FOUND,
}
_KIND_OF_TYPE: Mapping[str, Kind] = {
    "invalid_request_error": Kind.BAD_REQUEST,
    "insufficient_quota": Kind.BUDGET,
    "overloaded_error": Kind.OVERLOADED,
    "rate_limit_error": Kind.UPSTREAM_RATE_LIMIT,
}
_PUBLIC: Mapping[Kind, str] = {
    Kind.BAD_REQUEST: "The model refused this request.",
    Kind.CONTEXT_LENGTH: "The conversation is too long for the model. Please shorten it.",
    Kind.CONTENT_POLICY: "The request was declined by a content policy.",
    Kind.NOT_FOUND: "The model is not available.",
    Kind.TOO_LARGE: "The request is too large for the model.",
    Kind.UPSTREAM_RATE_LIMIT: "The AI service is busy. Please try again in a moment.",
    Kind.BUDGET: "The usage limit of the AI service has been reached.",
    Kind.UPSTREAM_AUTH: "The AI service is not set up correctly. Please tell your administrator.",
    Kind.OVERLOADED: "The AI service is overloaded. Please try again in a moment.",
    Kind.TIMEOUT: "The AI service took too long to answer. Please try again.",
    Kind.UPSTREAM: "The AI service failed. Please try again.",
}
_SIGN_OF_KIND: Mapping[Kind, Sign] = {
    Kind.UPSTREAM_RATE_LIMIT: Sign.PROVIDER_BUSY,
    Kind.OVERLOADED: Sign.PROVIDER_DOWN,
    Kind.TIMEOUT: Sign.PROVIDER_DOWN,
    Kind.UPSTREAM: Sign.PROVIDER_DOWN,
}


def read_refusal(status: int, data: bytes, *, retry_after: float | None = None) -> Problem:
    """The provider's own answer when it is not 2xx; *data* may be anything.

    `at` names the parameter that it calls unsupported, so that it can be sent under its other name.
    """
    error = _error_of(data)
    kind = _KIND_OF_CODE.get(_word(error, "code"))
    if kind is None or (status >= 500 and kind is not Kind.CONTEXT_LENGTH):
        kind = _KIND_OF_STATUS.get(status)
    if kind is None:
        kind = Kind.BAD_REQUEST if 400 <= status < 500 else Kind.UPSTREAM
    if status < 400:  # a redirect: asking again would be sent away again
        return Problem(kind, _PUBLIC[kind], status=status, sign=Sign.PROVIDER_REFUSED)
    if status == 409:
        kind = Kind.UPSTREAM
    unsupported = _word(error, "code") == "unsupported_parameter"
    at = _word(error, "param") if unsupported else ""
    return _problem(kind, status=status, retry_after=retry_after, at=at)


def read_error_object(error: object) -> Problem:
    """An error that came inside a 200: no status of its own."""
    kind = _KIND_OF_CODE.get(_word(error, "code")) or _KIND_OF_TYPE.get(_word(error, "type"))
    return _problem(kind or Kind.UPSTREAM)


def not_an_answer() -> Problem:
    """A 200 that is neither a stream nor a completion."""
    return Problem(Kind.UPSTREAM, _PUBLIC[Kind.UPSTREAM], sign=Sign.NOT_AN_ANSWER)


def _problem(
    kind: Kind, *, status: int | None = None, retry_after: float | None = None, at: str = ""
) -> Problem:
    sign = _SIGN_OF_KIND.get(kind, Sign.PROVIDER_REFUSED)
    return Problem(kind, _PUBLIC[kind], status=status, retry_after=retry_after, sign=sign, at=at)


def _empty() -> Problem:
    return Problem(
        Kind.UPSTREAM, "The AI service gave no answer. Please try again.", sign=Sign.EMPTY_STREAM
    )


def _cut() -> Problem:
    return Problem(Kind.UPSTREAM, "The answer was cut off. Please try again.", sign=Sign.CUT)


def _error_of(data: bytes) -> object:
    try:
        value = read_json(data)
    except ValueError:
        return None
    return value.get("error") if isinstance(value, dict) else None


def _word(error: object, field: str) -> str:
    word = error.get(field) if isinstance(error, dict) else None
    return word if isinstance(word, str) else ""
