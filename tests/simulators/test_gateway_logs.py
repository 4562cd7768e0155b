"""The gateway's log: what is kept of a call, who may read it, and feedback."""

from collections.abc import AsyncIterator
from typing import Any

import aiohttp
import pytest

from bff.simulators.gateway.simulator import GatewaySimulator
from bff.simulators.world import World, open_world
from tests.support.chat import question

KEY = {"Authorization": "Bearer key"}


class Time:
    """Seconds since 1970, moved by the test."""

    def __init__(self) -> None:
        self.seconds = 1_760_000_000.0

    def __call__(self) -> float:
        return self.seconds


@pytest.fixture
def time() -> Time:
    return Time()


@pytest.fixture
async def world(time: Time) -> AsyncIterator[World]:
    async with open_world(gateway=GatewaySimulator(now=time, api_token="api")) as world:
        yield world


@pytest.fixture
def logs_url(world: World) -> str:
    return f"{world.gateway_url}/client/v4/accounts/account/ai-gateway/gateways/gateway/logs"


async def ask(
    session: aiohttp.ClientSession, url: str, *, stream: bool = False, **headers: str
) -> str | None:
    named = {name.replace("_", "-"): value for name, value in headers.items()}
    asked = question("x [[simulate: words=3]]", stream=stream)
    if stream:
        asked["stream_options"] = {"include_usage": True}
    async with session.post(url, json=asked, headers={**KEY, **named}) as response:
        await response.read()
        return response.headers.get("cf-aig-log-id")


async def call(
    session: aiohttp.ClientSession, method: str, url: str, value: Any = None, key: str = "api"
) -> tuple[int, Any]:
    headers = {"Authorization": f"Bearer {key}"}
    async with session.request(method, url, json=value, headers=headers) as response:
        return response.status, await response.json()


@pytest.mark.parametrize("stream", [True, False])
async def test_a_call_is_logged_with_what_it_cost(
    gateway: GatewaySimulator, gateway_url: str, session: aiohttp.ClientSession, stream: bool
) -> None:
    log_id = await ask(session, gateway_url, stream=stream)

    entry = gateway.logs[-1]
    assert entry.id == log_id
    assert (entry.account, entry.gateway, entry.provider) == ("account", "gateway", "openai")
    assert (entry.model, entry.path) == ("gpt-4o", "chat/completions")
    assert (entry.status_code, entry.success, entry.cached) == (200, True, False)
    assert entry.tokens_out == 3
    assert entry.tokens_in > 0
    assert b"word3" in entry.response_body
    assert b"simulate" in entry.request_body


@pytest.mark.parametrize(
    ("header", "kept"),
    [
        ('{"a":"x","b":1,"c":true,"d":1.5}', {"a": "x", "b": 1, "c": True, "d": 1.5}),
        (
            '{"a":1,"b":2,"c":3,"d":4,"e":5,"f":6}',
            {"a": 1, "b": 2, "c": 3, "d": 4, "e": 5},
        ),
        ('{"a":1,"b":null}', {}),
        ('{"a":1,"b":{}}', {}),
        ('{"a":1,"b":[]}', {}),
        ("[1]", {}),
        ("{", {}),
    ],
)
async def test_five_scalars_of_the_metadata_are_kept_and_poison_drops_all(
    gateway: GatewaySimulator,
    gateway_url: str,
    session: aiohttp.ClientSession,
    header: str,
    kept: dict[str, Any],
) -> None:
    await ask(session, gateway_url, cf_aig_metadata=header)

    assert gateway.logs[-1].metadata == kept


@pytest.mark.parametrize(
    ("header", "cost"),
    [
        ('{"total_cost":0.5}', 0.5),
        ('{"per_token_in":0,"per_token_out":2}', 6.0),
        ('{"per_token_out":"x"}', None),
        ("[]", None),
        ("{", None),
    ],
)
async def test_the_caller_may_say_what_it_costs(
    gateway: GatewaySimulator,
    gateway_url: str,
    session: aiohttp.ClientSession,
    header: str,
    cost: float | None,
) -> None:
    await ask(session, gateway_url, cf_aig_custom_cost=header)

    entry = gateway.logs[-1]
    assert (entry.custom_cost, entry.cost) == (cost is not None, cost or 0)


