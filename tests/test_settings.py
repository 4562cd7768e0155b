import re
from pathlib import Path

import pytest
from pydantic import ValidationError

from bff.settings import CLOUDFLARE, OPENAI, Settings, WrongSetting, read_settings, variables

KEY = {"OPENAI_API_KEY": "sk-hush-0123456789"}
GATEWAY = {"CLOUDFLARE_ACCOUNT_ID": "acc", "CLOUDFLARE_GATEWAY_ID": "gate"}
GATEWAY_BASE = f"{CLOUDFLARE}/acc/gate/openai"
BYOK = {**GATEWAY, "CLOUDFLARE_GATEWAY_TOKEN": "gw-hush-token"}
EXAMPLE = Path(__file__).parents[1] / ".env.example"


@pytest.fixture(autouse=True)
def somewhere_else(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)


def test_a_key_is_all_that_must_be_set() -> None:
    settings = read_settings(KEY)

    assert (settings.port, settings.host, settings.web_concurrency) == (3000, "0.0.0.0", 1)  # noqa: S104 - the default
    assert settings.base_url == "http://localhost:3000"
    assert settings.development is False
    assert settings.database_url == "sqlite:///database.sqlite"
    assert settings.connect_install_keys_url[-1] == "https://connect-install-keys.atlassian.com"
    assert "*.atlassian.net" in settings.connect_host_allowlist
    assert settings.chat_model == "openai/gpt-3.5-turbo"
    assert settings.chat_max_tokens == 4096
    assert settings.system_prompt(default="GPTDock") == "GPTDock"
    assert (settings.connect_timeout, settings.total_timeout) == (5.0, 600.0)
    assert settings.max_body_bytes == 10_485_760


