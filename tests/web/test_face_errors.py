"""What an error of the faces looks like, wherever it comes from. Source: api-faces.md §1, §2, §3."""

import gzip
from pathlib import Path
from typing import Any

import orjson
import pytest

from tests.support.face_asking import (
    FACES,
    error_of,
    is_openai,
    post,
)
from tests.support.keys import create_key
from tests.support.service import Service, open_service


@pytest.mark.parametrize(("path", "body"), FACES)
@pytest.mark.parametrize(
    ("sent", "status", "more"),
    [
        (b"", 400, {}),
        (b"{", 400, {}),
        (b"[]", 400, {}),
        (b"null", 400, {}),
        (b'{"model":' + b"[" * 99 + b"]" * 99 + b"}", 400, {}),
        (b"{}", 415, {"Content-Encoding": "compress"}),
        (b"{}", 400, {"Content-Encoding": "gzip"}),
    ],
    ids=["none", "half", "list", "null", "deep", "unknown packing", "no gzip"],
)
async def test_a_body_that_cannot_be_read_is_told_so_in_the_faces_envelope(
    service: Service, path: str, body: Any, sent: bytes, status: int, more: dict[str, str]
) -> None:
    key = await create_key(service)

    got, told, headers = await post(service, path, sent, Authorization=f"Bearer {key}", **more)

    assert got == status
    assert error_of(path, told)["message"]
    assert headers["x-should-retry"] == "false"


@pytest.mark.parametrize(("path", "body"), FACES)
async def test_a_body_that_is_too_large_is_a_413_in_the_faces_envelope(
    tmp_path: Path, path: str, body: Any
) -> None:
    async with open_service(tmp_path, max_face_body_bytes="2000") as service:
        key = await create_key(service)
        large = {**body, "metadata": {"x": "y" * 3000}}

        plain, told, _ = await post(service, path, large, Authorization=f"Bearer {key}")
        packed, also, _ = await post(
            service,
            path,
            gzip.compress(orjson.dumps(large)),
            **{"Authorization": f"Bearer {key}", "Content-Encoding": "gzip"},
        )

    assert (plain, packed) == (413, 413)
    assert error_of(path, told)["message"] == error_of(path, also)["message"]


CALLED = '{"a":[[],[],[],[],[],[]]}'
WITH_CALLS = [
    (
        "/v1/chat/completions",
        {
            "messages": [
                {"role": "user", "content": "hi"},
                {
                    "role": "assistant",
                    "tool_calls": [
                        {
                            "id": "c",
                            "type": "function",
                            "function": {"name": "f", "arguments": CALLED},
                        }
                    ],
                },
                {"role": "tool", "tool_call_id": "c", "content": "x"},
            ]
        },
    ),
    (
        "/v1/responses",
        {
            "input": [
                {"role": "user", "content": "hi"},
                {"type": "function_call", "call_id": "c", "name": "f", "arguments": CALLED},
                {"type": "function_call_output", "call_id": "c", "output": "x"},
            ]
        },
    ),
]


@pytest.mark.parametrize(("path", "body"), WITH_CALLS)
async def test_what_calls_hold_is_counted_as_what_the_body_holds(
    tmp_path: Path, path: str, body: Any
) -> None:
    async with open_service(tmp_path, max_json_values="40") as service:
        bearer = {"Authorization": f"Bearer {await create_key(service)}"}
        asked = {"model": "openai/gpt-4o", **body}

        few, _, _ = await post(service, path, asked, **bearer)
        many = orjson.dumps(asked).replace(b"[],[],[]", b"[]" + b",[]" * 40)
        refused, told, _ = await post(service, path, many, **bearer)

    assert (few, refused) == (200, 413)
    assert "arguments" in error_of(path, told)["message"]


@pytest.mark.parametrize(("path", "body"), FACES)
async def test_a_body_is_read_whatever_its_content_type_says(
    service: Service, path: str, body: Any
) -> None:
    key = await create_key(service)

    for content_type in ("text/plain", "application/x-www-form-urlencoded", "application/json"):
        status, _, _ = await post(
            service,
            path,
            gzip.compress(orjson.dumps(body)),
            **{
                "Authorization": f"Bearer {key}",
                "Content-Type": content_type,
                "Content-Encoding": "gzip",
            },
        )
        assert status == 200, content_type


@pytest.mark.parametrize(
    ("method", "path", "status"),
    [
        ("POST", "/v1/embeddings", 404),
        ("POST", "/v1/completions", 404),
        ("GET", "/v1/v1/models", 404),
        ("GET", "/v1", 404),
        ("POST", "/chat/completions", 404),
        ("GET", "/models/", 404),
        ("GET", "/v1/chat/completions", 405),
        ("DELETE", "/v1/messages", 405),
        ("PUT", "/anthropic/v1/messages/", 405),
        ("POST", "/anthropic/v1/complete", 404),
        ("GET", "/anthropic", 404),
        ("GET", "/V1/Models/gpt-4o", 404),
        ("POST", "/anthropic/v1/%0a", 404),
    ],
)
async def test_a_wrong_address_is_answered_in_the_envelope_of_its_face(
    service: Service, method: str, path: str, status: int
) -> None:
    async with service.session.request(method, service.url + path) as response:
        told = orjson.loads(await response.read())

    assert response.status == status
    error = error_of(path, told)
    assert error["message"]
    if is_openai(path):
        assert error["code"] == ("unknown_url" if status == 404 else "method_not_allowed")
        assert error["suggestion"]
    assert response.headers.get("Allow") == ("POST" if status == 405 else None)
    assert response.headers["x-should-retry"] == "false"


@pytest.mark.parametrize("path", ["/v1/nothing", "/v1/models/a/b/c?x=1"])
async def test_who_speaks_anthropic_is_answered_so_where_the_path_does_not_say(
    service: Service, path: str
) -> None:
    async with service.session.post(
        service.url + path, headers={"anthropic-version": "2023-06-01"}
    ) as response:
        told = orjson.loads(await response.read())

    assert told["type"] == "error"


@pytest.mark.parametrize(("path", "body"), FACES)
@pytest.mark.parametrize("stream", [True, False])
async def test_what_nobody_foresaw_is_a_500_in_the_faces_envelope(
    service: Service,
    monkeypatch: pytest.MonkeyPatch,
    path: str,
    body: Any,
    stream: bool,
) -> None:
    def crash(*_: object) -> None:
        raise RuntimeError("secret words")

    key = await create_key(service)
    monkeypatch.setattr(type(service.services.engine), "answer", crash)

    status, told, headers = await post(
        service, path, {**body, "stream": stream}, Authorization=f"Bearer {key}"
    )

    assert status == 500
    assert "secret" not in error_of(path, told)["message"]
    assert headers["x-should-retry"] == "false"
