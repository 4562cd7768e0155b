"""gzip for who asks for it: which answers are worth it, and who wants them.

Never for event streams: they would come in one piece at the end. Nor for parts of a file, whose
bytes are counted. Source: node-bff.md §2 (compression), RFC 9110 §12.5.3.
"""

import re
from collections.abc import Mapping

from aiohttp import web

LEAST_BYTES = 1024  # below that the head of the answer weighs more than what is saved
_WORTH_IT = re.compile(
    r"text/(?!event-stream)"
    r"|application/(javascript|json|manifest\+json|openmetrics-text|wasm|xml)\b"
    r"|image/svg\+xml|font/(otf|ttf)|application/vnd\.ms-fontobject"
)


def is_worth_packing(content_type: str) -> bool:
    return _WORTH_IT.match(content_type.lower()) is not None


def wants_gzip(request: web.Request) -> bool:
    return likes_gzip(",".join(request.headers.getall("Accept-Encoding", ())))


def likes_gzip(accept_encoding: str) -> bool:
    """Whether gzip is liked at least as well as what is not packed."""
    wishes = dict(map(_read, accept_encoding.lower().split(",")))
    liked = wishes.get("gzip", wishes.get("x-gzip", wishes.get("*", 0.0)))
    return liked > 0 and liked >= wishes.get("identity", 0.0)


def pack(request: web.Request, response: web.StreamResponse) -> None:
    """Has a whole answer packed on its way out, where that is worth it and asked for."""
    if not isinstance(response, web.Response) or not isinstance(response.body, bytes):
        return
    if len(response.body) < LEAST_BYTES or not _may_be_packed(response.headers):
        return
    response.headers["Vary"] = "Accept-Encoding"
    if wants_gzip(request):
        response.enable_compression(web.ContentCoding.gzip)


def _may_be_packed(headers: Mapping[str, str]) -> bool:
    return (
        "Content-Encoding" not in headers
        and "no-transform" not in headers.get("Cache-Control", "")
        and is_worth_packing(headers.get("Content-Type", ""))
    )


def _read(wish: str) -> tuple[str, float]:
    name, *parameters = (piece.strip() for piece in wish.split(";"))
    for parameter in parameters:
        if parameter.startswith("q="):
            return name, _read_weight(parameter[2:])
    return name, 1.0


def _read_weight(text: str) -> float:
    return float(text) if re.fullmatch(r"[01](\.\d{0,3})?", text, re.ASCII) else 0.0
