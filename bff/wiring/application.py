"""Resources opened in one context manager and closed in reverse, and the application around them.

Nothing happens at import.
"""

import asyncio
import os
import time  # noqa: TID251 - the clocks are made here and handed out
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import AsyncExitStack, asynccontextmanager
from pathlib import Path
from urllib.parse import urlsplit

import aiohttp
import structlog
from aiohttp import web

from bff import __version__
from bff.atlassian.forge_keys import open_forge_keys
from bff.atlassian.host import HostClient
from bff.atlassian.install_keys import InstallKeys
from bff.connect import descriptor
from bff.connect.hosts import AllowedHosts
from bff.connect.memory import RememberedTokens
from bff.engine.ports import Clock
from bff.policy import prompts
from bff.settings import Settings, WrongSetting, read_settings
from bff.store.api_keys import open_api_keys
from bff.store.db import Database, open_database
from bff.store.memory import CallerCounts
from bff.store.migrate import migrate, schema_state
from bff.store.quota import Notes, open_quotas
from bff.store.tenants import TenantStore
from bff.telemetry import axiom, logs
from bff.telemetry.metrics import Metrics
from bff.telemetry.observer import MetricsObserver
from bff.web import (
    account,
    ai_aide,
    app,
    chat_page,
    diagrams,
    faces,
    lifecycle,
    ops,
    pages,
    surface,
)
from bff.web import frontend as frontend_pages
from bff.web.frontend import Frontend
from bff.web.live import Beat, LiveStreams
from bff.web.services import (
    ChatFacts,
    ConnectFacts,
    DiagramFacts,
    ForgeFacts,
    Limits,
    Monitor,
    Services,
)
from bff.wiring.vendors import (
    make_catalogue,
    make_engine,
    open_providers,
    plain,
    plain_session,
)

_log = structlog.get_logger("bff.wiring")
ALL_JS = "https://connect-cdn.atl-paas.net/all.js"


class SystemClock:
    """The loop's own time."""

    def now(self) -> float:
        return asyncio.get_running_loop().time()

    async def sleep(self, seconds: float) -> None:
        await asyncio.sleep(seconds)  # noqa: TID251 - this is the Clock


def create_app() -> web.Application:
    """From the environment. Raises WrongSetting with one line."""
    settings = read_settings()
    logs.configure(settings.log_level, settings.log_format)
    return build_app(settings)


def build_app(
    settings: Settings, *, all_js_url: str = ALL_JS, clock: Clock | None = None
) -> web.Application:
    """*all_js_url* is where the built-in chat page loads Atlassian's script from; *clock* is what
    the engine waits by.
    """
    connect = connect_facts(settings)
    base_path = urlsplit(connect.base_url).path.rstrip("/")
    frontend = _frontend(settings)
    its_pages = (
        chat_page.routes(all_js_url)
        if frontend is None
        else frontend_pages.routes(development=settings.development)
    )
    routes = (
        *faces.ROUTES,
        *account.ROUTES,
        *diagrams.ROUTES,
        *ai_aide.ROUTES,
        *lifecycle.routes(base_path),
        *pages.routes(base_path),
        *its_pages,
        *ops.ROUTES,
    )
    described = surface.routes(routes, base_url=connect.base_url, version=__version__)
    return app.build(
        lambda: open_services(settings, connect, clock or SystemClock()),
        [*routes, *described],
        find_file=None if frontend is None else frontend.find,
    )


def _frontend(settings: Settings) -> Frontend | None:
    """The administrator's built frontend, where one is set. Raises WrongSetting."""
    if settings.frontend_dir is None:
        return None
    try:
        return Frontend(settings.frontend_dir)
    except NotADirectoryError as error:
        raise WrongSetting(
            f'FRONTEND_DIR holds "{settings.frontend_dir}"; it may hold the path of a folder with '
            "the built frontend (views, public, modules/confluence-plugin/dist)."
        ) from error


def connect_facts(settings: Settings) -> ConnectFacts:
    """The add-on as its descriptor and the settings describe it. Raises WrongSetting."""
    template = descriptor_template(settings.connect_descriptor)
    try:
        rendered = descriptor.render(template, settings.base_url)
        app_key = descriptor.app_key(rendered)
    except ValueError as error:
        raise WrongSetting(
            f'CONNECT_DESCRIPTOR holds "{settings.connect_descriptor}", which is not a JSON object '
            "with a key; it may hold the path of a descriptor."
        ) from error
    return ConnectFacts(
        app_key=app_key,
        base_url=settings.base_url,
        audiences=(
            settings.base_url,
            # an administrator's template may hold its own
            descriptor.base_url(rendered) or settings.base_url,
            *settings.ac_allowed_base_urls,
        ),
        hosts=AllowedHosts.read(settings.connect_host_allowlist),
        development=settings.development,
        descriptor=rendered,
        etag=descriptor.etag(rendered),
    )


def descriptor_template(path: Path) -> bytes:
    """The administrator's own file, or the one that comes with the package. Raises WrongSetting."""
    here = Path(__file__).parents[1]
    for place in (path, here / path.name, here.parent / path.name):
        if place.is_file():
            return place.read_bytes()
    raise WrongSetting(
        f'CONNECT_DESCRIPTOR holds "{path}", where there is no file; '
        "it may hold the path of a JSON file."
    )


