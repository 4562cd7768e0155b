"""What Salesforce's Models API puts on the wire: both shapes of an answer, both styles of usage, an
error's body. Not the decision what to answer. Source: providers.md §4.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

USAGES: Mapping[str, tuple[str, str, str]] = {
    "snake": ("prompt_tokens", "completion_tokens", "total_tokens"),
    "camel": ("inputTokenCount", "outputTokenCount", "totalTokenCount"),
}


class Refusal(Exception):  # noqa: N818 - the house names what happened
    """With the status and the body of the answer."""

    def __init__(self, status: int, body: Mapping[str, Any]) -> None:
        super().__init__(f"{status}")
        self.status, self.body = status, body


@dataclass(frozen=True, slots=True)
class Said:
    """What the model said, and all that is said about it. *spent* are tokens in and out, None where
    nothing is told of them; *usage_style* is one of USAGES.
    """

    text: str
    number: int
    model: str
    created: int
    reason: str
    toxic: bool
    spent: tuple[int, int] | None
    usage_style: str


def error(code: str, message: str) -> dict[str, Any]:
    return {"errorCode": code, "message": message, "messageCode": code}


def chat_answer(said: Said, *, generations: int | None = 1) -> dict[str, Any]:
    """The answer of `chat-generations`; with None for *generations* it does not say them at all."""
    one = {
        "id": f"g-{said.number}",
        "role": "assistant",
        "content": said.text,
        "timestamp": said.created * 1000,
        "parameters": {
            "finish_reason": said.reason,
            "index": 0,
            "refusal": None,
            "logprobs": None,
        },
        "contentQuality": _quality(said.toxic),
    }
    details: dict[str, Any] = {"parameters": {"provider": "Simulated", **_parameters(said)}}
    if generations is not None:
        details["generations"] = [one] * generations
    return {"id": f"chatcmpl-{said.number}", "generationDetails": details}


def text_answer(said: Said, *, generations: int | None = 1) -> dict[str, Any]:
    """The answer of `generations`, which has one."""
    one = {
        "id": f"g-{said.number}",
        "generatedText": said.text,
        "parameters": {"finish_reason": said.reason, "index": 0},
        "contentQuality": _quality(said.toxic),
    }
    answer = {
        "id": f"cmpl-{said.number}",
        "moreGenerations": None,
        "prompt": None,
        "parameters": _parameters(said),
    }
    if generations is None:
        return answer
    return answer | {"generation": one if generations else None}


def _parameters(said: Said) -> dict[str, Any]:
    parameters: dict[str, Any] = {
        "model": said.model,
        "created": said.created,
        "object": "chat.completion",
    }
    if said.spent is not None:
        numbers = (*said.spent, sum(said.spent))
        parameters["usage"] = dict(zip(USAGES[said.usage_style], numbers, strict=True))
    return parameters


def _quality(toxic: bool) -> dict[str, Any]:
    score = 0.93 if toxic else 0.0
    categories = [{"categoryName": "hate", "score": score}]
    return {"scanToxicity": {"isDetected": toxic, "categories": categories}}
