"""Every example of the description is asked of the service, and its answer is as described."""

from typing import Any

import orjson
import pytest

from bff.connect.qsh import query_string_hash
from tests.support.keys import bearer, create_key
from tests.support.service import Service
from tests.support.surface import (
    assert_fits,
    assert_stream_fits,
    described,
    operations,
    resolved,
)

DOCUMENT = described()
OPERATIONS = list(operations(DOCUMENT))
EXAMPLES = [
    pytest.param(method, path, said, example["value"], id=f"{path} {name}")
    for method, path, said in OPERATIONS
    for name, example in said.get("requestBody", {})
    .get("content", {})
    .get("application/json", {})
    .get("examples", {})
    .items()
]
BODILESS = [
    pytest.param(method, path, said, None, id=path)
    for method, path, said in OPERATIONS
    if method == "GET"
]
OF_EVERY = {"x-content-type-options", "x-accel-buffering"}  # said to browsers and proxies


async def entry(service: Service, method: str, path: str, said: Any) -> dict[str, str]:
    """Headers that open the door of an operation."""
    schemes = {name for one in said["security"] for name in one}
    if "apiKey" in schemes:
        return bearer(await create_key(service))
    if "connectHeader" in schemes:
        target = with_examples(path, said)
        claims = {"qsh": query_string_hash(method, target)} if path == "/ai-aide" else {}
        return {"Authorization": f"JWT {service.host.context_token(claims=claims)}"}
    return {}


def with_examples(path: str, said: Any) -> str:
    """*path* with the examples of what it requires."""
    query = ""
    for one in said.get("parameters", ()):
        path = path.replace(f"{{{one['name']}}}", str(one.get("example")))
        if one["in"] == "query" and one.get("required"):
            query = f"?{one['name']}={one['example']}"
    return path + query


async def ask(
    service: Service, method: str, path: str, headers: dict[str, str], value: Any
) -> tuple[int, bytes, Any]:
    data = None if value is None else orjson.dumps(value)
    if data is not None:
        headers = {**headers, "Content-Type": "application/json"}
    async with service.session.request(
        method, service.url + path, data=data, headers=headers, allow_redirects=False
    ) as response:
        return response.status, await response.read(), response.headers


def assert_as_described(said: Any, status: int, body: bytes, headers: Any) -> str:
    """The type of the answer, once all of it fits."""
    told = resolved(DOCUMENT, said["responses"][str(status)])
    ours = {name.lower() for name in headers if name.lower().startswith(("x-", "anthropic-"))}
    assert ours - OF_EVERY <= {name.lower() for name in told["headers"]}
    if not body:
        assert "content" not in told
        return ""
    type_ = headers["Content-Type"].partition(";")[0]
    media = told["content"][type_]
    if type_ == "text/event-stream":
        assert_stream_fits(DOCUMENT, media["schema"], body)
    elif type_ == "application/json":
        assert_fits(DOCUMENT, media["schema"], orjson.loads(body))
    return str(type_)


@pytest.mark.parametrize(("method", "path", "said", "value"), EXAMPLES)
async def test_an_example_is_answered_as_described(
    service: Service, method: str, path: str, said: Any, value: Any
) -> None:
    headers = await entry(service, method, path, said)

    status, body, told = await ask(service, method, path, headers, value)

    assert status == 200
    type_ = assert_as_described(said, status, body, told)
    streams = path == "/conversations" or value.get("stream") is True
    assert type_ == ("text/event-stream" if streams else "application/json")


@pytest.mark.parametrize(("method", "path", "said", "value"), BODILESS)
async def test_a_page_is_answered_as_described(
    service: Service, method: str, path: str, said: Any, value: Any
) -> None:
    headers = await entry(service, method, path, said)
    status, body, told = await ask(service, method, with_examples(path, said), headers, value)

    first_use = 201 if path.endswith("client/info") else 200
    assert status == (302 if path == "/" else first_use)
    assert_as_described(said, status, body, told)


@pytest.mark.parametrize(
    ("method", "path", "said"),
    [pytest.param(*one, id=one[1]) for one in OPERATIONS if one[2]["security"]],
)
async def test_a_stranger_is_refused_as_described(
    service: Service, method: str, path: str, said: Any
) -> None:
    for accept in ("application/json", "text/html", "text/plain", "text/event-stream"):
        status, body, told = await ask(service, method, path, {"Accept": accept}, None)

        assert status == (200 if path == "/metrics" else 401)
        assert_as_described(said, status, body, told)
