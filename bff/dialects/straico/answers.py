"""An answer of Straico's as our Reply: it always comes whole, flat from the chat endpoints, by the
model's name from the old one. What the vendor cannot do is made up for here: tool calls are read
from the text, and stop sequences cut it. Source: providers.md §5, §6.4, §6.5, §7.4.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from typing import Any

from bff.chat.events import FinishReason, Started, UsageReported
from bff.chat.reply import Reply
from bff.chat.request import ChatRequest
from bff.chat.usage import estimated_usage
from bff.dialects.json_prompt import unwrap_json
from bff.dialects.json_text import read_json
from bff.dialects.openai_chat.pieces import read_usage, started
from bff.dialects.plain_turns import cut_at
from bff.dialects.straico.asking import Endpoint, as_turns
from bff.dialects.straico.refusals import not_an_answer, read_error_inside
from bff.dialects.tool_prompt import Place, read_tools

_REASONS: Mapping[str, FinishReason] = {
    "stop": FinishReason.STOP,
    "end_turn": FinishReason.STOP,
    "stop_sequence": FinishReason.STOP,
    "length": FinishReason.LENGTH,
    "max_tokens": FinishReason.LENGTH,
    "tool_calls": FinishReason.TOOL_CALLS,
    "tool_use": FinishReason.TOOL_CALLS,
    "function_call": FinishReason.TOOL_CALLS,
    "content_filter": FinishReason.CONTENT_FILTER,
    "refusal": FinishReason.CONTENT_FILTER,
}
_COINS_MOST = 1e12


@dataclass(frozen=True, slots=True)
class _Found:
    """A completion, wherever it stood; *coins* is what it cost, if that is told."""

    text: str
    reason: FinishReason
    started: Started
    usage: UsageReported | None
    coins: float | None


def read_reply(
    data: bytes,
    request: ChatRequest,
    *,
    model: str,
    endpoint: Endpoint,
    new_id: Callable[[], str],
    place: Place = Place.SYSTEM,
) -> tuple[Reply, int]:
    """*model*'s answer to *request*, and how many calls in it could not be read. *new_id* names a
    call. Raises Problem when it is an error, or no answer.
    """
    found = _find(data, model)
    heard = read_tools(found.text, request, new_id)
    text, stopped_by = cut_at(heard.text, request.stop)
    calls = () if stopped_by else heard.calls  # calls end an answer: it did not come to them
    usage = found.usage
    if usage is None:
        sent = replace(request, messages=as_turns(request, endpoint=endpoint, place=place))
        usage = estimated_usage(sent, len(found.text))
    reply = Reply(
        text=text if request.format is None else unwrap_json(text),
        usage=replace(usage, coins=found.coins),
        calls=calls,
        reason=_reason(found.reason, stopped=bool(stopped_by), called=bool(calls)),
        started=found.started,
        stopped_by=stopped_by,
    )
    return reply, heard.failed


def _reason(said: FinishReason, *, stopped: bool, called: bool) -> FinishReason:
    """Calls are what we read, whatever upstream says: who ends with calls must have some."""
    reason = FinishReason.STOP if stopped or said is FinishReason.TOOL_CALLS else said
    return FinishReason.TOOL_CALLS if called and reason is FinishReason.STOP else reason


def _find(data: bytes, model: str) -> _Found:
    try:
        value = read_json(data)
    except ValueError as cause:
        raise not_an_answer() from cause
    if not isinstance(value, dict):
        raise not_an_answer()
    _refuse_error(value)
    entry = _entry_of(value, model)
    _refuse_error(entry)
    completion = entry.get("completion", entry)
    price = entry.get("price")
    try:
        choice = completion["choices"][0]
        return _Found(
            text=_read_text(choice["message"]),
            reason=_read_reason(choice.get("finish_reason")),
            started=started(completion | {"model": completion.get("model") or model}),
            usage=next(iter(read_usage(completion.get("usage"))), None),
            coins=_read_coins(price.get("total") if isinstance(price, dict) else None),
        )
    except (AttributeError, TypeError, KeyError, IndexError) as cause:
        raise not_an_answer() from cause


def _refuse_error(value: Mapping[str, Any]) -> None:
    if value.get("success") is False or value.get("error"):
        raise read_error_inside(value)


def _entry_of(value: Mapping[str, Any], model: str) -> Mapping[str, Any]:
    """What holds the completion and its price: of several, the one of the model that was asked; it
    may have been replaced by another, which is then alone.
    """
    data = value.get("data", value)
    completions = data.get("completions") if isinstance(data, dict) else None
    if isinstance(completions, dict):
        only = next(iter(completions.values())) if len(completions) == 1 else None
        data = completions.get(model, only)
    if not isinstance(data, dict):
        raise not_an_answer()
    return data


def _read_text(message: Mapping[str, Any]) -> str:
    """Raises TypeError where the content is neither text nor parts of text."""
    content = message.get("content")
    if content is None:
        content = message.get("refusal") or ""
    if isinstance(content, list):
        texts = (part["text"] for part in content if part.get("type", "text") == "text")
        content = "".join(texts)
    if not isinstance(content, str):
        raise TypeError("content is not text")
    return content


def _read_reason(said: object) -> FinishReason:
    return _REASONS.get(said.lower() if isinstance(said, str) else "", FinishReason.STOP)


def _read_coins(total: object) -> float | None:
    """A price that cannot be read is none: it must not cost the text beside it."""
    if isinstance(total, bool) or not isinstance(total, int | float):
        return None
    return float(total) if 0 <= total < _COINS_MOST else None