WRONG: list[tuple[dict[str, str], str]] = [
    ({"PORT": "http"}, 'PORT holds "http"; it may hold a port, 0 to 65535; 0 picks a free one.'),
    ({"PORT": "65536"}, 'PORT holds "65536"; it may hold a port, 0 to 65535; 0 picks a free one.'),
    ({"PORT": "-1"}, 'PORT holds "-1"'),
    ({"PORT": "/run/socket"}, 'PORT holds "/run/socket"'),
    (
        {"WEB_CONCURRENCY": "0"},
        'WEB_CONCURRENCY holds "0"; it may hold a whole number, 1 or more.',
    ),
    ({"NODE_ENV": "test"}, 'NODE_ENV holds "test"; it may hold development or production.'),
    ({"APP_ENV": "staging"}, 'APP_ENV holds "staging"; it may hold development or production.'),
    (
        {"AC_LOCAL_BASE_URL": "http://bff.example.com"},
        'AC_LOCAL_BASE_URL holds "http://bff.example.com"; it may hold an https address, '
        "http only in development.",
    ),
    ({"LOCAL_BASE_URL": "http://bff.example.com"}, "LOCAL_BASE_URL holds"),
    ({"AC_LOCAL_BASE_URL": "bff.example.com"}, 'AC_LOCAL_BASE_URL holds "bff.example.com"'),
    ({"AC_LOCAL_BASE_URL": "https://a.example/?x=1"}, "AC_LOCAL_BASE_URL holds"),
    ({"CONNECT_INSTALL_KEYS_URL": "https://a.example, ftp://b"}, "CONNECT_INSTALL_KEYS_URL holds"),
    (
        {"CONNECT_KEYS_CDN_URL": "http://keys.example"},
        'CONNECT_KEYS_CDN_URL holds "http://keys.example"; it may hold absolute http(s) URLs, '
        "comma separated; in production http only to loopback.",
    ),
    ({"CONNECT_HOST_ALLOWLIST": " , "}, 'CONNECT_HOST_ALLOWLIST holds " , "'),
    ({"AC_ALLOWED_BASE_URLS": "example.com"}, "AC_ALLOWED_BASE_URLS holds"),
    (
        {"DATABASE_URL": "mysql://u:hush@h/n"},
        "DATABASE_URL holds a value that is not shown; it may hold postgres://user:password@host",
    ),
    ({"DB_URL": "postgres://u:hush@h:x/n"}, "DB_URL holds a value that is not shown"),
    ({"ACE_SERVER_DB_DIR": "nowhere"}, 'ACE_SERVER_DB_DIR holds "nowhere"; it may hold a dir'),
    (
        {"OPENAI_API_KEY": "sk-hush 1"},
        "OPENAI_API_KEY holds a value that is not shown; it may hold one word of printable ASCII",
    ),
    ({"OPENAI_API_KEY": "sk-hush\n"}, "OPENAI_API_KEY holds a value that is not shown"),
    ({"OPENAI_API_KEY": "ключ-hush"}, "OPENAI_API_KEY holds a value that is not shown"),
    ({"axiomApiToken": "two hush"}, "axiomApiToken holds a value that is not shown"),
    ({"FORGE_APP_ID": "a/b"}, "FORGE_APP_ID holds"),
    ({"FORGE_JWKS_URL": "http://keys.example/jwks"}, "FORGE_JWKS_URL holds"),
    ({"AXIOM_URL": "http://axiom.example"}, "AXIOM_URL holds"),
    ({"DEFAULT_TOKEN_QUOTA": "2147483648"}, "DEFAULT_TOKEN_QUOTA holds"),
    ({"ADMIN_TOKEN": "two hush"}, "ADMIN_TOKEN holds a value that is not shown"),
    ({"CLOUDFLARE_GATEWAY_TOKEN": "hush\t"}, "CLOUDFLARE_GATEWAY_TOKEN holds a value that is not"),
    (
        {"OPENAI_API_KEY": ""},
        "OPENAI_API_KEY is not set; it may hold one word of printable ASCII, without spaces or "
        "line ends; only a gateway with CLOUDFLARE_GATEWAY_TOKEN can do without.",
    ),
    ({"OPENAI_API_KEY": "", **GATEWAY}, "OPENAI_API_KEY is not set"),
    (
        {"OPENAI_API_KEY": "sk-bff-hush"},
        "OPENAI_API_KEY holds a value that is not shown; it may hold the vendor's own key; one of "
        "`bff keys` (sk-bff-...) is for clients of this service.",
    ),
    ({"OPENAI_API_KEY": "sk-bff-hush", **GATEWAY}, "OPENAI_API_KEY holds a value that is not"),
    ({"OPENAI_API_KEY": "sk-bff-hush", "OPENAI_BASEURL": OPENAI}, "OPENAI_API_KEY holds a value"),
    ({"ANTHROPIC_API_KEY": "sk-bff-hush"}, "ANTHROPIC_API_KEY holds a value that is not shown"),
    ({"OPENAI_API_KEY": "", "CLOUDFLARE_GATEWAY_TOKEN": "t"}, "OPENAI_API_KEY is not set"),
    (
        {"OPENAI_API_KEY": "", **BYOK, "OPENAI_FALLBACK_BASEURL": OPENAI},
        f'OPENAI_FALLBACK_BASEURL holds "{OPENAI}"; it may hold off, because the way around the '
        "gateway needs OPENAI_API_KEY.",
    ),
    (
        {**GATEWAY, "OPENAI_FALLBACK_BASEURL": GATEWAY_BASE},
        f'OPENAI_FALLBACK_BASEURL holds "{GATEWAY_BASE}"; it may hold off, or a way around',
    ),
    ({"OPENAI_FALLBACK_BASEURL": "on"}, 'OPENAI_FALLBACK_BASEURL holds "on"; it may hold off, or'),
    ({**GATEWAY, "OPENAI_FALLBACK_BASEURL": "http://a.example/v1"}, "OPENAI_FALLBACK_BASEURL hol"),
    (
        {"OPENAI_BASEURL": "http://api.example.com/v1"},
        'OPENAI_BASEURL holds "http://api.example.com/v1"; it may hold an absolute http(s) URL '
        "without user, query or fragment, such as https://api.openai.com/v1; in production http "
        "only to loopback.",
    ),
    ({"OPENAI_BASEURL": "api.openai.com/v1"}, 'OPENAI_BASEURL holds "api.openai.com/v1"'),
    ({"OPENAI_BASEURL": f"{OPENAI}?x=1"}, "OPENAI_BASEURL holds"),
    ({"OPENAI_BASEURL": "https://a b/v1"}, "OPENAI_BASEURL holds"),
    ({"OPENAI_BASEURL": "https://a:b/v1"}, "OPENAI_BASEURL holds"),
    ({"OPENAI_BASEURL": "https://u:hush@a/v1"}, "OPENAI_BASEURL holds a value that is not shown"),
    ({"OPENAI_BASEURL": "sk-hush-0123456789"}, "OPENAI_BASEURL holds a value that is not shown"),
    ({"OPENAI_BASEURL": "https://api.openai.com"}, "OPENAI_BASEURL holds"),
    ({"OPENAI_BASEURL": f"{OPENAI}/chat/completions"}, "OPENAI_BASEURL holds"),
    ({"OPENAI_BASEURL": "https://llm.example/v1/chat/completions"}, "OPENAI_BASEURL holds"),
    (
        {"OPENAI_BASEURL": f"{GATEWAY_BASE}/v1"},
        f'OPENAI_BASEURL holds "{GATEWAY_BASE}/v1"; it may hold {OPENAI}, or '
        f"{CLOUDFLARE}/<account>/<gateway>/openai with nothing after it, or another base.",
    ),
    ({"OPENAI_BASEURL": f"{CLOUDFLARE}/acc/gate/compat"}, "OPENAI_BASEURL holds"),
    ({"OPENAI_BASEURL": f"{CLOUDFLARE}/acc/gate"}, "OPENAI_BASEURL holds"),
    ({"OPENAI_BASEURL": CLOUDFLARE}, "OPENAI_BASEURL holds"),
    ({"OPENAI_BASEURL": f"{CLOUDFLARE}/acc/{'g' * 65}/openai"}, "OPENAI_BASEURL holds"),
    ({"GATEWAY_URL": "https://gateway.ai.cloudflare.com/"}, "GATEWAY_URL holds"),
    ({"GATEWAY_URL": "http://gateway.example"}, "GATEWAY_URL holds"),
    (
        {"CLOUDFLARE_ACCOUNT_ID": "acc"},
        "CLOUDFLARE_GATEWAY_ID is not set; it may hold 1 to 64 letters, digits, - and _: account "
        "and gateway are set together.",
    ),
    ({"CLOUDFLARE_GATEWAY_ID": "gate"}, "CLOUDFLARE_ACCOUNT_ID is not set"),
    (
        {**GATEWAY, "CLOUDFLARE_GATEWAY_ID": "g" * 65},
        f'CLOUDFLARE_GATEWAY_ID holds "{"g" * 65}"; it may hold 1 to 64 letters',
    ),
    ({**GATEWAY, "CLOUDFLARE_ACCOUNT_ID": "a/b"}, 'CLOUDFLARE_ACCOUNT_ID holds "a/b"'),
    (
        {"CHAT_MODEL": "gpt-4o"},
        'CHAT_MODEL holds "gpt-4o"; it may hold provider/model, such as openai/gpt-4o; '
        "providers: anthropic, azure, openai, salesforce, straico.",
    ),
    ({"CHAT_MODEL": "mistral/large"}, 'CHAT_MODEL holds "mistral/large"'),
    ({"CHAT_MODEL": "openai/"}, 'CHAT_MODEL holds "openai/"'),
    ({"CHAT_MODEL": "openai/gpt 4"}, 'CHAT_MODEL holds "openai/gpt 4"'),
    ({"CHAT_MAX_TOKENS": "0"}, 'CHAT_MAX_TOKENS holds "0"'),
    ({"CHAT_MAX_TOKENS": "many\nmore"}, r"CHAT_MAX_TOKENS holds 'many\nmore'"),
    ({"CHAT_SYSTEM_PROMPT_FILE": "none.txt"}, 'CHAT_SYSTEM_PROMPT_FILE holds "none.txt"; it may'),
    ({"VISIBLE_ERRORS": "sometimes"}, 'VISIBLE_ERRORS holds "sometimes"; it may hold auto, always'),
    ({"CONNECT_TIMEOUT": "0"}, 'CONNECT_TIMEOUT holds "0"; it may hold seconds, more than 0.'),
    ({"FIRST_BYTE_TIMEOUT": "-3"}, 'FIRST_BYTE_TIMEOUT holds "-3"'),
    ({"IDLE_TIMEOUT": "nan"}, 'IDLE_TIMEOUT holds "nan"'),
    ({"TOTAL_TIMEOUT": "inf"}, 'TOTAL_TIMEOUT holds "inf"'),
    ({"LOG_LEVEL": "loud"}, 'LOG_LEVEL holds "loud"'),
    ({"LOG_FORMAT": "xml"}, 'LOG_FORMAT holds "xml"'),
    ({"SHUTDOWN_GRACE_SECONDS": "-1"}, 'SHUTDOWN_GRACE_SECONDS holds "-1"'),
    ({"HEARTBEAT_SECONDS": "55"}, 'HEARTBEAT_SECONDS holds "55"'),
    ({"MAX_LINE_BYTES": "8190"}, 'MAX_LINE_BYTES holds "8190"'),
    ({"MAX_JSON_DEPTH": "513"}, 'MAX_JSON_DEPTH holds "513"'),
    ({"UPSTREAM_CONNECTIONS": "0"}, 'UPSTREAM_CONNECTIONS holds "0"'),
    (
        {"STREAMS_PER_USER": "0"},
        'STREAMS_PER_USER holds "0"; it may hold a whole number, 1 or more, or off.',
    ),
    ({"STREAMS_PER_KEY": "none"}, 'STREAMS_PER_KEY holds "none"'),
    ({"ROUTER_FIRST_BYTE_SECONDS": "-1"}, 'ROUTER_FIRST_BYTE_SECONDS holds "-1"'),
    ({"MAX_BODY_BYTES": "x" * 200}, f'MAX_BODY_BYTES holds "{"x" * 80}…"'),
]