@asynccontextmanager
async def open_services(
    settings: Settings, connect: ConnectFacts, clock: Clock
) -> AsyncIterator[Services]:
    """Everything a handler may use, closed in reverse."""
    metrics = Metrics()
    streams = LiveStreams(_beat(settings), note_open=metrics.streams_open.set)
    async with AsyncExitStack() as stack:
        db = await stack.enter_async_context(open_database(settings.database_url))
        if db.dialect == "sqlite":
            for step in await migrate(db):
                _log.info("schema.migrated", step=step)
        keys_session = await stack.enter_async_context(plain_session(settings))
        forge = await stack.enter_async_context(_open_forge(settings, keys_session))
        host_session = await stack.enter_async_context(plain_session(settings))
        monitor = await stack.enter_async_context(_open_monitor(settings, metrics, clock))
        observer = MetricsObserver(metrics)
        providers = await stack.enter_async_context(open_providers(settings, metrics, observer))
        catalogue = make_catalogue(settings, providers, observer, clock)
        await stack.enter_async_context(catalogue.kept_fresh())
        quotas = await stack.enter_async_context(
            open_quotas(
                db,
                product_id=connect.app_key,
                default_quota=settings.default_token_quota,
                clock=SystemClock(),
                now=time.time,
                notes=Notes(
                    waiting=metrics.quota_settlements_waiting.set, lost=metrics.quota_lost.inc
                ),
            )
        )
        keys = await stack.enter_async_context(
            open_api_keys(db, clock=SystemClock(), now=time.time)
        )
        await stack.enter_async_context(streams.pulse(SystemClock().sleep))
        yield Services(
            tenants=TenantStore(db, now=clock.now),
            quotas=quotas,
            keys=keys,
            install_keys=InstallKeys(keys_session, settings.connect_install_keys_url),
            host=HostClient(
                host_session,
                app_key=connect.app_key,
                version=__version__,
                development=settings.development,
                now=time.time,
            ),
            remembered=RememberedTokens(),
            engine=make_engine(settings, providers, observer, clock),
            catalogue=catalogue,
            metrics=metrics,
            monitor=monitor,
            streams=streams,
            callers=CallerCounts(
                per_user=settings.streams_per_user,
                per_key=settings.streams_per_key,
                now=clock.now,
            ),
            connect=connect,
            forge=forge,
            chat=ChatFacts(
                model=settings.chat_model,
                max_tokens=settings.chat_max_tokens,
                system_prompt=settings.system_prompt(default=prompts.GPTDOCK),
                visible_errors=settings.visible_errors,
            ),
            diagrams=DiagramFacts(
                model=settings.diagram_model, max_tokens=settings.chat_max_tokens
            ),
            limits=Limits(
                body_bytes=settings.max_body_bytes,
                face_body_bytes=settings.max_face_body_bytes,
                json_depth=settings.max_json_depth,
                json_values=settings.max_json_values,
                body_seconds=settings.body_timeout,
                messages=settings.max_messages,
                parts=settings.max_parts,
                router_seconds=settings.router_first_byte_seconds,
            ),
            readiness=_readiness(db, streams),
            admin_token=plain(settings.admin_token),
            version=__version__,
            now=time.time,
        )


@asynccontextmanager
async def _open_forge(
    settings: Settings, session: aiohttp.ClientSession
) -> AsyncIterator[ForgeFacts | None]:
    if settings.forge_app_id is None:
        yield None
        return
    async with open_forge_keys(session, settings.forge_jwks_url) as keys:
        yield ForgeFacts(settings.forge_app_id, keys)


@asynccontextmanager
async def _open_monitor(
    settings: Settings, metrics: Metrics, clock: Clock
) -> AsyncIterator[Monitor]:
    token = plain(settings.axiom_token)
    if token is None:
        yield axiom.NoMonitor()
        return
    dataset = axiom.Dataset(settings.axiom_url, settings.monitor_dataset, token)
    origin = axiom.Origin("Dev" if settings.development else "Production", os.getpid())
    async with (
        plain_session(settings) as session,
        axiom.Monitor(
            session,
            dataset,
            origin,
            clock=clock,
            now=time.time,
            note=lambda outcome, count: metrics.monitor_events(outcome=outcome, count=count),
        ).running() as monitor,
    ):
        yield monitor


def _beat(settings: Settings) -> Beat:
    return Beat(
        heartbeat_s=settings.heartbeat_seconds,
        commit_s=settings.early_commit_seconds,
        preamble_s=min(1.0, settings.early_commit_seconds),
        stall_s=settings.client_stall_seconds,
    )


def _readiness(db: Database, streams: LiveStreams) -> Callable[[], Awaitable[str | None]]:
    async def failing() -> str | None:
        if streams.draining:
            return "draining"
        state = await schema_state(db)
        if state.behind:
            return "migrations: run bff migrate"
        if state.ahead:
            return "migrations: the schema is newer than this release"
        return None

    return failing
