"""The stand-in site over HTTP: install keys, the page with the add-on in an iframe, its diary.

Not the protocol: what is signed and minted is AtlassianHost's. The page's own calls answer to the
page only; a foreign site's script is refused by Sec-Fetch-Site.
"""

from collections.abc import Awaitable, Callable
from contextlib import aclosing
from dataclasses import asdict
from importlib.resources import files
from typing import TYPE_CHECKING

import aiohttp
import orjson
from aiohttp import web
from aiohttp_sse import sse_response

if TYPE_CHECKING:
    from bff.simulators.atlassian import AtlassianHost

_SITE = files("bff.simulators.site")
_TYPES = {
    "all.js": "text/javascript",
    "page.css": "text/css",
    "page.html": "text/html",
    "page.js": "text/javascript",
}
_NO_STORE = {"Cache-Control": "no-store"}

_Answering = Callable[[web.Request], Awaitable[web.StreamResponse]]


def build(host: "AtlassianHost") -> web.Application:
    """An application to be mounted under a prefix or to stand alone."""
    app = web.Application()
    app.add_routes(routes(host))
    app.on_shutdown.append(host.close)
    return app


def routes(
    host: "AtlassianHost", *, prefix: str = "", all_on_one_server: bool = False
) -> list[web.RouteDef]:
    """The site's routes, for another application to serve; it closes the diary when it ends."""
    calls = _Calls(host, all_on_one_server=all_on_one_server)
    return [
        web.get(prefix, _to_the_page),
        web.get(f"{prefix}/", _file("page.html")),
        web.get(f"{prefix}/install-keys/{{kid}}", calls.install_key),
        web.get(f"{prefix}/forge/jwks.json", host.forge.serve_keys),
        web.get(f"{prefix}/frame", calls.frame),
        web.get(f"{prefix}/events", calls.events),
        web.post(f"{prefix}/install", _from_the_page(calls.install)),
        web.post(f"{prefix}/uninstall", _from_the_page(calls.uninstall)),
        web.post(f"{prefix}/token", _from_the_page(calls.token)),
        web.post(f"{prefix}/expire-next", _from_the_page(calls.expire_next)),
        *(web.get(f"{prefix}/{name}", _file(name)) for name in ("all.js", "page.css", "page.js")),
        *host.api.routes(prefix),
    ]


class _Calls:
    """What the page and the add-on ask of the site."""

    def __init__(self, host: "AtlassianHost", *, all_on_one_server: bool) -> None:
        self._host = host
        self._all_on_one_server = all_on_one_server

    async def install_key(self, request: web.Request) -> web.StreamResponse:
        kid, keys = request.match_info["kid"], self._host.keys
        keys.asked.append(kid)
        await keys.open.wait()
        if keys.away:
            raise web.HTTPServiceUnavailable
        found = kid == self._host.kid
        self._host.diary.note(
            "Install key fetched by the add-on",
            f"GET /install-keys/{kid[:8]}… → {200 if found else 404}",
            ok=found,
        )
        if not found:
            raise web.HTTPNotFound
        return web.Response(text=self._host.public_key, content_type="application/x-pem-file")

    async def frame(self, request: web.Request) -> web.StreamResponse:
        """Where the iframe goes, or nothing while the add-on is not installed."""
        host = self._host
        if not host.shared_secret:
            return web.json_response({"base": "", "path": ""}, headers=_NO_STORE)
        base = "" if self._all_on_one_server else host.add_on_url
        path = host.page_url(request.query.get("origin", ""))
        return web.json_response({"base": base, "path": path}, headers=_NO_STORE)

    async def events(self, request: web.Request) -> web.StreamResponse:
        last = request.headers.get("Last-Event-ID", "")
        after = int(last) if last.isdecimal() else 0
        async with (
            sse_response(request) as response,
            aclosing(self._host.diary.read(after=after)) as happenings,
        ):
            async for happening in happenings:
                said = orjson.dumps(asdict(happening)).decode()
                await response.send(said, id=str(happening.number))
        return response

    async def install(self, _: web.Request) -> web.StreamResponse:
        try:
            answer = await self._host.install(self._host.add_on_url)
        except aiohttp.ClientError:
            return web.json_response({"error": "The add-on does not answer."}, status=502)
        return web.json_response({"status": answer.status})

    async def uninstall(self, _: web.Request) -> web.StreamResponse:
        try:
            answer = await self._host.uninstall()
        except aiohttp.ClientError:
            return web.json_response({"error": "The add-on does not answer."}, status=502)
        return web.json_response({"status": answer.status})

    async def token(self, _: web.Request) -> web.StreamResponse:
        return web.json_response({"token": self._host.token_for_page()}, headers=_NO_STORE)

    async def expire_next(self, _: web.Request) -> web.StreamResponse:
        self._host.expire_next = True
        self._host.diary.note("The next token will be expired", "ask a question to see the error")
        return web.json_response({})


def _from_the_page(answer: _Answering) -> _Answering:
    async def guarded(request: web.Request) -> web.StreamResponse:
        if request.headers.get("Sec-Fetch-Site", "same-origin") != "same-origin":
            raise web.HTTPForbidden
        return await answer(request)

    return guarded


async def _to_the_page(request: web.Request) -> web.StreamResponse:
    raise web.HTTPFound(f"{request.path}/")


def _file(name: str) -> _Answering:
    body = (_SITE / name).read_bytes()

    async def send(_: web.Request) -> web.StreamResponse:
        return web.Response(
            body=body,
            content_type=_TYPES[name],
            charset="utf-8",
            headers={"Cache-Control": "no-cache"},
        )

    return send
