"""The settings of the vendors: what each means, and what stops the start."""

from pathlib import Path

import pytest

from bff.settings import WrongSetting, read_settings

OPENAI = {"OPENAI_API_KEY": "sk-hush-0123456789"}
CLAUDE = {"CHAT_MODEL": "anthropic/claude-sonnet-4-5"}
SALESFORCE = {
    "SALESFORCE_CONSUMER_KEY": "key",
    "SALESFORCE_CONSUMER_SECRET": "hush",
    "SALESFORCE_INSTANCE_URL": "https://acme.my.salesforce.com",
}
AZURE = {"AZURE_OPENAI_API_KEY": "k", "AZURE_OPENAI_ENDPOINT": "https://acme.openai.azure.com/"}
ACME, ORG = "https://acme.openai.azure.com", SALESFORCE["SALESFORCE_INSTANCE_URL"]
STORED = {
    "CLOUDFLARE_ACCOUNT_ID": "acc",
    "CLOUDFLARE_GATEWAY_ID": "gate",
    "CLOUDFLARE_GATEWAY_TOKEN": "t",
}


@pytest.fixture(autouse=True)
def somewhere_else(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)


@pytest.mark.parametrize(
    ("environment", "field", "value"),
    [
        ({}, "anthropic_base_url", "https://api.anthropic.com"),
        ({}, "salesforce_api_url", "https://api.salesforce.com/einstein/platform/v1"),
        ({}, "straico_endpoint", "chat"),
        (AZURE, "azure_openai_endpoint", "https://acme.openai.azure.com"),
        (
            {"AZURE_OPENAI_DEPLOYMENTS": "gpt-4o = prod-4o, gpt-5=five,"},
            "azure_openai_deployments",
            {"gpt-4o": "prod-4o", "gpt-5": "five"},
        ),
        ({"AZURE_OPENAI_API_VERSION": "v1"}, "azure_is_classic", False),
        ({"AZURE_OPENAI_API_VERSION": "2025-04-01-preview"}, "azure_is_classic", True),
        (
            {"CHAT_FALLBACK_MODELS": "openai/gpt-4o, openai/o3"},
            "chat_fallback_models",
            ("openai/gpt-4o", "openai/o3"),
        ),
        (
            {"MODEL_FALLBACKS": '{"fast":["openai/gpt-4o"],"openai/o3":"openai/gpt-4o"}'},
            "model_fallbacks",
            {"fast": ("openai/gpt-4o",), "openai/o3": ("openai/gpt-4o",)},
        ),
        ({"MODEL_ALIASES": '{"fast":"openai/o3"}'}, "model_aliases", {"fast": "openai/o3"}),
        ({"SALESFORCE_ENDPOINT": "Generations"}, "salesforce_endpoint", "generations"),
    ],
)
def test_a_setting_means(environment: dict[str, str], field: str, value: object) -> None:
    assert getattr(read_settings({**OPENAI, **environment}), field) == value


@pytest.mark.parametrize(
    ("environment", "line"),
    [
        (CLAUDE, 'CHAT_MODEL holds "anthropic/claude-sonnet-4-5"; it may hold models of vendors '),
        ({"DIAGRAM_MODEL": "azure/gpt-4o"}, "DIAGRAM_MODEL holds"),
        ({"CHAT_FALLBACK_MODELS": "openai/o3,straico/a/b"}, "CHAT_FALLBACK_MODELS holds"),
        ({"CHAT_FALLBACK_MODELS": "gpt-4o"}, "CHAT_FALLBACK_MODELS holds"),
        ({"MODEL_FALLBACKS": '{"x":["salesforce/sfdc_ai__X"]}'}, "MODEL_FALLBACKS holds"),
        ({"MODEL_FALLBACKS": '{"x":[]}'}, "MODEL_FALLBACKS holds"),
        ({"MODEL_FALLBACKS": '{"x":[5]}'}, "MODEL_FALLBACKS holds"),
        ({"MODEL_FALLBACKS": "x"}, "MODEL_FALLBACKS holds"),
        ({"MODEL_ALIASES": '["openai/o3"]'}, "MODEL_ALIASES holds"),
        ({"MODEL_ALIASES": '{"":"openai/o3"}'}, "MODEL_ALIASES holds"),
        ({"MODEL_ALIASES": '{"a":"gpt-4o"}'}, "MODEL_ALIASES holds"),
        ({"AZURE_OPENAI_DEPLOYMENTS": "gpt-4o"}, "AZURE_OPENAI_DEPLOYMENTS holds"),
        ({"AZURE_OPENAI_API_VERSION": "latest"}, "AZURE_OPENAI_API_VERSION holds"),
        ({"STRAICO_ENDPOINT": "v3"}, "STRAICO_ENDPOINT holds"),
        ({"TOOL_PROMPT": "assistant"}, "TOOL_PROMPT holds"),
        ({"ANTHROPIC_BASE_URL": "http://a.example"}, "ANTHROPIC_BASE_URL holds"),
        ({"SALESFORCE_CONSUMER_KEY": "key"}, "SALESFORCE_CONSUMER_SECRET is not set"),
        ({**AZURE, "AZURE_OPENAI_ENDPOINT": f"{ACME}/openai"}, "AZURE_OPENAI_ENDPOINT holds"),
        (
            {**AZURE, "AZURE_OPENAI_ENDPOINT": f"{ACME}/OpenAI/deployments/a/chat/completions"},
            "AZURE_OPENAI_ENDPOINT holds",
        ),
        (
            {**SALESFORCE, "SALESFORCE_INSTANCE_URL": f"{ORG}/services/oauth2/token"},
            f'SALESFORCE_INSTANCE_URL holds "{ORG}/services/oauth2/token"; it may hold the https',
        ),
        (
            {"SALESFORCE_API_URL": "https://api.salesforce.com"},
            'SALESFORCE_API_URL holds "https://api.salesforce.com"; it may hold https://api.sales',
        ),
        (
            {"STRAICO_BASE_URL": "https://api.straico.com/v2"},
            'STRAICO_BASE_URL holds "https://api.straico.com/v2"; it may hold https://api.straico',
        ),
    ],
)
def test_a_wrong_setting_stops_the_start(environment: dict[str, str], line: str) -> None:
    with pytest.raises(WrongSetting) as stopped:
        read_settings({**OPENAI, **environment})

    assert str(stopped.value).startswith(line)
    assert "hush" not in str(stopped.value)


