"""The pieces a response is made of, streamed or whole: its head, items, usage, why it ended.

Not the events that carry them (stream.py). Source: contract api-faces.md §2, providers.md §1, §6.5.
"""

from collections.abc import Iterator, Mapping
from typing import Any, TypeGuard

from bff.chat.events import (
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
from bff.dialects.failures import failure
from bff.dialects.openai_chat import read_error_object
from bff.errors import Kind, Problem

_MOST = 2**53  # beyond it JSON readers disagree
UNREADABLE = (AttributeError, TypeError, KeyError, IndexError, ValueError)

_INCOMPLETE: Mapping[str, FinishReason] = {
    "content_filter": FinishReason.CONTENT_FILTER,
    "max_output_tokens": FinishReason.LENGTH,
}
# What a response fails with beside the codes of a refusal; the rest are faults of the question's.
_KIND_OF_CODE: Mapping[str, Kind] = {
    "bio_policy": Kind.CONTENT_POLICY,
    "image_content_policy_violation": Kind.CONTENT_POLICY,
    "invalid_prompt": Kind.CONTENT_POLICY,
    "misalignment_policy_violation": Kind.CONTENT_POLICY,
    "vector_store_timeout": Kind.TIMEOUT,
}
_OF_THE_QUESTION = frozenset(
    {
        "empty_image_file",
        "failed_to_download_image",
        "image_file_not_found",
        "image_file_too_large",
        "image_parse_error",
        "image_too_large",
        "image_too_small",
        "invalid_base64_image",
        "invalid_image",
        "invalid_image_format",
        "invalid_image_mode",
        "invalid_image_url",
        "unsupported_image_media_type",
    }
)
_NO_ERROR: Mapping[str, Any] = {}


def started(response: Mapping[str, Any]) -> Started:
    created = response.get("created_at")  # some say it with a fraction
    seconds = int(created) if isinstance(created, int | float) and 0 <= created < _MOST else 0
    return Started(_name(response.get("id")), _name(response.get("model")), seconds)


def text_of(value: object) -> str:
    """Raises TypeError when it is none."""
    if not isinstance(value, str):
        raise TypeError("no text")
    return value


def read_item(item: Mapping[str, Any], called: int) -> Iterator[Event]:
    """What an item of the output says, whole; *called* numbers the call, if it is one. What
    OpenAI's own tools do says nothing in our words.
    """
    match item.get("type"):
        case "message":
            for part in item["content"]:
                text = text_of(part.get("text") or part.get("refusal") or "")
                if text:
                    yield TextDelta(text)
        case "reasoning":
            for part in (*(item.get("summary") or ()), *(item.get("content") or ())):
                thought = text_of(part.get("text") or "")
                if thought:
                    yield ThoughtDelta(thought)
        case "function_call":
            yield ToolStarted(called, text_of(item["call_id"]), text_of(item["name"]))
            arguments = text_of(item.get("arguments") or "")
            if arguments:
                yield ToolDelta(called, arguments)


def finished(response: Mapping[str, Any], *, calls: int) -> Finished:
    """An answer with calls ends with them."""
    if response.get("status") == "incomplete":
        details = response.get("incomplete_details")
        reason = details.get("reason") if isinstance(details, dict) else None
        return Finished(_INCOMPLETE.get(str(reason), FinishReason.LENGTH))
    return Finished(FinishReason.TOOL_CALLS if calls else FinishReason.STOP)


def read_usage(usage: object) -> tuple[UsageReported, ...]:
    """One report or none: a usage we cannot read must not cost the answer beside it."""
    if not isinstance(usage, dict):
        return ()
    into, out, total = (usage.get(f"{name}_tokens") for name in ("input", "output", "total"))
    if not (_is_count(into) and _is_count(out)):
        return ()
    return (
        UsageReported(
            into,
            out,
            total if _is_count(total) else into + out,
            _detail(usage, "input_tokens_details", "cached_tokens"),
            _detail(usage, "input_tokens_details", "cache_write_tokens"),
            _detail(usage, "output_tokens_details", "reasoning_tokens"),
        ),
    )


def failed(error: object) -> Problem:
    """An error inside a 200: of a response that failed, or an event of its own."""
    code = error.get("code") if isinstance(error, dict) else None
    if not isinstance(code, str):
        return read_error_object(error or _NO_ERROR)
    kind = Kind.BAD_REQUEST if code in _OF_THE_QUESTION else _KIND_OF_CODE.get(code)
    if kind is None:
        return read_error_object(error)
    problem = failure(kind)
    problem.code = code if kind is Kind.BAD_REQUEST else ""
    return problem


def is_seen(event: Event) -> bool:
    """Whether a reader would see something of it."""
    if isinstance(event, TextDelta):
        return bool(event.text)
    return isinstance(event, ThoughtDelta | ToolStarted | ToolDelta)


def _detail(usage: Mapping[str, Any], group: str, field: str) -> int:
    details = usage.get(group)
    count = details.get(field) if isinstance(details, dict) else 0
    return count if _is_count(count) else 0


def _name(value: object) -> str:
    return value if isinstance(value, str) else ""


def _is_count(value: object) -> TypeGuard[int]:
    return isinstance(value, int) and not isinstance(value, bool) and 0 <= value < _MOST
