"""What `bff check` says of each vendor, by what the vendor answers; nothing is spent to find out."""

from collections.abc import AsyncIterator, Mapping
from types import SimpleNamespace

import orjson
import pytest

from bff.cli.checks import vendors
from bff.cli.checks.asking import Asker, open_session
from bff.settings import Settings, read_settings
from bff.simulators.vendors import VENDORS
from bff.simulators.world import open_world
from bff.wiring.vendors import openers
from tests.providers.contract.rows import Row, rows
from tests.support.answers import Answers, Said, nobodys_url, open_answers

JSON = {"Content-Type": "application/json"}
GATEWAY = {"CLOUDFLARE_ACCOUNT_ID": "acc", "CLOUDFLARE_GATEWAY_ID": "gate"}
SECRETS = ("hush", "aaa.bbb.ccc")


def said(value: object = (), status: int = 200) -> Said:
    return Said(status, orjson.dumps(value), JSON)


def listed(*names: str) -> Said:
    return said({"data": [{"id": name} for name in names]})


@pytest.fixture
async def upstream() -> AsyncIterator[Answers]:
    async with open_answers() as answers:
        yield answers


@pytest.fixture
def wired(monkeypatch: pytest.MonkeyPatch) -> None:
    """Every vendor the looks know is wired, whether it already is or not."""

    def every(settings: Settings) -> Mapping[str, object]:
        base = settings.salesforce_api_url
        provider = SimpleNamespace(
            roads={"direct": base} if settings.gateway_base is None else {"gateway": base},
            url=lambda road, model: f"{road}/models/{model}/chat-generations",
        )
        return {name: lambda _: provider for name in vendors._LOOKS}

    monkeypatch.setattr(vendors, "openers", every)


async def lines(**environment: str) -> list[str]:
    settings = read_settings({"APP_ENV": "development", **environment})
    found = []
    async with open_session() as session:
        for look in vendors.look_at_vendors(settings, Asker(session)):
            found += [str(finding) async for finding in look]
    assert not [line for line in found if "\n" in line or any(s in line for s in SECRETS)]
    return found


def test_every_vendor_that_is_wired_has_a_look() -> None:
    settings = read_settings({"OPENAI_API_KEY": "sk"})

    assert set(openers(settings)) <= set(vendors._LOOKS)


async def test_a_vendor_without_a_look_is_said_to_have_none(
    monkeypatch: pytest.MonkeyPatch, upstream: Answers
) -> None:
    monkeypatch.setattr(vendors, "_LOOKS", {})

    found = await lines(OPENAI_API_KEY="sk-hush", OPENAI_BASEURL=upstream.url)

    assert found[-1] == "warning openai: there is no look at this vendor: ask it something"


@pytest.mark.parametrize("row", rows(VENDORS), ids=str)
async def test_of_every_stand_in_nothing_but_good_is_said(row: Row) -> None:
    async with open_world(vendors=(row.stand_in,)) as world:
        url = world.url_of(row.stand_in.name)
        found = await lines(**row.environment(url, world.gateway_url))

        assert world.vendors[row.stand_in.name].answering == 0
    assert [line for line in found if not line.startswith("ok ")] == []
    assert len(found) >= 3  # the gateway or none, the key, the model
    assert ("gateway: it answers" in found[0]) is (row.way == "gateway")


# -- OpenAI ----------------------------------------------------------------------------------------


@pytest.mark.usefixtures("wired")
async def test_openais_models_are_looked_for_under_every_name_that_is_set(
    upstream: Answers,
) -> None:
    upstream.says |= {
        "/models": listed("gpt-4o", "gpt-4o-mini"),
        "/models/gpt-alias": said({"id": "gpt-4o"}),
        "/models/gpt-busy": said({}, 500),
    }

    found = await lines(
        OPENAI_API_KEY="sk-hush",
        OPENAI_BASEURL=upstream.url,
        CHAT_MODEL="openai/gpt-4o",
        DIAGRAM_MODEL="openai/gpt-gone",
        CHAT_FALLBACK_MODELS="openai/gpt-alias,openai/gpt-gone",
        MODEL_FALLBACKS='{"openai/gpt-4o":["openai/gpt-4o-mini"]}',
        MODEL_ALIASES='{"fast":"openai/gpt-busy"}',
    )

    assert found == [
        "ok      gateway: none is used",
        "ok      OpenAI key: it is accepted",
        "ok      OpenAI models: gpt-4o, gpt-alias, gpt-4o-mini",
        "warning OpenAI models: gpt-busy could not be looked for: run it again",
        "failed  OpenAI models: gpt-gone is not there: look at DIAGRAM_MODEL and "
        "CHAT_FALLBACK_MODELS",
    ]


