"""The unchanged frontend's dialect: ChatGPT-style messages in, event-stream frames it cannot
choke on out.

The frontend decodes each network read by itself, compares `[DONE]` exactly, looks at no status,
and loses everything after one bad line: so every write here is whole events, ASCII only, LF only.
Source: contract node-bff.md §3.2, §7; operations.md decisions; api-faces.md §5.
"""

import re
from collections.abc import Mapping
from typing import Any

from bff.chat.events import Chunk, Finished, FinishReason, Started, TextDelta
from bff.chat.request import ChatRequest, Foreign, Message, Part, Role, Tags, Text
from bff.dialects import openai_chat
from bff.dialects.json_text import escape, write_ascii
from bff.errors import Kind, Problem

DONE = b"data: [DONE]\n\n"
HEARTBEAT = b": keep-alive\n\n"

# The quotes stand for themselves: inside a JSON string they would be escaped, so this is the key.
_OBFUSCATION = re.compile(rb',\s*"obfuscation"\s*:\s*"[^"\\]*"')
_ROLES: Mapping[str, Role] = {"user": Role.USER, "assistant": Role.ASSISTANT}
_REFUSED_ROLES = frozenset({"system", "developer", "tool", "function"})


def read_request(
    body: Any,
    *,
    model: str,
    system_prompt: str,
    max_tokens: int,
    tags: Tags,
    most_messages: int = 1000,
    most_parts: int = 1000,
) -> ChatRequest:
    """The question in *body*, behind our system prompt. Of the body only `messages` is read.

    Raises Problem(INVALID) with the place in the body.
    """
    messages = body.get("messages") if isinstance(body, dict) else None
    if not isinstance(messages, list) or not messages:
        raise Problem(Kind.INVALID, "Messages array is required", at="messages")
    if len(messages) > most_messages:
        raise Problem(Kind.INVALID, f"More than {most_messages} messages", at="messages")
    turns = [Message(Role.SYSTEM, system_prompt)] if system_prompt else []
    for index, message in enumerate(messages):
        turns.append(_read_message(message, f"messages[{index}]", most_parts))
    return ChatRequest(model=model, messages=tuple(turns), tags=tags, max_tokens=max_tokens)


def _read_message(message: Any, at: str, most_parts: int) -> Message:
    if not isinstance(message, dict):
        raise Problem(Kind.INVALID, "A message must be an object", at=at)
    author = message.get("author")
    role = (author.get("role") if isinstance(author, dict) else None) or message.get("role")
    if isinstance(role, str) and role in _REFUSED_ROLES:
        raise Problem(
            Kind.INVALID, "Only the roles user and assistant are accepted", at=f"{at}.role"
        )
    content = _read_content(message.get("content"), f"{at}.content", most_parts)
    return Message(_ROLES.get(role, Role.USER) if isinstance(role, str) else Role.USER, content)


def _read_content(content: Any, at: str, most_parts: int) -> str | tuple[Part, ...]:
    """The text of `content.parts`, else OpenAI's own forms: a string, or a list of typed parts."""
    if not content:
        return ""
    if isinstance(content, str):
        return content
    if isinstance(content, list):
        _refuse_too_many(content, at, most_parts)
        return tuple(_read_part(part, f"{at}[{index}]") for index, part in enumerate(content))
    if isinstance(content, dict):
        return _read_parts(content.get("parts"), f"{at}.parts", most_parts)
    raise Problem(Kind.INVALID, "Content must be text or a list of parts", at=at)


def _read_parts(parts: Any, at: str, most_parts: int) -> str:
    if not parts:
        return ""
    if isinstance(parts, str):
        return parts
    if not isinstance(parts, list):
        raise Problem(Kind.INVALID, "Parts must be a list of texts", at=at)
    _refuse_too_many(parts, at, most_parts)
    return "\n\n".join(part for part in parts if isinstance(part, str) and part)


def _read_part(part: Any, at: str) -> Part:
    if isinstance(part, str):
        return Text(part)
    if not isinstance(part, dict) or not isinstance(part.get("type"), str):
        raise Problem(Kind.INVALID, "A content part must be an object with a type", at=at)
    if part["type"] == "text" and isinstance(part.get("text"), str):
        return Text(part["text"])
    return Foreign(openai_chat.NAME, part)


def _refuse_too_many(parts: list[Any], at: str, most_parts: int) -> None:
    if len(parts) > most_parts:
        raise Problem(Kind.INVALID, f"More than {most_parts} parts", at=at)


