"""What is true of every request: its id, its one log line, the headers of every answer, the last
500.

No decisions about what is answered. Source: node-bff.md §2 (headers), operations.md (request id),
style.md (one line per request when it ends).
"""

import asyncio
import re
import secrets
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field

import structlog
from aiohttp import web

from bff.connect.tokens import write_session_token
from bff.engine.metering import Facts
from bff.errors import Kind
from bff.web.callers import STANDING_HEADERS
from bff.web.doors import ADMITTED
from bff.web.packing import pack
from bff.web.refusals import write_not_found
from bff.web.services import SERVICES

_log = structlog.get_logger("bff.request")
_SANE_ID = re.compile(r"[A-Za-z0-9._-]{1,128}")
_HEADERS = (
    ("Strict-Transport-Security", "max-age=31536000"),
    ("Referrer-Policy", "origin"),
    ("X-Content-Type-Options", "nosniff"),
)
_NEVER_CACHED = (
    ("Surrogate-Control", "no-store"),
    ("Cache-Control", "no-store, no-cache, must-revalidate, proxy-revalidate"),
    ("Pragma", "no-cache"),
    ("Expires", "0"),
)
QUIET_ROUTES = frozenset({"/health", "/ready", "/metrics"})


@dataclass(slots=True)
class RequestLine:
    """What the one log line of a request will say. No prompt, no token, no address. *began_s* is
    on the loop's clock.
    """

    request_id: str
    began_s: float = 0.0
    client_request_id: str | None = None  # what the caller calls it, beside our id
    route: str = "other"  # the route's own path, never the request's
    face: str | None = None
    tenant: str | None = None
    model: str | None = None
    kind: Kind | None = None
    facts: Facts | None = field(default=None)
    begun: bool = False  # the status line is out, or on its way
    sent_status: int | None = None  # of a stream that was said to its end

    def spent_s(self) -> float:
        """Seconds since the request's head."""
        return asyncio.get_running_loop().time() - self.began_s


REQUEST_LINE = web.RequestKey("REQUEST_LINE", RequestLine)
Handler = Callable[[web.Request], Awaitable[web.StreamResponse]]


def new_request_id() -> str:
    return f"req_{secrets.token_hex(12)}"


@web.middleware
async def with_request_line(request: web.Request, handler: Handler) -> web.StreamResponse:
    """Gives the request its id and, whatever ends it, writes its line and counts it."""
    loop = asyncio.get_running_loop()
    started = loop.time()
    given = request.headers.get("x-request-id", "")
    line = RequestLine(given if _SANE_ID.fullmatch(given) else new_request_id(), started)
    named = request.headers.get("x-client-request-id", "")
    line.client_request_id = named if _SANE_ID.fullmatch(named) else None
    request[REQUEST_LINE] = line
    structlog.contextvars.bind_contextvars(request_id=line.request_id)
    status = 0  # the caller left before the answer was complete
    try:
        response = await handler(request)
        status = response.status
        pack(request, response)
        return response
    except web.HTTPNotFound as refusal:  # a target that is no path: `*`, a host and port
        status = refusal.status
        return write_not_found(request)
    except web.HTTPException as refusal:
        status = refusal.status
        raise
    except (asyncio.CancelledError, ConnectionResetError):
        status = line.sent_status or 0
        raise
    except Exception as error:  # noqa: BLE001 - the one place: the last 500
        status = 500
        line.kind = Kind.INTERNAL
        _log.error("request.crashed", exc_info=error)
        if line.begun and request.transport is not None:
            request.transport.abort()  # a second answer in the middle of the first helps nobody
        return web.json_response({"error": "Internal server error"}, status=500)
    finally:
        _write(request, line, status, loop.time() - started)


def _write(request: web.Request, line: RequestLine, status: int, total_s: float) -> None:
    metrics = request.app[SERVICES].metrics
    metrics.request_ended(route=line.route, method=request.method, status=status, seconds=total_s)
    if line.route in QUIET_ROUTES and status < 500:
        return
    facts = line.facts
    told: dict[str, object] = {}
    if facts is not None:
        usage = facts.usage
        told = {
            "provider": facts.provider,
            "model": line.model,
            "via": facts.via,
            "attempts": facts.attempts,
            "fallbacks": facts.fallback_reasons or None,
            "aig_log_id": facts.log_id,
            "ray": facts.ray,
            "finish": facts.finish_reason,
            "tokens": usage.total_tokens if usage else None,
            "first_event_s": facts.first_content_s and round(facts.first_content_s, 4),
        }
    told |= {
        "route": line.route,
        "method": request.method,
        "status": status or None,
        "face": line.face,
        "client_request_id": line.client_request_id,
        "tenant": line.tenant,
        "kind": line.kind,
        "total_s": round(total_s, 4),
    }
    _log.info(
        "request.ended" if status else "request.left",
        **{name: value for name, value in told.items() if value is not None},
    )


async def add_headers(request: web.Request, response: web.StreamResponse) -> None:
    """The headers of every answer, streams too; what a handler has set itself stands."""
    headers = response.headers
    for name, value in _HEADERS:
        headers.setdefault(name, value)
    if "Cache-Control" not in headers or headers["Cache-Control"].startswith("no-cache"):
        for name, value in _NEVER_CACHED:
            headers.setdefault(name, value)
    line = request.get(REQUEST_LINE)
    if line is None:
        headers["X-Request-Id"] = new_request_id()
    else:
        headers["X-Request-Id"] = line.request_id
        line.begun = True
    headers.update(request.get(STANDING_HEADERS, {}))
    admitted = request.get(ADMITTED)
    services = request.app[SERVICES]
    if admitted is not None:
        headers["X-Acpt"] = write_session_token(
            admitted.tenant,
            admitted.caller,
            app_key=services.connect.app_key,
            now=int(services.now()),
        )
