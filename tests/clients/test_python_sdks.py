"""OpenAI's and Anthropic's Python SDKs, newest and older majors, sync and async: their programs see
the same answers whoever gives them (api-faces.md §10, items 1 and 2).
"""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from bff.simulators.stand_in import StandIn
from bff.simulators.vendors import VENDORS
from tests.clients.scenarios import CHAT, EVERY, MESSAGES, RESPONSES, Scenario
from tests.support.client_programs import Program, python_program
from tests.support.keys import create_key
from tests.support.service import open_service

OPENAIS = [python_program("openai", version) for version in ("", "1.10.0", "2.8.0")]
ANTHROPICS = [python_program("anthropic", version) for version in ("", "0.18.1", "0.75.0")]
SPOKEN = ("openai", "anthropic")
BEHIND = {row.name: row for row in VENDORS if row.name in EVERY}


def pairs() -> Iterator[Any]:
    """Every program before vendors that are passed on and translated, the newest before all."""
    for programs, table in ((OPENAIS, CHAT + RESPONSES), (ANTHROPICS, MESSAGES)):
        for program in programs:
            for vendor in BEHIND if program.version == "newest" else SPOKEN:
                name = f"{program.name}-{vendor}"
                yield pytest.param(program, table, BEHIND[vendor], id=name, marks=program.marks)


@pytest.mark.parametrize(("program", "scenarios", "vendor"), [*pairs()])
async def test_a_program_sees_the_answer_whoever_gives_it(
    tmp_path: Path, program: Program, scenarios: tuple[Scenario, ...], vendor: StandIn
) -> None:
    rows = [
        row for row in scenarios if vendor.name in row.vendors and program.version not in row.not_in
    ]
    async with open_service(tmp_path, vendor=vendor, gateway=False) as service:
        key = await create_key(service)

        seen = await program.run(service.url, key, [row.told(vendor.model) for row in rows])

    expected = {row.name: row.seen_at(vendor.name) for row in rows}
    assert seen["sync"] == expected
    assert seen["async"] == expected
