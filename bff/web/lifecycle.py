"""`/installed` and `/uninstalled`: a site takes the add-on in, or lets it go.

Who may do so is signed_doors' to say; what is kept is the store's; what is told the vendor of the
app, telemetry's. Source: node-bff.md §3.6.
"""

from functools import partial
from typing import Any

from aiohttp import web

from bff.errors import Problem
from bff.web.refusals import write_html_refusal, write_refusal
from bff.web.routes import Route
from bff.web.services import SERVICES
from bff.web.signed_doors import Installation, NotRegistered, signed_install, signed_uninstall


async def install(request: web.Request, installation: Installation) -> web.StreamResponse:
    """Keeps what the site sent, verbatim; a new secret counts from now on."""
    services = request.app[SERVICES]
    await services.tenants.save(installation.client_key, installation.payload)
    services.metrics.install_event(event="installed", outcome="accepted")
    services.monitor.tell("installed", installation.payload)
    return web.Response(status=204)


async def uninstall(request: web.Request, installation: Installation) -> web.StreamResponse:
    """Retires the tenant's secret; 204 also for a tenant nobody knows."""
    services = request.app[SERVICES]
    await services.tenants.retire(installation.client_key)
    services.metrics.install_event(event="uninstalled", outcome="accepted")
    services.monitor.tell("uninstalled", installation.payload)
    return web.Response(status=204)


def refuse(event: str, request: web.Request, problem: Problem) -> web.StreamResponse:
    """HTML for a call we do not take, else as everywhere. *event* is the one that was refused."""
    request.app[SERVICES].metrics.install_event(event=event, outcome="refused")
    if isinstance(problem, NotRegistered):
        return write_html_refusal(problem)
    return write_refusal(request, problem)


def routes(base_path: str) -> tuple[Route[Any], ...]:
    """At the root, and below the path of the base URL when it has one (no slash at its end)."""
    return tuple(
        route
        for path in dict.fromkeys(("", base_path))
        for route in (
            Route(
                "POST",
                f"{path}/installed",
                signed_install,
                install,
                partial(refuse, "installed"),
            ),
            Route(
                "POST",
                f"{path}/uninstalled",
                signed_uninstall,
                uninstall,
                partial(refuse, "uninstalled"),
            ),
        )
    )
