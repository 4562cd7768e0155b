"""`/image-to-dsl` and `/image-to-dsl2` over real sockets: every row of the Node app's table answers."""

import asyncio
from pathlib import Path
from typing import Any

import orjson
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from bff.simulators.faults import read_fault
from bff.simulators.wire import FaultQueue
from tests.dialects.test_diagrams import JSON
from tests.support.service import Answer, Service, open_service

PNG = "data:image/png;base64,AAAA"
ALONE, BESIDE = "/image-to-dsl", "/image-to-dsl2"
SAID = [
    {
        "role": "user",
        "content": [
            {"type": "text", "text": "Draw this"},
            {"type": "image_url", "image_url": {"url": PNG}},
        ],
    }
]
BODIES: dict[str, Any] = {ALONE: {"imageUrl": PNG}, BESIDE: {"messages": SAID}}
FAILED: dict[str, Any] = {ALONE: "Something is wrong: ", BESIDE: {"error": "Response error"}}
EMPTY: dict[str, Any] = {ALONE: "Something is wrong...", BESIDE: {"error": "Missing choices"}}
BOTH = pytest.mark.parametrize("path", [ALONE, BESIDE])
FULL = 500_000


def always(faults: FaultQueue, fault: str) -> None:
    faults.extend([read_fault(fault)] * 9)


async def ask(service: Service, path: str, body: Any = None, **options: Any) -> Answer:
    return await service.post(path, json=BODIES[path] if body is None else body, **options)


async def test_a_picture_becomes_a_text(service: Service) -> None:
    service.openai.text = "graph TD; Ä-->B"

    answer = await ask(service, ALONE)

    assert (answer.status, answer.text) == (200, '"graph TD; Ä-->B"')
    assert answer.headers["Content-Type"] == "application/json; charset=utf-8"
    assert service.openai.requests[-1].json == {
        "model": "gpt-4o",
        "messages": [
            {"role": "system", "content": "You're a Mermaid diagram expert."},
            {
                "role": "user",
                "content": [
                    {
                        "type": "text",
                        "text": "Generate Mermaid DSL for the given sequence diagram image. "
                        "Output the DSL in code block.",
                    },
                    {"type": "image_url", "image_url": PNG},
                ],
            },
        ],
        "max_tokens": 4096,
    }


async def test_a_dialogue_comes_back_with_its_answer(service: Service) -> None:
    said = [*SAID, {"role": "assistant", "content": "x", "odd": {"b": 1, "a": 2**53 + 1}}, *SAID]
    service.openai.text = "sequenceDiagram"

    answer = await ask(service, BESIDE, {"messages": said, "more": 1})

    expected = {"answer": "sequenceDiagram", "messages": said}
    assert answer.text.encode() == orjson.dumps(expected)
    system = {"role": "system", "content": "You're a Mermaid diagram expert."}
    assert service.openai.requests[-1].json["messages"] == [system, *said]


@BOTH
async def test_what_was_used_is_taken_off_the_quota_and_put_to_the_user(
    service: Service, path: str
) -> None:
    await ask(service, path)
    await ask(service, path)

    used = sum(map(_used, service.world.gateway.logs))
    assert used > 0
    assert await service.quota() == FULL - used
    assert await service.user_tokens() == used


def _used(log: Any) -> int:
    return log.tokens_in + log.tokens_out


FAULTS_UPSTREAM = [
    "error-object",
    "no-usage",
    "not-json",
    "html",
    "reset",
    "garbage",
    "cut-after=1",
    "status=500",
    "status=429",
    "status=401",
    "status=302",
    "quota",
    "hang",
    "hang-after=1",
]