@pytest.mark.parametrize(("environment", "line"), WRONG)
def test_a_wrong_setting_stops_the_start_with_one_line(
    environment: dict[str, str], line: str
) -> None:
    with pytest.raises(WrongSetting) as stopped:
        read_settings({**KEY, **environment})

    said = str(stopped.value)
    assert said.startswith(line)
    assert "\n" not in said
    assert said.endswith(".")
    assert "hush" not in f"{said} {stopped.value!r} {stopped.value.__cause__!r}"


def test_everything_that_is_wrong_is_told_to_who_asks_for_it() -> None:
    with pytest.raises(WrongSetting) as stopped:
        read_settings({**KEY, "PORT": "x", "LOG_LEVEL": "y"})

    assert [line.split()[0] for line in stopped.value.lines] == ["PORT", "LOG_LEVEL"]


def test_a_secret_in_the_wrong_place_is_not_repeated() -> None:
    with pytest.raises(WrongSetting) as stopped:
        read_settings({"ADMIN_TOKEN": "plainhush", "LOG_LEVEL": "plainhush", **KEY})

    assert str(stopped.value).startswith("LOG_LEVEL holds a value that is not shown")


FINE: list[tuple[dict[str, str], str, object]] = [
    ({"PORT": "0"}, "port", 0),
    ({"PORT": ""}, "port", 3000),
    ({"PORT": "  "}, "port", 3000),
    ({"AC_LOCAL_BASE_URL": "https://a.example/base/"}, "base_url", "https://a.example/base/"),
    ({"LOCAL_BASE_URL": "https://b.example"}, "base_url", "https://b.example"),
    (
        {"LOCAL_BASE_URL": "https://b.example", "AC_LOCAL_BASE_URL": "https://a.example"},
        "base_url",
        "https://a.example",
    ),
    ({"AC_LOCAL_BASE_URL": "http://127.0.0.1:8080"}, "base_url", "http://127.0.0.1:8080"),
    ({"AC_LOCAL_BASE_URL": "http://[::1]:8080"}, "base_url", "http://[::1]:8080"),
    ({"AC_LOCAL_BASE_URL": "http://app.localhost"}, "base_url", "http://app.localhost"),
    (
        {"AC_LOCAL_BASE_URL": "http://pc.example", "NODE_ENV": "development"},
        "base_url",
        "http://pc.example",
    ),
    ({"PORT": "5000"}, "base_url", "http://localhost:5000"),
    ({"APP_ENV": "production", "NODE_ENV": "development"}, "development", False),
    ({"NODE_ENV": "development"}, "development", True),
    ({"DATABASE_URL": "postgres://u:p@h/n"}, "database_url", "postgres://u:p@h/n"),
    (
        {"DATABASE_URL": "postgres://u:p@h/n", "DB_URL": "postgresql://v@h/n"},
        "database_url",
        "postgresql://v@h/n",
    ),
    ({"ACE_SERVER_DB_DIR": "/"}, "database_url", "sqlite:////database.sqlite"),
    ({"AC_HOST_WHITELIST": "*.a.com, b.com,"}, "connect_host_allowlist", ("*.a.com", "b.com")),
    (
        {"CONNECT_INSTALL_KEYS_URL": "http://127.0.0.1:1/keys/,https://b"},
        "connect_install_keys_url",
        ("http://127.0.0.1:1/keys", "https://b"),
    ),
    (
        {"AC_ALLOWED_BASE_URLS": "https://a/,https://b/x"},
        "ac_allowed_base_urls",
        ("https://a/", "https://b/x"),
    ),
    ({"LOG_LEVEL": "WARNING"}, "log_level", "warning"),
    ({"LOG_FORMAT": "console"}, "log_format", "console"),
    ({"VISIBLE_ERRORS": "Never"}, "visible_errors", "never"),
    ({"IDLE_TIMEOUT": "0.5"}, "idle_timeout", 0.5),
    ({"CHAT_SYSTEM_PROMPT": "Be brief."}, "chat_system_prompt", "Be brief."),
    ({"PATH": "z"}, "port", 3000),
    ({"axiomApiToken": "x"}, "monitor_dataset", "gptdockapiserverdb"),
    ({"axiomApiToken": "x", "NODE_ENV": "development"}, "monitor_dataset", "gptdock"),
    ({"AXIOM_TOKEN": "x", "AXIOM_DATASET": "ours"}, "monitor_dataset", "ours"),
    ({"FORGE_APP_ID": "ari:cloud:ecosystem::app/1-2-3"}, "forge_app_id", "1-2-3"),
    ({"FORGE_APP_ID": "1-2-3"}, "forge_app_id", "1-2-3"),
    ({"DIAGRAM_MODEL": "openai/gpt-4.1"}, "diagram_model", "openai/gpt-4.1"),
    ({"DEFAULT_TOKEN_QUOTA": "7"}, "default_token_quota", 7),
    ({}, "streams_per_user", 5),
    ({"STREAMS_PER_USER": "1"}, "streams_per_user", 1),
    ({"STREAMS_PER_USER": "Off"}, "streams_per_user", None),
    ({}, "streams_per_key", 100),
    ({"STREAMS_PER_KEY": "off"}, "streams_per_key", None),
    ({"ROUTER_FIRST_BYTE_SECONDS": "0"}, "router_first_byte_seconds", 0),
]


