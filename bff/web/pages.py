"""What Atlassian fetches itself: `/`, the add-on's descriptor, a macro's body for an export.

Open to all, and nothing of a tenant is in them. Source: node-bff.md §3.1, §5, §9 (B24, B37).
"""

import html
from typing import Any
from urllib.parse import unquote_to_bytes

from aiohttp import web

from bff.web.doors import anyone
from bff.web.routes import Route
from bff.web.services import SERVICES

DESCRIPTOR_PATH = "/atlassian-connect.json"


async def show_the_way(_request: web.Request, _: None) -> web.StreamResponse:
    """The root leads to the descriptor, not below the base URL's path: as the Node app."""
    return web.Response(
        status=302,
        headers={"Location": DESCRIPTOR_PATH},
        text=f"Found. Redirecting to {DESCRIPTOR_PATH}",
    )


async def show_descriptor(request: web.Request, _: None) -> web.StreamResponse:
    """The rendered descriptor, or 304 for who has it."""
    connect = request.app[SERVICES].connect
    headers = {"ETag": connect.etag}
    ours = connect.etag.removeprefix("W/").strip('"')
    if any(tag.value in (ours, "*") for tag in request.if_none_match or ()):
        return web.Response(status=304, headers=headers)
    return web.Response(
        body=connect.descriptor,
        content_type="application/json",
        charset="utf-8",
        headers=headers,
    )


async def show_attachment(request: web.Request, _: None) -> web.StreamResponse:
    """Confluence's markup for the picture of a diagram, by the name it was attached under."""
    uuid = _join(request.rel_url.raw_query_string, "uuid")
    return web.Response(text=write_attachment(uuid), content_type="text/html", charset="utf-8")


def write_attachment(uuid: str) -> str:
    """*uuid* is anybody's: it stays within its attribute."""
    name = html.escape(uuid, quote=False).replace('"', "&quot;")
    return (
        f'<ac:image ac:width="950"> <ri:attachment ri:filename="zenuml-{name}.png" /> </ac:image>'
    )


def _join(query: str, name: str) -> str:
    """The values of *name* as JavaScript writes them: a list with commas, nothing as undefined."""
    pairs = (pair.partition("=") for pair in query.split("&"))
    values = [_decode(value) for key, _, value in pairs if _decode(key) == name]
    return ",".join(values) if values else "undefined"


def _decode(text: str) -> str:
    """As the Node app's reader: what is no UTF-8 stays as it was written."""
    written = text.replace("+", " ").encode("utf-8", "surrogateescape")
    try:
        return unquote_to_bytes(written).decode()
    except UnicodeDecodeError:
        return written.decode("utf-8", "replace")


def routes(base_path: str) -> tuple[Route[Any], ...]:
    """The descriptor also below the path of the base URL when it has one (no slash at its end)."""
    return (
        Route("GET", "/", anyone, show_the_way),
        Route("GET", "/attachment", anyone, show_attachment),
        *(
            Route("GET", path + DESCRIPTOR_PATH, anyone, show_descriptor)
            for path in dict.fromkeys(("", base_path))
        ),
    )
