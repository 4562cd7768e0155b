"""The pieces a message is made of, streamed or whole: its head, its end, its usage.

Source: contract providers.md §2, §6.4, §6.5.
"""

from collections.abc import Mapping
from typing import Any, TypeGuard

from bff.chat.events import FinishReason, Started, UsageReported

UNREADABLE = (AttributeError, TypeError, KeyError, IndexError, ValueError)
_COUNT_MOST = 2**53  # tokens; beyond it JSON readers disagree

_REASONS: Mapping[str, FinishReason] = {
    "end_turn": FinishReason.STOP,
    "stop_sequence": FinishReason.STOP,
    "pause_turn": FinishReason.STOP,
    "max_tokens": FinishReason.LENGTH,
    "model_context_window_exceeded": FinishReason.LENGTH,
    "tool_use": FinishReason.TOOL_CALLS,
    "refusal": FinishReason.CONTENT_FILTER,
}
_COUNTED = (
    "input_tokens",
    "cache_creation_input_tokens",
    "cache_read_input_tokens",
    "output_tokens",
)
_THOUGHT = ("reasoning_tokens", "thinking_tokens")


def started(message: Mapping[str, Any]) -> Started:
    return Started(_name_of(message.get("id")), _name_of(message.get("model")), 0)


def _name_of(value: object) -> str:
    return value if isinstance(value, str) else ""


def read_reason(said: object, *, calls: int) -> FinishReason | None:
    """Why an answer with so many *calls* ended; None while it has not. With calls in it an answer
    ends with them, and never without (providers.md §6.4).
    """
    if not isinstance(said, str) or not said:
        return None
    reason = _REASONS.get(said, FinishReason.STOP)
    if reason in (FinishReason.STOP, FinishReason.TOOL_CALLS):
        return FinishReason.TOOL_CALLS if calls else FinishReason.STOP
    return reason


def text_of(value: object) -> str:
    """Raises TypeError when it is no text."""
    if not isinstance(value, str):
        raise TypeError("a text is none")
    return value


class Usage:
    """Counts that grow: each report overrules what it repeats (`message_delta` is cumulative)."""

    def __init__(self) -> None:
        self._counts: dict[str, int] = {}

    def note(self, usage: object) -> None:
        """A usage we cannot read must not cost the text beside it."""
        if not isinstance(usage, dict):
            return
        for name in _COUNTED:
            count = usage.get(name)
            if is_count(count):
                self._counts[name] = count
        details = usage.get("output_tokens_details")
        if isinstance(details, dict):
            thought = [details[name] for name in _THOUGHT if is_count(details.get(name))]
            self._counts["reasoning"] = max(thought, default=0)

    def read(self) -> tuple[UsageReported, ...]:
        """One report, or none where nothing was said."""
        counts = self._counts
        if "input_tokens" not in counts and "output_tokens" not in counts:
            return ()
        fresh, written, cached, completion = (counts.get(name, 0) for name in _COUNTED)
        prompt = fresh + written + cached
        return (
            UsageReported(
                prompt,
                completion,
                prompt + completion,
                cached_tokens=cached,
                cache_write_tokens=written,
                reasoning_tokens=counts.get("reasoning", 0),
            ),
        )


def is_count(value: object) -> TypeGuard[int]:
    return isinstance(value, int) and not isinstance(value, bool) and 0 <= value < _COUNT_MOST
