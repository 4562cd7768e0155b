"""What a client is refused, and must see: the class of the exception, and how often it asks.

One table for every SDK: their classes are named alike. A client asks again only where it was told
how long to wait (bff/dialects/asking_again.py), and then twice, as all of them do. Source:
api-faces.md §2 "Errors", §10 item 1.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from tests.clients.scenarios import QUESTION
from tests.support.keys import bearer, create_key
from tests.support.service import Service

PLENTY = "x" * 3000
MOST_BYTES = "2500"  # of a body, in the service that refuses
ONCE, THRICE = 1, 3


@dataclass(frozen=True)
class Failure:
    """*asked* changes the body. *code* and *at* are what OpenAI's words say besides, *type* what
    Anthropic's do; *statuses* and *errors* by the face, where they differ, or the SDK's version:
    in older majors the async client does not know all that the sync one knows.
    """

    name: str
    error: str
    status: int
    type: str
    code: str | None = None
    at: str | None = None
    asked: dict[str, Any] = field(default_factory=dict)
    key: str = ""  # whose: "wrong", "narrow", "used up"; else one that may
    requests: int = ONCE
    statuses: Mapping[str, int] = field(default_factory=dict)
    errors: Mapping[str, str] = field(default_factory=dict)
    stream: bool = False
    max_retries: int | None = None

    def ask(self, model: str, keys: Mapping[str, str], **more: Any) -> dict[str, Any]:
        body = {"model": model, "messages": _user(QUESTION), **more, **self.asked}
        told: dict[str, Any] = {"name": self.name, "how": "create", "body": body}
        if self.stream:
            told["how"] = "stream"
        if self.key:
            told["key"] = keys[self.key]
        if self.max_retries is not None:
            told["max_retries"] = self.max_retries
        return told

    def seen_in_openais(self, version: str, kind: str) -> dict[str, Any]:
        return {
            "error": self._error("openai", version, kind),
            "status": self.statuses.get("openai", self.status) if not self.stream else None,
            "code": self.code,
            "param": self.at,
            "message": True,
            "requests": self.requests,
        }

    def seen_in_anthropics(self, version: str, kind: str) -> dict[str, Any]:
        in_stream = None if version == "node" else 200
        return {
            "error": self._error("anthropic", version, kind),
            "status": self.statuses.get("anthropic", self.status) if not self.stream else in_stream,
            "type": self.type,
            "message": True,
            "requests": self.requests,
        }

    def _error(self, sdk: str, version: str, kind: str) -> str:
        named = (f"{version} {kind}", f"{sdk} {version}", sdk)
        return next((self.errors[name] for name in named if name in self.errors), self.error)


def _user(text: str) -> list[dict[str, Any]]:
    return [{"role": "user", "content": text}]


def _upstream(fault: str) -> dict[str, Any]:
    return {"messages": _user(f"hello [[simulate: {fault}]]")}


_ANY = "APIStatusError"
_REQUEST, _API = "invalid_request_error", "api_error"
FAILURES = (
    Failure(
        "a wrong key",
        "AuthenticationError",
        401,
        "authentication_error",
        "invalid_api_key",
        key="wrong",
    ),
    Failure(
        "a key for other models",
        "PermissionDeniedError",
        403,
        "permission_error",
        "forbidden",
        "model",
        key="narrow",
    ),
    Failure(
        "more requests than the key may begin",
        "RateLimitError",
        429,
        "rate_limit_error",
        "rate_limit_exceeded",
        key="used up",
        max_retries=0,  # it would wait for a minute
    ),
    Failure(
        "an unknown model",
        "NotFoundError",
        404,
        "not_found_error",
        "model_not_found",
        "model",
        asked={"model": "nobody-9"},
    ),
    Failure("no messages", "BadRequestError", 400, _REQUEST, None, "messages", {"messages": []}),
    Failure(
        "an unknown role",
        "BadRequestError",
        400,
        _REQUEST,
        None,
        "messages[0].role",
        {"messages": [{"role": "nobody", "content": "x"}]},
    ),
    Failure(
        "a temperature that is none",
        "BadRequestError",
        400,
        _REQUEST,
        None,
        "temperature",
        {"extra_body": {"temperature": "hot"}},
    ),
    Failure(
        "a body that is too large",
        _ANY,
        413,
        "request_too_large",
        "request_too_large",
        None,
        {"messages": _user(PLENTY)},
        errors={
            "anthropic newest": "ContentTooLargeError",
            "anthropic node": "ContentTooLargeError",
            "openai node": "APIError",
            "0.75.0 sync": "RequestTooLargeError",
        },
    ),
    Failure(
        "the vendor refuses", "BadRequestError", 400, _REQUEST, None, None, _upstream("status=400")
    ),
    Failure(
        "the vendor refuses our key",
        "InternalServerError",
        502,
        _API,
        "upstream_auth",
        None,
        _upstream("status=401"),
        statuses={"anthropic": 500},
    ),
    Failure(
        "the vendor is busy",
        "RateLimitError",
        429,
        "rate_limit_error",
        "rate_limit_exceeded",
        None,
        _upstream("status=429"),
    ),
    Failure(
        "the vendor is busy for a second",
        "RateLimitError",
        429,
        "rate_limit_error",
        "rate_limit_exceeded",
        None,
        _upstream("status=429,retry-after=1"),
        requests=THRICE,
    ),
    Failure(
        "the vendor failed",
        "InternalServerError",
        502,
        _API,
        "upstream_error",
        None,
        _upstream("status=500"),
        statuses={"anthropic": 500},
    ),
    Failure(
        "the vendor is down for a second",
        "InternalServerError",
        503,
        "overloaded_error",
        "overloaded",
        None,
        _upstream("status=503,retry-after=1"),
        statuses={"anthropic": 529},
        errors={
            "anthropic newest": "OverloadedError",
            "anthropic node": "OverloadedError",
            "0.75.0 sync": "OverloadedError",
        },
        requests=THRICE,
    ),
    Failure(
        "no answer at all",
        "InternalServerError",
        502,
        _API,
        "connection_error",
        None,
        _upstream("reset"),
        statuses={"anthropic": 500},
    ),
    Failure(
        "a stream that fails at once keeps its status",
        "InternalServerError",
        502,
        _API,
        "upstream_error",
        None,
        _upstream("status=500"),
        statuses={"anthropic": 500},
    ),
    Failure(
        "an error in the stream",
        "APIError",
        200,
        "api_error",
        "upstream_error",
        None,
        _upstream("error-after=6"),
        errors={"anthropic": _ANY, "anthropic node": "APIError"},
        stream=True,
    ),
    Failure(
        "an answer cut off",
        "APIError",
        200,
        "api_error",
        "connection_error",
        None,
        _upstream("cut-after=6"),
        errors={"anthropic": _ANY, "anthropic node": "APIError"},
        stream=True,
    ),
)


async def refused_keys(service: Service, model: str) -> dict[str, str]:
    """Keys that are refused, by why."""
    used_up = await create_key(service, "busy", requests=1)
    async with service.session.post(
        f"{service.url}/v1/chat/completions",
        json={"model": model, "messages": [{"role": "user", "content": QUESTION}]},
        headers=bearer(used_up),
    ) as response:
        assert response.status == 200
    return {
        "wrong": "sk-bff-nobodys",
        "narrow": await create_key(service, "narrow", models=("openai/o3",)),
        "used up": used_up,
    }