@pytest.mark.parametrize(("environment", "field", "value"), FINE)
def test_a_setting_means(environment: dict[str, str], field: str, value: object) -> None:
    assert getattr(read_settings({**KEY, **environment}), field) == value


UPSTREAMS: list[tuple[dict[str, str], tuple[str, bool, bool, bool, str | None]]] = [
    (KEY, (OPENAI, False, False, True, None)),
    ({**KEY, "CLOUDFLARE_GATEWAY_TOKEN": "t"}, (OPENAI, False, False, True, None)),
    ({**KEY, **GATEWAY}, (GATEWAY_BASE, True, False, True, OPENAI)),
    ({**KEY, **BYOK}, (GATEWAY_BASE, True, True, True, OPENAI)),
    (BYOK, (GATEWAY_BASE, True, True, False, None)),
    ({**BYOK, "OPENAI_FALLBACK_BASEURL": "off"}, (GATEWAY_BASE, True, True, False, None)),
    ({**KEY, **GATEWAY, "OPENAI_FALLBACK_BASEURL": "OFF"}, (GATEWAY_BASE, True, False, True, None)),
    (
        {**KEY, **GATEWAY, "OPENAI_FALLBACK_BASEURL": "https://b.example/v1/"},
        (GATEWAY_BASE, True, False, True, "https://b.example/v1"),
    ),
    ({**KEY, "OPENAI_BASEURL": f"{GATEWAY_BASE}/"}, (GATEWAY_BASE, True, False, True, OPENAI)),
    (
        {**KEY, "OPENAI_BASEURL": GATEWAY_BASE.replace("gateway", "GATEWAY")},
        (GATEWAY_BASE, True, False, True, OPENAI),
    ),
    (
        {**KEY, **GATEWAY, "OPENAI_BASEURL": "https://b.example/v1"},
        ("https://b.example/v1", False, False, True, None),
    ),
    (
        {**KEY, **GATEWAY, "GATEWAY_URL": "http://127.0.0.1:9/gateway/"},
        ("http://127.0.0.1:9/gateway/acc/gate/openai", True, False, True, OPENAI),
    ),
    (
        {
            **KEY,
            "GATEWAY_URL": "http://127.0.0.1:9/gateway",
            "OPENAI_BASEURL": "http://127.0.0.1:9/gateway/a/g/openai",
            "OPENAI_FALLBACK_BASEURL": "http://127.0.0.1:9/openai/v1",
        },
        (
            "http://127.0.0.1:9/gateway/a/g/openai",
            True,
            False,
            True,
            "http://127.0.0.1:9/openai/v1",
        ),
    ),
    (
        {
            **KEY,
            "GATEWAY_URL": "http://127.0.0.1:9/gateway",
            "OPENAI_BASEURL": "http://127.0.0.1:9/gateways/v1",
        },
        ("http://127.0.0.1:9/gateways/v1", False, False, True, None),
    ),
    (
        {**KEY, "OPENAI_BASEURL": f"{CLOUDFLARE}/acc/gate/groq/v1"},
        (f"{CLOUDFLARE}/acc/gate/groq/v1", True, False, True, OPENAI),
    ),
]