@BOTH
@pytest.mark.parametrize("fault", FAULTS_UPSTREAM)
async def test_b10_whatever_fails_upstream_is_answered_and_costs_nothing(
    tmp_path: Path, path: str, fault: str
) -> None:
    limits = {"first_byte_timeout": "0.2", "idle_timeout": "0.2"}
    async with open_service(tmp_path, gateway=False, **limits) as service:
        always(service.openai.faults, fault)

        answer = await ask(service, path)

        assert (answer.status, orjson.loads(answer.text)) == (200, FAILED[path])
        assert await service.quota() == FULL


@BOTH
@pytest.mark.parametrize("fault", ["no-choices", "empty-choices"])
async def test_an_answer_without_a_choice_is_paid_for(
    service: Service, path: str, fault: str
) -> None:
    always(service.openai.faults, fault)

    answer = await ask(service, path)

    assert (answer.status, orjson.loads(answer.text)) == (200, EMPTY[path])
    assert await service.quota() < FULL


@BOTH
async def test_an_upstream_that_is_nowhere_is_answered(tmp_path: Path, path: str) -> None:
    async with open_service(tmp_path) as elsewhere:
        nowhere = elsewhere.world.closed_url
    async with open_service(tmp_path, gateway=False, openai_baseurl=nowhere) as service:
        answer = await ask(service, path)

    assert (answer.status, orjson.loads(answer.text)) == (200, FAILED[path])
    assert "127.0.0.1" not in answer.text


@BOTH
async def test_a_gateway_that_fails_is_gone_round(service: Service, path: str) -> None:
    service.openai.text = "ok"
    always(service.world.gateway.faults, "status=521")

    answer = await ask(service, path)

    assert "ok" in answer.text
    assert await service.metric("bff_gateway_fallback_total") == 1


@BOTH
@pytest.mark.parametrize("code", [2003, 2016, 2021, 2029, 2045])
async def test_a_refusal_of_the_gateway_is_never_bypassed(
    service: Service, path: str, code: int
) -> None:
    always(service.world.gateway.faults, f"code={code}")

    answer = await ask(service, path)

    assert (answer.status, orjson.loads(answer.text)) == (200, FAILED[path])
    assert await service.metric("bff_gateway_fallback_total") == 0
    assert await service.quota() == FULL


@BOTH
async def test_b9_a_failure_that_passes_is_asked_again(service: Service, path: str) -> None:
    service.openai.text = "ok"
    service.openai.faults.append(read_fault("status=503"))

    answer = await ask(service, path)

    assert "ok" in answer.text
    assert len(service.openai.requests) == 2
    assert await service.quota() == FULL - _used(service.world.gateway.logs[-1])


@BOTH
@pytest.mark.parametrize(
    ("choices", "told"),
    [
        ([None], EMPTY),
        ([{"message": {"content": ["x"]}}], EMPTY),
        ([{"message": {"content": None}}], ""),
        ([{"message": {"content": None, "refusal": "No."}}], "No."),
    ],
)
async def test_an_odd_choice_is_paid_for_and_answered_with_a_text(
    service: Service, path: str, choices: Any, told: Any
) -> None:
    service.openai.hold()
    asking = asyncio.ensure_future(ask(service, path))
    pen = await service.openai.pen()
    await pen.begin(200, {"Content-Type": "application/json"})
    await pen.say(orjson.dumps({"choices": choices, "usage": {"total_tokens": 77}}))
    await pen.end()
    answer = orjson.loads((await asking).text)

    if told is EMPTY:
        assert answer == EMPTY[path]
    else:
        assert (answer if path == ALONE else answer["answer"]) == told
    assert await service.quota() == FULL - 77


async def test_the_gateways_log_knows_no_name_and_the_face_of_the_add_on(service: Service) -> None:
    await ask(service, BESIDE)

    metadata = service.world.gateway.logs[-1].metadata
    assert metadata["app"] == "bff"
    assert set(metadata) == {"app", "tenant", "user", "conv", "req"}
    assert service.host.client_key not in str(metadata)


