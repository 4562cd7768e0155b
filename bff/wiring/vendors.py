"""The vendors as the settings lay their roads: Settings in, an Engine and a Catalogue out.

A vendor that is not configured is not opened, and its models are not found.
"""

import random
import time  # noqa: TID251 - handed to who judges a token by it
from collections.abc import AsyncIterator, Callable, Mapping
from contextlib import AsyncExitStack, asynccontextmanager

import aiohttp
from pydantic import SecretStr
from yarl import URL

from bff.dialects.tool_prompt import Place
from bff.engine.attempts import Engine
from bff.engine.catalogue import Catalogue
from bff.engine.ports import Clock
from bff.policy.deadline import Timers
from bff.policy.routing import Rules
from bff.providers._listing import ListsModels
from bff.providers._pool import Pool
from bff.providers._salesforce_token import TokenHolder
from bff.providers._vendor import HttpProvider, Means, Road
from bff.providers.anthropic import Anthropic
from bff.providers.azure import Azure
from bff.providers.cloudflare import Gateway
from bff.providers.openai import OpenAI
from bff.providers.salesforce import Salesforce
from bff.providers.straico import Straico
from bff.settings import Settings
from bff.telemetry.metrics import Metrics
from bff.telemetry.observer import MetricsObserver

Opener = Callable[[Means], HttpProvider]


@asynccontextmanager
async def open_providers(
    settings: Settings, metrics: Metrics, observer: MetricsObserver
) -> AsyncIterator[Mapping[str, HttpProvider]]:
    """The vendors that are configured, by name, each with a session of its own."""
    async with AsyncExitStack() as stack:
        providers = {}
        for name, open_provider in openers(settings).items():
            session = await stack.enter_async_context(plain_session(settings))
            providers[name] = open_provider(_means(settings, name, session, metrics, observer))
        yield providers


def make_engine(
    settings: Settings,
    providers: Mapping[str, HttpProvider],
    observer: MetricsObserver,
    clock: Clock,
) -> Engine:
    return Engine(
        providers,
        rules=rules_of(settings),
        observer=observer,
        clock=clock,
        dice=random.random,
        total_s=settings.total_timeout,
        round_misconfigured=settings.fallback_on_gateway_config_error,
    )


def make_catalogue(
    settings: Settings,
    providers: Mapping[str, HttpProvider],
    observer: MetricsObserver,
    clock: Clock,
) -> Catalogue:
    deployments = (f"azure/{model}" for model in settings.azure_openai_deployments)
    return Catalogue(
        {name: each for name, each in providers.items() if isinstance(each, ListsModels)},
        rules=rules_of(settings),
        configured=providers,
        named=(*_named_models(settings), *deployments),
        every_s=settings.model_list_seconds,
        clock=clock,
        dice=random.random,
        note_failure=lambda name, problem: observer.models_unheard(provider=name, problem=problem),
    )


def rules_of(settings: Settings) -> Rules:
    """What stands in for CHAT_MODEL does so wherever that model is asked for."""
    fallbacks = dict(settings.model_fallbacks)
    if settings.chat_fallback_models:
        fallbacks[settings.chat_model] = settings.chat_fallback_models
    return Rules(aliases=settings.model_aliases, fallbacks=fallbacks)


def openers(settings: Settings) -> Mapping[str, Opener]:
    """The vendors that are configured, by name."""
    return {name: read(settings) for name, read in _OPENERS.items() if settings.is_configured(name)}


def _means(
    settings: Settings,
    name: str,
    session: aiohttp.ClientSession,
    metrics: Metrics,
    observer: MetricsObserver,
) -> Means:
    return Means(
        session=session,
        pool=Pool(
            settings.upstream_connections,
            patience_s=settings.connect_timeout,
            note_waiting=lambda count: metrics.upstream_waiting(provider=name, count=count),
        ),
        timers=Timers(
            settings.connect_timeout,
            settings.first_byte_timeout,
            settings.idle_timeout,
            settings.total_timeout,
            floor=settings.stream_floor,
        ),
        event_limit=settings.max_event_bytes,
        note_bad_events=lambda count: observer.bad_events(provider=name, count=count),
        note_failed_calls=lambda count: observer.tool_parse_failed(provider=name, count=count),
    )


