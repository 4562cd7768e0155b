"""The built-in chat page at /hello-world and /listView, for when no frontend is configured.

Its files are in static/. Not the Node app's frontend (frontend.py serves that). The page is the
same for everybody: nothing of a request reaches it. Open to all, as node-bff.md §9 B37 wants, and
frameable: no X-Frame-Options, no frame-ancestors. Source: node-bff.md §1, §3.1, §3.2, §7.
"""

import html
from importlib.resources import files
from typing import Any

from aiohttp import web
from yarl import URL

from bff.web.doors import anyone
from bff.web.fixed import fixed
from bff.web.routes import Handler, Route

ATLASSIAN_ALL_JS = "https://connect-cdn.atl-paas.net/all.js"

FILES = {
    "chat.css": "text/css",
    **dict.fromkeys(
        ("answer.js", "asking.js", "chat.js", "events.js", "markdown.js"), "text/javascript"
    ),
}
_STATIC = files("bff.web") / "static"


def routes(all_js_url: str = ATLASSIAN_ALL_JS) -> tuple[Route[Any], ...]:
    """Page and files. *all_js_url* is where to find Atlassian's `AP`: absolute or a path."""
    page = _page(all_js_url)
    return (
        Route("GET", "/hello-world", anyone, page),
        Route("GET", "/listview", anyone, page),
        *(
            Route("GET", f"/gptdock/{name}", anyone, fixed(_read(name).encode(), content_type))
            for name, content_type in FILES.items()
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
