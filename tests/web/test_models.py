"""The list of models on the wire, as both SDKs, n8n and Claude Code read it. Source: api-faces.md §2-§4."""

import asyncio
from collections.abc import AsyncIterator, Mapping
from pathlib import Path
from typing import Any, cast

import anthropic
import openai
import orjson
import pytest

from bff.engine.catalogue import Catalogue
from bff.simulators.anthropic.simulator import STAND_IN as ANTHROPIC
from bff.simulators.azure.simulator import STAND_IN as AZURE
from bff.simulators.salesforce.simulator import STAND_IN as SALESFORCE
from bff.simulators.straico.simulator import STAND_IN as STRAICO
from tests.support.keys import bearer, create_key
from tests.support.service import Service, open_service

SALESFORCES = "salesforce/sfdc_ai__DefaultBedrockAnthropicClaude4Sonnet"
ALIASES = orjson.dumps({"claude-via-salesforce": SALESFORCES, "fast": "openai/gpt-4o-mini"})
VERSION = {"anthropic-version": "2023-06-01"}
PATHS = ["/v1/models", "/anthropic/v1/models"]


@pytest.fixture
async def everybody(tmp_path: Path) -> AsyncIterator[Service]:
    """A service with every vendor, which has heard what each of them lists."""
    async with open_service(
        tmp_path,
        also=(ANTHROPIC, AZURE, SALESFORCE, STRAICO),
        azure_openai_deployments="gpt-4.1=gpt-4.1",
        model_aliases=ALIASES.decode(),
    ) as service:
        for vendor in ("anthropic", "openai", "straico"):
            assert await listen(service, vendor)
        yield service


async def listen(service: Service, vendor: str) -> bool:
    """What the service does by itself every hour."""
    return await cast(Catalogue, service.services.catalogue).look(vendor)


async def get(service: Service, path: str, **headers: str) -> tuple[int, Any, Mapping[str, str]]:
    async with service.session.get(service.url + path, headers=headers) as response:
        return response.status, orjson.loads(await response.read()), response.headers


async def ids(service: Service, key: str, query: str = "") -> list[str]:
    status, value, _ = await get(service, f"/v1/models{query}", **bearer(key))
    assert status == 200
    return [model["id"] for model in value["data"]]


# -- the SDKs --------------------------------------------------------------------------------------


async def test_openais_sdk_lists_the_models_and_finds_one_by_any_of_its_names(
    everybody: Service,
) -> None:
    key = await create_key(everybody)
    async with openai.AsyncOpenAI(base_url=f"{everybody.url}/v1", api_key=key) as client:
        listed = [model async for model in client.models.list()]
        named = await client.models.retrieve("openai/gpt-4o")
        bare = await client.models.retrieve("gpt-4o")
        deep = await client.models.retrieve("straico/qwen/qwen3-32b")

    assert [model.id for model in listed[:2]] == ["claude-via-salesforce", "fast"]
    assert named in listed
    assert bare == named
    assert (deep.id, deep.owned_by, deep.object) == ("straico/qwen/qwen3-32b", "straico", "model")


async def test_openais_sdk_raises_not_found_for_an_unknown_model(everybody: Service) -> None:
    key = await create_key(everybody)
    async with openai.AsyncOpenAI(base_url=f"{everybody.url}/v1", api_key=key) as client:
        with pytest.raises(openai.NotFoundError) as caught:
            await client.models.retrieve("openai/gpt-9")

    assert caught.value.code == "model_not_found"


@pytest.mark.parametrize("base", ["", "/anthropic"])
async def test_anthropics_sdk_lists_all_pages_and_finds_one(everybody: Service, base: str) -> None:
    key = await create_key(everybody)
    async with anthropic.AsyncAnthropic(base_url=everybody.url + base, api_key=key) as client:
        first = await client.models.list(limit=5)
        listed = [model async for model in client.models.list(limit=5)]
        before = await client.models.list(limit=2, before_id=listed[9].id)
        one = await client.models.retrieve("claude-sonnet-4-5")
        with pytest.raises(anthropic.NotFoundError):
            await client.models.retrieve("claude-of-nobody")

    assert (len(first.data), first.has_more) == (5, True)
    assert [model.id for model in listed] == await ids(everybody, key)
    assert [model.id for model in before.data] == [model.id for model in listed[7:9]]
    assert (one.id, one.display_name) == ("anthropic/claude-sonnet-4-5", "Claude Sonnet 4 5")
    assert one.created_at.year == 2025


# -- n8n and Claude Code ---------------------------------------------------------------------------


async def test_every_model_listed_can_be_asked(everybody: Service) -> None:
    """n8n offers every id of the list, and asks the one that is chosen."""
    key = await create_key(everybody)
    everything = await ids(everybody, key)
    vendors = {name.partition("/")[0] for name in everything}

    for model in everything:
        body = {"model": model, "messages": [{"role": "user", "content": "hi"}]}
        async with everybody.session.post(
            f"{everybody.url}/v1/chat/completions", json=body, headers=bearer(key)
        ) as response:
            assert response.status == 200, (model, await response.text())
    assert vendors >= {"anthropic", "azure", "openai", "salesforce", "straico"}
    assert "azure/gpt-4.1" in everything


async def test_claude_code_finds_an_alias_with_its_name_and_description(
    everybody: Service,
) -> None:
    key = await create_key(everybody)

    status, value, _ = await get(everybody, "/v1/models?limit=1000", **bearer(key), **VERSION)

    offered = [model for model in value["data"] if "claude" in model["id"]]
    assert (status, value["has_more"]) == (200, False)
    assert {name: offered[0][name] for name in ("id", "display_name", "description", "type")} == {
        "id": "claude-via-salesforce",
        "display_name": "claude-via-salesforce",
        "description": f"Answered by {SALESFORCES}.",
        "type": "model",
    }
    assert offered[0]["owned_by"] == "salesforce"


