"""The pieces of an answer, wherever this API puts them: text, usage, why it ended, who made it.

Two shapes are documented and more are met; what is not there is not missed. Source: providers.md
§4 ("Reading the text", "Usage"), §6.4, §6.5.
"""

from collections.abc import Mapping
from typing import Any, TypeGuard

from bff.chat.events import FinishReason, Started, UsageReported

Path = tuple[str | int, ...]

_TEXTS: tuple[Path, ...] = (
    ("generation", "generatedText"),
    ("generation", "text"),
    ("generations", 0, "text"),
    ("generationDetails", "generations", 0, "content"),
    ("choices", 0, "message", "content"),
    ("text",),
    ("content",),
)
_GENERATIONS: tuple[Path, ...] = (
    ("generation",),
    ("generationDetails", "generations", 0),
    ("generations", 0),
    ("choices", 0),
)
_PARAMETERS: tuple[Path, ...] = (("generationDetails", "parameters"), ("parameters",))
_USAGES: tuple[Path, ...] = (*((*path, "usage") for path in _PARAMETERS), ("usage",))
_REASON_NAMES = ("finish_reason", "finishReason", "stop_reason")
_REASONS: Mapping[str, FinishReason] = {
    "stop": FinishReason.STOP,
    "end_turn": FinishReason.STOP,
    "stop_sequence": FinishReason.STOP,
    "pause_turn": FinishReason.STOP,
    "length": FinishReason.LENGTH,
    "max_tokens": FinishReason.LENGTH,
    "model_context_window_exceeded": FinishReason.LENGTH,
    "tool_calls": FinishReason.TOOL_CALLS,
    "tool_use": FinishReason.TOOL_CALLS,
    "function_call": FinishReason.TOOL_CALLS,
    "content_filter": FinishReason.CONTENT_FILTER,
    "refusal": FinishReason.CONTENT_FILTER,
}
_COUNT_MOST = 2**53  # tokens; beyond it JSON readers disagree


def find(value: object, path: Path) -> Any:
    """What stands at *path*, None where the way there does not exist."""
    for step in path:
        if isinstance(step, int):
            value = value[step] if isinstance(value, list) and len(value) > step else None
        else:
            value = value.get(step) if isinstance(value, dict) else None
    return value


def read_text(wire: object) -> str | None:
    """The first text there is, which may be empty; a bare string is the text."""
    if isinstance(wire, str):
        return wire
    found = (find(wire, path) for path in _TEXTS)
    return next((text for text in found if isinstance(text, str)), None)


def read_reason(wire: object) -> FinishReason | None:
    for path in _GENERATIONS:
        for inside in ((*path, "parameters"), path):
            for name in _REASON_NAMES:
                reason = find(wire, (*inside, name))
                if isinstance(reason, str) and reason:
                    return _REASONS.get(reason.lower(), FinishReason.STOP)
    return None


def read_usage(wire: object) -> UsageReported | None:
    usages = (_usage(find(wire, path)) for path in _USAGES)
    return next((usage for usage in usages if usage is not None), None)


def read_toxic(wire: object) -> bool:
    path: Path = ("contentQuality", "scanToxicity", "isDetected")
    return any(find(wire, (*where, *path)) is True for where in _GENERATIONS)


def read_started(wire: object) -> Started:
    created = _first(wire, *((*path, "created") for path in _PARAMETERS))
    return Started(
        id=_word(find(wire, ("id",))),
        model=_word(_first(wire, *((*path, "model") for path in _PARAMETERS), ("model",))),
        created=created if _is_count(created) else 0,
        feedback_id=_word(_first(wire, *((*path, "id") for path in _GENERATIONS))),
    )


def _usage(said: object) -> UsageReported | None:
    """One that cannot be read is none: it must not cost the text beside it."""
    prompt = _first(said, ("prompt_tokens",), ("inputTokenCount",))
    completion = _first(said, ("completion_tokens",), ("outputTokenCount",))
    total = _first(said, ("total_tokens",), ("totalTokenCount",))
    if not (_is_count(prompt) and _is_count(completion)):
        return None
    return UsageReported(prompt, completion, total if _is_count(total) else prompt + completion)


def _first(value: object, *paths: Path) -> Any:
    found = (find(value, path) for path in paths)
    return next((inner for inner in found if inner is not None), None)


def _word(value: object) -> str:
    return value if isinstance(value, str) else ""


def _is_count(value: object) -> TypeGuard[int]:
    return isinstance(value, int) and not isinstance(value, bool) and 0 <= value < _COUNT_MOST
