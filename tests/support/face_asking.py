"""Questions of integrators, one for each face, asked over HTTP, and the envelopes of their errors."""

from typing import Any

import orjson
import pytest

from tests.support.service import Service

CHAT = {"model": "openai/gpt-4o", "messages": [{"role": "user", "content": "hi"}]}
MESSAGE = {**CHAT, "max_tokens": 50}
RESPONSE = {"model": "openai/gpt-4o", "input": "hi"}
FACES = [
    pytest.param("/v1/chat/completions", CHAT, id="openai"),
    pytest.param("/v1/responses", RESPONSE, id="responses"),
    pytest.param("/v1/messages", MESSAGE, id="anthropic"),
    pytest.param("/anthropic/v1/messages", MESSAGE, id="anthropic-mounted"),
]
STREAMED = (("/v1/chat/completions", CHAT), ("/v1/messages", MESSAGE))
OPENAI_MEMBERS = {"message", "type", "param", "code", "suggestion", "request_id"}


def is_openai(path: str) -> bool:
    return not path.startswith(("/anthropic", "/v1/messages"))


def error_of(path: str, body: Any) -> dict[str, Any]:
    """The error object, after a look at the envelope around it."""
    if is_openai(path):
        assert set(body) == {"error"}
        assert set(body["error"]) == OPENAI_MEMBERS
    else:
        assert set(body) == {"type", "error", "request_id"}
        assert body["type"] == "error"
        assert set(body["error"]) == {"type", "message"}
    error: dict[str, Any] = body["error"]
    return error


async def post(service: Service, path: str, body: Any, **headers: str) -> tuple[int, Any, Any]:
    data = body if isinstance(body, bytes) else orjson.dumps(body)
    async with service.session.post(service.url + path, data=data, headers=headers) as response:
        return response.status, orjson.loads(await response.read()), response.headers
