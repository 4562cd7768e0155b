"""Every setting, read once: the environment, then a `.env` file, then the defaults below.

Not a place for decisions: rooms below get plain values from wiring. A setting that is wrong stops
the start with one line. Names and defaults: operations.md. Long because it lists every setting.
"""

import ipaddress
import os
import re
import sys
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Any, Literal
from urllib.parse import urlsplit

from dotenv import dotenv_values
from pydantic import (
    AfterValidator,
    AliasChoices,
    BeforeValidator,
    Field,
    SecretStr,
    ValidationError,
)
from pydantic_settings import BaseSettings, PydanticBaseSettingsSource, SettingsConfigDict

from bff.errors import Kind, Problem
from bff.store.url import MAY_HOLD as A_DATABASE
from bff.store.url import read_database_url

CLOUDFLARE = "https://gateway.ai.cloudflare.com/v1"
OPENAI = "https://api.openai.com/v1"
FORGE_KEYS = "https://forge.cdn.prod.atlassian-dev.net/.well-known/jwks.json"
AXIOM = "https://api.axiom.co"
PROVIDERS = ("openai",)  # whose models CHAT_MODEL may name
OFF = "off"

_HIDDEN = "a value that is not shown"
_SHOWN_MOST = 80
_LOOKS_SECRET = re.compile(r"\bsk-|Bearer|eyJ|@")  # pasted into the wrong variable
_SHORT_TOKEN = 16
_FORGE_APP_ARI = "ari:cloud:ecosystem::app/"
_SWITCHES_AUTH_OFF = {"no-auth", "no-token-verfication", "no-token-verification"}  # sic, as in Node


class WrongSetting(Problem):
    """The start stops here. Its text is one line: the variable, what it holds, what it may hold."""

    def __init__(self, *lines: str) -> None:
        super().__init__(Kind.INVALID, lines[0])
        self.lines = lines  # all that was wrong, for `bff check`

    def __str__(self) -> str:
        return self.public


@dataclass(frozen=True, slots=True)
class UpstreamPlan:
    """Where questions go. Without an *api_key* the gateway holds it, and there is no fallback."""

    base_url: str
    is_gateway: bool
    gateway_token: SecretStr | None
    api_key: SecretStr | None
    fallback_base_url: str | None


def _absolute_url(text: str) -> str:
    """Scheme and host in lower case, no slash at the end. Raises ValueError."""
    parts = urlsplit(text)
    _ = parts.port  # looked at only when asked for
    if parts.scheme.lower() not in ("http", "https") or not parts.hostname:
        raise ValueError("not an absolute http(s) URL")
    if (
        "@" in parts.netloc
        or parts.query
        or parts.fragment
        or not text.isprintable()
        or " " in text
    ):
        raise ValueError("more than scheme, host and path")
    return parts._replace(netloc=parts.netloc.lower()).geturl().rstrip("/")


def _address(text: str) -> str:
    """An absolute URL as it was written: the descriptor repeats it to the letter."""
    _absolute_url(text)
    return text


def _url_or_off(text: str) -> str:
    return OFF if text.lower() == OFF else _absolute_url(text)


def _fits_header(secret: SecretStr) -> SecretStr:
    if not re.fullmatch(r"[!-~]+", secret.get_secret_value()):
        raise ValueError("not one printable ASCII word")
    return secret


def _database(text: str) -> str:
    read_database_url(text)
    return text


def _model(text: str) -> str:
    provider, _, model = text.partition("/")
    if provider not in PROVIDERS or not re.fullmatch(r"[!-~]+", model):
        raise ValueError("not provider/model")
    return text


def _forge_app(text: object) -> object:
    """The bare id: Atlassian's own tools show it behind its ARI."""
    return text.removeprefix(_FORGE_APP_ARI) if isinstance(text, str) else text


def _listed(text: object) -> object:
    if isinstance(text, str):
        return tuple(part.strip() for part in text.split(",") if part.strip())
    return text


