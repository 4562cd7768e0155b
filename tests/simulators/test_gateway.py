"""The gateway simulator, row by row of contract gateway.md §12."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

import aiohttp
import orjson
import pytest

from bff.dialects.cloudflare import read_refusal
from bff.errors import Sign
from bff.simulators.faults import Fault
from bff.simulators.gateway.simulator import GatewaySimulator
from bff.simulators.openai.simulator import DONE, OpenAISimulator, delta
from bff.simulators.world import World
from tests.support import raw_http
from tests.support.chat import question, text

KEY = {"Authorization": "Bearer key"}


@asynccontextmanager
async def asking(
    session: aiohttp.ClientSession, url: str, asked: Any = None, **headers: str
) -> AsyncIterator[aiohttp.ClientResponse]:
    named = {name.replace("_", "-"): value for name, value in headers.items()}
    asked = question() if asked is None else asked
    async with session.post(url, json=asked, headers={**KEY, **named}) as response:
        yield response


async def answered(
    session: aiohttp.ClientSession, url: str, asked: Any = None, **headers: str
) -> tuple[int, bytes, Any]:
    async with asking(session, url, asked, **headers) as response:
        return response.status, await response.read(), response.headers


def whole(text: str = "hello", **more: Any) -> dict[str, Any]:
    return question(text, stream=False, **more)


# --- on its way through ---------------------------------------------------------------------------------


async def test_a_stream_passes_unchanged_with_cloudflares_headers_added(
    openai: OpenAISimulator, gateway_url: str
) -> None:
    openai.text = "one two"

    answer = await raw_http.post(gateway_url, question())

    head = answer.head.decode().lower()
    assert text(answer.body) == "one two"
    assert answer.body.endswith(DONE)
    for name in ("cf-aig-log-id", "cf-aig-request-id", "cf-aig-event-id", "cf-ray", "x-request-id"):
        assert f"\r\n{name}: " in head
    assert "\r\ncf-aig-step: 0" in head
    assert "\r\nserver: cloudflare" in head
    assert "cf-aig-cache-status" not in head


async def test_frames_are_passed_on_as_they_come(
    openai: OpenAISimulator, gateway_url: str, session: aiohttp.ClientSession
) -> None:
    openai.hold()
    await openai.say(delta("one"))

    async with asking(session, gateway_url) as response:
        assert await response.content.readany() == delta("one")

    await openai.hung_up.wait()


async def test_the_provider_sees_the_callers_headers_without_cloudflares(
    openai: OpenAISimulator, gateway_url: str, session: aiohttp.ClientSession
) -> None:
    await answered(
        session, gateway_url, cf_aig_authorization="Bearer t", cf_aig_new_thing="x", x_own="y"
    )

    seen = await openai.question()
    assert not [name for name in seen.headers if name.lower().startswith("cf-")]
    assert seen.headers["Authorization"] == "Bearer key"
    assert seen.headers["x-own"] == "y"
    assert orjson.loads(seen.body) == question()


async def test_a_log_id_is_a_ulid_and_an_event_id_is_echoed(
    gateway_url: str, session: aiohttp.ClientSession
) -> None:
    _, _, headers = await answered(session, gateway_url, cf_aig_event_id="mine")

    assert len(headers["cf-aig-log-id"]) == 26
    assert headers["cf-aig-event-id"] == "mine"


async def test_the_version_may_stand_before_the_account(
    world: World, session: aiohttp.ClientSession
) -> None:
    url = f"{world.gateway_url}/v1/account/gateway/openai"
    async with session.get(f"{url}/models", headers=KEY) as response:
        assert response.status == 200
    assert (await answered(session, f"{url}/chat/completions"))[0] == 200


async def test_a_double_version_is_the_providers_404(
    world: World, session: aiohttp.ClientSession
) -> None:
    url = f"{world.gateway_url}/account/gateway/openai/v1/chat/completions"

    status, body, _ = await answered(session, url)

    assert status == 404
    assert b"Invalid URL (POST /v1/v1/chat/completions)" in body


async def test_a_missing_key_is_the_providers_401(
    gateway_url: str, session: aiohttp.ClientSession
) -> None:
    async with session.post(gateway_url, json=question()) as response:
        assert response.status == 401
        assert (await response.json())["error"]["code"] == "invalid_api_key"


async def test_a_stored_key_is_used_when_none_is_sent(
    gateway: GatewaySimulator,
    openai: OpenAISimulator,
    gateway_url: str,
    session: aiohttp.ClientSession,
) -> None:
    gateway.stored_keys = {"default": "stored", "other": "second"}
    for headers in ({}, {"cf-aig-byok-alias": "other"}):
        async with session.post(gateway_url, json=question(), headers=headers) as response:
            assert response.status == 200

    sent = [seen.headers["Authorization"] for seen in openai.requests]
    assert sent == ["Bearer stored", "Bearer second"]


# --- its own errors -------------------------------------------------------------------------------------


async def test_an_error_has_the_gateways_own_shape(
    gateway_url: str, session: aiohttp.ClientSession
) -> None:
    status, body, headers = await answered(
        session, gateway_url, question("[[simulate: gateway=2003]]")
    )

    assert status == 429
    assert "retry-after" not in headers
    assert orjson.loads(body) == {
        "success": False,
        "result": [],
        "messages": [],
        "error": [{"code": 2003, "message": "Rate limited"}],
        "name": "AiGatewayError",
        "httpCode": 429,
        "internalCode": 2003,
        "message": "Rate limited",
        "description": "Rate limited",
    }


@pytest.mark.parametrize(
    ("code", "status", "sign", "asks_provider"),
    [
        (2001, 400, Sign.GATEWAY_CONFIG, 0),
        (2002, 400, Sign.GATEWAY_PROVIDER, 0),
        (2003, 429, Sign.GATEWAY_LIMIT, 0),
        (2005, 400, Sign.GATEWAY_PROVIDER, 0),
        (2008, 400, Sign.GATEWAY_CONFIG, 0),
        (2009, 401, Sign.GATEWAY_CONFIG, 0),
        (2016, 424, Sign.GATEWAY_POLICY, 0),
        (2017, 424, Sign.GATEWAY_POLICY, 1),
        (2021, 402, Sign.GATEWAY_BILLING, 0),
        (2029, 400, Sign.GATEWAY_POLICY, 0),
        (2030, 400, Sign.GATEWAY_POLICY, 1),
        (2040, 400, Sign.GATEWAY_CONFIG, 0),
        (2041, 429, Sign.GATEWAY_LIMIT, 0),
        (2045, 429, Sign.GATEWAY_LIMIT, 0),
        (2047, 401, Sign.GATEWAY_CONFIG, 0),
        (2049, 402, Sign.GATEWAY_BILLING, 0),
        (7013, 503, Sign.GATEWAY_POLICY, 0),
    ],
)
async def test_every_code_can_be_ordered(
    openai: OpenAISimulator,
    gateway_url: str,
    session: aiohttp.ClientSession,
    code: int,
    status: int,
    sign: Sign,
    asks_provider: int,
) -> None:
    got, body, headers = await answered(
        session, gateway_url, question(f"x [[simulate: gateway={code}]]")
    )

    problem = read_refusal(got, "application/json", body)
    assert problem is not None
    assert (got, problem.sign) == (status, sign)
    assert len(openai.requests) == asks_provider
    assert ("cf-aig-log-id" in headers) == (status not in (401, 402))
    assert "cf-aig-request-id" in headers
    if sign is Sign.GATEWAY_POLICY and code != 7013:
        found = orjson.loads(headers["cf-aig-dlp"])
        assert found["action"] == "BLOCK"
        assert found["findings"][0]["check"] == ("RESPONSE" if asks_provider else "REQUEST")


async def test_a_code_may_come_under_another_status(
    gateway_url: str, session: aiohttp.ClientSession
) -> None:
    asked = question("[[simulate: gateway=2001,gateway-status=404]]")

    status, body, _ = await answered(session, gateway_url, asked)

    assert (status, orjson.loads(body)["httpCode"]) == (404, 404)


@pytest.mark.parametrize(
    ("settings", "path", "headers", "code"),
    [
        ({"token": "t"}, "account/gateway/openai", {}, 2009),
        (
            {"token": "t"},
            "account/gateway/openai",
            {"cf_aig_authorization": "Bearer other"},
            2009,
        ),
        ({"token": "t"}, "account/gateway/openai", {"cf_aig_authorization": "Bearer t"}, None),
        ({}, "account/unknown/openai", {}, 2001),
        ({"gateways": {"real"}}, "account/gateway/openai", {}, 2001),
        ({"gateways": {"real"}}, "account/real/openai", {}, None),
        ({}, "account/gateway/opnai", {}, 2008),
        ({}, "account/gateway/openai", {"cf_aig_byok_alias": "nobody"}, 2040),
        ({"providers": {"openai": "http://127.0.0.1:9"}}, "account/gateway/openai", {}, 2005),
    ],
)
async def test_what_the_gateway_refuses_is_refused(
    world: World,
    session: aiohttp.ClientSession,
    settings: dict[str, Any],
    path: str,
    headers: dict[str, str],
    code: int | None,
) -> None:
    for name, value in settings.items():
        setattr(world.gateway, name, value)
    if "providers" in settings:
        world.gateway.providers = {"openai": world.closed_url}

    status, body, _ = await answered(
        session, f"{world.gateway_url}/{path}/chat/completions", whole(), **headers
    )

    assert orjson.loads(body).get("internalCode") == code
    assert (status == 200) == (code is None)


# --- its edge, silence and buffering -----------------------------------------------------------------------


@pytest.mark.parametrize(
    ("fault", "status", "type_", "starts"),
    [
        ("gateway-status=524", 524, "text/html", b"<!DOCTYPE html>"),
        ("gateway-status=502", 502, "text/html", b"<!DOCTYPE html>"),
        ("gateway-status=520,gateway-empty", 520, "text/html", b""),
        ("gateway-status=403", 403, "text/plain", b"error code: 1010"),
        ("gateway=1020", 403, "text/plain", b"error code: 1020"),
        ("gateway-html", 200, "text/html", b"<!DOCTYPE html>"),
        ("gateway-empty", 200, "text/event-stream", b""),
    ],
)
async def test_the_edge_speaks_for_itself(
    openai: OpenAISimulator,
    gateway_url: str,
    session: aiohttp.ClientSession,
    fault: str,
    status: int,
    type_: str,
    starts: bytes,
) -> None:
    async with asking(session, gateway_url, question(f"[[simulate: {fault}]]")) as response:
        body = await response.read()

    assert (response.status, response.content_type) == (status, type_)
    assert body.startswith(starts)
    assert bool(body) == bool(starts)
    assert "cf-ray" in response.headers
    assert "cf-aig-request-id" not in response.headers
    assert not openai.requests


async def test_a_closed_port_refuses(world: World, session: aiohttp.ClientSession) -> None:
    with pytest.raises(aiohttp.ClientConnectorError):
        await session.post(world.closed_url)


async def test_a_hang_before_headers_never_reaches_the_provider(
    gateway: GatewaySimulator, openai: OpenAISimulator, gateway_url: str
) -> None:
    with pytest.raises(TimeoutError):
        async with asyncio.timeout(0.05):
            await raw_http.post(gateway_url, question("[[simulate: gateway-hang]]"))

    assert gateway.calls == 1
    assert not openai.requests


async def test_a_hang_after_headers_is_the_gateways_alone(
    openai: OpenAISimulator, gateway_url: str, session: aiohttp.ClientSession
) -> None:
    asked = question("[[simulate: gateway-hang-after=0]]")
    async with asking(session, gateway_url, asked) as response:
        assert response.status == 200
        with pytest.raises(TimeoutError):
            async with asyncio.timeout(0.05):
                await response.content.readany()


@pytest.mark.parametrize("fault", ["gateway-reset", "gateway-garbage"])
async def test_the_connection_breaks_before_headers(
    openai: OpenAISimulator, gateway_url: str, fault: str
) -> None:
    answer = await raw_http.post(gateway_url, question(f"[[simulate: {fault}]]"))

    assert answer.reset or not answer.data.startswith(b"HTTP")
    assert not openai.requests


async def test_a_cut_leaves_what_was_passed_on(gateway_url: str) -> None:
    asked = question("[[simulate: gateway-cut-after=2,words=9]]")

    answer = await raw_http.post(gateway_url, asked)

    assert answer.reset
    assert text(answer.body) == "word1"


async def test_scanning_gives_the_stream_in_one_piece(
    openai: OpenAISimulator, gateway_url: str, session: aiohttp.ClientSession
) -> None:
    openai.hold()
    asked = question("[[simulate: gateway-burst]]")
    async with asyncio.TaskGroup() as tasks:
        asking = tasks.create_task(raw_http.post(gateway_url, asked))
        pen = await openai.pen()
        await pen.say(delta("one"), delta("two"))
        assert not asking.done()
        await pen.finish()

    assert len(asking.result().chunks) == 1
    assert text(asking.result().body) == "onetwo"


async def test_guardrails_answer_a_stream_with_one_completion(
    openai: OpenAISimulator, gateway_url: str, session: aiohttp.ClientSession
) -> None:
    asked = question("[[simulate: gateway-json,words=2]]", stream_options={"include_usage": True})
    async with asking(session, gateway_url, asked) as response:
        value = await response.json()

    assert response.content_type == "application/json"
    assert value["choices"][0]["message"]["content"] == "word1 word2"
    assert "stream" not in (await openai.question()).json


@pytest.mark.parametrize("fault", ["gateway-split", "gateway-crlf", "gateway-comments"])
async def test_the_gateway_can_spell_oddly_too(gateway_url: str, fault: str) -> None:
    plain = await raw_http.post(gateway_url, question("[[simulate: words=2]]"))
    odd = await raw_http.post(gateway_url, question(f"[[simulate: words=2,{fault}]]"))

    assert odd.chunks != plain.chunks
    assert len(odd.body) >= len(plain.body)


# --- whose fault it is ----------------------------------------------------------------------------------------


async def test_one_directive_hits_the_gateway_and_the_direct_way_works(
    openai: OpenAISimulator, openai_url: str, gateway_url: str, session: aiohttp.ClientSession
) -> None:
    asked = question("Hello [[simulate: gateway-status=524]]")

    through, _, _ = await answered(session, gateway_url, asked)
    direct = await raw_http.post(openai_url, asked)

    assert through == 524
    assert "Hello" in text(direct.body)
    assert direct.body.endswith(DONE)


async def test_a_providers_fault_passes_through_untouched(
    gateway_url: str, session: aiohttp.ClientSession
) -> None:
    status, body, headers = await answered(
        session, gateway_url, question("[[simulate: status=429,retry-after=2]]")
    )

    assert status == 429
    assert isinstance(orjson.loads(body)["error"], dict)
    assert headers["retry-after"] == "2"


@pytest.mark.parametrize("fault", ["reset", "garbage"])
async def test_a_provider_that_breaks_before_headers_is_2005(
    gateway_url: str, session: aiohttp.ClientSession, fault: str
) -> None:
    _, body, _ = await answered(session, gateway_url, question(f"[[simulate: {fault}]]"))

    assert orjson.loads(body)["internalCode"] == 2005


async def test_a_provider_that_breaks_in_the_stream_breaks_ours(gateway_url: str) -> None:
    answer = await raw_http.post(gateway_url, question("[[simulate: cut-after=3,words=9]]"))

    assert answer.reset
    assert text(answer.body) == "word1 word2"


async def test_a_queued_fault_is_the_gateways(
    gateway: GatewaySimulator,
    world: World,
    gateway_url: str,
    session: aiohttp.ClientSession,
) -> None:
    gateway.faults.append(Fault(code="2045"))
    async with session.post(f"{world.gateway_url}/_faults", json="status=524") as response:
        assert response.status == 201

    statuses = [(await answered(session, gateway_url))[0] for _ in range(3)]

    assert statuses == [429, 524, 200]


async def test_faults_may_stand_behind_the_model_or_in_a_header(
    gateway_url: str, session: aiohttp.ClientSession
) -> None:
    asked = question(model="gpt-4o!gateway-status=524")

    assert (await answered(session, gateway_url, asked))[0] == 524
    assert (await answered(session, gateway_url, x_simulate="gateway=2003"))[0] == 429
    assert (await answered(session, gateway_url, x_simulate="gateway-statsu=1"))[0] == 400


# --- attempts and time ------------------------------------------------------------------------------------------


async def test_only_5xx_is_tried_again_and_only_when_allowed(
    openai: OpenAISimulator, gateway_url: str, session: aiohttp.ClientSession
) -> None:
    busy, down = Fault(status=429), Fault(status=503)
    tried = []
    for faults, attempts in (
        ([down, down], "1"),
        ([down, down, Fault()], "3"),
        ([down, down], "2"),
        ([busy], "5"),
        ([down], "9"),
        ([Fault(reset=True), Fault()], "2"),
    ):
        openai.requests.clear()
        openai.faults.clear()
        openai.faults.extend(faults)
        status, _, _ = await answered(session, gateway_url, cf_aig_max_attempts=attempts)
        tried.append((status, len(openai.requests)))

    assert tried == [(503, 1), (200, 3), (503, 2), (429, 1), (503, 1), (200, 2)]


@pytest.mark.parametrize("backoff", ["constant", "linear", "exponential"])
async def test_attempts_are_spaced(
    openai: OpenAISimulator, gateway_url: str, session: aiohttp.ClientSession, backoff: str
) -> None:
    openai.faults.extend([Fault(status=500), Fault(status=500)])
    begun = asyncio.get_running_loop().time()

    status, _, _ = await answered(
        session,
        gateway_url,
        cf_aig_max_attempts="3",
        cf_aig_retry_delay="10",
        cf_aig_backoff=backoff,
    )

    waited = asyncio.get_running_loop().time() - begun
    assert status == 200
    assert waited >= {"constant": 0.02, "linear": 0.03, "exponential": 0.03}[backoff]


async def test_the_time_to_the_first_part_is_limited(
    openai: OpenAISimulator, gateway_url: str, session: aiohttp.ClientSession
) -> None:
    _, body, _ = await answered(
        session, gateway_url, question("[[simulate: hang]]"), cf_aig_request_timeout="30"
    )

    assert orjson.loads(body)["internalCode"] == 2005
    await openai.hung_up.wait()


# --- cache --------------------------------------------------------------------------------------------------------


async def _statuses(
    session: aiohttp.ClientSession, url: str, *asked: tuple[Any, dict[str, str]]
) -> list[str | None]:
    found = []
    for body, headers in asked:
        _, _, answer = await answered(session, url, body, **headers)
        found.append(answer.get("cf-aig-cache-status"))
    return found


async def test_the_same_body_and_key_is_a_hit(
    gateway: GatewaySimulator,
    openai: OpenAISimulator,
    gateway_url: str,
    session: aiohttp.ClientSession,
) -> None:
    gateway.cache_ttl_s = 60

    found = await _statuses(
        session,
        gateway_url,
        (whole("a"), {}),
        (whole("a"), {"cf_aig_metadata": '{"user":"other"}'}),
        (whole("b"), {}),
        (whole("a"), {"Authorization": "Bearer other"}),
        (whole("a"), {"cf_aig_skip_cache": "true"}),
        (whole("a"), {"cf_skip_cache": "true"}),
        (whole("a"), {"cf_aig_cache_ttl": "0"}),  # does not bypass
        (question("a"), {}),
    )

    assert found == ["MISS", "HIT", "MISS", "MISS", None, None, "HIT", None]
    assert len(openai.requests) == 6
    assert gateway.logs[1].cached
    assert (gateway.logs[1].tokens_in, gateway.logs[1].cost) == (0, 0)


async def test_a_time_to_live_can_be_asked_for(
    world: World, gateway_url: str, session: aiohttp.ClientSession
) -> None:
    found = await _statuses(
        session,
        gateway_url,
        (whole("a"), {}),
        (whole("a"), {"cf_aig_cache_ttl": "30"}),  # less than the least
        (whole("a"), {"cf_aig_cache_ttl": "60"}),
        (whole("a"), {"cf_cache_ttl": "60"}),
        (whole("a"), {"cf_aig_cache_key": "k"}),
        (whole("b"), {"cf_aig_cache_key": "k"}),
    )

    assert found == [None, None, "MISS", "HIT", "MISS", "HIT"]


async def test_errors_are_not_kept(
    gateway: GatewaySimulator, gateway_url: str, session: aiohttp.ClientSession
) -> None:
    gateway.cache_ttl_s = 60
    asked = whole("[[simulate: status=500]]")

    assert await _statuses(session, gateway_url, (asked, {}), (asked, {})) == ["MISS", "MISS"]