@BOTH
async def test_b13_nobody_without_tokens_gets_an_answer(service: Service, path: str) -> None:
    await service.get("/v2/client/info")
    await service.set_quota(0)

    answer = await ask(service, path)

    assert (answer.status, answer.text) == (402, '{"error":"Not enough tokens"}')
    assert not service.openai.requests


@BOTH
async def test_a_token_without_a_user_is_answered(service: Service, path: str) -> None:
    token = service.host.context_token(claims={"sub": None, "context": None})

    answer = await ask(service, path, token=token)

    assert answer.status == 200
    assert answer.text not in (orjson.dumps(FAILED[path]).decode(), "")
    assert await service.quota() < FULL


@BOTH
@pytest.mark.parametrize("value", [None, "", 0, False, ...])
async def test_a_missing_field_is_a_422_without_a_body(
    service: Service, path: str, value: Any
) -> None:
    field = {ALONE: "imageUrl", BESIDE: "messages"}[path]

    answer = await ask(service, path, {} if value is ... else {field: value})

    assert (answer.status, answer.text) == (422, "")
    assert not service.openai.requests


async def test_b28_a_dialogue_with_other_voices_never_reaches_the_model(service: Service) -> None:
    answer = await ask(service, BESIDE, {"messages": [{"role": "system", "content": "x"}]})

    assert answer.status == 422
    assert orjson.loads(answer.text)["at"] == "messages[0].role"
    assert not service.openai.requests


async def test_a_picture_is_fetched_by_nobody_from_inside(service: Service) -> None:
    answer = await ask(service, ALONE, {"imageUrl": "file:///etc/passwd"})

    assert answer.status == 422
    assert not service.openai.requests


@BOTH
async def test_a_stranger_is_refused_before_the_body_is_looked_at(
    service: Service, path: str
) -> None:
    answer = await service.post(path, data=b"{", token="x.y.z")

    assert answer.status == 401


@BOTH
async def test_b8_upstream_is_hung_up_on_when_the_caller_leaves(
    service: Service, path: str
) -> None:
    service.openai.hold()
    asking = asyncio.ensure_future(ask(service, path))
    await service.openai.asked.wait()

    asking.cancel()

    await service.openai.hung_up.wait()
    assert await service.quota() == FULL


async def test_twenty_answers_at_once_are_each_paid_for(service: Service) -> None:
    answers = await asyncio.gather(*(ask(service, BESIDE) for _ in range(20)))

    assert {answer.status for answer in answers} == {200}
    used = sum(map(_used, service.world.gateway.logs))
    assert await service.quota() == FULL - used


async def test_nothing_of_a_dialogue_reaches_a_log(
    service: Service, caplog: pytest.LogCaptureFixture, capsys: pytest.CaptureFixture[str]
) -> None:
    service.openai.text = "canary-answer"
    said = {"role": "user", "content": "canary-prompt"}
    token = service.host.context_token()
    answer = await ask(service, BESIDE, {"messages": [said]}, token=token)
    always(service.openai.faults, "status=500")
    await ask(service, BESIDE, {"messages": [said]}, token=token)

    told = capsys.readouterr()
    lines = caplog.text + told.out + told.err
    assert "canary-answer" in answer.text
    assert "/image-to-dsl2" in lines
    for secret in ("canary", token, "sk-test-key", service.world.url):
        assert secret not in lines


@settings(
    max_examples=40, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
@given(data=st.data())
async def test_any_body_has_an_answer(service: Service, data: st.DataObject) -> None:
    value = data.draw(JSON)
    for path, field in ((ALONE, "imageUrl"), (BESIDE, "messages")):
        answer = await ask(service, path, {field: value})

        assert answer.status in (200, 422)


@BOTH
async def test_storage_that_is_away_has_one_text_and_nobody_is_asked(
    service: Service, path: str
) -> None:
    await service.run_sql("DROP TABLE gpt_dock_client_data")

    answer = await ask(service, path)

    assert (answer.status, answer.text) == (500, '{"error":"Internal server error"}')
    assert not service.openai.requests