@pytest.mark.parametrize(("environment", "plan"), UPSTREAMS)
def test_questions_go(
    environment: dict[str, str], plan: tuple[str, bool, bool, bool, str | None]
) -> None:
    found = read_settings(environment).upstream()

    assert (
        found.base_url,
        found.is_gateway,
        found.gateway_token is not None,
        found.api_key is not None,
        found.fallback_base_url,
    ) == plan


def test_who_asks_no_question_needs_no_key() -> None:
    assert read_settings({}, upstream_needed=False).openai_api_key is None
    assert read_settings({}, upstream_needed=False, default_app_env="development").development


def test_another_service_of_this_kind_may_be_asked_with_a_key_of_its_own() -> None:
    key, other = "sk-bff-theirs", "https://bff.example"

    read_settings({"OPENAI_API_KEY": key, "OPENAI_BASEURL": f"{other}/v1"})
    read_settings({**KEY, "ANTHROPIC_API_KEY": key, "ANTHROPIC_BASE_URL": other})


def test_a_key_for_clients_in_the_environment_stops_no_command_that_asks_nothing() -> None:
    read_settings({"OPENAI_API_KEY": "sk-bff-exported"}, upstream_needed=False)


def test_production_without_a_public_address_starts_and_says_so() -> None:
    assert read_settings({**KEY, "APP_ENV": "development"}).warnings() == []
    assert read_settings({**KEY, "AC_LOCAL_BASE_URL": "https://a.example"}).warnings() == []

    [line] = read_settings(KEY).warnings()

    assert line.startswith(
        "AC_LOCAL_BASE_URL is not set: the descriptor says http://localhost:3000"
    )


