"""Our answer in OpenAI's words, in one piece; and what a stream's end has in common with it.

Source: contract providers.md §1, §6.4, §6.5; api-faces.md §2.
"""

from collections.abc import Sequence
from typing import Any

from bff.chat.events import FinishReason, Original, UsageReported
from bff.chat.reply import Reply
from bff.chat.request import ToolCall
from bff.dialects.json_text import write_ascii
from bff.dialects.openai_chat.mending import mend_completion
from bff.dialects.openai_chat.names import NAME
from bff.dialects.said_calls import shown_calls


def write_reply(
    reply: Reply,
    *,
    model: str,
    created: int,
    answer_id: str,
    legacy: bool = False,
    original: Original | None = None,
) -> bytes:
    """The answer as one completion; *original* as it is, where it is one in this dialect that
    callers can read.
    """
    calls = shown_calls(reply.calls)
    message: dict[str, Any] = {"role": "assistant", "content": reply.text or "", "refusal": None}
    if calls:
        message["content"] = reply.text or None
        message |= _write_calls(calls, legacy=legacy)
    ending = write_ending(reply.reason or FinishReason.STOP, calls=len(calls), legacy=legacy)
    told = {
        "id": answer_id,
        "object": "chat.completion",
        "created": created,
        "model": model,
        "choices": [{"index": 0, "message": message, "logprobs": None, "finish_reason": ending}],
        "usage": write_usage(reply.usage or UsageReported(0, 0, 0)),
    }
    if original is not None and original.dialect == NAME:
        return mend_completion(original.data, told)
    return write_ascii(told)


def write_usage(usage: UsageReported) -> dict[str, Any]:
    """Without what only we know of it (that it is estimated, the price in coins)."""
    return {
        "prompt_tokens": usage.prompt_tokens,
        "completion_tokens": usage.completion_tokens,
        "total_tokens": usage.total_tokens,
        "prompt_tokens_details": {
            "cached_tokens": usage.cached_tokens,
            "cache_write_tokens": usage.cache_write_tokens,
        },
        "completion_tokens_details": {"reasoning_tokens": usage.reasoning_tokens},
    }


def _write_calls(calls: Sequence[ToolCall], *, legacy: bool) -> dict[str, Any]:
    functions = [{"name": call.name, "arguments": call.arguments} for call in calls]
    if legacy:
        return {"function_call": functions[0]}
    return {
        "tool_calls": [
            {"id": call.id, "type": "function", "function": function}
            for call, function in zip(calls, functions, strict=True)
        ]
    }


def write_ending(reason: FinishReason, *, calls: int, legacy: bool) -> str:
    """An answer with calls in it ends with them, one without does not (providers.md §6.4)."""
    if reason in (FinishReason.STOP, FinishReason.TOOL_CALLS):
        reason = FinishReason.TOOL_CALLS if calls else FinishReason.STOP
    if legacy and reason is FinishReason.TOOL_CALLS:
        return "function_call"
    return reason.value
