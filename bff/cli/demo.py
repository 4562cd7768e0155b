"""`bff demo`: one process, one page. The service itself, between a stand-in site and a model.

Not a mock of the service: the app, its settings, the install and the tokens are the real ones; only
the neighbours are simulators. With a key the real upstream answers, with --provider the stand-in
of that vendor. Source: operations.md.
"""

import asyncio
import signal
import socket
import sys
import tempfile
from collections.abc import AsyncGenerator, AsyncIterator
from contextlib import AsyncExitStack, aclosing, asynccontextmanager, suppress
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import aiohttp
import click
import orjson
from pydantic import SecretStr

from bff.cli import Failure
from bff.dialects.sse import Decoder
from bff.settings import Settings, read_settings, variables
from bff.settings.judging import keys_of_ours
from bff.settings.vendor_fields import VendorFields
from bff.simulators.atlassian import AtlassianHost
from bff.simulators.stand_in import StandIn
from bff.simulators.vendors import VENDORS
from bff.simulators.world import World, open_world
from bff.store.api_key_rows import create_key
from bff.store.db import open_database
from bff.telemetry import logs
from bff.web.server import address, bind, open_server
from bff.wiring import build_app

HOST = "127.0.0.1"
SITE = "/atlassian"
_STAND_IN = SecretStr("stand-in")


@dataclass(frozen=True, slots=True)
class Demo:
    """A running demo. *upstream* is where answers come from, empty for the built-in model, which
    answers in the place of *provider*. *api_key* opens its faces, as long as it lasts.
    """

    base_url: str
    page_url: str
    upstream: str
    host: AtlassianHost
    world: World
    api_key: str
    provider: str = "openai"


@click.command("demo")
@click.option("--port", type=click.IntRange(0, 65535), help="0 picks a free one.  [default: 3000]")
@click.option(
    "--model-delay-ms",
    type=click.IntRange(0, 60_000),
    default=20,
    show_default=True,
    help="How long the built-in model takes for each piece of an answer.",
)
@click.option(
    "--provider",
    type=click.Choice(sorted(row.name for row in VENDORS)),
    help="Let the built-in model answer in the place of this vendor, in its own words.",
)
@click.option("--once", metavar="QUESTION", help="Ask one question, print the answer, end.")
def command(port: int | None, model_delay_ms: int, provider: str | None, once: str | None) -> None:
    """Try the add-on in a page of its own: no key, no network, no database server.

    \b
    Examples:
      bff demo
      bff demo --provider openai
      bff demo --port 0 --once "What is a sequence diagram?"
    """
    logs.configure("warning", "console", stream=sys.stderr.buffer)
    if once is not None:
        asyncio.run(_ask_once(port or 0, model_delay_ms, provider, once))
        return
    try:
        asyncio.run(_keep_open(3000 if port is None else port, model_delay_ms, provider))
    except KeyboardInterrupt:
        click.echo()  # the terminal has just printed ^C


@asynccontextmanager
async def open_demo(
    *, port: int, model_delay_ms: int, provider: str | None = None
) -> AsyncIterator[Demo]:
    """The whole of it, with the add-on installed. *provider* is a stand-in's name; None leaves it
    to the user's settings. Raises Failure and WrongSetting.
    """
    own = read_settings(default_app_env="development", upstream_needed=False)
    listener = _bound(port)
    base_url = address(listener)
    host = AtlassianHost(f"{base_url}{SITE}/wiki")
    async with AsyncExitStack() as stack:
        stack.enter_context(listener)
        folder = stack.enter_context(tempfile.TemporaryDirectory(prefix="bff-demo-"))
        world = await stack.enter_async_context(
            open_world(atlassian=host, delay_s=model_delay_ms / 1000)
        )
        settings = own.model_copy(
            update=_neighbours(world, base_url=base_url, folder=Path(folder))
            | _model(own, world, provider)
        )
        app = build_app(settings, all_js_url=f"{SITE}/all.js")
        app.add_routes(host.routes(SITE))
        await stack.enter_async_context(open_server(app, sock=listener, grace_s=1.0))
        stack.callback(host.diary.close)  # before the server ends, which would wait for its readers
        await _install(host, base_url)
        api_key = await _make_key(settings.database_url)
        upstream = "" if provider or not _has_a_key(own) else _who_answers(own)
        page_url = f"{base_url}{SITE}/"
        yield Demo(base_url, page_url, upstream, host, world, api_key, provider or "openai")


def _bound(port: int) -> socket.socket:
    try:
        return bind(HOST, port)
    except OSError as error:
        raise Failure(
            f"Port {port} cannot be had ({error.strerror}): "
            "choose another with --port, or --port 0 for any free one."
        ) from error


def _neighbours(world: World, *, base_url: str, folder: Path) -> dict[str, Any]:
    """What replaces the user's settings, whoever answers."""
    return {
        "ac_local_base_url": base_url,
        "app_env": "development",
        "axiom_token": None,  # nothing that happens here is news
        "connect_install_keys_url": (world.install_keys_url,),
        "database_url": f"sqlite:///{folder / 'demo.sqlite'}",
    }