@pytest.mark.usefixtures("wired")
async def test_a_server_that_lists_nothing_is_not_asked_for_names(upstream: Answers) -> None:
    upstream.says["/models"] = said([])

    assert await lines(OPENAI_API_KEY="sk-hush", OPENAI_BASEURL=upstream.url) == [
        "ok      gateway: none is used",
        "ok      OpenAI key: it is accepted",
    ]


@pytest.mark.usefixtures("wired")
@pytest.mark.parametrize(
    ("status", "line"),
    [
        (200, "ok      OpenAI directly: it answers, should the gateway fail"),
        (401, "warning OpenAI directly: it is refused: look at OPENAI_FALLBACK_BASEURL"),
    ],
)
async def test_the_way_around_a_good_gateway_is_tried_too(
    upstream: Answers, status: int, line: str
) -> None:
    upstream.says |= {
        "/gw/acc/gate/openai/models": listed("gpt-3.5-turbo", "gpt-4o"),
        "/around/models": said({}, status),
    }

    found = await lines(
        **GATEWAY,
        GATEWAY_URL=f"{upstream.url}/gw",
        OPENAI_API_KEY="sk-hush",
        OPENAI_FALLBACK_BASEURL=f"{upstream.url}/around",
    )

    assert found == [
        "ok      gateway: it answers",
        "ok      OpenAI key: it is accepted",
        line,
        "ok      OpenAI models: gpt-3.5-turbo, gpt-4o",
    ]


# -- Anthropic -------------------------------------------------------------------------------------

CLAUDE = {"CHAT_MODEL": "anthropic/claude-x", "ANTHROPIC_API_KEY": "sk-ant-hush"}


@pytest.mark.usefixtures("wired")
@pytest.mark.parametrize(
    ("says", "expected"),
    [
        (
            {"/v1/models": listed("claude-x")},
            ["ok      Anthropic key: it is accepted", "ok      Anthropic models: claude-x"],
        ),
        (
            {"/v1/models": listed("claude-y")},
            [
                "ok      Anthropic key: it is accepted",
                "failed  Anthropic models: claude-x is not there: look at CHAT_MODEL",
            ],
        ),
        (
            {"/v1/models": said({"type": "error"}, 401)},
            ["failed  Anthropic key: it is refused: look at ANTHROPIC_API_KEY"],
        ),
        (
            {"/v1/models": said({"type": "error"}, 403)},
            [
                "warning Anthropic key: it may not list models (403): look at the rights of "
                "ANTHROPIC_API_KEY"
            ],
        ),
    ],
)
async def test_anthropics_key_and_names(
    upstream: Answers, says: dict[str, Said], expected: list[str]
) -> None:
    upstream.says |= says

    found = await lines(**CLAUDE, ANTHROPIC_BASE_URL=upstream.url)

    assert found == ["ok      gateway: none is used", *expected]
    headers = upstream.headers[0]
    assert headers["x-api-key"] == "sk-ant-hush"
    assert headers["anthropic-version"] == "2023-06-01"


@pytest.mark.usefixtures("wired")
async def test_the_one_gateway_is_said_once_for_all_who_use_it(upstream: Answers) -> None:
    upstream.says |= {
        "/gw/acc/gate/openai/models": listed("gpt-4o"),
        "/gw/acc/gate/anthropic/v1/models": listed("claude-x"),
    }

    found = await lines(
        **GATEWAY,
        CHAT_MODEL="anthropic/claude-x",
        GATEWAY_URL=f"{upstream.url}/gw",
        CLOUDFLARE_GATEWAY_TOKEN="gw-hush",
        OPENAI_FALLBACK_BASEURL="off",
    )

    assert found == [
        "ok      gateway: it answers",
        "ok      Anthropic key: it is accepted",
        "ok      Anthropic models: claude-x",
        "ok      OpenAI key: it is accepted",
        "ok      OpenAI models: gpt-4o",
    ]
    assert {headers["cf-aig-authorization"] for headers in upstream.headers} == {"Bearer gw-hush"}
    assert not [headers for headers in upstream.headers if "x-api-key" in headers]


# -- Azure OpenAI ----------------------------------------------------------------------------------

