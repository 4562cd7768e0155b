"""The pieces a completion is made of, streamed or whole: a choice, the usage, the head."""

from collections.abc import Mapping
from typing import Any, TypedDict, TypeGuard

from bff.chat.events import FinishReason, Started, UsageReported
from bff.dialects.openai_chat.calls import CallReader

_COUNT_MOST = 2**53  # tokens; beyond it JSON readers disagree
UNREADABLE = (AttributeError, TypeError, KeyError, IndexError, ValueError)

_REASONS: Mapping[str, FinishReason] = {
    "stop": FinishReason.STOP,
    "length": FinishReason.LENGTH,
    "tool_calls": FinishReason.TOOL_CALLS,
    "function_call": FinishReason.TOOL_CALLS,
    "content_filter": FinishReason.CONTENT_FILTER,
}


class Delta(TypedDict, total=False):
    """What is said: streamed as a choice's `delta`, whole as its `message`."""

    content: str | None
    refusal: str | None
    reasoning_content: str | None
    tool_calls: list[Any] | None
    function_call: Any


class _Choice(TypedDict, total=False):
    index: int
    delta: Delta
    message: Delta
    finish_reason: str | None


class WireChunk(TypedDict, total=False):
    """One `data:` frame of a streamed completion, or a whole one; only what we read."""

    id: str
    created: int
    model: str
    choices: list[_Choice]
    usage: dict[str, Any] | None
    error: Any


def started(wire: WireChunk) -> Started:
    created = wire.get("created")
    return Started(
        read_id(wire.get("id")), read_id(wire.get("model")), created if _is_count(created) else 0
    )


def read_id(value: object) -> str:
    """A name, which some servers give as a number; anything else is none."""
    readable = isinstance(value, str | int) and not isinstance(value, bool)
    return str(value) if readable and value else ""


def read_choice(choice: _Choice, field: str) -> tuple[str, FinishReason | None]:
    """The visible text of a choice and why it ended. Raises TypeError when the text is no text."""
    delta: Delta = choice.get(field) or {}  # type: ignore[assignment]  # `delta` or `message`
    text = delta.get("content") or delta.get("refusal") or ""
    if not isinstance(text, str):
        raise TypeError("content is not text")
    reason = choice.get("finish_reason")
    if not isinstance(reason, str) or not reason:  # some servers send "" on every chunk
        return text, None
    return text, _REASONS.get(reason, FinishReason.STOP)


def with_calls(reason: FinishReason, calls: CallReader) -> FinishReason:
    """An answer with calls ends with them, whatever upstream says (providers.md §6.4)."""
    if reason is FinishReason.STOP and calls.any_started:
        return FinishReason.TOOL_CALLS
    return reason


def read_usage(usage: object) -> tuple[UsageReported, ...]:
    """One report or none: a usage we cannot read must not cost the text beside it."""
    if not isinstance(usage, dict):
        return ()
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
            _detail(usage, "prompt_tokens_details", "cached_tokens"),
            _detail(usage, "prompt_tokens_details", "cache_write_tokens"),
            reasoning_tokens=_detail(usage, "completion_tokens_details", "reasoning_tokens"),
        ),
    )


def _detail(usage: Mapping[str, Any], group: str, field: str) -> int:
    details = usage.get(group)
    count = details.get(field) if isinstance(details, dict) else 0
    return count if _is_count(count) else 0


def _is_count(value: object) -> TypeGuard[int]:
    return isinstance(value, int) and not isinstance(value, bool) and 0 <= value < _COUNT_MOST
