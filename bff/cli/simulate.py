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
from bff.simulators.stand_in import StandIn
from bff.simulators.vendors import VENDORS
from bff.simulators.world import World, open_world

# Where a vendor is asked directly, as it is called where there is a gateway as well.
_BESIDE_A_GATEWAY = {"OPENAI_BASEURL": "OPENAI_FALLBACK_BASEURL"}

_FAULTS = """\b
Faults, a comma separated list:
{faults}

\b
Where they may stand:
  in a question     Hello [[simulate: cut-after=3]]
  behind a model    CHAT_MODEL=openai/gpt-4o!status=429,retry-after=2
  in a header       x-simulate: split
  for the next ones curl -d '["status=500", "cut-after=3"]' http://127.0.0.1:8765/openai/_faults
                    (GET shows what waits, DELETE forgets it; each vendor has its own, and so
                    has /gateway)

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
    addresses = [(row.name, world.url_of(row.name)) for row in VENDORS]
    gateway = [
        (f"AI Gateway, {row.name}", f"{world.gateway_url}/account/gateway/{name}")
        for row in VENDORS
        for name in row.gateway
    ]
    addresses += [
        *gateway,
        ("Atlassian site", f"{world.atlassian_url}/   (installs the running service, shows it)"),
        ("Its REST API", f"{world.atlassian_url}/wiki/rest/api/   (content properties)"),
        ("Install keys", world.install_keys_url),
        ("Axiom", f"{world.axiom_url}   (what came: {world.axiom_url}/_events)"),
    ]
    width = max(len(name) for name, _ in addresses)
    listed = "\n".join(f"  {name:<{width}}  {where}" for name, where in addresses)
    vendors = "\n\n".join(_environment(row, world.url_of(row.name)) for row in VENDORS)
    return f"""
{listed}

Put this into the .env file of `bff serve`, or export it:

APP_ENV=development
CONNECT_INSTALL_KEYS_URL={world.install_keys_url}
AXIOM_URL={world.axiom_url}
AXIOM_TOKEN={world.axiom.token}

# the gateway; without these three lines every vendor is asked directly
GATEWAY_URL={world.gateway_url}
CLOUDFLARE_ACCOUNT_ID=account
CLOUDFLARE_GATEWAY_ID=gateway

{vendors}

bff simulate --help lists the faults. Ctrl-C ends it."""


def _environment(row: StandIn, url: str) -> str:
    """What leads to one vendor, and what would lead elsewhere instead, as comments."""
    usual = row.environment(url, row.variants[0])
    lines = [f"# {row.name}, for CHAT_MODEL={row.model}"]
    for name, value in usual.items():
        beside = _BESIDE_A_GATEWAY.get(name)
        lines.append(f"{beside or name}={value}")
        if beside:
            lines += ["# without the gateway, instead of the line above:", f"# {name}={value}"]
    for variant in row.variants[1:]:
        other = row.environment(url, variant)
        lines.append(f"# its endpoint {variant}:")
        lines += [f"# {name}={v}" for name, v in other.items() if usual.get(name) != v]
        lines += [f"# (without {name})" for name in usual if name not in other]
    return "\n".join(lines)