AZURE = {
    "CHAT_MODEL": "azure/gpt-4o",
    "AZURE_OPENAI_API_KEY": "az-hush",
    "AZURE_OPENAI_DEPLOYMENTS": "gpt-4o=house-4o,other=house-o",
}
CLASSIC = AZURE | {"AZURE_OPENAI_API_VERSION": "2024-10-21"}
DEPLOYMENT = "/openai/deployments/{}/chat/completions"
NO_DEPLOYMENT = said({"error": {"code": "DeploymentNotFound"}}, 404)
NO_ADDRESS = said({"error": {"code": "404", "message": "Resource not found"}}, 404)


@pytest.mark.usefixtures("wired")
@pytest.mark.parametrize(
    ("first", "second", "expected"),
    [
        (
            said({}, 400),
            said({}, 400),
            [
                "ok      Azure OpenAI key: it is accepted",
                "ok      Azure OpenAI deployment: house-4o",
                "ok      Azure OpenAI deployment: house-o",
            ],
        ),
        (
            NO_DEPLOYMENT,
            NO_ADDRESS,
            [
                "ok      Azure OpenAI key: it is accepted",
                "failed  Azure OpenAI deployment: house-4o is not there: look at CHAT_MODEL and "
                "AZURE_OPENAI_DEPLOYMENTS",
                "failed  Azure OpenAI deployment: house-o has no such address (404): look at "
                "AZURE_OPENAI_API_VERSION and AZURE_OPENAI_ENDPOINT",
            ],
        ),
        (
            said({}, 401),
            said({}, 400),
            ["failed  Azure OpenAI key: it is refused: look at AZURE_OPENAI_API_KEY"],
        ),
        (
            said({}, 403),
            said({}, 400),
            [
                "failed  Azure OpenAI key: it is refused (403): look at AZURE_OPENAI_API_KEY and "
                "the resource's network rules"
            ],
        ),
        (
            said({}, 400),
            said({}, 429),
            [
                "ok      Azure OpenAI key: it is accepted",
                "ok      Azure OpenAI deployment: house-4o",
                "warning Azure OpenAI deployment: house-o: its limit is used up (429)",
            ],
        ),
        (
            said({}, 400),
            said({}, 403),
            [
                "ok      Azure OpenAI key: it is accepted",
                "ok      Azure OpenAI deployment: house-4o",
                "failed  Azure OpenAI deployment: house-o is refused (403): look at "
                "AZURE_OPENAI_API_KEY and the resource's network rules",
            ],
        ),
        (
            said({}, 400),
            said({}, 500),
            [
                "ok      Azure OpenAI key: it is accepted",
                "ok      Azure OpenAI deployment: house-4o",
                "warning Azure OpenAI deployment: house-o answers 500: run it again",
            ],
        ),
    ],
)
async def test_azures_classic_deployments(
    upstream: Answers, first: Said, second: Said, expected: list[str]
) -> None:
    upstream.says |= {DEPLOYMENT.format("house-4o"): first, DEPLOYMENT.format("house-o"): second}

    found = await lines(**CLASSIC, AZURE_OPENAI_ENDPOINT=upstream.url)

    assert found == ["ok      gateway: none is used", *expected]
    assert {headers["api-key"] for headers in upstream.headers} == {"az-hush"}
    assert set(upstream.bodies) == {b'{"messages": []}'}
    assert all(asked.endswith("?api-version=2024-10-21") for asked in upstream.asked)


@pytest.mark.usefixtures("wired")
async def test_azures_v1_endpoint_is_asked_for_its_list_and_each_deployment(
    upstream: Answers,
) -> None:
    upstream.says |= {
        "/openai/v1/models": listed("gpt-4o"),
        "/openai/v1/chat/completions": NO_DEPLOYMENT,
    }

    found = await lines(
        CHAT_MODEL="azure/gpt-4o",
        AZURE_OPENAI_API_KEY="az-hush",
        AZURE_OPENAI_ENDPOINT=upstream.url,
    )

    assert found[1:] == [
        "ok      Azure OpenAI key: it is accepted",
        "failed  Azure OpenAI deployment: gpt-4o is not there: look at CHAT_MODEL and "
        "AZURE_OPENAI_DEPLOYMENTS",
    ]
    assert orjson.loads(upstream.bodies[-1]) == {"model": "gpt-4o", "messages": []}


