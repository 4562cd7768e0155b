"""`/` and the add-on's descriptor: what Atlassian fetches first. Open to all, the same for all.

Source: node-bff.md §3.1, §5.
"""

from typing import Any

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


def routes(base_path: str) -> tuple[Route[Any], ...]:
    """The descriptor also below the path of the base URL when it has one (no slash at its end)."""
    return (
        Route("GET", "/", anyone, show_the_way),
        *(
            Route("GET", path + DESCRIPTOR_PATH, anyone, show_descriptor)
            for path in dict.fromkeys(("", base_path))
        ),
    )
