"""`bff demo`: one process, one page. The service itself, between a stand-in site and a model.

Not a mock of the service: the app, its settings, the install and the tokens are the real ones; only
the neighbours are simulators. With OPENAI_API_KEY the real upstream answers. Source: operations.md.
"""

import asyncio
import signal
import socket
import sys
import tempfile
from collections.abc import AsyncGenerator, AsyncIterator
from contextlib import AsyncExitStack, aclosing, asynccontextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import aiohttp
import click
import orjson
from pydantic import SecretStr

from bff.cli import Failure
from bff.dialects.sse import Decoder
from bff.settings import Settings, read_settings
from bff.simulators.atlassian import AtlassianHost
from bff.simulators.world import World, open_world
from bff.telemetry import logs
from bff.web.server import address, bind, open_server
from bff.wiring import build_app

HOST = "127.0.0.1"
SITE = "/atlassian"
_STAND_IN = SecretStr("stand-in")


@dataclass(frozen=True, slots=True)
class Demo:
    """A running demo. *upstream* is where answers come from, empty for the built-in model."""

    base_url: str
    page_url: str
    upstream: str
    host: AtlassianHost
    world: World


@click.command("demo")
@click.option("--port", type=click.IntRange(0, 65535), help="0 picks a free one.  [default: 3000]")
@click.option(
    "--model-delay-ms",
    type=click.IntRange(0, 60_000),
    default=20,
    show_default=True,
    help="How long the built-in model takes for each piece of an answer.",
)
@click.option("--once", metavar="QUESTION", help="Ask one question, print the answer, end.")
def command(port: int | None, model_delay_ms: int, once: str | None) -> None:
    """Try the add-on in a page of its own: no key, no network, no database server.

    \b
    Examples:
      bff demo
      bff demo --port 0 --once "What is a sequence diagram?"
    """
    logs.configure("warning", "console", stream=sys.stderr.buffer)
    if once is not None:
        asyncio.run(_ask_once(port or 0, model_delay_ms, once))
        return
    try:
        asyncio.run(_keep_open(3000 if port is None else port, model_delay_ms))
    except KeyboardInterrupt:
        click.echo()  # the terminal has just printed ^C


@asynccontextmanager
async def open_demo(*, port: int, model_delay_ms: int) -> AsyncIterator[Demo]:
    """The whole of it, with the add-on installed. Raises Failure and WrongSetting."""
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
        settings = _settings(own, world, base_url=base_url, folder=Path(folder))
        app = build_app(settings, all_js_url=f"{SITE}/all.js")
        app.add_routes(host.routes(SITE))
        await stack.enter_async_context(open_server(app, sock=listener, grace_s=1.0))
        stack.callback(host.diary.close)  # before the server ends, which would wait for its readers
        await _install(host, base_url)
        upstream = (
            "" if own.openai_api_key is None else urlsplit(settings.upstream().base_url).netloc
        )
        yield Demo(base_url, f"{base_url}{SITE}/", upstream, host, world)


def _bound(port: int) -> socket.socket:
    try:
        return bind(HOST, port)
    except OSError as error:
        raise Failure(
            f"Port {port} cannot be had ({error.strerror}): "
            "choose another with --port, or --port 0 for any free one."
        ) from error


def _settings(own: Settings, world: World, *, base_url: str, folder: Path) -> Settings:
    """The user's settings with the neighbours replaced; without a key the model is replaced too."""
    changes: dict[str, Any] = {
        "ac_local_base_url": base_url,
        "app_env": "development",
        "axiom_token": None,  # nothing that happens here is news
        "connect_install_keys_url": (world.install_keys_url,),
        "database_url": f"sqlite:///{folder / 'demo.sqlite'}",
    }
    if own.openai_api_key is None:
        changes |= {
            "chat_model": "openai/gpt-3.5-turbo",
            "cloudflare_account_id": "stand-in",
            "cloudflare_gateway_id": "stand-in",
            "cloudflare_gateway_token": None,
            "gateway_url": world.gateway_url,
            "openai_api_key": _STAND_IN,
            "openai_baseurl": None,
            "openai_fallback_baseurl": world.openai_url,
        }
    return own.model_copy(update=changes)


async def _install(host: AtlassianHost, base_url: str) -> None:
    try:
        answer = await host.install(base_url)
    except aiohttp.ClientError as error:
        raise Failure("The service did not answer the stand-in site.") from error
    if answer.status != 204:
        raise Failure(f"The service refused the install with status {answer.status}.")


async def _keep_open(port: int, model_delay_ms: int) -> None:
    async with open_demo(port=port, model_delay_ms=model_delay_ms) as demo:
        who = (
            f"Answers come from {demo.upstream}, with your key."
            if demo.upstream
            else "A built-in model answers; with OPENAI_API_KEY set the real one does."
        )
        click.echo(f"\n  {demo.page_url}\n\n{who}\nCtrl+C ends it.")
        stop = asyncio.Event()
        with suppress(NotImplementedError):  # Windows has no such handlers
            asyncio.get_running_loop().add_signal_handler(signal.SIGTERM, stop.set)
        await stop.wait()


async def _ask_once(port: int, model_delay_ms: int, question: str) -> None:
    async with open_demo(port=port, model_delay_ms=model_delay_ms) as demo:
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