@pytest.mark.usefixtures("wired")
async def test_an_address_that_is_not_azures(upstream: Answers) -> None:
    found = await lines(**AZURE, AZURE_OPENAI_ENDPOINT=upstream.url)

    assert found[1:] == [
        "failed  Azure OpenAI key: the address is not known (404): look at AZURE_OPENAI_ENDPOINT"
    ]


@pytest.mark.usefixtures("wired")
async def test_azure_through_the_gateway_and_directly(upstream: Answers) -> None:
    upstream.says |= {
        "/gw/acc/gate/azure-openai/house/gpt-4o/chat/completions": said({}, 400),
        DEPLOYMENT.format("gpt-4o"): said({}, 400),
    }

    found = await lines(
        **GATEWAY,
        GATEWAY_URL=f"{upstream.url}/gw",
        CHAT_MODEL="azure/gpt-4o",
        AZURE_OPENAI_API_KEY="az-hush",
        AZURE_OPENAI_ENDPOINT=upstream.url,
        AZURE_OPENAI_API_VERSION="2024-10-21",
        AZURE_OPENAI_RESOURCE="house",
    )

    assert found == [
        "ok      gateway: it answers",
        "ok      Azure OpenAI key: it is accepted",
        "ok      Azure OpenAI directly: it answers, should the gateway fail",
        "ok      Azure OpenAI deployment: gpt-4o",
    ]


@pytest.mark.usefixtures("wired")
async def test_a_classic_azure_of_which_nothing_is_named_cannot_be_asked(
    upstream: Answers,
) -> None:
    upstream.says["/models"] = said([])

    found = await lines(
        OPENAI_API_KEY="sk-hush",
        OPENAI_BASEURL=upstream.url,
        AZURE_OPENAI_API_KEY="az-hush",
        AZURE_OPENAI_ENDPOINT=upstream.url,
        AZURE_OPENAI_API_VERSION="2024-10-21",
    )

    assert "warning Azure OpenAI key: not looked at: no model of it is named" in found


# -- Salesforce ------------------------------------------------------------------------------------

FORCE = {
    "CHAT_MODEL": "salesforce/sfdc_ai__X",
    "SALESFORCE_CONSUMER_KEY": "ck-hush",
    "SALESFORCE_CONSUMER_SECRET": "cs-hush",
}
TOKEN = {"access_token": "aaa.bbb.ccc", "scope": "sfap_api api"}
MODEL = "/v1/models/sfdc_ai__X/chat-generations"
APP = "the external client app"


@pytest.mark.usefixtures("wired")
@pytest.mark.parametrize(
    ("told", "line"),
    [
        (
            said({"error": "invalid_client"}, 400),
            "it is refused (invalid_client): look at SALESFORCE_CONSUMER_KEY and "
            "SALESFORCE_CONSUMER_SECRET",
        ),
        (
            said({"error": "invalid_grant"}, 400),
            "it is refused (invalid_grant): look at SALESFORCE_CONSUMER_KEY and "
            f"SALESFORCE_CONSUMER_SECRET, and at who {APP} runs as",
        ),
        (
            said({"error": "unsupported_grant_type"}, 400),
            "it is refused (unsupported_grant_type): switch on the client credentials flow of "
            f"{APP}",
        ),
        (
            said({"error": "the key ck-hush is bad"}, 400),
            f"it is refused (a code of its own): look at {APP}",
        ),
        (
            Said(404, b"<html>"),
            "the org answers 404 without one: look at SALESFORCE_INSTANCE_URL",
        ),
        (
            said({"hello": "there"}),
            "the org answers 200 without one: look at SALESFORCE_INSTANCE_URL",
        ),
        (
            said(TOKEN | {"access_token": "00Dhush"}),
            f"it is no JWT: switch on JWT-based access tokens of {APP}",
        ),
        (said(TOKEN | {"scope": "api"}), f"it lacks the scope sfap_api: add it to {APP}"),
        (
            said(TOKEN | {"scope": "openid"}),
            f"it lacks the scope sfap_api and api: add it to {APP}",
        ),
    ],
)
async def test_what_is_wrong_with_salesforces_token(
    upstream: Answers, told: Said, line: str
) -> None:
    upstream.says["/services/oauth2/token"] = told

    found = await lines(
        **FORCE,
        SALESFORCE_INSTANCE_URL=upstream.url,
        SALESFORCE_API_URL=f"{upstream.url}/v1",
    )

    assert found[1:] == [f"failed  Salesforce token: {line}"]


