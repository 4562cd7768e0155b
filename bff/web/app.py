"""The aiohttp application: every route behind its door, matched as the Node app matched.

Paths ignore case and one trailing slash, a wrong method is a 404, OPTIONS names the methods
(node-bff.md §2). What is opened and closed with the app is wiring's business.
"""

from collections.abc import Awaitable, Callable, Iterable
from contextlib import AbstractAsyncContextManager
from typing import Any

import structlog
from aiohttp import HttpVersion11, web

from bff.errors import Kind, Problem
from bff.web.faces.envelopes import add_face_headers, answer_elsewhere
from bff.web.middleware import REQUEST_LINE, add_headers, with_request_line
from bff.web.refusals import write_not_found, write_refusal
from bff.web.routes import Route
from bff.web.services import SERVICES, Services

_log = structlog.get_logger("bff.request")
Handler = Callable[[web.Request], Any]
FindFile = Callable[[web.Request], Awaitable[web.StreamResponse | None]]


def build(
    open_services: Callable[[], AbstractAsyncContextManager[Services]],
    routes: Iterable[Route[Any]],
    *,
    find_file: FindFile | None = None,
) -> web.Application:
    """*open_services* is entered when the app starts and left when it has ended; *find_file* is
    asked about paths that are no route.
    """
    app = web.Application(middlewares=[with_request_line], client_max_size=0)
    table: dict[str, dict[str, Handler]] = {}
    for route in routes:
        handler = _enter(route)
        app.router.add_route(route.method, route.path, handler, expect_handler=_expect)
        table.setdefault(route.path.lower(), {})[route.method] = handler
        if route.method == "GET":
            app.router.add_route("HEAD", route.path, handler, expect_handler=_expect)
            table[route.path.lower()]["HEAD"] = handler
    app.router.add_route(
        "*", "/{path:(?s:.*)}", _Elsewhere(table, find_file).find, expect_handler=_expect
    )
    app.on_response_prepare.extend((add_headers, add_face_headers))

    async def services(app: web.Application) -> Any:
        async with open_services() as app[SERVICES]:
            yield

    app.cleanup_ctx.append(services)
    return app


async def _expect(request: web.Request) -> None:
    """As aiohttp, but what was expected is not repeated."""
    if request.headers.get("Expect", "").lower() != "100-continue":
        raise web.HTTPExpectationFailed(text="Unknown expectation")
    if request.version == HttpVersion11:
        await request.writer.write(b"HTTP/1.1 100 Continue\r\n\r\n")
        request.writer.output_size = 0  # what follows is the answer: its own head comes first


def _enter(route: Route[Any]) -> Handler:
    refuse = route.refuse or write_refusal

    async def enter(request: web.Request) -> web.StreamResponse:
        line = request[REQUEST_LINE]
        line.route = route.path
        try:
            return await route.enter(request)
        except Problem as problem:
            line.kind = problem.kind
            return refuse(request, problem)
        except (web.HTTPException, ConnectionError):
            raise
        except Exception as error:
            if line.begun:  # nothing can be said any more
                raise
            line.kind = Kind.INTERNAL
            _log.error("request.crashed", exc_info=error)
            return refuse(request, Problem(Kind.INTERNAL, "Internal server error"))

    return enter


class _Elsewhere:
    """What the router did not find as written: the same path in another spelling, or nothing."""

    def __init__(self, table: dict[str, dict[str, Handler]], find_file: FindFile | None) -> None:
        self._table, self._find_file = table, find_file

    async def find(self, request: web.Request) -> web.StreamResponse:
        path = request.path.lower()
        bare = path.removesuffix("/")
        methods = self._table.get(path) or (self._table.get(bare) if bare != "/" else None) or {}
        handler = methods.get(request.method)
        if handler is not None:
            found: web.StreamResponse = await handler(request)
            return found
        file = await self._find_file(request) if self._find_file else None
        if file is not None:
            return file
        integrators = answer_elsewhere(request, methods)
        if integrators is not None:
            return integrators
        if methods and request.method == "OPTIONS":
            allowed = ",".join(sorted(methods, key=("GET", "HEAD", "POST").index))
            return web.Response(
                text=allowed, content_type="text/html", charset="utf-8", headers={"Allow": allowed}
            )
        return write_not_found(request)
