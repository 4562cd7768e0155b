"""The vendors as the settings lay their roads: Settings in, an Engine out.

A vendor that is not configured is not opened, and its models are not found.
"""

import random
from collections.abc import AsyncIterator, Callable, Mapping
from contextlib import AsyncExitStack, asynccontextmanager

import aiohttp
from pydantic import SecretStr

from bff.engine.attempts import Engine
from bff.engine.ports import Clock
from bff.policy.deadline import Timers
from bff.providers._pool import Pool
from bff.providers._vendor import HttpProvider, Means, Road
from bff.providers.cloudflare import Gateway
from bff.providers.openai import OpenAI
from bff.settings import Settings
from bff.telemetry.metrics import Metrics
from bff.telemetry.observer import MetricsObserver

Opener = Callable[[Means], HttpProvider]


@asynccontextmanager
async def open_engine(settings: Settings, metrics: Metrics, clock: Clock) -> AsyncIterator[Engine]:
    observer = MetricsObserver(metrics)
    async with AsyncExitStack() as stack:
        providers = {}
        for name, open_provider in openers(settings).items():
            session = await stack.enter_async_context(plain_session(settings))
            providers[name] = open_provider(_means(settings, name, session, metrics, observer))
        yield Engine(
            providers,
            observer=observer,
            clock=clock,
            dice=random.random,
            total_s=settings.total_timeout,
            round_misconfigured=settings.fallback_on_gateway_config_error,
        )


def openers(settings: Settings) -> Mapping[str, Opener]:
    """The vendors that are configured, by name."""
    found = {name: read(settings) for name, read in _OPENERS.items()}
    return {name: opener for name, opener in found.items() if opener is not None}


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


_OPENERS: Mapping[str, Callable[[Settings], Opener | None]] = {
    "openai": _openai,
}


def _bearer(key: SecretStr | None) -> dict[str, str]:
    return {} if key is None else {"Authorization": f"Bearer {key.get_secret_value()}"}


def plain(secret: SecretStr | None) -> str | None:
    return None if secret is None else secret.get_secret_value()
