"""Every setting as a field: its names, its default, what it says and what it may hold.

Long because it lists every setting. Names and defaults: operations.md.
"""

import sys
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Literal

from pydantic import AfterValidator, BeforeValidator, Field, SecretStr
from pydantic_settings import BaseSettings, PydanticBaseSettingsSource, SettingsConfigDict

from bff.settings.kinds import (
    A_MODEL,
    A_NAME,
    A_TOKEN,
    AN_URL,
    AXIOM,
    CLOUDFLARE,
    COUNT,
    COUNT_OR_OFF,
    FORGE_KEYS,
    OFF,
    OPENAI,
    SECONDS,
    Address,
    Count,
    CountOrOff,
    Header,
    Name,
    Seconds,
    Url,
    address,
    database,
    forge_app,
    listed,
    lower,
    model,
    root_of,
    setting,
    url_or_off,
)
from bff.settings.vendor_fields import VendorFields
from bff.store.url import MAY_HOLD as A_DATABASE

_SHORT_TOKEN = 16
_SWITCHES_AUTH_OFF = {"no-auth", "no-token-verfication", "no-token-verification"}  # sic, as in Node


@dataclass(frozen=True, slots=True)
class UpstreamPlan:
    """Where questions go. Without an *api_key* the gateway holds it, and there is no fallback."""

    base_url: str
    is_gateway: bool
    gateway_token: SecretStr | None
    api_key: SecretStr | None
    fallback_base_url: str | None