# -- who sees what ---------------------------------------------------------------------------------


async def test_a_key_sees_only_what_it_may_ask(everybody: Service) -> None:
    key = await create_key(everybody, models=("anthropic/claude-opus-*", "fast", "gpt-4o"))

    seen = await ids(everybody, key)
    found = [
        (await get(everybody, f"/v1/models/{name}", **bearer(key)))[0]
        for name in ("fast", "gpt-4o", "anthropic/claude-opus-5", "openai/o3", "claude-haiku-4-5")
    ]

    assert seen[0] == "fast"
    assert len(seen) > 1
    assert all(name.startswith("anthropic/claude-opus-") for name in seen[1:])
    assert found == [200, 200, 200, 404, 404]


@pytest.mark.parametrize("path", [*PATHS, *(f"{path}/openai/gpt-4o" for path in PATHS)])
async def test_without_a_key_nothing_is_told_in_the_faces_own_envelope(
    service: Service, path: str
) -> None:
    plain, told, _ = await get(service, path)
    versioned, said, headers = await get(service, path, **VERSION)

    assert (plain, versioned) == (401, 401)
    assert ("request_id" in told) == path.startswith("/anthropic")
    assert said["error"]["type"] == "authentication_error"
    assert headers["request-id"] == said["request_id"]


async def test_a_token_of_the_add_on_opens_the_list_but_not_below_anthropic(
    service: Service,
) -> None:
    token = service.host.context_token()

    assert (await get(service, f"/v1/models?jwt={token}"))[0] == 200
    assert (await get(service, f"/v1/models/gpt-4o?jwt={token}"))[0] == 200
    assert (await get(service, f"/anthropic/v1/models?jwt={token}"))[0] == 401


async def test_a_list_is_a_request_that_counts(service: Service) -> None:
    key = await create_key(service, requests=1)

    first, _, told = await get(service, "/v1/models", **bearer(key))
    second, _, _ = await get(service, "/v1/models/gpt-4o", **bearer(key))

    assert (first, second) == (200, 429)
    assert told["x-ratelimit-limit-requests"] == "1"


# -- the wire ----------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "path",
    [
        "/v1/models/openai/gpt-4o",
        "/v1/models/openai%2Fgpt-4o",
        "/v1/models/openai%2fgpt-4o",
        "/anthropic/v1/models/openai/gpt-4o",
        "/anthropic/v1/models/openai%2Fgpt-4o",
    ],
)
async def test_an_id_with_a_slash_is_found_raw_and_escaped(service: Service, path: str) -> None:
    status, value, headers = await get(service, path, **bearer(await create_key(service)))

    assert (status, value["id"]) == (200, "openai/gpt-4o")
    assert headers["content-type"] == "application/json; charset=utf-8"


@pytest.mark.parametrize("path", ["/v1/models/a%0Ab", "/anthropic/v1/models/%01%0A"])
async def test_an_id_of_any_characters_is_not_found_in_the_faces_envelope(
    service: Service, path: str
) -> None:
    status, value, _ = await get(service, path, **bearer(await create_key(service)))

    assert status == 404
    assert value["error"]["message"].endswith("The model is not available.")


@pytest.mark.parametrize("path", [f"{path}/" for path in PATHS] + ["/V1/Models"])
async def test_the_list_has_the_house_s_spellings(service: Service, path: str) -> None:
    status, value, _ = await get(service, path, **bearer(await create_key(service)))

    assert (status, value["object"]) == (200, "list")


@pytest.mark.parametrize(
    ("query", "param"),
    [
        ("limit=0", "limit"),
        ("limit=x", "limit"),
        ("after_id=no", "after_id"),
        ("before_id=no", "before_id"),
    ],
)
async def test_a_query_that_cannot_be_answered_names_its_parameter(
    service: Service, query: str, param: str
) -> None:
    key = bearer(await create_key(service))

    status, value, _ = await get(service, f"/v1/models?{query}", **key)
    versioned, said, _ = await get(service, f"/v1/models?{query}", **key, **VERSION)

    assert (status, value["error"]["param"]) == (400, param)
    assert (versioned, said["error"]["type"]) == (400, "invalid_request_error")


async def test_another_method_is_refused(service: Service) -> None:
    for path in ("/v1/models", "/v1/models/openai/gpt-4o"):
        async with service.session.post(service.url + path) as response:
            assert response.status == 405
            assert response.headers["allow"] == "GET"


async def test_no_vendor_is_asked_within_a_request(everybody: Service) -> None:
    key = await create_key(everybody)
    before = everybody.world.gateway.calls

    await ids(everybody, key)
    await get(everybody, "/v1/models/gpt-4o", **bearer(key))

    assert before > 0
    assert everybody.world.gateway.calls == before


# -- beside the requests -----------------------------------------------------------------------------


async def test_the_lists_are_read_by_themselves_once_the_server_listens(tmp_path: Path) -> None:
    async with open_service(tmp_path, model_list_seconds="3600") as service:
        key = await create_key(service)
        async with asyncio.timeout(10):
            while "openai/o4-mini" not in await ids(service, key):
                pass


async def test_a_vendor_that_refuses_leaves_the_settings_models(tmp_path: Path) -> None:
    async with open_service(tmp_path, openai_api_key="bad-key") as service:
        heard = await listen(service, "openai")

        assert not heard
        assert await ids(service, await create_key(service)) == [
            "openai/gpt-3.5-turbo",
            "openai/gpt-4o",
        ]
