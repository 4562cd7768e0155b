"""Our answer as a response in one piece; and what a stream has in common with it.

Source: contract api-faces.md §2 "/v1/responses"; providers.md §6.4, §6.5.
"""

from collections.abc import Mapping, Sequence
from typing import Any

from bff.chat.events import FinishReason, Original, UsageReported
from bff.chat.reply import Reply
from bff.chat.request import ToolCall
from bff.dialects.json_text import write_ascii
from bff.dialects.openai_responses.names import NAME
from bff.dialects.said_calls import shown_calls

_INCOMPLETE: Mapping[FinishReason, str] = {
    FinishReason.LENGTH: "max_output_tokens",
    FinishReason.CONTENT_FILTER: "content_filter",
}


def write_reply(
    reply: Reply,
    *,
    model: str,
    created: int,
    answer_id: str,
    echo: Mapping[str, Any],
    original: Original | None = None,
) -> bytes:
    """The answer as one response; *original* as it is, where it is one in this dialect. *echo* is
    what it says again of its request.
    """
    if original is not None and original.dialect == NAME:
        return original.data
    reason = reply.reason or FinishReason.STOP
    head = write_head(model=model, created=created, answer_id=answer_id)
    return write_ascii(
        write_response(
            head,
            echo,
            status=status_of(reason),
            output=_write_output(reply, answer_id, last=status_of(reason)),
            reason=reason,
            usage=reply.usage or UsageReported(0, 0, 0),
        )
    )


def write_head(*, model: str, created: int, answer_id: str) -> dict[str, Any]:
    return {"id": answer_id, "object": "response", "created_at": created, "model": model}


def write_response(
    head: Mapping[str, Any],
    echo: Mapping[str, Any],
    *,
    status: str,
    output: Sequence[Mapping[str, Any]] = (),
    reason: FinishReason = FinishReason.STOP,
    error: Mapping[str, str] | None = None,
    usage: UsageReported | None = None,
) -> dict[str, Any]:
    """The object itself, at any time of its life."""
    because = _INCOMPLETE.get(reason)
    return {
        **head,
        "status": status,
        "error": error,
        "incomplete_details": None if because is None else {"reason": because},
        **echo,
        "output": output,
        "usage": None if usage is None else write_usage(usage),
    }


def status_of(reason: FinishReason) -> str:
    """Of a response, and of the item it ended in."""
    return "incomplete" if reason in _INCOMPLETE else "completed"


def write_usage(usage: UsageReported) -> dict[str, Any]:
    """Without what only we know of it (that it is estimated, the price in coins)."""
    return {
        "input_tokens": usage.prompt_tokens,
        "input_tokens_details": {
            "cached_tokens": usage.cached_tokens,
            "cache_write_tokens": usage.cache_write_tokens,
        },
        "output_tokens": usage.completion_tokens,
        "output_tokens_details": {"reasoning_tokens": usage.reasoning_tokens},
        "total_tokens": usage.total_tokens,
    }


def _write_output(reply: Reply, answer_id: str, *, last: str) -> list[dict[str, Any]]:
    """An answer that says nothing says so in words: clients look for them unguarded."""
    calls = shown_calls(reply.calls)
    said: list[str | ToolCall] = [*calls]
    if reply.text or not calls:
        said.insert(0, reply.text or "")
    statuses = ["completed"] * (len(said) - 1) + [last]
    return [
        write_message(item_id("msg", answer_id, place), one, status)
        if isinstance(one, str)
        else write_call(item_id("fc", answer_id, place), one, status)
        for place, (one, status) in enumerate(zip(said, statuses, strict=True))
    ]


# -- items -----------------------------------------------------------------------------------------


def item_id(kind: str, answer_id: str, place: int) -> str:
    """Found in no other answer: callers send items back, and OpenAI takes no id twice."""
    return f"{kind}_{answer_id.rpartition('_')[2]}_{place}"


def write_part(text: str) -> dict[str, Any]:
    return {"type": "output_text", "text": text, "annotations": [], "logprobs": []}


def write_message(id_: str, text: str | None, status: str) -> dict[str, Any]:
    """Without *text* it has no part yet."""
    content = [] if text is None else [write_part(text)]
    return {
        "id": id_,
        "type": "message",
        "role": "assistant",
        "status": status,
        "content": content,
    }


def write_call(id_: str, call: ToolCall, status: str) -> dict[str, Any]:
    return {
        "id": id_,
        "type": "function_call",
        "call_id": call.id,
        "name": call.name,
        "arguments": call.arguments,
        "status": status,
    }