@pytest.mark.parametrize(
    ("environment", "vendors"),
    [
        ({**CLAUDE, "ANTHROPIC_API_KEY": "k"}, {"anthropic"}),
        ({**CLAUDE, **STORED}, {"openai", "anthropic"}),
        ({"CHAT_MODEL": "azure/gpt-4o", **AZURE}, {"azure"}),
        (
            {
                "CHAT_MODEL": "azure/gpt-4o",
                **STORED,
                "AZURE_OPENAI_ENDPOINT": AZURE["AZURE_OPENAI_ENDPOINT"],
                "AZURE_OPENAI_API_VERSION": "2024-10-21",
            },
            {"openai", "azure"},
        ),
        ({"CHAT_MODEL": "salesforce/sfdc_ai__DefaultGPT4Omni", **SALESFORCE}, {"salesforce"}),
        ({"CHAT_MODEL": "straico/openai/gpt-4o-mini", "STRAICO_API_KEY": "k"}, {"straico"}),
    ],
)
def test_no_key_of_openai_is_needed_where_nothing_of_it_is_named(
    environment: dict[str, str], vendors: set[str]
) -> None:
    settings = read_settings(environment)

    every = ("anthropic", "azure", "openai", "salesforce", "straico")
    assert {vendor for vendor in every if settings.is_configured(vendor)} == vendors


def test_diagrams_nobody_can_draw_are_said() -> None:
    settings = read_settings({**CLAUDE, "ANTHROPIC_API_KEY": "k"})

    assert any(line.startswith("DIAGRAM_MODEL is openai/gpt-4o") for line in settings.warnings())
    assert not any("DIAGRAM" in line for line in read_settings(OPENAI).warnings())


def test_a_vendor_that_is_named_needs_openais_key_when_it_is_openai() -> None:
    with pytest.raises(WrongSetting, match="OPENAI_API_KEY is not set"):
        read_settings({**CLAUDE, "ANTHROPIC_API_KEY": "k", "CHAT_FALLBACK_MODELS": "openai/gpt-4o"})
    with pytest.raises(WrongSetting, match="OPENAI_API_KEY is not set"):
        read_settings({**CLAUDE, "ANTHROPIC_API_KEY": "k", "DIAGRAM_MODEL": "openai/gpt-4o"})


@pytest.mark.parametrize("half", sorted(AZURE))
def test_half_of_azure_is_said(half: str) -> None:
    def told(environment: dict[str, str]) -> bool:
        lines = read_settings({**OPENAI, **environment}).warnings()
        return any(line.startswith("AZURE_OPENAI_ENDPOINT and") for line in lines)

    assert told({half: AZURE[half]})
    assert not told(AZURE)


def test_an_endpoint_behind_another_path_is_one() -> None:
    endpoint = "https://apis.acme.example/openai-west"

    settings = read_settings({**OPENAI, **AZURE, "AZURE_OPENAI_ENDPOINT": endpoint})

    assert settings.azure_openai_endpoint == endpoint


@pytest.mark.parametrize(
    "key",
    [
        "0123456789abcdef0123456789abcdef",
        "3hJk9LmNpQrStUvWxYz1234567890AbCdEfGhIjKlMnOpQrStUvWxYz12JQQJ99AKACYeBjFXJ3w3AAABACOG",
        "3MVG9n_HvETGhr3Ck0vXK1q",
        "Xx-7fA1b2C3d4E5f6G7h8J9k0LmN",
        "https://acme.example/?api-key=hush",
        "https://acme.example/#sig=hush",
    ],
)
@pytest.mark.parametrize("name", ["AZURE_OPENAI_ENDPOINT", "MODEL_ALIASES", "STRAICO_ENDPOINT"])
def test_a_key_in_the_wrong_variable_is_not_repeated(name: str, key: str) -> None:
    for text in (key, f'{{"fast":"{key}"}}', f"openai {key}"):
        with pytest.raises(WrongSetting) as stopped:
            read_settings({**OPENAI, name: text})

        assert str(stopped.value).startswith(f"{name} holds a value that is not shown")


@pytest.mark.parametrize(
    "text",
    [
        "sfdc_ai__DefaultBedrockAnthropicClaude37Sonnet",
        "anthropics/claude-3-haiku-20240307",
        "https://gateway.ai.cloudflare.com/v1/0123456789abcdef0123456789abcdef/g/x",
    ],
)
def test_what_is_no_key_is_repeated(text: str) -> None:
    with pytest.raises(WrongSetting, match=f'CHAT_MODEL holds "{text}"'):
        read_settings({**OPENAI, "CHAT_MODEL": text})