class Settings(VendorFields):
    """All of them, frozen. Made by `read_settings` only."""

    model_config = SettingsConfigDict(frozen=True, extra="ignore", hide_input_in_errors=True)

    port: Annotated[int, Field(ge=0, le=65535)] = setting(
        3000, "PORT", says="Port to listen on.", may="a port, 0 to 65535; 0 picks a free one"
    )
    host: str = setting(
        "0.0.0.0",  # noqa: S104 - behind a router or in a container
        "HOST",
        says="Address to listen on.",
        may="an IP address or a host name",
    )
    web_concurrency: Count = setting(1, "WEB_CONCURRENCY", says="Worker processes.", may=COUNT)
    ac_local_base_url: Annotated[str, AfterValidator(address)] | None = setting(
        None,
        "AC_LOCAL_BASE_URL",
        "LOCAL_BASE_URL",
        says="Public base URL: stands in the descriptor, is the audience of signed installs.",
        may="an absolute https URL (http in development or to loopback), without query",
    )
    app_env: Annotated[Literal["development", "production"], BeforeValidator(lower)] = setting(
        "production",
        "APP_ENV",
        "NODE_ENV",
        says="Development allows http hosts and any install host.",
        may="development or production",
    )
    connect_descriptor: Path = setting(
        Path("atlassian-connect.json"),
        "CONNECT_DESCRIPTOR",
        says="Template of the add-on descriptor.",
        may="the path of a JSON file",
    )
    connect_host_allowlist: Annotated[tuple[str, ...], BeforeValidator(listed)] = setting(
        ("*.jira-dev.com", "*.atlassian.net", "*.atlassian.com", "*.jira.com"),
        "CONNECT_HOST_ALLOWLIST",
        "AC_HOST_WHITELIST",
        says="Hosts that may install the add-on.",
        may="host patterns such as *.atlassian.net, comma separated",
        min_length=1,
    )
    connect_install_keys_url: Annotated[tuple[Url, ...], BeforeValidator(listed)] = setting(
        (
            "https://asap-distribution.us-west-2.prod.atl-asap.net",
            "https://connect-install-keys.atlassian.com",
        ),
        "CONNECT_INSTALL_KEYS_URL",
        "CONNECT_KEYS_CDN_URL",
        says="Where Atlassian's install keys are fetched, tried in order.",
        may="absolute http(s) URLs, comma separated",
        min_length=1,
    )
    ac_allowed_base_urls: Annotated[tuple[Address, ...], BeforeValidator(listed)] = setting(
        (),
        "AC_ALLOWED_BASE_URLS",
        says="Further audiences a signed install may name.",
        may="absolute http(s) URLs, comma separated",
    )
    ac_opts: Annotated[tuple[str, ...], BeforeValidator(listed)] = setting(
        (),
        "AC_OPTS",
        says="The Node app's switches. None is honoured: tokens are always verified.",
        may="nothing; it is read only to say so",
    )
    forge_app_id: Annotated[Name, BeforeValidator(forge_app)] | None = setting(
        None,
        "FORGE_APP_ID",
        says="Id of the Forge app; set: Forge Remote invocation tokens are accepted too.",
        may="the id of a Forge app, with or without ari:cloud:ecosystem::app/ before it",
    )
    forge_jwks_url: Url = setting(
        FORGE_KEYS,
        "FORGE_JWKS_URL",
        says="Where the keys of Forge invocation tokens are fetched.",
        may=f"{AN_URL}, such as {FORGE_KEYS}",
    )
    database_url: Annotated[str, AfterValidator(database)] = setting(
        "sqlite:///database.sqlite",
        "DB_URL",
        "DATABASE_URL",
        says="The database; unset: the SQLite file database.sqlite in ACE_SERVER_DB_DIR.",
        may=A_DATABASE,
        repr=False,
    )
    ace_server_db_dir: Path = setting(
        Path(),
        "ACE_SERVER_DB_DIR",
        says="Directory of database.sqlite.",
        may="a directory that exists",
    )
    openai_api_key: Header | None = setting(
        None, "OPENAI_API_KEY", says="The key of the model's vendor.", may=A_TOKEN
    )
    openai_baseurl: Url | None = setting(
        None,
        "OPENAI_BASEURL",
        says="Upstream base URL; unset: the gateway of the Cloudflare variables, else OpenAI.",
        may=f"{AN_URL}, such as {OPENAI}",
    )
    cloudflare_account_id: Name | None = setting(
        None, "CLOUDFLARE_ACCOUNT_ID", says="Account of the AI gateway.", may=A_NAME
    )
    cloudflare_gateway_id: Name | None = setting(
        None, "CLOUDFLARE_GATEWAY_ID", says="Name of the AI gateway.", may=A_NAME
    )
    cloudflare_gateway_token: Header | None = setting(
        None, "CLOUDFLARE_GATEWAY_TOKEN", says="Token of an authenticated gateway.", may=A_TOKEN
    )
    gateway_url: Url = setting(
        CLOUDFLARE,
        "GATEWAY_URL",
        says="Base of the gateway; /<account>/<gateway>/<provider> follows it.",
        may=f"{AN_URL}, such as {CLOUDFLARE}",
    )
    openai_fallback_baseurl: Annotated[str, AfterValidator(url_or_off)] | None = setting(
        None,
        "OPENAI_FALLBACK_BASEURL",
        says=f"Where to go when the gateway fails; unset: {OPENAI}; off: nowhere.",
        may=f"off, or {AN_URL}",
    )
    fallback_on_gateway_config_error: bool = setting(
        True,
        "FALLBACK_ON_GATEWAY_CONFIG_ERROR",
        says="Whether a gateway that is set up wrong is gone round; its metric is loud either way.",
        may="true or false",
    )
    chat_model: Annotated[str, AfterValidator(model)] = setting(
        "openai/gpt-3.5-turbo",
        "CHAT_MODEL",
        says="Model of /conversations.",
        may=A_MODEL,
    )
    diagram_model: Annotated[str, AfterValidator(model)] = setting(
        "openai/gpt-4o",
        "DIAGRAM_MODEL",
        says="Model of /image-to-dsl and /image-to-dsl2.",
        may=A_MODEL,
    )
    default_token_quota: Annotated[int, Field(ge=1, lt=2**31)] = setting(
        500_000,
        "DEFAULT_TOKEN_QUOTA",
        says="Tokens that a new client may use for diagrams.",
        may="a whole number, 1 to 2147483647",
    )
    chat_max_tokens: Count = setting(
        4096, "CHAT_MAX_TOKENS", says="Longest answer, in tokens.", may=COUNT
    )
    chat_system_prompt: str | None = setting(
        None, "CHAT_SYSTEM_PROMPT", says="System prompt; unset: GPTDock's.", may="text"
    )
    chat_system_prompt_file: Path | None = setting(
        None,
        "CHAT_SYSTEM_PROMPT_FILE",
        says="File with the system prompt, where CHAT_SYSTEM_PROMPT is unset.",
        may="the path of a UTF-8 text file that is not empty",
    )
    visible_errors: Annotated[Literal["auto", "always", "never"], BeforeValidator(lower)] = setting(
        "auto",
        "VISIBLE_ERRORS",
        says="Errors of /conversations as a readable stream: always, never, auto for browsers.",
        may="auto, always or never",
    )
    connect_timeout: Seconds = setting(
        5.0, "CONNECT_TIMEOUT", says="Seconds to connect upstream.", may=SECONDS
    )
    first_byte_timeout: Seconds = setting(
        60.0,
        "FIRST_BYTE_TIMEOUT",
        says="Seconds to the first byte of a stream; a whole answer has longer.",
        may=SECONDS,
    )
    idle_timeout: Seconds = setting(
        60.0, "IDLE_TIMEOUT", says="Seconds of silence within an answer.", may=SECONDS
    )
    total_timeout: Seconds = setting(
        600.0, "TOTAL_TIMEOUT", says="Seconds for a whole answer.", may=SECONDS
    )
    frontend_dir: Path | None = setting(
        None,
        "FRONTEND_DIR",
        says="Folder with the built frontend of the Node app; unset: the built-in chat page.",
        may="the path of a folder",
    )
    log_level: Annotated[
        Literal["debug", "info", "warning", "error", "critical"], BeforeValidator(lower)
    ] = setting(
        "info",
        "LOG_LEVEL",
        says="Least important line to log.",
        may="debug, info, warning, error or critical",
    )
    log_format: Annotated[Literal["json", "console"], BeforeValidator(lower)] = setting(
        lambda: "console" if sys.stdout.isatty() else "json",
        "LOG_FORMAT",
        says="How a line looks; unset: console on a terminal, else json.",
        may="json or console",
    )
    shutdown_grace_seconds: Annotated[float, Field(ge=0, allow_inf_nan=False)] = setting(
        25.0,
        "SHUTDOWN_GRACE_SECONDS",
        says="Seconds running streams have after SIGTERM.",
        may="seconds, 0 or more",
    )
    admin_token: Header | None = setting(
        None, "ADMIN_TOKEN", says="Opens /metrics from elsewhere than loopback.", may=A_TOKEN
    )
    axiom_token: Header | None = setting(
        None,
        "AXIOM_TOKEN",
        "axiomApiToken",
        says="Token of the Node app's monitor; unset: nothing is sent.",
        may=A_TOKEN,
    )
    axiom_dataset: Name | None = setting(
        None,
        "AXIOM_DATASET",
        says="Its dataset; unset: the Node app's, gptdock in development, else gptdockapiserverdb.",
        may=A_NAME,
    )
    axiom_url: Url = setting(
        AXIOM, "AXIOM_URL", says="Where the monitor's events go.", may=f"{AN_URL}, such as {AXIOM}"
    )
    max_body_bytes: Count = setting(
        10 * 2**20, "MAX_BODY_BYTES", says="Largest request body.", may=COUNT
    )
    max_face_body_bytes: Count = setting(
        32 * 2**20,
        "MAX_FACE_BODY_BYTES",
        says="Largest question on the faces under /v1.",
        may=COUNT,
    )
    max_messages: Count = setting(
        1000, "MAX_MESSAGES", says="Most messages in one question.", may=COUNT
    )
    max_parts: Count = setting(1000, "MAX_PARTS", says="Most parts in one message.", may=COUNT)
    max_json_depth: Annotated[int, Field(ge=1, le=512)] = setting(
        64, "MAX_JSON_DEPTH", says="Deepest nesting of a body.", may="a whole number, 1 to 512"
    )
    max_json_values: Count = setting(
        500_000,
        "MAX_JSON_VALUES",
        says="Most values in a body.",
        may=COUNT,
    )
    max_event_bytes: Count = setting(
        8 * 2**20, "MAX_EVENT_BYTES", says="Largest event an upstream stream may send.", may=COUNT
    )
    max_line_bytes: Annotated[int, Field(ge=16384)] = setting(
        16384,
        "MAX_LINE_BYTES",
        says="Longest request line or header field; a token travels in it.",
        may="a whole number, 16384 or more",
    )
    body_timeout: Seconds = setting(
        30.0,
        "BODY_TIMEOUT",
        says="Seconds for a request body to arrive, and one more for every 64 KiB of it.",
        may=SECONDS,
    )
    heartbeat_seconds: Annotated[float, Field(gt=0, lt=55)] = setting(
        10.0,
        "HEARTBEAT_SECONDS",
        says="Seconds of silence on a stream before a keep-alive.",
        may="seconds, more than 0 and less than 55, where routers hang up",
    )
    early_commit_seconds: Seconds = setting(
        10.0,
        "EARLY_COMMIT_SECONDS",
        says="Seconds to wait for upstream before a stream begins without it.",
        may=SECONDS,
    )
    client_stall_seconds: Seconds = setting(
        60.0,
        "CLIENT_STALL_SECONDS",
        says="Seconds a reader may take nothing before it is hung up on.",
        may=SECONDS,
    )
    router_first_byte_seconds: Annotated[float, Field(ge=0, allow_inf_nan=False)] = setting(
        30.0,
        "ROUTER_FIRST_BYTE_SECONDS",
        says="When the router in front hangs up on an answer that has not begun; 0: no router.",
        may="seconds, 0 or more",
    )
    streams_per_user: CountOrOff = setting(
        5,
        "STREAMS_PER_USER",
        says="Most streams one user has open at a time, in each worker process.",
        may=COUNT_OR_OFF,
    )
    streams_per_key: CountOrOff = setting(
        100,
        "STREAMS_PER_KEY",
        says="The same for an API key that has no number of its own.",
        may=COUNT_OR_OFF,
    )
    stream_floor: Annotated[float, Field(ge=0, allow_inf_nan=False)] = setting(
        1.0,
        "STREAM_FLOOR",
        says="Least bytes a second of an upstream stream, averaged over IDLE_TIMEOUT; 0 lifts it.",
        may="bytes a second, 0 or more",
    )
    upstream_connections: Count = setting(
        1000,
        "UPSTREAM_CONNECTIONS",
        says="Most questions a vendor is asked at a time; further ones wait.",
        may=COUNT,
    )

    @classmethod
    def settings_customise_sources(
        cls,
        settings_cls: type[BaseSettings],
        init_settings: PydanticBaseSettingsSource,
        env_settings: PydanticBaseSettingsSource,
        dotenv_settings: PydanticBaseSettingsSource,
        file_secret_settings: PydanticBaseSettingsSource,
    ) -> tuple[PydanticBaseSettingsSource, ...]:
        """One source, `read_settings`: an empty value is no value there, and a line can name it."""
        return (init_settings,)

    @property
    def development(self) -> bool:
        return self.app_env == "development"

    @property
    def base_url(self) -> str:
        """The public base URL, to the letter."""
        return self.ac_local_base_url or f"http://localhost:{self.port}"

    def system_prompt(self, *, default: str) -> str:
        return self.chat_system_prompt or default

    def upstream(self) -> UpstreamPlan:
        """Where questions go, as the OpenAI and the Cloudflare variables say together."""
        base, key = self._upstream_base(), self.openai_api_key
        if not self.is_gateway(base):
            return UpstreamPlan(base, False, None, key, None)
        fallback = self.openai_fallback_baseurl or OPENAI
        around = fallback if key is not None and fallback != OFF else None
        return UpstreamPlan(base, True, self.cloudflare_gateway_token, key, around)

    @property
    def gateway_base(self) -> str | None:
        """The gateway of the Cloudflare variables; a vendor's name follows."""
        if not (self.cloudflare_account_id and self.cloudflare_gateway_id):
            return None
        return f"{self.gateway_url}/{self.cloudflare_account_id}/{self.cloudflare_gateway_id}"

    def is_configured(self, vendor: str) -> bool:
        """Whether *vendor* can be asked. A gateway with a token may hold the key itself: of
        Anthropic's then only where one of its models is named.
        """
        stored = self.gateway_base is not None and self.cloudflare_gateway_token is not None
        match vendor:
            case "openai":
                plan = self.upstream()
                return plan.api_key is not None or (
                    plan.is_gateway and plan.gateway_token is not None
                )
            case "anthropic":
                named = (self.chat_model, self.diagram_model, *self.all_named_models)
                asked = any(model.startswith("anthropic/") for model in named)
                return self.anthropic_api_key is not None or (stored and asked)
            case "azure":
                key = self.azure_openai_api_key is not None
                return self.azure_openai_endpoint is not None and (
                    key or (stored and self.azure_is_classic)
                )
            case "salesforce":
                return self.salesforce_consumer_key is not None
        return self.straico_api_key is not None

    def _upstream_base(self) -> str:
        if self.openai_baseurl is not None:
            return self.openai_baseurl
        return OPENAI if self.gateway_base is None else f"{self.gateway_base}/openai"

    def is_gateway(self, base: str) -> bool:
        return any(base.startswith(f"{root}/") for root in (self.gateway_url, root_of(CLOUDFLARE)))

    @property
    def monitor_dataset(self) -> str:
        return self.axiom_dataset or ("gptdock" if self.development else "gptdockapiserverdb")

    def warnings(self) -> list[str]:
        """One line for each thing that starts but will disappoint."""
        found = list(_worrying_address(self))
        if _SWITCHES_AUTH_OFF.intersection(self.ac_opts):
            found.append("AC_OPTS asks for no authentication: not honoured, tokens are verified.")
        vendor = self.diagram_model.partition("/")[0]
        if not self.is_configured(vendor):
            found.append(
                f"DIAGRAM_MODEL is {self.diagram_model}, but {vendor} is not set up: "
                "no diagram can be drawn."
            )
        azure = (self.azure_openai_endpoint, self.azure_openai_api_key)
        if any(azure) and not self.is_configured("azure"):
            found.append(
                "AZURE_OPENAI_ENDPOINT and AZURE_OPENAI_API_KEY are set together: "
                "with one of them azure is not asked."
            )
        plan = self.upstream()
        if not plan.is_gateway and self.cloudflare_gateway_token is not None:
            found.append("CLOUDFLARE_GATEWAY_TOKEN is set, but upstream is no gateway: not used.")
        if not plan.is_gateway and self.openai_fallback_baseurl not in (None, OFF):
            found.append("OPENAI_FALLBACK_BASEURL is set, but upstream is no gateway: not used.")
        router_s = self.router_first_byte_seconds
        if router_s and self.early_commit_seconds >= router_s:
            found.append(
                f"EARLY_COMMIT_SECONDS is {self.early_commit_seconds:g}, but the router hangs up "
                f"after {router_s:g} (ROUTER_FIRST_BYTE_SECONDS): slow streams will not begin."
            )
        if self.admin_token and len(self.admin_token.get_secret_value()) < _SHORT_TOKEN:
            found.append(f"ADMIN_TOKEN is shorter than {_SHORT_TOKEN} characters: easy to guess.")
        return found


def _worrying_address(settings: Settings) -> Iterator[str]:
    address = settings.ac_local_base_url
    if address is None and not settings.development:
        yield (
            f"AC_LOCAL_BASE_URL is not set: the descriptor says {settings.base_url}, where "
            "Atlassian finds nobody. Set it to the public https address."
        )
    if address is not None and address.endswith("/"):
        yield "AC_LOCAL_BASE_URL ends in a slash, which the descriptor's URLs then have twice."