def test_what_will_disappoint_is_said() -> None:
    found = read_settings(
        {
            **KEY,
            "AC_LOCAL_BASE_URL": "https://a.example/",
            "AC_OPTS": "no-reg, no-auth",
            "CLOUDFLARE_GATEWAY_TOKEN": "t",
            "OPENAI_FALLBACK_BASEURL": OPENAI,
            "ROUTER_FIRST_BYTE_SECONDS": "10",
            "ADMIN_TOKEN": "short",
        }
    ).warnings()

    assert [line.split()[0] for line in found] == [
        "AC_LOCAL_BASE_URL",
        "AC_OPTS",
        "CLOUDFLARE_GATEWAY_TOKEN",
        "OPENAI_FALLBACK_BASEURL",
        "EARLY_COMMIT_SECONDS",
        "ADMIN_TOKEN",
    ]


def test_a_prompt_is_read_from_its_file_unless_it_is_given(tmp_path: Path) -> None:
    file = tmp_path / "prompt.txt"
    file.write_text("Answer in French.\n", "utf-8")
    from_file = {**KEY, "CHAT_SYSTEM_PROMPT_FILE": str(file)}

    assert read_settings(from_file).system_prompt(default="") == "Answer in French."
    both = read_settings({**from_file, "CHAT_SYSTEM_PROMPT": "Be brief."})
    assert both.system_prompt(default="") == "Be brief."

    file.write_bytes(b"\xff\xfe")
    with pytest.raises(WrongSetting, match="CHAT_SYSTEM_PROMPT_FILE"):
        read_settings(from_file)


