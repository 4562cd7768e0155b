"""Every kind of failure is the right exception to OpenAI's and Anthropic's Python SDKs, newest and
older majors, after exactly the intended number of requests (api-faces.md §10, item 1).
"""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from bff.policy.breaker import Breaker
from bff.simulators.stand_in import StandIn
from bff.simulators.vendors import VENDORS
from tests.clients.failures import FAILURES, MOST_BYTES, Failure, refused_keys
from tests.support.client_programs import Program, python_program
from tests.support.keys import create_key
from tests.support.service import open_service

REQUESTS = 'bff_requests_total{method="POST"'
BY_NAME = {row.name: row for row in VENDORS}
PROGRAMS = [
    pytest.param(
        program, Failure.seen_in_openais, BY_NAME["anthropic"], id=program.name, marks=program.marks
    )
    for program in (python_program("openai", version) for version in ("", "1.10.0", "2.8.0"))
] + [
    pytest.param(
        program, Failure.seen_in_anthropics, BY_NAME["openai"], id=program.name, marks=program.marks
    )
    for program in (python_program("anthropic", version) for version in ("", "0.18.1", "0.75.0"))
]


@pytest.mark.parametrize(("program", "see", "vendor"), PROGRAMS)
async def test_every_failure_is_the_right_exception_after_the_intended_requests(
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    program: Program,
    see: Callable[[Failure, str, str], dict[str, Any]],
    vendor: StandIn,
) -> None:
    # a vendor that fails this often is left alone: here each failure is to be met
    monkeypatch.setattr(Breaker, "failed", lambda *_: None)
    async with open_service(
        tmp_path, vendor=vendor, gateway=False, max_face_body_bytes=MOST_BYTES
    ) as service:
        key = await create_key(service)
        keys = await refused_keys(service, vendor.model)
        before = await service.metric(REQUESTS)
        more = {"max_tokens": 99} if see is Failure.seen_in_anthropics else {}

        seen = await program.run(
            service.url, key, [row.ask(vendor.model, keys, **more) for row in FAILURES]
        )

        reached = await service.metric(REQUESTS) - before
    for kind in ("sync", "async"):
        assert seen[kind] == {row.name: see(row, program.version, kind) for row in FAILURES}
    assert reached == 2 * sum(row.requests for row in FAILURES)
