"""Whose name an answer bears, and what is told of who gave it.

Source: api-faces.md §1 (model names), §4 (n8n, Claude Code); operations.md ("`model` in an answer").
"""

from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import orjson
import pytest

from bff.simulators.faults import read_fault
from bff.simulators.vendors import VENDORS
from tests.support.face_asking import is_openai
from tests.support.keys import create_key
from tests.support.service import Service, open_service
from tests.web.test_face_refusals import PATHS, question

ANTHROPIC = next(row for row in VENDORS if row.name == "anthropic")
ALIASES = {"house": "openai/gpt-4o-mini", "claude-haiku-4-5": "openai/gpt-4o-mini"}
FALLBACKS = {"anthropic/claude-sonnet-4-5": ["openai/gpt-4o"]}


@pytest.fixture
async def both(tmp_path: Path) -> AsyncIterator[Service]:
    """OpenAI and Anthropic, directly; public names, and a model that another stands in for."""
    async with open_service(
        tmp_path,
        gateway=False,
        vendor=ANTHROPIC,
        openai_api_key="sk-test-key",
        model_aliases=orjson.dumps(ALIASES).decode(),
        model_fallbacks=orjson.dumps(FALLBACKS).decode(),
    ) as service:
        yield service


async def answer(service: Service, path: str, body: Any, **headers: str) -> tuple[str, Any]:
    """The model that the answer names first, and its headers."""
    key = headers.pop("key", "") or await create_key(service)
    async with service.session.post(
        service.url + path, json=body, headers={"Authorization": f"Bearer {key}", **headers}
    ) as response:
        data = await response.read()
    assert response.status == 200, data
    _, _, rest = data.partition(b'"model":')
    return rest.split(b'"')[1].decode(), response.headers


@pytest.mark.parametrize("path", PATHS)
@pytest.mark.parametrize("stream", [True, False])
@pytest.mark.parametrize(
    ("asked", "used"),
    [
        ("gpt-4o-mini", None),
        ("openai/gpt-4o-mini", None),
        ("house", "openai/gpt-4o-mini"),
        ("house[1m]", "openai/gpt-4o-mini"),
        ("house-2026-01-31", "openai/gpt-4o-mini"),
        ("claude-haiku-4-5-20251001", "openai/gpt-4o-mini"),
    ],
)
async def test_an_answer_names_what_upstream_said_to_its_own_dialect_and_what_was_asked_elsewhere(
    both: Service, path: str, stream: bool, asked: str, used: str | None
) -> None:
    named, headers = await answer(both, path, question(path, "hi", model=asked, stream=stream))

    assert named == ("gpt-4o-mini-2024-07-18" if is_openai(path) else asked)
    assert headers.get("x-model-used") == used
    assert headers["x-stream-mode"] == ("native" if is_openai(path) else "translated")
    assert both.openai.requests[-1].json["model"] == "gpt-4o-mini"


@pytest.mark.parametrize("path", PATHS)
@pytest.mark.parametrize("stream", [True, False])
async def test_what_stands_in_answers_under_the_name_that_was_asked_on_every_face(
    both: Service, path: str, stream: bool
) -> None:
    both.world.vendors["anthropic"].faults.extend([read_fault("status=401")])

    named, headers = await answer(
        both, path, question(path, "hi", model="claude-sonnet-4-5", stream=stream)
    )

    assert (named, headers["x-model-used"]) == ("claude-sonnet-4-5", "openai/gpt-4o")
    assert headers["x-stream-mode"] == "translated"
