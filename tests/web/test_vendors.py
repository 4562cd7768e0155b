"""Every vendor behind the unchanged frontend: the same chat, the same diagram, whoever answers."""

from pathlib import Path

import pytest

from bff.simulators.faults import read_fault
from bff.simulators.stand_in import StandIn
from bff.simulators.vendors import VENDORS
from tests.support.frontend import shown
from tests.support.service import open_service

ROWS = [
    pytest.param(row, variant, way, id="-".join(filter(None, (row.name, variant, way))))
    for row in VENDORS
    for variant in row.variants
    for way in (["direct", "gateway"] if row.gateway and variant != "v1" else ["direct"])
]
MODES = {"openai": "native", "azure": "native", "anthropic": "translated"}


@pytest.mark.parametrize(("row", "variant", "way"), ROWS)
async def test_the_frontend_shows_every_vendors_answer(
    tmp_path: Path, row: StandIn, variant: str, way: str
) -> None:
    async with open_service(
        tmp_path, vendor=row, variant=variant, gateway=way == "gateway"
    ) as service:
        service.world.vendors[row.name].text = text = "Bonjour\n\n  à 中文 🚀!"  # type: ignore[attr-defined]

        status, body, headers = await service.answer("Say hello")

        assert (status, shown(body).text) == (200, text)
        assert headers["X-Upstream-Via"] == way
        assert headers["X-Stream-Mode"] == MODES.get(row.name, "simulated")
        assert body.isascii()
        assert body.endswith(b"data: [DONE]\n\n")
        assert body.count(b"[DONE]") == 1


@pytest.mark.parametrize(("row", "variant", "way"), ROWS)
async def test_a_dialogue_about_a_diagram_is_answered_and_charged(
    tmp_path: Path, row: StandIn, variant: str, way: str
) -> None:
    async with open_service(
        tmp_path, vendor=row, variant=variant, gateway=way == "gateway"
    ) as service:
        service.world.vendors[row.name].text = "```mermaid\ngraph TD\n```"  # type: ignore[attr-defined]
        await service.get("/v2/client/info")
        before = await service.quota()

        answer = await service.post(
            "/image-to-dsl2", json={"messages": [{"role": "user", "content": "Draw it"}]}
        )

        assert answer.status == 200
        assert '"answer":"```mermaid\\ngraph TD\\n```"' in answer.text
        assert await service.quota() < before


async def test_a_model_that_stands_in_answers_under_the_name_that_was_asked(tmp_path: Path) -> None:
    async with open_service(
        tmp_path,
        gateway=False,
        vendor=next(row for row in VENDORS if row.name == "salesforce"),
        chat_fallback_models="openai/gpt-4o",
    ) as service:
        simulator = service.world.vendors["salesforce"]
        simulator.faults.extend([read_fault("status=503")] * 3)
        service.openai.text = "I stand in."

        status, body, headers = await service.answer("Say hello")

        assert (status, shown(body).text) == (200, "I stand in.")
        assert headers["X-Model-Used"] == "openai/gpt-4o"
        assert headers["X-Stream-Mode"] == "translated"
        assert b'"model":"salesforce/sfdc_ai__DefaultGPT4Omni"' in body
        assert b'"model":"gpt-4o' not in body


async def test_a_failing_vendor_is_a_sentence_and_nothing_of_its_own(tmp_path: Path) -> None:
    row = next(row for row in VENDORS if row.name == "straico")
    async with open_service(tmp_path, gateway=False, vendor=row) as service:
        service.world.vendors["straico"].faults.extend([read_fault("code=coins")] * 9)

        status, body, _ = await service.answer("Hello")

        assert 400 <= status < 600
        assert b"coin" not in body.lower()
