"""Our answer in Anthropic's words, in one piece; and what a stream's end has in common with it.

Source: contract providers.md §2, §6.4, §6.5; api-faces.md §3.
"""

from collections.abc import Mapping
from typing import Any

from bff.chat.events import Finished, FinishReason, Original, UsageReported
from bff.chat.reply import Reply
from bff.chat.usage import Counted
from bff.dialects.anthropic_messages.names import NAME
from bff.dialects.json_text import depth_exceeds, read_json, write_ascii
from bff.dialects.said_calls import shown_calls

_MOST_DEPTH = 200  # of arguments: what is nested deeper can be read, but not always written
_REASONS: Mapping[FinishReason, str] = {
    FinishReason.STOP: "end_turn",
    FinishReason.LENGTH: "max_tokens",
    FinishReason.TOOL_CALLS: "tool_use",
    FinishReason.CONTENT_FILTER: "refusal",
}


def write_reply(
    reply: Reply,
    *,
    model: str,
    answer_id: str,
    original: Original | None = None,
) -> bytes:
    """The answer as one message; *original* as it is, where it is one in this dialect."""
    if original is not None and original.dialect == NAME:
        return original.data
    content: list[dict[str, Any]] = []
    if reply.thought:
        content.append({"type": "thinking", "thinking": reply.thought, "signature": ""})
    if reply.text:
        content.append({"type": "text", "text": reply.text})
    calls = shown_calls(reply.calls)
    for call in calls:
        told = {"id": call.id, "name": call.name, "input": _sayable(call.arguments)}
        content.append({"type": "tool_use", **told})
    finished = Finished(reply.reason or FinishReason.STOP, reply.stopped_by)
    return write_ascii(
        {
            "id": answer_id,
            "type": "message",
            "role": "assistant",
            "model": model,
            "content": content,
            **write_ending(finished, calls=len(calls)),
            "usage": write_usage(reply.usage or UsageReported(0, 0, 0)),
        }
    )


def write_count(counted: Counted) -> bytes:
    """The answer to `count_tokens`; as it came, where it came in this dialect."""
    original = counted.original
    if original is not None and original.dialect == NAME:
        return original.data
    return write_ascii({"input_tokens": counted.tokens})


def write_ending(finished: Finished, *, calls: int) -> dict[str, str | None]:
    """An answer with calls in it ends with them, one without does not (providers.md §6.4)."""
    reason = finished.reason
    if reason in (FinishReason.STOP, FinishReason.TOOL_CALLS):
        reason = FinishReason.TOOL_CALLS if calls else FinishReason.STOP
    if reason is FinishReason.STOP and finished.stopped_by:
        return {"stop_reason": "stop_sequence", "stop_sequence": finished.stopped_by}
    return {"stop_reason": _REASONS[reason], "stop_sequence": None}


def write_usage(usage: UsageReported) -> dict[str, int]:
    """Input here does not count what the cache did (providers.md §6.5)."""
    cached, written = usage.cached_tokens, usage.cache_write_tokens
    return {
        "input_tokens": max(0, usage.prompt_tokens - cached - written),
        "cache_creation_input_tokens": written,
        "cache_read_input_tokens": cached,
        "output_tokens": usage.completion_tokens,
    }


def _sayable(arguments: str) -> dict[str, Any]:
    """What is no object, or one that cannot be written, is left out."""
    said = read_input(arguments)
    return {} if said is None or depth_exceeds(said, _MOST_DEPTH) else said


def read_input(arguments: str) -> dict[str, Any] | None:
    """The object that *arguments* are the text of; None when they are not, or not yet."""
    try:
        value = read_json(arguments.encode("utf-8", "surrogatepass"))
    except ValueError:
        return None
    return value if isinstance(value, dict) else None
