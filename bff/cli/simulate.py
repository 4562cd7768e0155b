"""`bff simulate`: every simulator on one port, with the settings that make `bff serve` use them.

Not the demo: the service is another process, yours. Source: operations.md "Commands".
"""

import asyncio
import signal
from contextlib import suppress

import click

from bff.cli import Failure
from bff.simulators.atlassian import AtlassianHost
from bff.simulators.faults import forms
from bff.simulators.world import World, open_world

_FAULTS = """\b
Faults, a comma separated list:
{faults}

\b
Where they may stand:
  in a question     Hello [[simulate: cut-after=3]]
  behind a model    CHAT_MODEL=openai/gpt-4o!status=429,retry-after=2
  in a header       x-simulate: split
  for the next ones curl -d '["status=500", "cut-after=3"]' http://127.0.0.1:8765/openai/_faults
                    (GET shows what waits, DELETE forgets it)

\b
With gateway- before it a fault is the gateway's, and the direct way works:
  Hello [[simulate: gateway=2003]]          the gateway's own error of that code
  Hello [[simulate: gateway-status=524]]    an error page of the edge
  Hello [[simulate: gateway-hang]]          silence

\b
Examples:
  bff simulate
  bff simulate --port 0 --delay-ms 40
"""


def _epilog() -> str:
    width = max(len(form) for form, _ in forms())
    rows = (f"  {form:<{width}}  {meaning}" for form, meaning in forms())
    return _FAULTS.format(faults="\n".join(rows))


@click.command("simulate", epilog=_epilog())
@click.option("--port", type=click.IntRange(0, 65535), default=8765, show_default=True)
@click.option("--host", default="127.0.0.1", show_default=True)
@click.option(
    "--delay-ms",
    type=click.IntRange(0, 60_000),
    default=0,
    show_default=True,
    help="How long the built-in model takes for each piece of an answer.",
)
@click.option(
    "--add-on",
    metavar="URL",
    default="http://localhost:3000",
    show_default=True,
    help="Where the stand-in site finds the service when it is told to install it.",
)
def command(port: int, host: str, delay_ms: int, add_on: str) -> None:
    """Run stand-ins for the vendors and for an Atlassian site: no key, no network.

    They speak the real wire formats, and go wrong on demand. With the printed settings `bff serve`
    uses them.
    """
    with suppress(KeyboardInterrupt):
        asyncio.run(_keep_open(host, port, delay_s=delay_ms / 1000, add_on=add_on))
    click.echo("Ended.")


async def _keep_open(host: str, port: int, *, delay_s: float, add_on: str) -> None:
    site = AtlassianHost()
    site.add_on_url = add_on.rstrip("/")
    stopped = asyncio.Event()
    with suppress(NotImplementedError):  # Windows: there Ctrl-C is all there is
        asyncio.get_running_loop().add_signal_handler(signal.SIGTERM, stopped.set)
    try:
        async with open_world(host=host, port=port, delay_s=delay_s, atlassian=site) as world:
            site.site_url = f"{world.atlassian_url}/wiki"
            click.echo(describe(world))
            await stopped.wait()
    except OSError as error:
        raise Failure(
            f"{host}:{port} cannot be had ({error.strerror or error}): choose another --host or "
            "--port, or --port 0 for any free one."
        ) from error


def describe(world: World) -> str:
    """The addresses, and the environment of a service that uses them."""
    return f"""
  OpenAI          {world.openai_url}
  AI Gateway      {world.gateway_url}/<account>/<gateway>/openai
  Atlassian site  {world.atlassian_url}/   (installs the running service and shows it)
  Its REST API    {world.atlassian_url}/wiki/rest/api/   (content properties, for the app)
  Install keys    {world.install_keys_url}
  Axiom           {world.axiom_url}   (what came: {world.axiom_url}/_events)

Put this into the .env file of `bff serve`, or export it:

APP_ENV=development
OPENAI_API_KEY=sk-simulated
GATEWAY_URL={world.gateway_url}
CLOUDFLARE_ACCOUNT_ID=account
CLOUDFLARE_GATEWAY_ID=gateway
OPENAI_FALLBACK_BASEURL={world.openai_url}
CONNECT_INSTALL_KEYS_URL={world.install_keys_url}
AXIOM_URL={world.axiom_url}
AXIOM_TOKEN={world.axiom.token}
# without the gateway, instead of the four lines after the key:
# OPENAI_BASEURL={world.openai_url}

bff simulate --help lists the faults. Ctrl-C ends it."""
