"""`/health`, `/ready`, `/metrics`: for routers, probes and Prometheus, who hold no Connect token.

Source: contract operations.md "Endpoints", design.md 13.
"""

import asyncio
import hmac
import ipaddress

import structlog
from aiohttp import web

from bff.telemetry.metrics import CONTENT_TYPE
from bff.web.doors import anyone
from bff.web.refusals import write_json
from bff.web.routes import Route
from bff.web.services import SERVICES, Services

READY_SECONDS = 5.0
_log = structlog.get_logger("bff.ops")
# A proxy or a tunnel on this machine makes the whole world come from loopback, and says so.
_FORWARDED = (
    "CF-Connecting-IP",
    "Forwarded",
    "True-Client-IP",
    "Via",
    "Fastly-Client-IP",
    "X-Client-IP",
    "X-Cluster-Client-IP",
    "X-Real-IP",
)


async def health(request: web.Request, _open: None) -> web.Response:
    """200 while the process lives, whatever it depends on."""
    return write_json(200, {"status": "ok", "version": request.app[SERVICES].version})


async def ready(request: web.Request, _open: None) -> web.Response:
    """Whether to send requests here; if not, the failing part by name and what mends it."""
    failing = await _failing(request.app[SERVICES])
    if failing is None:
        return write_json(200, {"status": "ok"})
    part, _, mend = failing.partition(": ")
    told = {"status": "unavailable", "failing": part, **({"mend": mend} if mend else {})}
    return write_json(503, told)


async def metrics(request: web.Request, _open: None) -> web.Response:
    """Open to this machine; to others with the admin token; without one there is no such page."""
    services = request.app[SERVICES]
    if not _is_local(request):
        if services.admin_token is None:
            return write_json(404, {"error": "Not found"})
        if not _holds(request, services.admin_token):
            refusal = write_json(401, {"error": "Unauthorized"})
            refusal.headers["WWW-Authenticate"] = "Bearer"
            return refusal
    return web.Response(body=services.metrics.render(), headers={"Content-Type": CONTENT_TYPE})


async def _failing(services: Services) -> str | None:
    if services.draining:
        return "draining"
    try:
        async with asyncio.timeout(READY_SECONDS):
            return await services.readiness()
    except Exception as error:  # noqa: BLE001 - a probe wants an answer, whatever the driver raises
        _log.warning("ready.failed", exc_info=error)
        return "database"


def _is_local(request: web.Request) -> bool:
    if any(name in request.headers for name in _FORWARDED):
        return False
    if any(name.lower().startswith("x-forwarded") for name in request.headers):
        return False
    # The name that was asked for, too: a tunnel may add no header, and a page may rebind a name.
    try:
        asked = request.url.host
    except ValueError:  # a Host that is none
        return False
    return _is_loopback(request.remote) and _is_loopback(asked)


def _is_loopback(host: str | None) -> bool:
    if host is not None and host.lower() == "localhost":
        return True
    try:
        address = ipaddress.ip_address(host or "")
    except ValueError:
        return False
    mapped = getattr(address, "ipv4_mapped", None)
    return (mapped or address).is_loopback


def _holds(request: web.Request, token: str) -> bool:
    scheme, _, given = request.headers.get("Authorization", "").partition(" ")
    same = hmac.compare_digest(
        given.strip().encode(errors="surrogateescape"), token.encode(errors="surrogateescape")
    )
    return same and scheme.lower() == "bearer"


ROUTES = (
    Route("GET", "/health", anyone, health),
    Route("GET", "/metrics", anyone, metrics),
    Route("GET", "/ready", anyone, ready),
)
