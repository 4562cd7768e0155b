"""The built-in chat page at /hello-world and /listView, for when no frontend is configured.

Its files are in static/. Not the Node app's frontend (frontend.py serves that). The page is the
same for everybody: nothing of a request reaches it. Open to all, as node-bff.md §9 B37 wants, and
frameable: no X-Frame-Options, no frame-ancestors. Source: node-bff.md §1, §3.1, §3.2, §7.
"""

import hashlib
import html
from importlib.resources import files
from typing import Any

from aiohttp import ETag, web
from yarl import URL

from bff.web.doors import anyone
from bff.web.routes import Handler, Route

ATLASSIAN_ALL_JS = "https://connect-cdn.atl-paas.net/all.js"

_SCRIPTS = ("answer.js", "asking.js", "chat.js", "events.js", "markdown.js")
_STATIC = files("bff.web") / "static"


def routes(all_js_url: str = ATLASSIAN_ALL_JS) -> tuple[Route[Any], ...]:
    """Page and files. *all_js_url* is where to find Atlassian's `AP`: absolute or a path."""
    page = _page(all_js_url)
    return (
        Route("GET", "/hello-world", anyone, page),
        Route("GET", "/listview", anyone, page),
        Route("GET", "/gptdock/chat.css", anyone, _file(_read("chat.css"), "text/css")),
        *(
            Route("GET", f"/gptdock/{name}", anyone, _file(_read(name), "text/javascript"))
            for name in _SCRIPTS
        ),
    )


def _read(name: str) -> str:
    return (_STATIC / name).read_text(encoding="utf-8")


def _page(all_js_url: str) -> Handler[None]:
    url = URL(all_js_url)
    origin = f" {url.origin()}" if url.absolute else ""
    text = _read("chat.html").replace("{{all_js_origin}}", html.escape(origin))
    text = text.replace("{{all_js}}", html.escape(all_js_url))

    async def send(_request: web.Request, _: None) -> web.StreamResponse:
        return web.Response(text=text, content_type="text/html", charset="utf-8")

    return send


def _file(text: str, content_type: str) -> Handler[None]:
    body = text.encode()
    etag = hashlib.sha256(body).hexdigest()[:32]

    async def send(request: web.Request, _: None) -> web.StreamResponse:
        known = request.if_none_match or ()
        fresh = any(tag.value in (etag, "*") for tag in known)
        response = (
            web.Response(status=304)
            if fresh
            else web.Response(body=body, content_type=content_type, charset="utf-8")
        )
        response.headers["Cache-Control"] = "public, max-age=0"
        response.etag = ETag(etag, is_weak=True)  # packed or not, it is the same
        return response

    return send
