"""The HTTP surface, described: `/openapi.json` for programs, `/docs` for people. Open to anyone.

Source: contract operations.md "Endpoints".
"""

import hashlib
from base64 import b64encode
from importlib.resources import files
from typing import Any

import orjson
from aiohttp import ETag, web

from bff.web.doors import anyone
from bff.web.routes import Handler, Route
from bff.web.surface.document import write_document
from bff.web.surface.page import write_page


def routes(*, base_url: str, version: str) -> tuple[Route[Any], ...]:
    """Both are made once, and are the same for everybody."""
    document = write_document(base_url=base_url, version=version)
    style = (files("bff.web") / "static" / "docs.css").read_text(encoding="utf-8")
    seal = b64encode(hashlib.sha256(style.encode()).digest()).decode()
    policy = f"default-src 'none'; style-src 'sha256-{seal}'; base-uri 'none'; form-action 'none'"
    described = orjson.dumps(document)
    page = write_page(document, style).encode()
    return (
        Route("GET", "/openapi.json", anyone, _show(described, "application/json")),
        Route("GET", "/docs", anyone, _show(page, "text/html", policy)),
    )


def _show(body: bytes, content_type: str, policy: str = "") -> Handler[None]:
    etag = ETag(
        hashlib.sha256(body).hexdigest()[:32], is_weak=True
    )  # packed or not, it is the same
    headers = {"Cache-Control": "public, max-age=0"}
    if policy:
        headers["Content-Security-Policy"] = policy

    async def show(request: web.Request, _: None) -> web.StreamResponse:
        response = web.Response(body=body, content_type=content_type, charset="utf-8")
        if any(tag.value in (etag.value, "*") for tag in request.if_none_match or ()):
            response = web.Response(status=304)
        response.headers.update(headers)
        response.etag = etag
        return response

    return show
