"""The world outside on one port of this machine: every simulator under its own prefix.

Not a network: nothing outside loopback is asked. `closed_url` is an address where nobody listens.
"""

import socket
from collections.abc import AsyncIterator, Iterable, Mapping
from contextlib import ExitStack, asynccontextmanager
from dataclasses import dataclass
from typing import Protocol

from aiohttp import web

from bff.simulators.axiom import AxiomSimulator
from bff.simulators.gateway.simulator import GatewaySimulator
from bff.simulators.openai.simulator import OpenAISimulator
from bff.simulators.stand_in import StandIn
from bff.simulators.vendor import Vendor
from bff.simulators.vendors import VENDORS

_BODY_BYTES = 64 * 2**20  # the services under test have limits of their own
_LINE_BYTES = 64 * 2**10
_GRACE_S = 0.05  # for answers that are running when the world ends


class Host(Protocol):
    """A stand-in site; simulators/atlassian.py has one."""

    def app(self) -> web.Application: ...


@dataclass(frozen=True, slots=True)
class World:
    """Where everybody lives. URLs have no slash at their end."""

    url: str
    closed_url: str
    vendors: Mapping[str, Vendor]  # by the provider's name
    gateway: GatewaySimulator
    axiom: AxiomSimulator

    @property
    def openai(self) -> OpenAISimulator:
        vendor = self.vendors["openai"]
        assert isinstance(vendor, OpenAISimulator)  # noqa: S101 - as open_world made it
        return vendor

    def url_of(self, vendor: str) -> str:
        return f"{self.url}/{vendor}"

    @property
    def axiom_url(self) -> str:
        return f"{self.url}/axiom"

    @property
    def openai_url(self) -> str:
        return f"{self.url}/openai/v1"

    @property
    def gateway_url(self) -> str:
        return f"{self.url}/gateway"

    @property
    def atlassian_url(self) -> str:
        return f"{self.url}/atlassian"

    @property
    def forge_keys_url(self) -> str:
        return f"{self.url}/atlassian/forge/jwks.json"

    @property
    def install_keys_url(self) -> str:
        return f"{self.url}/atlassian/install-keys"


@asynccontextmanager
async def open_world(
    *,
    host: str = "127.0.0.1",
    port: int = 0,
    delay_s: float = 0.0,
    atlassian: Host | None = None,
    vendors: Iterable[StandIn] = VENDORS,
    openai: OpenAISimulator | None = None,
    gateway: GatewaySimulator | None = None,
) -> AsyncIterator[World]:
    """Everything is ready when this is entered. *port* 0 picks a free one. Raises OSError."""
    rows = tuple(vendors)
    simulators = {row.name: row.make(delay_s) for row in rows}
    if openai is not None:
        simulators["openai"] = openai
    gateway = gateway or GatewaySimulator()
    axiom = AxiomSimulator()
    app = web.Application(client_max_size=_BODY_BYTES)
    app.add_subapp("/axiom", axiom.app())
    for name, simulator in simulators.items():
        app.add_subapp(f"/{name}", simulator.app())
    app.add_subapp("/gateway", gateway.app())
    if atlassian is not None:
        app.add_subapp("/atlassian", atlassian.app())
    runner = web.AppRunner(
        app,
        access_log=None,
        handler_cancellation=True,
        keepalive_timeout=75,
        max_field_size=_LINE_BYTES,
        max_line_size=_LINE_BYTES,
        shutdown_timeout=_GRACE_S,
    )
    await runner.setup()
    try:
        with ExitStack() as stack:
            site = web.TCPSite(runner, host, port)
            await site.start()
            url = f"http://{_address(host, runner.addresses[0][1])}"
            for row in rows:
                for provider, path in row.gateway.items():
                    gateway.providers.setdefault(provider, f"{url}/{row.name}{path}")
            closed = stack.enter_context(socket.socket())
            closed.bind(("127.0.0.1", 0))  # bound, never listening: refused, and nobody else's
            closed_url = f"http://127.0.0.1:{closed.getsockname()[1]}"
            yield World(url, closed_url, simulators, gateway, axiom)
    finally:
        await runner.cleanup()


def _address(host: str, port: int) -> str:
    shown = "127.0.0.1" if host in ("0.0.0.0", "::") else host  # noqa: S104 - compared, not bound
    return f"[{shown}]:{port}" if ":" in shown else f"{shown}:{port}"
