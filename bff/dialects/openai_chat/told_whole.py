"""Our answer in OpenAI's words, in one piece; and what a stream's end has in common with it.

Source: contract providers.md §1, §6.4, §6.5; api-faces.md §2.
"""

import re
from collections.abc import Mapping, Sequence
from typing import Any

from bff.chat.events import FinishReason, Original, UsageReported
from bff.chat.reply import Reply
from bff.chat.request import ToolCall
from bff.dialects.json_text import read_json, write_ascii
from bff.dialects.openai_chat.names import NAME
from bff.dialects.said_calls import shown_calls

# Keys, for inside a JSON string their quotes would be escaped.
_MAY_BE_ODD = re.compile(rb'"content"\s*:\s*null|"tool_calls"\s*:\s*\[')


def write_reply(
    reply: Reply,
    *,
    model: str,
    created: int,
    answer_id: str,
    legacy: bool = False,
    original: Original | None = None,
) -> bytes:
    """The answer as one completion; *original* as it is, where it is one in this dialect."""
    if original is not None and original.dialect == NAME:
        return _readable(original.data)
    calls = shown_calls(reply.calls)
    message: dict[str, Any] = {"role": "assistant", "content": reply.text or "", "refusal": None}
    if calls:
        message["content"] = reply.text or None
        message |= _write_calls(calls, legacy=legacy)
    ending = write_ending(reply.reason or FinishReason.STOP, calls=len(calls), legacy=legacy)
    return write_ascii(
        {
            "id": answer_id,
            "object": "chat.completion",
            "created": created,
            "model": model,
            "choices": [
                {"index": 0, "message": message, "logprobs": None, "finish_reason": ending}
            ],
            "usage": write_usage(reply.usage or UsageReported(0, 0, 0)),
        }
    )


def _readable(data: bytes) -> bytes:
    """A completion as its vendor spelled it, mended where clients take for granted that a text is
    one, that a call has a name, and that its arguments are the text of JSON (api-faces.md §2, §4).
    """
    if _MAY_BE_ODD.search(data) is None:
        return data
    value = read_json(data)  # as its reader did
    mended = [_mend(choice) for choice in value["choices"]]
    return write_ascii(value) if any(mended) else data


def _mend(choice: Any) -> bool:
    """Whether a word of *choice* had to change; what is formed like nothing we know stays."""
    message = choice.get("message") if isinstance(choice, dict) else None
    if not isinstance(message, dict):
        return False
    before = write_ascii(message)
    told = message.get("tool_calls")
    if isinstance(told, list) and told:
        message["tool_calls"] = calls = [call for call in told if not _is_nameless(call)]
        for call in calls:
            _spell_arguments(call)
        if not calls:
            del message["tool_calls"]
            choice["finish_reason"] = FinishReason.STOP.value
    if message.get("content") is None and not (message.get("tool_calls") or _is_legacy(message)):
        message["content"] = ""
    return before != write_ascii(message)


def _is_nameless(call: Any) -> bool:
    if not isinstance(call, dict) or "function" not in call:
        return False  # a tool of a type that only OpenAI has
    function = call["function"]
    return not isinstance(function, dict) or not function.get("name")


def _is_legacy(message: Mapping[str, Any]) -> bool:
    return bool(message.get("function_call"))


def _spell_arguments(call: Any) -> None:
    function = call.get("function") if isinstance(call, dict) else None
    if function is None:
        return
    said = function.get("arguments") or "{}"
    function["arguments"] = said if isinstance(said, str) else write_ascii(said).decode()


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