async def test_a_providers_refusal_is_logged_and_a_missing_token_is_not(
    gateway: GatewaySimulator, gateway_url: str, session: aiohttp.ClientSession
) -> None:
    log_id = await ask(session, gateway_url, Authorization="Bearer bad-key")
    gateway.token = "t"

    assert await ask(session, gateway_url) is None
    assert [(entry.id, entry.status_code) for entry in gateway.logs] == [(log_id, 401)]


async def test_logging_can_be_declined(
    gateway: GatewaySimulator, gateway_url: str, session: aiohttp.ClientSession
) -> None:
    assert await ask(session, gateway_url, cf_aig_collect_log="false") is None
    assert not gateway.logs
    assert await ask(session, gateway_url, cf_aig_collect_log_payload="false") is not None
    assert (gateway.logs[-1].request_body, gateway.logs[-1].response_body) == (b"", b"")
    gateway.collect_logs = False
    assert await ask(session, gateway_url) is None
    assert await ask(session, gateway_url, cf_aig_collect_log="true") is not None


async def test_a_log_is_found_at_once_and_after_a_stream_a_little_later(
    time: Time, gateway_url: str, logs_url: str, session: aiohttp.ClientSession
) -> None:
    plain, streamed = await ask(session, gateway_url), await ask(session, gateway_url, stream=True)

    assert (await call(session, "GET", f"{logs_url}/{plain}"))[1]["result"]["model"] == "gpt-4o"
    status, missing = await call(session, "GET", f"{logs_url}/{streamed}")
    assert status == 404
    assert missing == {
        "success": False,
        "errors": [{"code": 7002, "message": "Log not found"}],
        "messages": [],
        "result": None,
    }
    time.seconds += 0.5
    assert (await call(session, "GET", f"{logs_url}/{streamed}"))[0] == 200
    listed = (await call(session, "GET", logs_url))[1]["result"]
    assert [entry["id"] for entry in listed] == [streamed, plain]


async def test_bodies_are_read_beside_the_log(
    gateway_url: str, logs_url: str, session: aiohttp.ClientSession
) -> None:
    log_id = await ask(session, gateway_url)

    asked = await call(session, "GET", f"{logs_url}/{log_id}/request")
    said = await call(session, "GET", f"{logs_url}/{log_id}/response")

    assert asked[1]["model"] == "gpt-4o"
    assert said[1]["object"] == "chat.completion"


async def test_feedback_is_kept_with_the_log(
    gateway: GatewaySimulator, gateway_url: str, logs_url: str, session: aiohttp.ClientSession
) -> None:
    log_id = await ask(session, gateway_url, cf_aig_metadata='{"a":1}')

    answer = await call(
        session,
        "PATCH",
        f"{logs_url}/{log_id}",
        {"feedback": -1, "score": 75, "metadata": {"b": "2"}},
    )

    assert answer == (200, {"result": {}, "success": True})
    entry = gateway.logs[-1]
    assert (entry.feedback, entry.score, entry.metadata) == (-1, 75, {"a": 1, "b": "2"})


@pytest.mark.parametrize("said", [{"feedback": 2}, {"score": 101}, {"metadata": 5}, [1]])
async def test_feedback_that_is_none_is_refused(
    gateway_url: str, logs_url: str, session: aiohttp.ClientSession, said: Any
) -> None:
    log_id = await ask(session, gateway_url)

    assert (await call(session, "PATCH", f"{logs_url}/{log_id}", said))[0] == 400


async def test_the_api_has_a_token_of_its_own(
    world: World, gateway_url: str, logs_url: str, session: aiohttp.ClientSession
) -> None:
    log_id = await ask(session, gateway_url)
    elsewhere = logs_url.replace("/account/", "/other/")

    assert (await call(session, "GET", f"{logs_url}/{log_id}", key="key"))[0] == 401
    assert (await call(session, "GET", logs_url, key="key"))[0] == 401
    assert (await call(session, "GET", f"{elsewhere}/{log_id}"))[0] == 404
    assert (await call(session, "PATCH", f"{logs_url}/nothing", {}))[0] == 404
