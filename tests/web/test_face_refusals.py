"""What a face says where somebody behind it refuses: the gateway, a vendor, our own account there.

Source: operations.md (gateway refusals, Azure's deployments, our account), providers.md §6.6.
"""

from pathlib import Path
from typing import Any

import pytest

from bff.simulators.vendors import VENDORS
from tests.support.face_asking import error_of, post
from tests.support.keys import create_key
from tests.support.service import Service, open_service

PATHS = ["/v1/chat/completions", "/v1/responses", "/v1/messages"]
REQUEST, QUOTA = "invalid_request_error", "insufficient_quota"


def question(path: str, text: str, *, model: str = "openai/gpt-4o", **more: Any) -> dict[str, Any]:
    """The least that *path* takes."""
    if path == "/v1/responses":
        return {"model": model, "input": text, **more}
    body = {"model": model, "messages": [{"role": "user", "content": text}], **more}
    return body if path == "/v1/chat/completions" else {"max_tokens": 9, **body}


async def refusal(
    service: Service, path: str, body: Any, key: str | None = None
) -> tuple[int, dict[str, Any], Any]:
    key = key or await create_key(service)
    status, told, headers = await post(service, path, body, Authorization=f"Bearer {key}")
    return status, error_of(path, told), headers


@pytest.mark.parametrize("path", PATHS)
@pytest.mark.parametrize("stream", [True, False])
@pytest.mark.parametrize(
    ("fault", "status", "openai", "anthropic"),
    [
        ("gateway=7013", 400, (REQUEST, "content_filter"), REQUEST),
        ("gateway=2016", 400, (REQUEST, "content_filter"), REQUEST),
        ("gateway=2029", 400, (REQUEST, "content_filter"), REQUEST),
        ("gateway=2021", 402, (QUOTA, QUOTA), "billing_error"),
        ("gateway=2049", 402, (QUOTA, QUOTA), "billing_error"),
        ("gateway=2041", 429, (QUOTA, QUOTA), "rate_limit_error"),
        ("gateway=2003", 429, ("rate_limit_error", "rate_limit_exceeded"), "rate_limit_error"),
    ],
)
async def test_a_refusal_of_the_gateways_is_told_and_not_gone_round(
    service: Service,
    path: str,
    stream: bool,
    fault: str,
    status: int,
    openai: tuple[str, str],
    anthropic: str,
) -> None:
    body = question(path, f"[[simulate: {fault}]] hello", stream=stream)

    got, error, headers = await refusal(service, path, body)

    said = (error["type"], error["code"]) if path != "/v1/messages" else error["type"]
    assert (got, said) == (status, openai if path != "/v1/messages" else anthropic)
    assert headers.get("x-should-retry") == (None if fault == "gateway=2003" else "false")
    assert headers.get("retry-after") == ("60" if fault == "gateway=2003" else None)
    assert await service.metric("bff_gateway_fallback_total") == 0
    assert not service.openai.requests


@pytest.mark.parametrize("path", PATHS)
async def test_a_deployment_of_ours_that_is_missing_is_our_fault_a_callers_is_not(
    tmp_path: Path, path: str
) -> None:
    azure = next(row for row in VENDORS if row.name == "azure")
    async with open_service(
        tmp_path,
        gateway=False,
        vendor=azure,
        azure_openai_api_version="2024-10-21",
        azure_openai_deployments="gpt-4o=missing",
    ) as service:
        key = await create_key(service)
        ours, theirs = [
            await refusal(service, path, question(path, "hi", model=model), key)
            for model in ("azure/gpt-4o", "azure/missing")
        ]

        assert (ours[0], theirs[0]) == (500 if path == "/v1/messages" else 502, 404)
        assert ours[2]["x-should-retry"] == "false"
        assert theirs[1]["type"] == ("not_found_error" if path == "/v1/messages" else REQUEST)
        assert await service.metric("bff_misconfigured_total") == 1


OUR_ACCOUNT = ("quota", "billing", "credit", "key provided", "organization", "sk-")


@pytest.mark.parametrize("path", PATHS)
@pytest.mark.parametrize("model", ["openai/gpt-4o", "anthropic/claude-sonnet-4-5"])
@pytest.mark.parametrize("fault", ["quota", "status=401", "status=402", "status=403"])
async def test_what_a_vendor_says_of_our_account_is_told_to_nobody(
    tmp_path: Path, path: str, model: str, fault: str
) -> None:
    anthropic = next(row for row in VENDORS if row.name == "anthropic")
    async with open_service(
        tmp_path, gateway=False, vendor=anthropic, openai_api_key="sk-test-key"
    ) as service:
        for stream in (True, False):
            body = question(path, f"[[simulate: {fault}]] hello", model=model, stream=stream)
            key = await create_key(service, f"stream {stream}")
            got, error, headers = await refusal(service, path, body, key)

            is_quota = fault == "quota" and model == "openai/gpt-4o"
            assert got == (429 if is_quota else 500 if path == "/v1/messages" else 502)
            assert not [word for word in OUR_ACCOUNT if word in error["message"].lower()]
            assert headers["x-should-retry"] == "false"


async def test_who_asks_for_several_answers_where_there_is_one_is_told_the_field(
    tmp_path: Path,
) -> None:
    anthropic = next(row for row in VENDORS if row.name == "anthropic")
    async with open_service(tmp_path, gateway=False, vendor=anthropic) as service:
        body = question(PATHS[0], "hi", model="claude-sonnet-4-5", n=2)

        got, error, _ = await refusal(service, PATHS[0], body)

    assert (got, error["type"], error["param"]) == (400, REQUEST, "n")


@pytest.mark.parametrize("path", PATHS)
@pytest.mark.parametrize("stream", [True, False])
@pytest.mark.parametrize("model", ["openai/gpt-4o", "anthropic/claude-sonnet-4-5"])
async def test_what_a_vendor_says_of_a_question_is_told_whatever_words_it_was_asked_in(
    tmp_path: Path, path: str, stream: bool, model: str
) -> None:
    anthropic = next(row for row in VENDORS if row.name == "anthropic")
    async with open_service(
        tmp_path, gateway=False, vendor=anthropic, openai_api_key="sk-test-key"
    ) as service:
        body = question(path, "[[simulate: status=400]] hello", model=model, stream=stream)

        got, error, headers = await refusal(service, path, body)

    assert (got, error["type"]) == (400, REQUEST)
    assert error["message"] == "Simulated error 400."
    assert headers["x-should-retry"] == "false"