def _lower(text: object) -> object:
    return text.lower() if isinstance(text, str) else text


Url = Annotated[str, AfterValidator(_absolute_url)]
Address = Annotated[str, AfterValidator(_address)]  # compared to the letter
Header = Annotated[SecretStr, AfterValidator(_fits_header)]
Name = Annotated[str, Field(pattern=r"^[A-Za-z0-9_-]{1,64}$")]
Seconds = Annotated[float, Field(gt=0, allow_inf_nan=False)]
Count = Annotated[int, Field(ge=1)]

A_TOKEN = "one word of printable ASCII, without spaces or line ends"  # noqa: S105 - a description
A_NAME = "1 to 64 letters, digits, - and _"
AN_URL = "an absolute http(s) URL without user, query or fragment"
SECONDS = "seconds, more than 0"
COUNT = "a whole number, 1 or more"


def _setting(default: Any, *names: str, says: str, may: str, **more: Any) -> Any:
    """A field: its variable *names*, first wins; what it *says*; what it *may* hold."""
    if callable(default):
        more["default_factory"] = default
    else:
        more["default"] = default
    return Field(
        validation_alias=AliasChoices(*names),
        description=says,
        json_schema_extra={"may_hold": may},
        **more,
    )


class Settings(BaseSettings):
    """All of them, frozen. Made by `read_settings` only."""

    model_config = SettingsConfigDict(frozen=True, extra="ignore", hide_input_in_errors=True)

    port: Annotated[int, Field(ge=0, le=65535)] = _setting(
        3000, "PORT", says="Port to listen on.", may="a port, 0 to 65535; 0 picks a free one"
    )
    host: str = _setting(
        "0.0.0.0",  # noqa: S104 - behind a router or in a container
        "HOST",
        says="Address to listen on.",
        may="an IP address or a host name",
    )
    web_concurrency: Count = _setting(1, "WEB_CONCURRENCY", says="Worker processes.", may=COUNT)
    ac_local_base_url: Annotated[str, AfterValidator(_address)] | None = _setting(
        None,
        "AC_LOCAL_BASE_URL",
        "LOCAL_BASE_URL",
        says="Public base URL: stands in the descriptor, is the audience of signed installs.",
        may="an absolute https URL (http in development or to loopback), without query",
    )
    app_env: Annotated[Literal["development", "production"], BeforeValidator(_lower)] = _setting(
        "production",
        "APP_ENV",
        "NODE_ENV",
        says="Development allows http hosts and any install host.",
        may="development or production",
    )
    connect_descriptor: Path = _setting(
        Path("atlassian-connect.json"),
        "CONNECT_DESCRIPTOR",
        says="Template of the add-on descriptor.",
        may="the path of a JSON file",
    )
    connect_host_allowlist: Annotated[tuple[str, ...], BeforeValidator(_listed)] = _setting(
        ("*.jira-dev.com", "*.atlassian.net", "*.atlassian.com", "*.jira.com"),
        "CONNECT_HOST_ALLOWLIST",
        "AC_HOST_WHITELIST",
        says="Hosts that may install the add-on.",
        may="host patterns such as *.atlassian.net, comma separated",
        min_length=1,
    )
    connect_install_keys_url: Annotated[tuple[Url, ...], BeforeValidator(_listed)] = _setting(
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
    ac_allowed_base_urls: Annotated[tuple[Address, ...], BeforeValidator(_listed)] = _setting(
        (),
        "AC_ALLOWED_BASE_URLS",
        says="Further audiences a signed install may name.",
        may="absolute http(s) URLs, comma separated",
    )
    ac_opts: Annotated[tuple[str, ...], BeforeValidator(_listed)] = _setting(
        (),
        "AC_OPTS",
        says="The Node app's switches. None is honoured: tokens are always verified.",
        may="nothing; it is read only to say so",
    )
    forge_app_id: Annotated[Name, BeforeValidator(_forge_app)] | None = _setting(
        None,
        "FORGE_APP_ID",
        says="Id of the Forge app; set: Forge Remote invocation tokens are accepted too.",
        may="the id of a Forge app, with or without ari:cloud:ecosystem::app/ before it",
    )
    forge_jwks_url: Url = _setting(
        FORGE_KEYS,
        "FORGE_JWKS_URL",
        says="Where the keys of Forge invocation tokens are fetched.",
        may=f"{AN_URL}, such as {FORGE_KEYS}",
    )
    database_url: Annotated[str, AfterValidator(_database)] = _setting(
        "sqlite:///database.sqlite",
        "DB_URL",
        "DATABASE_URL",
        says="The database; unset: the SQLite file database.sqlite in ACE_SERVER_DB_DIR.",
        may=A_DATABASE,
        repr=False,
    )
    ace_server_db_dir: Path = _setting(
        Path(),
        "ACE_SERVER_DB_DIR",
        says="Directory of database.sqlite.",
        may="a directory that exists",
    )
    openai_api_key: Header | None = _setting(
        None, "OPENAI_API_KEY", says="The key of the model's vendor.", may=A_TOKEN
    )
    openai_baseurl: Url | None = _setting(
        None,
        "OPENAI_BASEURL",
        says="Upstream base URL; unset: the gateway of the Cloudflare variables, else OpenAI.",
        may=f"{AN_URL}, such as {OPENAI}",
    )
    cloudflare_account_id: Name | None = _setting(
        None, "CLOUDFLARE_ACCOUNT_ID", says="Account of the AI gateway.", may=A_NAME
    )
    cloudflare_gateway_id: Name | None = _setting(
        None, "CLOUDFLARE_GATEWAY_ID", says="Name of the AI gateway.", may=A_NAME
    )
    cloudflare_gateway_token: Header | None = _setting(
        None, "CLOUDFLARE_GATEWAY_TOKEN", says="Token of an authenticated gateway.", may=A_TOKEN
    )
    gateway_url: Url = _setting(
        CLOUDFLARE,
        "GATEWAY_URL",
        says="Base of the gateway; /<account>/<gateway>/<provider> follows it.",
        may=f"{AN_URL}, such as {CLOUDFLARE}",
    )
    openai_fallback_baseurl: Annotated[str, AfterValidator(_url_or_off)] | None = _setting(
        None,
        "OPENAI_FALLBACK_BASEURL",
        says=f"Where to go when the gateway fails; unset: {OPENAI}; off: nowhere.",
        may=f"off, or {AN_URL}",
    )
    fallback_on_gateway_config_error: bool = _setting(
        True,
        "FALLBACK_ON_GATEWAY_CONFIG_ERROR",
        says="Whether a gateway that is set up wrong is gone round; its metric is loud either way.",
        may="true or false",
    )
    chat_model: Annotated[str, AfterValidator(_model)] = _setting(
        "openai/gpt-3.5-turbo",
        "CHAT_MODEL",
        says="Model of /conversations.",
        may=f"provider/model, such as openai/gpt-4o; providers: {', '.join(PROVIDERS)}",
    )
    diagram_model: Annotated[str, AfterValidator(_model)] = _setting(
        "openai/gpt-4o",
        "DIAGRAM_MODEL",
        says="Model of /image-to-dsl and /image-to-dsl2.",
        may=f"provider/model, such as openai/gpt-4o; providers: {', '.join(PROVIDERS)}",
    )
    default_token_quota: Annotated[int, Field(ge=1, lt=2**31)] = _setting(
        500_000,
        "DEFAULT_TOKEN_QUOTA",
        says="Tokens that a new client may use for diagrams.",
        may="a whole number, 1 to 2147483647",
    )
    chat_max_tokens: Count = _setting(
        4096, "CHAT_MAX_TOKENS", says="Longest answer, in tokens.", may=COUNT
    )
    chat_system_prompt: str | None = _setting(
        None, "CHAT_SYSTEM_PROMPT", says="System prompt; unset: GPTDock's.", may="text"
    )
    chat_system_prompt_file: Path | None = _setting(
        None,
        "CHAT_SYSTEM_PROMPT_FILE",
        says="File with the system prompt, where CHAT_SYSTEM_PROMPT is unset.",
        may="the path of a UTF-8 text file that is not empty",
    )
    visible_errors: Annotated[Literal["auto", "always", "never"], BeforeValidator(_lower)] = (
        _setting(
            "auto",
            "VISIBLE_ERRORS",
            says="Errors of /conversations as a readable stream: always, never, auto for browsers.",
            may="auto, always or never",
        )
    )
    connect_timeout: Seconds = _setting(
        5.0, "CONNECT_TIMEOUT", says="Seconds to connect upstream.", may=SECONDS
    )
    first_byte_timeout: Seconds = _setting(
        60.0,
        "FIRST_BYTE_TIMEOUT",
        says="Seconds to the first byte of a stream; a whole answer has longer.",
        may=SECONDS,
    )
    idle_timeout: Seconds = _setting(
        60.0, "IDLE_TIMEOUT", says="Seconds of silence within an answer.", may=SECONDS
    )
    total_timeout: Seconds = _setting(
        600.0, "TOTAL_TIMEOUT", says="Seconds for a whole answer.", may=SECONDS
    )
    frontend_dir: Path | None = _setting(
        None,
        "FRONTEND_DIR",
        says="Folder with the built frontend of the Node app; unset: the built-in chat page.",
        may="the path of a folder",
    )
    log_level: Annotated[
        Literal["debug", "info", "warning", "error", "critical"], BeforeValidator(_lower)
    ] = _setting(
        "info",
        "LOG_LEVEL",
        says="Least important line to log.",
        may="debug, info, warning, error or critical",
    )
    log_format: Annotated[Literal["json", "console"], BeforeValidator(_lower)] = _setting(
        lambda: "console" if sys.stdout.isatty() else "json",
        "LOG_FORMAT",
        says="How a line looks; unset: console on a terminal, else json.",
        may="json or console",
    )
    shutdown_grace_seconds: Annotated[float, Field(ge=0, allow_inf_nan=False)] = _setting(
        25.0,
        "SHUTDOWN_GRACE_SECONDS",
        says="Seconds running streams have after SIGTERM.",
        may="seconds, 0 or more",
    )
    admin_token: Header | None = _setting(
        None, "ADMIN_TOKEN", says="Opens /metrics from elsewhere than loopback.", may=A_TOKEN
    )
    axiom_token: Header | None = _setting(
        None,
        "AXIOM_TOKEN",
        "axiomApiToken",
        says="Token of the Node app's monitor; unset: nothing is sent.",
        may=A_TOKEN,
    )
    axiom_dataset: Name | None = _setting(
        None,
        "AXIOM_DATASET",
        says="Its dataset; unset: the Node app's, gptdock in development, else gptdockapiserverdb.",
        may=A_NAME,
    )
    axiom_url: Url = _setting(
        AXIOM, "AXIOM_URL", says="Where the monitor's events go.", may=f"{AN_URL}, such as {AXIOM}"
    )
    max_body_bytes: Count = _setting(
        10 * 2**20, "MAX_BODY_BYTES", says="Largest request body.", may=COUNT
    )
    max_messages: Count = _setting(
        1000, "MAX_MESSAGES", says="Most messages in one question.", may=COUNT
    )
    max_parts: Count = _setting(1000, "MAX_PARTS", says="Most parts in one message.", may=COUNT)
    max_json_depth: Annotated[int, Field(ge=1, le=512)] = _setting(
        64, "MAX_JSON_DEPTH", says="Deepest nesting of a body.", may="a whole number, 1 to 512"
    )
    max_json_values: Count = _setting(
        500_000,
        "MAX_JSON_VALUES",
        says="Most values in a body, each comma and bracket in its texts counted as one.",
        may=COUNT,
    )
    max_event_bytes: Count = _setting(
        8 * 2**20, "MAX_EVENT_BYTES", says="Largest event an upstream stream may send.", may=COUNT
    )
    max_line_bytes: Annotated[int, Field(ge=16384)] = _setting(
        16384,
        "MAX_LINE_BYTES",
        says="Longest request line or header field; a token travels in it.",
        may="a whole number, 16384 or more",
    )
    body_timeout: Seconds = _setting(
        30.0, "BODY_TIMEOUT", says="Seconds for a request body to arrive.", may=SECONDS
    )
    heartbeat_seconds: Annotated[float, Field(gt=0, lt=55)] = _setting(
        10.0,
        "HEARTBEAT_SECONDS",
        says="Seconds of silence on a stream before a keep-alive.",
        may="seconds, more than 0 and less than 55, where routers hang up",
    )
    early_commit_seconds: Seconds = _setting(
        10.0,
        "EARLY_COMMIT_SECONDS",
        says="Seconds to wait for upstream before a stream begins without it.",
        may=SECONDS,
    )
    client_stall_seconds: Seconds = _setting(
        60.0,
        "CLIENT_STALL_SECONDS",
        says="Seconds a reader may take nothing before it is hung up on.",
        may=SECONDS,
    )
    upstream_connections: Count = _setting(
        1000, "UPSTREAM_CONNECTIONS", says="Most connections to upstream at a time.", may=COUNT
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

    def _upstream_base(self) -> str:
        if self.openai_baseurl is not None:
            return self.openai_baseurl
        if self.cloudflare_account_id and self.cloudflare_gateway_id:
            path = f"{self.cloudflare_account_id}/{self.cloudflare_gateway_id}/openai"
            return f"{self.gateway_url}/{path}"
        return OPENAI

    def is_gateway(self, base: str) -> bool:
        return any(base.startswith(f"{root}/") for root in (self.gateway_url, _root_of(CLOUDFLARE)))

    @property
    def monitor_dataset(self) -> str:
        return self.axiom_dataset or ("gptdock" if self.development else "gptdockapiserverdb")

    def warnings(self) -> list[str]:
        """One line for each thing that starts but will disappoint."""
        found = list(_worrying_address(self))
        if _SWITCHES_AUTH_OFF.intersection(self.ac_opts):
            found.append("AC_OPTS asks for no authentication: not honoured, tokens are verified.")
        plan = self.upstream()
        if not plan.is_gateway and self.cloudflare_gateway_token is not None:
            found.append("CLOUDFLARE_GATEWAY_TOKEN is set, but upstream is no gateway: not used.")
        if not plan.is_gateway and self.openai_fallback_baseurl not in (None, OFF):
            found.append("OPENAI_FALLBACK_BASEURL is set, but upstream is no gateway: not used.")
        if self.admin_token and len(self.admin_token.get_secret_value()) < _SHORT_TOKEN:
            found.append(f"ADMIN_TOKEN is shorter than {_SHORT_TOKEN} characters: easy to guess.")
        return found


def variables() -> dict[str, tuple[str, ...]]:
    """The variable names of every setting, by field; the first wins."""
    return {field: _names(field) for field in Settings.model_fields}


def read_settings(
    environment: Mapping[str, str] | None = None,
    *,
    default_app_env: Literal["development", "production"] = "production",
    upstream_needed: bool = True,
) -> Settings:
    """From *environment*, or from the process's own and `.env`. Raises WrongSetting.

    Where no question is asked (*upstream_needed* false), no key is needed either.
    """
    said = _Said(_own_environment() if environment is None else environment)
    said.assume("app_env", default_app_env)
    lines = [*_read_prompt(said), *_place_database(said)]
    if lines:
        raise WrongSetting(*lines)
    try:
        settings = Settings.model_validate(said.values)
    except ValidationError as error:
        wrong = dict.fromkeys(_field_of(str(fault["loc"][0])) for fault in error.errors())
        lines = [said.line(field, _may_hold(field)) for field in wrong]
        raise WrongSetting(*lines) from None  # pydantic's own words hold the values
    lines = [*_wrong_urls(settings, said), *_wrong_upstream(settings, said, upstream_needed)]
    if lines:
        raise WrongSetting(*lines)
    return settings


class _Said:
    """What was said of our variables, and how to repeat it in a line without telling a secret."""

    def __init__(self, environment: Mapping[str, str]) -> None:
        known = {name for names in variables().values() for name in names}
        self.values = {
            name: text for name, text in environment.items() if name in known and text.strip()
        }

    def assume(self, field: str, text: str) -> None:
        if self.text(field) is None:
            self.values[_names(field)[0]] = text

    def name(self, field: str) -> str:
        return next((name for name in _names(field) if name in self.values), _names(field)[0])

    def text(self, field: str) -> str | None:
        return self.values.get(self.name(field))

    def line(self, field: str, may_hold: str) -> str:
        held = "is not set" if self.text(field) is None else f"holds {self._shown(field)}"
        return f"{self.name(field)} {held}; it may hold {may_hold}."

    def _shown(self, field: str) -> str:
        text = self.text(field) or ""
        hidden = {self.text(other) for other in Settings.model_fields if _is_secret(other)}
        if _is_secret(field) or _LOOKS_SECRET.search(text) or any(h and h in text for h in hidden):
            return _HIDDEN
        shown = text if len(text) <= _SHOWN_MOST else f"{text[:_SHOWN_MOST]}…"
        return f'"{shown}"' if shown.isprintable() else repr(shown)


def _own_environment() -> dict[str, str]:
    """The process's, over the file's."""
    try:
        file = dotenv_values(".env", interpolate=False, encoding="utf-8-sig")
    except (OSError, UnicodeDecodeError) as error:
        raise WrongSetting(
            f".env cannot be read ({type(error).__name__}); it may hold UTF-8 lines NAME=value."
        ) from error
    return {name: text for name, text in file.items() if text} | {
        name: text
        for name, text in os.environ.items()  # noqa: TID251 - here and nowhere else
        if text
    }


def _names(field: str) -> tuple[str, ...]:
    alias = Settings.model_fields[field].validation_alias
    assert isinstance(alias, AliasChoices)  # noqa: S101 - every field is made by _setting
    return tuple(str(name) for name in alias.choices)


def _field_of(name: str) -> str:
    return next(field for field in Settings.model_fields if name in (field, *_names(field)))


def _may_hold(field: str) -> str:
    extra = Settings.model_fields[field].json_schema_extra
    assert isinstance(extra, dict)  # noqa: S101 - every field is made by _setting
    return str(extra["may_hold"])


def _is_secret(field: str) -> bool:
    return field == "database_url" or "SecretStr" in str(Settings.model_fields[field].annotation)


def _read_prompt(said: _Said) -> Iterator[str]:
    path = said.text("chat_system_prompt_file")
    if path is None or said.text("chat_system_prompt") is not None:
        return
    try:
        text = Path(path).read_text("utf-8").strip()
    except (OSError, ValueError):
        text = ""
    if text:
        said.assume("chat_system_prompt", text)
    else:
        yield said.line("chat_system_prompt_file", _may_hold("chat_system_prompt_file"))


def _place_database(said: _Said) -> Iterator[str]:
    if said.text("database_url") is not None:
        return
    directory = Path(said.text("ace_server_db_dir") or ".")
    if directory.is_dir():
        said.assume("database_url", f"sqlite:///{directory / 'database.sqlite'}")
    else:
        yield said.line("ace_server_db_dir", _may_hold("ace_server_db_dir"))


def _worrying_address(settings: Settings) -> Iterator[str]:
    address = settings.ac_local_base_url
    if address is None and not settings.development:
        yield (
            f"AC_LOCAL_BASE_URL is not set: the descriptor says {settings.base_url}, where "
            "Atlassian finds nobody. Set it to the public https address."
        )
    if address is not None and address.endswith("/"):
        yield "AC_LOCAL_BASE_URL ends in a slash, which the descriptor's URLs then have twice."


def _wrong_urls(settings: Settings, said: _Said) -> Iterator[str]:
    """Plain http leaves the machine in development only."""
    if settings.development:
        return
    if settings.ac_local_base_url is not None and _is_exposed(settings.ac_local_base_url):
        yield said.line("ac_local_base_url", "an https address, http only in development")
    outgoing = {
        "openai_baseurl": (settings.openai_baseurl or "",),
        "openai_fallback_baseurl": (settings.openai_fallback_baseurl or "",),
        "gateway_url": (settings.gateway_url,),
        "connect_install_keys_url": settings.connect_install_keys_url,
        "forge_jwks_url": (settings.forge_jwks_url,),
        "axiom_url": (settings.axiom_url,),
    }
    for field, urls in outgoing.items():
        if any(map(_is_exposed, urls)):
            yield said.line(field, f"{_may_hold(field)}; in production http only to loopback")


def _wrong_upstream(settings: Settings, said: _Said, upstream_needed: bool) -> Iterator[str]:
    account, gateway = settings.cloudflare_account_id, settings.cloudflare_gateway_id
    for field, other in (
        ("cloudflare_account_id", gateway),
        ("cloudflare_gateway_id", account),
    ):
        if other and not getattr(settings, field):
            yield said.line(field, f"{A_NAME}: account and gateway are set together")
    if settings.gateway_url == _root_of(CLOUDFLARE):
        yield said.line("gateway_url", f"{CLOUDFLARE}, with its /v1")
    if settings.openai_baseurl is not None and not _is_openai_base(settings):
        shape = f"{settings.gateway_url}/<account>/<gateway>/openai"
        yield said.line(
            "openai_baseurl", f"{OPENAI}, or {shape} with nothing after it, or another base"
        )
    yield from _wrong_keys(settings, said, upstream_needed)


def _wrong_keys(settings: Settings, said: _Said, upstream_needed: bool) -> Iterator[str]:
    plan = settings.upstream()
    if not upstream_needed or plan.api_key is not None:
        if plan.fallback_base_url and settings.is_gateway(plan.fallback_base_url):
            yield said.line("openai_fallback_baseurl", "off, or a way around the gateway")
        return
    if not (plan.is_gateway and plan.gateway_token):
        may = f"{A_TOKEN}; only a gateway with CLOUDFLARE_GATEWAY_TOKEN can do without"
        yield said.line("openai_api_key", may)
    elif settings.openai_fallback_baseurl not in (None, OFF):
        yield said.line(
            "openai_fallback_baseurl",
            "off, because the way around the gateway needs OPENAI_API_KEY",
        )


def _is_openai_base(settings: Settings) -> bool:
    """False for a base whose `/chat/completions` is known to fail. Source: gateway.md §1."""
    base = settings.openai_baseurl or ""
    if base.endswith("/chat/completions"):
        return False
    if base.startswith(f"{_root_of(OPENAI)}/") or base == _root_of(OPENAI):
        return base == OPENAI
    for root in (settings.gateway_url, CLOUDFLARE, _root_of(CLOUDFLARE)):
        if base == root:
            return False
        if base.startswith(f"{root}/"):
            return _is_gateway_path(base.removeprefix(f"{root}/").split("/"))
    return True


def _is_gateway_path(segments: list[str]) -> bool:
    if len(segments) < 3 or not all(segments) or len(segments[1]) > 64:
        return False
    return segments[2] != "compat" and (segments[2] != "openai" or len(segments) == 3)


def _root_of(url: str) -> str:
    parts = urlsplit(url)
    return f"{parts.scheme}://{parts.netloc}"


def _is_exposed(url: str) -> bool:
    """Whether *url* sends plain http beyond this machine."""
    parts = urlsplit(url)
    return parts.scheme == "http" and not _is_loopback(parts.hostname or "")


def _is_loopback(host: str) -> bool:
    if host == "localhost" or host.endswith(".localhost"):
        return True
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return False