class StreamWriter:
    """Chunks in, whole frames out. Keeps what the end of the stream depends on: was anything
    shown?
    """

    def __init__(
        self, *, model: str = "", created: int = 0, answer_id: str = "chatcmpl-bff"
    ) -> None:
        self._id, self._model, self._created = answer_id, model, created
        self._delta_seen = False
        self.shown = False

    def begin(self) -> bytes:
        """Before anything came. Any delta would take the frontend's spinner away: a comment."""
        return HEARTBEAT

    def feed(self, chunk: Chunk) -> bytes:
        """The frames of *chunk*; empty when the frontend has no use for it."""
        if chunk.content:
            self.shown = True
        self._delta_seen = self._delta_seen or chunk.delta
        original = chunk.original
        if original is None or original.dialect != openai_chat.NAME:
            return self._spell(chunk)
        data = original.data
        if not (chunk.content or chunk.delta or _has_more_than_usage(chunk)):
            return b""
        if b'"refusal"' in data and chunk.content:
            return self._spell(chunk)
        if b'"obfuscation"' in data:
            data = _OBFUSCATION.sub(b"", data)
        if b"\n" in data:
            data = data.replace(b"\n", b" ")  # valid JSON: a line end stands between tokens only
        return b"data: %b\n\n" % (data if data.isascii() else escape(data))

    def end(self) -> bytes:
        """After a finish: what is still missing, and `[DONE]`."""
        missing = b"" if self._delta_seen else self._frame({}, None)
        return missing + DONE

    def fail(self, problem: Problem) -> bytes:
        """After the 200: one readable delta, then `[DONE]`. What is shown stays shown.

        The same frame says in a field of its own that this is an error, for readers who look: the
        frontend does not, and there is no finish that could pass for a success.
        """
        public = problem.public
        text = f"\n\n*{public}*" if self.shown else f"An error occurred: {public}"
        error = {"message": public, "type": problem.kind.value}
        return self._frame({"content": text}, None, error=error) + DONE

    def _spell(self, chunk: Chunk) -> bytes:
        frames = []
        for event in chunk.events:
            if isinstance(event, Started):
                self._id, self._model = event.id or self._id, event.model or self._model
                self._created = event.created or self._created
                frames.append(self._frame({"role": "assistant", "content": ""}, None))
            elif isinstance(event, TextDelta):
                frames.append(self._frame({"content": event.text}, None))
            elif isinstance(event, Finished):
                frames.append(self._frame({}, event.reason))
        return b"".join(frames)

    def _frame(
        self, delta: Mapping[str, str], reason: FinishReason | None, **beside: object
    ) -> bytes:
        self._delta_seen = True
        return b"data: %b\n\n" % write_ascii(
            {
                "id": self._id,
                "object": "chat.completion.chunk",
                "created": self._created,
                "model": self._model,
                "choices": [{"index": 0, "delta": delta, "finish_reason": reason}],
                **beside,
            }
        )


def _has_more_than_usage(chunk: Chunk) -> bool:
    """The chunk with the usage alone is not passed on: the caller did not ask (api-faces.md §5)."""
    return any(isinstance(event, Started | Finished) for event in chunk.events)


# -- errors before the stream ----------------------------------------------------------------------

STATUS: Mapping[Kind, int] = {
    Kind.BAD_REQUEST: 400,
    Kind.INVALID: 422,
    Kind.MEDIA_TYPE: 415,
    Kind.CALLER_AUTH: 401,
    Kind.CALLER_FORBIDDEN: 403,
    Kind.NOT_FOUND: 404,
    Kind.TOO_LARGE: 413,
    Kind.SLOW_BODY: 408,
    Kind.CONTEXT_LENGTH: 400,
    Kind.CONTENT_POLICY: 400,
    Kind.OWN_RATE_LIMIT: 429,
    Kind.BUDGET: 402,
    Kind.UPSTREAM_RATE_LIMIT: 429,
    Kind.UPSTREAM_AUTH: 502,
    Kind.OVERLOADED: 503,
    Kind.UPSTREAM: 502,
    Kind.TIMEOUT: 504,
    Kind.CONNECTION: 502,
    Kind.SHUTTING_DOWN: 503,
    Kind.INTERNAL: 500,
}


def status_of(problem: Problem) -> int:
    """The upstream's own status where it refused, as the Node app answered; else our kind's."""
    status = problem.status
    told = status is not None and 400 <= status < 600 and not problem.ours
    return status if status is not None and told else STATUS[problem.kind]


def write_error(problem: Problem) -> tuple[int, bytes]:
    """Status and JSON body. An upstream's refusal has the Node app's one text."""
    own = problem.status is None or problem.ours
    text = problem.public if own else "OpenAI API error"
    error: dict[str, str] = {"error": text}
    if problem.at and problem.public != "Messages array is required":
        error["at"] = problem.at
    return status_of(problem), write_ascii(error)


def write_visible_error(problem: Problem) -> tuple[int, bytes]:
    """The same status with a readable event stream: the frontend shows no JSON error, only a
    spinner.
    """
    return status_of(problem), StreamWriter().fail(problem)
