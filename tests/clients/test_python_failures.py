"""Every kind of failure is the right exception to OpenAI's and Anthropic's Python SDKs, newest and
older majors, after exactly the intended number of requests (api-faces.md §10, item 1).
"""

from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import pytest

from bff.chat.request import ChatRequest
from bff.dialects.anthropic_messages import errors as anthropic_errors
from bff.dialects.openai_chat import errors as openai_errors
from bff.engine.attempts import Engine
from bff.errors import Kind, Problem
from bff.policy.breaker import Breaker
from bff.simulators.stand_in import StandIn
from bff.simulators.vendors import VENDORS
from tests.clients.failures import FAILURES, MOST_BYTES, ONCE, THRICE, Failure, refused_keys
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


# -- every kind, as the faces spell it -------------------------------------------------------------

NEWEST = [
    pytest.param(python_program("openai"), openai_errors.ROWS, {}, id="openai"),
    pytest.param(
        python_program("anthropic"), anthropic_errors.ROWS, {"max_tokens": 9}, id="anthropic"
    ),
]
CLASSES = {
    400: "BadRequestError",
    401: "AuthenticationError",
    403: "PermissionDeniedError",
    404: "NotFoundError",
    429: "RateLimitError",
    500: "InternalServerError",
    502: "InternalServerError",
    503: "InternalServerError",
    504: "InternalServerError",
}
ANTHROPICS_OWN = {
    408: "RequestTimeoutError",
    413: "ContentTooLargeError",
    504: "GatewayTimeoutError",
    529: "OverloadedError",
}
HELPED_BY_WAITING = {
    Kind.OWN_RATE_LIMIT,
    Kind.UPSTREAM_RATE_LIMIT,
    Kind.OVERLOADED,
    Kind.UPSTREAM,
    Kind.TIMEOUT,
    Kind.CONNECTION,
    Kind.SHUTTING_DOWN,
}


@pytest.mark.parametrize(("program", "rows", "more"), NEWEST)
async def test_a_client_asks_twice_more_where_it_was_told_how_long_to_wait_and_never_else(
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    program: Program,
    rows: Mapping[Kind, tuple[int, Any]],
    more: dict[str, Any],
) -> None:
    def refuse(_: Engine, request: ChatRequest, *__: object, **___: object) -> None:
        kind, _, wait = str(request.messages[0].content).partition(" ")
        raise Problem(Kind(kind), "No.", retry_after=float(wait) if wait else None)

    monkeypatch.setattr(Engine, "answer", refuse)
    asks, expected = [], {}
    for kind in Kind:
        for wait in ("1", ""):
            if kind is Kind.OWN_RATE_LIMIT and not wait:
                continue  # our own limiter always says how long; the gateway's window is a minute
            name = f"{kind} {wait}".strip()
            body = {"model": "openai/gpt-4o", "messages": [{"role": "user", "content": name}]}
            asks.append({"name": name, "how": "create", "body": {**body, **more}})
            again = kind in HELPED_BY_WAITING and (wait or kind is Kind.SHUTTING_DOWN)
            status = rows[kind][0]
            named = {**CLASSES, **(ANTHROPICS_OWN if more else {})}.get(status, "APIStatusError")
            expected[name] = (named, status, THRICE if again else ONCE)
    async with open_service(tmp_path, gateway=False) as service:
        seen = await program.run(service.url, await create_key(service), asks)

    for kind_of_client in seen.values():
        assert {
            name: (told.get("error"), told.get("status"), told["requests"])
            for name, told in kind_of_client.items()
        } == expected