def _model(own: Settings, world: World, provider: str | None) -> dict[str, Any]:
    """What replaces the user's model: nothing where there is a key for it and no *provider*."""
    if provider is None and _has_a_key(own):
        return {}
    stand_in = next((row for row in VENDORS if row.name == provider), None)
    return {
        "chat_fallback_models": (),
        "chat_model": "openai/gpt-3.5-turbo",
        "cloudflare_account_id": "stand-in",
        "cloudflare_gateway_id": "stand-in",
        "cloudflare_gateway_token": None,
        "diagram_model": "openai/gpt-4o",
        "gateway_url": world.gateway_url,
        "model_aliases": {},
        "model_fallbacks": {},
        "openai_api_key": _STAND_IN,
        "openai_baseurl": None,
        "openai_fallback_baseurl": world.openai_url,
    } | ({} if stand_in is None else _way_to(stand_in, world))


def _way_to(stand_in: StandIn, world: World) -> dict[str, Any]:
    """The settings that *stand_in* itself says lead to it; none of the user's is left."""
    said = dict(stand_in.environment(world.url_of(stand_in.name), stand_in.variants[0]))
    read = read_settings(said | {"CHAT_MODEL": stand_in.model})
    named = [field for field, names in variables().items() if not said.keys().isdisjoint(names)]
    return {
        field: getattr(read, field) for field in ("chat_model", *named, *VendorFields.model_fields)
    }


def _has_a_key(own: Settings) -> bool:
    """Whether the real vendor of the user's model can be asked. Who pasted the line that a demo
    printed has a key, of that demo's.
    """
    vendor = own.chat_model.partition("/")[0]
    if f"{vendor}_api_key" in keys_of_ours(own):
        return False
    return own.openai_api_key is not None if vendor == "openai" else own.is_configured(vendor)


def _who_answers(own: Settings) -> str:
    vendor = own.chat_model.partition("/")[0]
    return urlsplit(own.upstream().base_url).netloc if vendor == "openai" else vendor


async def _install(host: AtlassianHost, base_url: str) -> None:
    try:
        answer = await host.install(base_url)
    except aiohttp.ClientError as error:
        raise Failure("The service did not answer the stand-in site.") from error
    if answer.status != 204:
        raise Failure(f"The service refused the install with status {answer.status}.")


async def _make_key(database_url: str) -> str:
    async with open_database(database_url) as db:
        _, text = await create_key(db, "demo", now=datetime.now(UTC).timestamp())
    return text


async def _keep_open(port: int, model_delay_ms: int, provider: str | None) -> None:
    async with open_demo(port=port, model_delay_ms=model_delay_ms, provider=provider) as demo:
        if demo.upstream:
            who = f"Answers come from {demo.upstream}, with your key."
        elif provider:
            who = f"A built-in model answers in the place of {demo.provider}, in its own words."
        else:
            who = "A built-in model answers; with OPENAI_API_KEY set the real one does."
        click.echo(
            f"\n  {demo.page_url}\n\n{who}\n\nClients of your own may ask it too:\n\n"
            f"  OPENAI_BASE_URL={demo.base_url}/v1 OPENAI_API_KEY={demo.api_key}\n"
            f"  ANTHROPIC_BASE_URL={demo.base_url} ANTHROPIC_AUTH_TOKEN={demo.api_key}\n"
            f"  BFF_URL={demo.base_url} BFF_KEY={demo.api_key}   (deploy/examples)\n\n"
            "Ctrl+C ends it."
        )
        stop = asyncio.Event()
        with suppress(NotImplementedError):  # Windows has no such handlers
            asyncio.get_running_loop().add_signal_handler(signal.SIGTERM, stop.set)
        await stop.wait()


async def _ask_once(port: int, model_delay_ms: int, provider: str | None, question: str) -> None:
    async with open_demo(port=port, model_delay_ms=model_delay_ms, provider=provider) as demo:
        said = False
        try:
            async with aclosing(_answer(demo, question)) as pieces:
                async for text in pieces:
                    click.echo(text, nl=False)
                    said = said or text != ""
        except aiohttp.ClientError as error:
            raise Failure("The connection to the service was lost.") from error
        finally:
            if said:
                click.echo()
        if not said:
            raise Failure("The answer was empty.")


async def _answer(demo: Demo, question: str) -> AsyncGenerator[str, None]:
    """The pieces of the answer's text, over real HTTP."""
    message = {"author": {"role": "user"}, "content": {"content_type": "text", "parts": [question]}}
    body = {"action": "next", "messages": [message]}
    url = f"{demo.base_url}/conversations"
    decoder = Decoder()
    async with (
        aiohttp.ClientSession(timeout=aiohttp.ClientTimeout(total=None, sock_read=120)) as session,
        session.post(url, json=body, params={"jwt": demo.host.context_token()}) as response,
    ):
        if response.status != 200:
            raise Failure(f"The question was answered with status {response.status}.")
        async for data in response.content.iter_any():
            for frame in decoder.feed(data):
                if frame.data == b"[DONE]":
                    return
                yield _text(frame.data)
    raise Failure("The answer broke off.")


def _text(data: bytes) -> str:
    value = orjson.loads(data)
    if value.get("error"):
        raise Failure(value["error"]["message"])
    choices = value.get("choices") or [{}]
    return (choices[0].get("delta") or {}).get("content") or ""