def plain_session(settings: Settings) -> aiohttp.ClientSession:
    """No cookies, no redirects of its own, no proxy from the environment; DNS remembered."""
    return aiohttp.ClientSession(
        connector=aiohttp.TCPConnector(limit=0, ttl_dns_cache=300, keepalive_timeout=15),
        cookie_jar=aiohttp.DummyCookieJar(),
        timeout=aiohttp.ClientTimeout(total=None, connect=settings.connect_timeout),
        read_bufsize=2**16,
        max_line_size=settings.max_line_bytes,
        max_field_size=settings.max_line_bytes,
        trust_env=False,
    )


# -- the roads, a vendor each ----------------------------------------------------------------------


def openai_roads(settings: Settings) -> dict[str, Road]:
    plan = settings.upstream()
    headers = _bearer(plan.api_key)
    if not plan.is_gateway:
        return {"direct": Road(plan.base_url, headers)}
    roads = {"gateway": Road(plan.base_url, headers, Gateway(plain(plan.gateway_token)))}
    if plan.fallback_base_url and headers:
        roads["direct"] = Road(plan.fallback_base_url, headers)
    return roads


def _openai(settings: Settings) -> Opener:
    return lambda means: OpenAI(means, openai_roads(settings))


def anthropic_roads(settings: Settings) -> dict[str, Road]:
    """The gateway has a path for it, and may hold the key."""
    key = plain(settings.anthropic_api_key)
    headers = {} if key is None else {"x-api-key": key}
    roads = {"direct": Road(settings.anthropic_base_url, headers)} if headers else {}
    if settings.gateway_base is None:
        return roads
    base = f"{settings.gateway_base}/anthropic"
    return {"gateway": Road(base, headers, _gateway(settings)), **roads}


def _anthropic(settings: Settings) -> Opener:
    return lambda means: Anthropic(means, anthropic_roads(settings))


def azure_roads(settings: Settings) -> dict[str, Road]:
    endpoint, key = settings.azure_openai_endpoint or "", plain(settings.azure_openai_api_key)
    headers = {} if key is None else {"api-key": key}
    roads = {"direct": Road(endpoint, headers)} if headers else {}
    if settings.gateway_base is None or not settings.azure_is_classic:
        return roads  # the gateway has a path for the classic endpoint only
    resource = settings.azure_openai_resource or (URL(endpoint).host or "").partition(".")[0]
    base = f"{settings.gateway_base}/azure-openai/{resource}"
    return {"gateway": Road(base, headers, _gateway(settings)), **roads}


def _azure(settings: Settings) -> Opener:
    return lambda means: Azure(
        means,
        azure_roads(settings),
        api_version=settings.azure_openai_api_version if settings.azure_is_classic else None,
        deployments=settings.azure_openai_deployments,
        known=_named(settings, "azure"),
    )


def _salesforce(settings: Settings) -> Opener:
    def opened(means: Means) -> Salesforce:
        token = TokenHolder(
            means.session,
            instance_url=settings.salesforce_instance_url or "",
            key=plain(settings.salesforce_consumer_key) or "",
            secret=plain(settings.salesforce_consumer_secret) or "",
            now=time.time,
        )
        return Salesforce(
            means,
            {"direct": Road(settings.salesforce_api_url)},
            endpoint=settings.salesforce_endpoint,
            token=token,
            known=_named(settings, "salesforce"),
            place=Place(settings.tool_prompt),
            send_parameters=settings.salesforce_parameters,
        )

    return opened


def _straico(settings: Settings) -> Opener:
    roads = {"direct": Road(settings.straico_base_url, _bearer(settings.straico_api_key))}
    return lambda means: Straico(
        means, roads, endpoint=settings.straico_endpoint, tool_place=settings.tool_prompt
    )


_OPENERS: Mapping[str, Callable[[Settings], Opener]] = {
    "anthropic": _anthropic,
    "azure": _azure,
    "openai": _openai,
    "salesforce": _salesforce,
    "straico": _straico,
}


def _named(settings: Settings, vendor: str) -> set[str]:
    """The models of *vendor* that who runs us has named: one that does not exist is our fault."""
    named = _named_models(settings)
    return {model.partition("/")[2] for model in named if model.startswith(f"{vendor}/")}


def _named_models(settings: Settings) -> tuple[str, ...]:
    return (settings.chat_model, settings.diagram_model, *settings.all_named_models)


def _gateway(settings: Settings) -> Gateway:
    return Gateway(plain(settings.cloudflare_gateway_token))


def _bearer(key: SecretStr | None) -> dict[str, str]:
    return {} if key is None else {"Authorization": f"Bearer {key.get_secret_value()}"}


def plain(secret: SecretStr | None) -> str | None:
    return None if secret is None else secret.get_secret_value()
