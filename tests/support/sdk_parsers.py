"""The vendors' own SDKs as parsers: bytes of ours in, what their callers would see out.

No socket: their transport answers with the bytes, in pieces of any size. Source: api-faces.md §2, §3.
"""

import json
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from typing import Any

import anthropic
import httpx2
import openai
from anthropic.types import Message, ParsedMessage
from openai.lib.streaming.chat import ChatCompletionStream
from openai.types import CompletionUsage
from openai.types.chat import ChatCompletion
from openai.types.chat.chat_completion_message import ChatCompletionMessage

from bff.chat.events import FinishReason, UsageReported
from tests.support.faces import cut_into

_QUESTION: Any = {"model": "m", "messages": [{"role": "user", "content": "x"}]}
_ENDINGS = {
    "end_turn": FinishReason.STOP,
    "stop_sequence": FinishReason.STOP,
    "max_tokens": FinishReason.LENGTH,
    "tool_use": FinishReason.TOOL_CALLS,
    "refusal": FinishReason.CONTENT_FILTER,
}


@dataclass(frozen=True)
class Seen:
    """An answer as a program sees it behind an SDK. *calls* are id, name and the arguments read."""

    text: str
    calls: tuple[tuple[str, str, Any], ...]
    reason: FinishReason
    usage: UsageReported | None
    thought: str = ""
    stopped_by: str = ""


@dataclass
class Parsers:
    """Both SDKs, newest major. *body* is what the next call is answered with, in pieces of *size*."""

    body: bytes = b""
    size: int = 1 << 20
    _open: list[Any] = field(default_factory=list)

    def __post_init__(self) -> None:
        self._openai = openai.OpenAI(
            api_key="sk-x",
            base_url="http://service.test/v1",
            max_retries=0,
            http_client=httpx2.Client(transport=httpx2.MockTransport(self._answer)),
        )
        self._anthropic = anthropic.Anthropic(
            api_key="sk-x",
            base_url="http://service.test",
            max_retries=0,
            http_client=httpx2.Client(transport=httpx2.MockTransport(self._answer)),
        )

    def close(self) -> None:
        self._openai.close()
        self._anthropic.close()

    def completion(self, body: bytes) -> Seen:
        self.body = body
        return _seen_completion(self._openai.chat.completions.create(**_QUESTION))

    def completion_stream(self, body: bytes, size: int) -> Seen:
        """What the SDK's stream helper has gathered in the end."""
        self.body, self.size = body, size
        asked = self._openai.chat.completions.stream(
            **_QUESTION, stream_options={"include_usage": True}
        )
        with asked as stream:
            return _seen_completion(_final(stream))

    def message(self, body: bytes) -> Seen:
        self.body = body
        return _seen_message(self._anthropic.messages.create(**_QUESTION, max_tokens=1))

    def message_stream(self, body: bytes, size: int) -> Seen:
        """What the SDK's stream helper has gathered in the end."""
        self.body, self.size = body, size
        with self._anthropic.messages.stream(**_QUESTION, max_tokens=1) as stream:
            return _seen_message(stream.get_final_message())

    def _answer(self, request: httpx2.Request) -> httpx2.Response:
        streamed = json.loads(request.content).get("stream", False)
        kind = "text/event-stream" if streamed else "application/json"
        return httpx2.Response(200, headers={"content-type": kind}, content=self._pieces())

    def _pieces(self) -> Iterator[bytes]:
        yield from cut_into(self.body, self.size)


def _final(stream: ChatCompletionStream[Any]) -> ChatCompletion:
    """The helper raises an answer that was cut short; it is the answer all the same."""
    try:
        return stream.get_final_completion()
    except (openai.LengthFinishReasonError, openai.ContentFilterFinishReasonError) as error:
        return error.completion


def _seen_completion(completion: ChatCompletion) -> Seen:
    [choice] = completion.choices
    message = choice.message
    assert completion.id
    assert completion.created >= 0
    assert message.role == "assistant"
    assert message.content is not None or message.tool_calls
    return Seen(
        text=message.content or "",
        calls=tuple(_calls_of(message)),
        reason=FinishReason(choice.finish_reason),
        usage=_usage_of_completion(completion.usage),
        thought=(message.model_extra or {}).get("reasoning_content", ""),
    )


def _calls_of(message: ChatCompletionMessage) -> Iterator[tuple[str, str, Any]]:
    for call in message.tool_calls or ():
        assert call.type == "function"
        yield call.id, call.function.name, json.loads(call.function.arguments)


def _usage_of_completion(usage: CompletionUsage | None) -> UsageReported | None:
    if usage is None:
        return None
    read, said = usage.prompt_tokens_details, usage.completion_tokens_details
    return UsageReported(
        usage.prompt_tokens,
        usage.completion_tokens,
        usage.total_tokens,
        (read and read.cached_tokens) or 0,
        (read and read.cache_write_tokens) or 0,
        (said and said.reasoning_tokens) or 0,
    )


def _seen_message(message: Message | ParsedMessage[Any]) -> Seen:
    assert (message.type, message.role) == ("message", "assistant")
    assert message.id
    assert message.stop_reason is not None
    blocks: Sequence[Any] = message.content
    usage = message.usage
    cached, written = usage.cache_read_input_tokens or 0, usage.cache_creation_input_tokens or 0
    prompt, completion = usage.input_tokens + cached + written, usage.output_tokens
    return Seen(
        text="".join(block.text for block in blocks if block.type == "text"),
        calls=tuple((b.id, b.name, b.input) for b in blocks if b.type == "tool_use"),
        reason=_ENDINGS[message.stop_reason],
        usage=UsageReported(prompt, completion, prompt + completion, cached, written),
        thought="".join(block.thinking for block in blocks if block.type == "thinking"),
        stopped_by=message.stop_sequence or "",
    )
