"""OpenAI's and Anthropic's SDKs for JavaScript, the AI SDK and LangChain: what test_python_sdks.py
asks, asked from Node (api-faces.md §10, items 1, 2 and 4).
"""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from bff.policy.breaker import Breaker
from bff.simulators.stand_in import StandIn
from bff.simulators.vendors import VENDORS
from tests.clients.failures import FAILURES, MOST_BYTES, Failure, refused_keys
from tests.clients.scenarios import (
    ANSWER,
    CALLS,
    CHAT,
    EVERY,
    MESSAGES,
    RESPONSES,
    RESULTS,
    Scenario,
)
from tests.support.client_programs import Program, node_program
from tests.support.keys import create_key
from tests.support.service import open_service

OPENAI = node_program("openai", "openai")
ANTHROPIC = node_program("anthropic", "@anthropic-ai/sdk")
BY_NAME = {row.name: row for row in VENDORS}
BEHIND = [pytest.param(row, id=row.name) for row in VENDORS if row.name in EVERY]


@pytest.mark.parametrize("vendor", BEHIND)
@pytest.mark.parametrize(
    ("program", "scenarios"),
    [
        pytest.param(program, table, id=program.name, marks=program.marks)
        for program, table in ((OPENAI, CHAT + RESPONSES), (ANTHROPIC, MESSAGES))
    ],
)
async def test_a_program_in_node_sees_the_answer_whoever_gives_it(
    tmp_path: Path, program: Program, scenarios: tuple[Scenario, ...], vendor: StandIn
) -> None:
    rows = [row for row in scenarios if vendor.name in row.vendors and not row.only_in]
    async with open_service(tmp_path, vendor=vendor, gateway=False) as service:
        key = await create_key(service)

        seen = await program.run(service.url, key, [row.told(vendor.model) for row in rows])

    assert seen["node"] == {row.name: row.seen_at(vendor.name) for row in rows}


@pytest.mark.parametrize(
    ("program", "see", "vendor"),
    [
        pytest.param(program, see, BY_NAME[vendor], id=program.name, marks=program.marks)
        for program, see, vendor in (
            (OPENAI, Failure.seen_in_openais, "anthropic"),
            (ANTHROPIC, Failure.seen_in_anthropics, "openai"),
        )
    ],
)
async def test_every_failure_is_the_right_exception_in_node_too(
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    program: Program,
    see: Callable[[Failure, str, str], dict[str, Any]],
    vendor: StandIn,
) -> None:
    monkeypatch.setattr(Breaker, "failed", lambda *_: None)  # each failure is to be met
    more = {"max_tokens": 99} if program is ANTHROPIC else {}
    async with open_service(
        tmp_path, vendor=vendor, gateway=False, max_face_body_bytes=MOST_BYTES
    ) as service:
        key = await create_key(service)
        keys = await refused_keys(service, vendor.model)

        seen = await program.run(
            service.url, key, [row.ask(vendor.model, keys, **more) for row in FAILURES]
        )

    assert seen["node"] == {row.name: see(row, "node", "node") for row in FAILURES}


# -- the AI SDK and LangChain ----------------------------------------------------------------------

AI = node_program("ai", "ai", "@ai-sdk/openai-compatible")
LANGCHAIN = node_program("langchain", "@langchain/openai", "@langchain/core")


def asked(name: str, how: str, model: str, row: Scenario, **more: Any) -> dict[str, Any]:
    return {**row.told(model), "name": name, "how": how, "results": RESULTS, **more}


PLAIN = next(row for row in CHAT if row.name == "chat")
TOOLED = next(row for row in CHAT if row.name.startswith("calls answered"))


@pytest.mark.parametrize("vendor", BEHIND)
@pytest.mark.parametrize("program", [pytest.param(AI, id="ai", marks=AI.marks)])
async def test_the_ai_sdk_runs_tools_until_it_has_a_text(
    tmp_path: Path, program: Program, vendor: StandIn
) -> None:
    async with open_service(tmp_path, vendor=vendor, gateway=False) as service:
        key = await create_key(service)
        asks = [
            asked(f"{row.name}, {how}", how, vendor.model, row)
            for row in (PLAIN, TOOLED)
            for how in ("create", "stream")
        ]

        seen = await program.run(service.url, key, asks)

    told = TOOLED.seen_at(vendor.name)["text"]
    plain = {"text": ANSWER, "calls": [], "reason": "stop", "used": True, "requests": 1}
    tooled = {"text": told, "calls": CALLS, "reason": "stop", "used": True, "requests": 2}
    assert list(seen["node"].values()) == [plain, plain, tooled, tooled]


@pytest.mark.parametrize("vendor", BEHIND)
@pytest.mark.parametrize("responses", [False, True], ids=["completions", "responses"])
@pytest.mark.parametrize(
    "program", [pytest.param(LANGCHAIN, id="langchain", marks=LANGCHAIN.marks)]
)
async def test_langchain_asks_as_n8n_does_over_completions_and_responses(
    tmp_path: Path, program: Program, vendor: StandIn, responses: bool
) -> None:
    async with open_service(tmp_path, vendor=vendor, gateway=False) as service:
        key = await create_key(service)
        asks = [
            asked("plain", "create", vendor.model, PLAIN, responses=responses),
            asked("streamed", "stream", vendor.model, PLAIN, responses=responses),
            asked("called", "create", vendor.model, TOOLED, responses=responses),
            asked("calls streamed", "stream", vendor.model, TOOLED, responses=responses),
            asked("answered", "loop", vendor.model, TOOLED, responses=responses),
        ]

        seen = await program.run(service.url, key, asks)

        route = "/v1/responses" if responses else "/v1/chat/completions"
        reached = await service.metric(f'bff_requests_total{{method="POST",route="{route}"')
    assert reached == 6
    told = TOOLED.seen_at(vendor.name)["text"]
    plain = {"text": ANSWER, "calls": [], "used": True, "requests": 1}
    called = {"text": "", "calls": CALLS, "used": True, "requests": 1}
    answered = {"text": told, "calls": [], "used": True, "requests": 2}
    assert seen["node"] == {
        "plain": plain,
        "streamed": plain,
        "called": called,
        "calls streamed": called,
        "answered": answered,
    }