@pytest.mark.usefixtures("wired")
@pytest.mark.parametrize(
    ("status", "line"),
    [
        (400, "ok      Salesforce models: sfdc_ai__X"),
        (
            401,
            f"failed  Salesforce models: the token is refused (401): look at the scopes of {APP}",
        ),
        (
            403,
            "failed  Salesforce models: sfdc_ai__X may not be used (403): look at the org's "
            "Einstein entitlements and the app's scopes",
        ),
        (
            404,
            "failed  Salesforce models: sfdc_ai__X is not there: look at CHAT_MODEL, and at "
            "SALESFORCE_API_URL",
        ),
        (429, "warning Salesforce models: sfdc_ai__X: the org's limit is used up (429)"),
        (500, "warning Salesforce models: sfdc_ai__X answers 500: run it again"),
    ],
)
async def test_salesforces_models_are_asked_a_question_that_is_none(
    upstream: Answers, status: int, line: str
) -> None:
    upstream.says |= {"/services/oauth2/token": said(TOKEN), MODEL: said({}, status)}

    found = await lines(
        **FORCE, SALESFORCE_INSTANCE_URL=upstream.url, SALESFORCE_API_URL=f"{upstream.url}/v1"
    )

    assert found[1:] == ["ok      Salesforce token: it is given", line]
    assert upstream.bodies[-1] == b"{}"
    assert upstream.headers[-1]["Authorization"] == "Bearer aaa.bbb.ccc"
    assert upstream.headers[-1]["x-sfdc-app-context"] == "EinsteinGPT"


@pytest.mark.usefixtures("wired")
async def test_a_salesforce_nobody_can_reach(upstream: Answers) -> None:
    nobody = nobodys_url()
    assert (await lines(**FORCE, SALESFORCE_INSTANCE_URL=nobody))[1:] == [
        "failed  Salesforce token: the org refuses connections: look at SALESFORCE_INSTANCE_URL"
    ]

    upstream.says["/services/oauth2/token"] = said(TOKEN)
    found = await lines(**FORCE, SALESFORCE_INSTANCE_URL=upstream.url, SALESFORCE_API_URL=nobody)
    assert found[2:] == [
        "failed  Salesforce models: the Models API refuses connections: look at SALESFORCE_API_URL"
    ]


# -- Straico ---------------------------------------------------------------------------------------

COINS = {"data": {"coins": 1234.5}}


@pytest.mark.usefixtures("wired")
@pytest.mark.parametrize(
    ("endpoint", "says", "expected"),
    [
        (
            "chat",
            {"/v0/user": said(COINS), "/v2/models": listed("openai/gpt-4o-mini")},
            [
                "ok      Straico key: it is accepted",
                "ok      Straico coins: 1,234 left",
                "ok      Straico models: openai/gpt-4o-mini",
            ],
        ),
        (
            "prompt",
            {
                "/v0/user": said({"data": {"coins": 0}}),
                "/v1/models": said({"data": {"chat": [{"model": "other/model"}]}}),
            },
            [
                "ok      Straico key: it is accepted",
                "warning Straico coins: none is left: buy some, or nothing is answered",
                "failed  Straico models: openai/gpt-4o-mini is not there: look at CHAT_MODEL",
            ],
        ),
        (
            "chat",
            {"/v0/user": said(COINS), "/v2/models": said({}, 500)},
            [
                "ok      Straico key: it is accepted",
                "ok      Straico coins: 1,234 left",
                "warning Straico models: openai/gpt-4o-mini could not be looked for: run it again",
            ],
        ),
        (
            "chat",
            {"/v0/user": said({"success": False}, 401)},
            ["failed  Straico key: it is refused: look at STRAICO_API_KEY"],
        ),
        (
            "chat",
            {"/v0/user": said({"success": False}), "/v2/models": listed("openai/gpt-4o-mini")},
            [
                "ok      Straico key: it is accepted",
                "failed  Straico coins: it tells of no account: look at STRAICO_BASE_URL",
                "ok      Straico models: openai/gpt-4o-mini",
            ],
        ),
    ],
)
async def test_straicos_key_coins_and_names(
    upstream: Answers, endpoint: str, says: dict[str, Said], expected: list[str]
) -> None:
    upstream.says |= says

    found = await lines(
        CHAT_MODEL="straico/openai/gpt-4o-mini",
        STRAICO_API_KEY="st-hush",
        STRAICO_BASE_URL=upstream.url,
        STRAICO_ENDPOINT=endpoint,
    )

    assert found[1:] == expected
