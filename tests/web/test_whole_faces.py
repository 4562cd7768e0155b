"""Whole answers of the faces where upstream's lacks something. Source: api-faces.md §2, §3;
providers.md §6.5.
"""

from pathlib import Path
from typing import Any

import pytest

from bff.simulators.faults import read_fault
from bff.simulators.vendors import VENDORS
from tests.support.keys import bearer, create_key
from tests.support.service import open_service

QUESTION: dict[str, Any] = {"messages": [{"role": "user", "content": "Hello"}]}
FACES = [
    pytest.param("/v1/chat/completions", QUESTION, id="openai"),
    pytest.param("/v1/responses", {"input": "Hello"}, id="responses"),
    pytest.param("/v1/messages", {**QUESTION, "max_tokens": 50}, id="anthropic"),
]
NATIVE = {("/v1/responses", "openai"), ("/v1/messages", "anthropic")}  # as upstream said it
HEADS = ("openai", "azure", "anthropic")


async def ask(
    tmp_path: Path, vendor: str, fault: str, path: str, body: dict[str, Any]
) -> tuple[int, Any]:
    row = next(row for row in VENDORS if row.name == vendor)
    async with open_service(tmp_path, gateway=False, vendor=row) as service:
        service.world.vendors[vendor].faults.append(read_fault(fault))
        async with service.session.post(
            service.url + path,
            json={**body, "model": row.model},
            headers=bearer(await create_key(service)),
        ) as response:
            return response.status, await response.json()


@pytest.mark.parametrize(("path", "body"), FACES)
@pytest.mark.parametrize("vendor", HEADS)
async def test_a_usage_that_upstream_does_not_tell_is_estimated(
    tmp_path: Path, vendor: str, path: str, body: dict[str, Any]
) -> None:
    status, told = await ask(tmp_path, vendor, "no-usage", path, body)

    assert status == 200
    if (path, vendor) not in NATIVE:
        [into, *_] = told["usage"].values()
        assert into > 0


@pytest.mark.parametrize(("path", "body"), FACES)
@pytest.mark.parametrize("vendor", HEADS)
async def test_what_is_charged_for_but_says_nothing_is_no_answer(
    tmp_path: Path, vendor: str, path: str, body: dict[str, Any]
) -> None:
    status, told = await ask(tmp_path, vendor, "no-choices", path, body)

    assert status == (500 if path == "/v1/messages" else 502)
    assert told["error"]["message"] == "The AI service gave no answer. Please try again."
