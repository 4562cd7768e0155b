"""The HTTP surface, described: `/openapi.json` for programs, `/docs` for people. Open to anyone.

Source: contract operations.md "Endpoints".
"""

import hashlib
from base64 import b64encode
from collections.abc import Iterable
from importlib.resources import files
from typing import Any

import orjson

from bff.web.doors import anyone
from bff.web.fixed import fixed
from bff.web.routes import Route
from bff.web.surface.document import write_document
from bff.web.surface.page import write_page

_DOCUMENT, _PAGE = ("GET", "/openapi.json"), ("GET", "/docs")


def routes(
    others: Iterable[Route[Any]], *, base_url: str, version: str
) -> tuple[Route[Any], Route[Any]]:
    """Both describe the *others* and themselves; they are made once, and the same for everybody."""
    served = {_DOCUMENT, _PAGE, *((route.method, route.path) for route in others)}
    document = write_document(served, base_url=base_url, version=version)
    style = (files("bff.web") / "static" / "docs.css").read_text(encoding="utf-8")
    seal = b64encode(hashlib.sha256(style.encode()).digest()).decode()
    policy = f"default-src 'none'; style-src 'sha256-{seal}'; base-uri 'none'; form-action 'none'"
    page = write_page(document, style).encode()
    described = orjson.dumps(document)
    open_to_pages = {"Access-Control-Allow-Origin": "*"}  # there is no secret in it
    return (
        Route(*_DOCUMENT, anyone, fixed(described, "application/json", open_to_pages)),
        Route(*_PAGE, anyone, fixed(page, "text/html", {"Content-Security-Policy": policy})),
    )