def test_the_environment_wins_over_the_file_and_nothing_is_not_a_value(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for names in variables().values():
        for name in names:
            monkeypatch.delenv(name, raising=False)
    (tmp_path / ".env").write_text(
        "\ufeffOPENAI_API_KEY=sk-file\nPORT=5000\nexport HOST=127.0.0.1\n"
        "CHAT_SYSTEM_PROMPT='Pay ${PORT} $5'\n# comment\nLOG_LEVEL=\n",
        "utf-8",
    )
    monkeypatch.setenv("PORT", "6000")
    monkeypatch.setenv("HOST", "")

    settings = read_settings()

    assert (settings.port, settings.host) == (6000, "127.0.0.1")
    assert settings.system_prompt(default="") == "Pay ${PORT} $5"
    assert settings.log_level == "info"
    assert settings.openai_api_key is not None
    assert settings.openai_api_key.get_secret_value() == "sk-file"


def test_a_file_that_cannot_be_read_is_named(tmp_path: Path) -> None:
    (tmp_path / ".env").write_bytes(b"PORT=\xff")

    with pytest.raises(WrongSetting, match=r"^\.env cannot be read"):
        read_settings()


def test_nothing_secret_is_printed_and_nothing_can_be_changed() -> None:
    secret = {
        "OPENAI_API_KEY": "sk-hush",
        "ADMIN_TOKEN": "hush",
        "CLOUDFLARE_GATEWAY_TOKEN": "hush",
        "DATABASE_URL": "postgres://u:hush@h/n",
    }
    settings = read_settings(secret)

    assert "hush" not in f"{settings!r} {settings} {settings.upstream()!r}"
    with pytest.raises(ValidationError):
        settings.port = 1  # type: ignore[misc]


def test_every_setting_is_described() -> None:
    for field, info in Settings.model_fields.items():
        assert info.description, field
        assert info.description.endswith("."), field
        assert "\n" not in info.description, field


def test_the_example_file_holds_every_setting_once_with_its_comment() -> None:
    lines = EXAMPLE.read_text("utf-8").splitlines()
    found = [match[1] for line in lines if (match := re.match(r"#?([A-Z][A-Z_]+)=", line))]
    comments = [
        lines[number - 1] for number, line in enumerate(lines) if re.match(r"#?[A-Z][A-Z_]+=", line)
    ]

    # the file names each by the name that people know; DB_URL only overrides DATABASE_URL
    expected = [
        "DATABASE_URL" if names[0] == "DB_URL" else names[0] for names in variables().values()
    ]
    assert sorted(found) == sorted(expected)
    assert all(comment.startswith("# ") for comment in comments)
    every_name = {name for names in variables().values() for name in names}
    assert every_name <= set(re.findall(r"[A-Za-z][A-Za-z_]+", "\n".join(lines)))


def test_the_example_file_holds_the_defaults() -> None:
    text = EXAMPLE.read_text("utf-8")
    example = dict(re.findall(r"^#([A-Z][A-Z_]+)=(.+)$", text, re.MULTILINE))

    told, silent = read_settings({**KEY, **example}), read_settings(KEY)

    assert told == silent
