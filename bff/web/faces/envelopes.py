"""What is true of every answer below the faces' paths, also of those no handler gives: whose
envelope an error has, who may read it from a browser, and what a wrong address is told.

Source: contract api-faces.md §1 (headers, CORS, 404/405), §4 (base URL).
"""

import re
from collections.abc import Iterable

from aiohttp import web

from bff.web.faces.answering import Face, write
from bff.web.faces.anthropic import ANTHROPIC
from bff.web.faces.openai import OPENAI
from bff.web.middleware import REQUEST_LINE

# a path may hold an encoded line break
_OURS = re.compile(r"/(anthropic(/.*)?|v1(/.*)?)", re.DOTALL)
_OPENAI_ONLY = re.compile(r"/v1/(chat/completions|responses)(/.*)?", re.DOTALL)
_ANTHROPIC_ONLY = re.compile(r"/(anthropic(/.*)?|v1/messages(/.*)?)", re.DOTALL)
_WITHOUT_MOUNT = re.compile(r"/(chat/completions|completions|embeddings|messages|models|responses)")
_ONE_MODEL = re.compile(r"(/anthropic)?/v1/models/[^/].*", re.DOTALL)

_METHODS = "GET, POST, OPTIONS"
_TOLD = ", ".join(
    (
        "request-id, retry-after, x-aig-log-id, x-cache, x-ignored-params, x-model-used",
        "x-proxy-latency-ms, x-request-id, x-should-retry, x-stream-mode, x-upstream-via",
        "x-ratelimit-limit-requests, x-ratelimit-remaining-requests, x-ratelimit-reset-requests",
        "anthropic-ratelimit-requests-limit, anthropic-ratelimit-requests-remaining",
        "anthropic-ratelimit-requests-reset",
    )
)
_MAY_SEND = ("authorization", "content-type", "x-api-key", "x-request-id", "x-client-request-id")
_MAY_BEGIN = ("anthropic-", "openai-", "x-stainless-")
_PREFLIGHT_S = "7200"


def face_of(request: web.Request) -> Face | None:
    """Whose words an answer below this path is in; None where it is none of the faces'."""
    path = request.path.lower()
    if not _OURS.fullmatch(path):
        return None
    if _OPENAI_ONLY.fullmatch(path):
        return OPENAI
    if _ANTHROPIC_ONLY.fullmatch(path) or "anthropic-version" in request.headers:
        return ANTHROPIC
    return OPENAI


async def add_face_headers(request: web.Request, response: web.StreamResponse) -> None:
    """Any page may read the faces: who asks is said in a header, never in a cookie."""
    face = face_of(request)
    if face is None:
        return
    headers = response.headers
    headers["Access-Control-Allow-Origin"] = "*"
    headers["Access-Control-Expose-Headers"] = _TOLD
    line = request.get(REQUEST_LINE)
    if face is ANTHROPIC and line is not None:
        headers.setdefault("request-id", line.request_id)


def answer_elsewhere(request: web.Request, methods: Iterable[str]) -> web.Response | None:
    """What is said where there is no route, or one for other *methods*. None for who is no
    integrator.
    """
    face = face_of(request)
    if face is None:
        if not _WITHOUT_MOUNT.fullmatch(request.path.lower().rstrip("/")):
            return None
        face = OPENAI
    elif request.method == "OPTIONS":
        return _preflight(request)
    known = sorted({"GET"} if _ONE_MODEL.fullmatch(request.path.lower()) else {*methods} - {"HEAD"})
    if request.method in known:  # it is there in another spelling, which nobody here reads
        known = []
    answer = write(face.write_unknown(request[REQUEST_LINE].request_id, methods=known))
    if known:
        answer.headers["Allow"] = ", ".join(known)
    return answer


def _preflight(request: web.Request) -> web.Response:
    """204, with those of the headers a browser asks for that we read."""
    asked = request.headers.get("Access-Control-Request-Headers", "").lower()
    named = [name.strip() for name in asked.split(",")]
    allowed = [name for name in named if name in _MAY_SEND or name.startswith(_MAY_BEGIN)]
    return web.Response(
        status=204,
        headers={
            "Access-Control-Allow-Methods": _METHODS,
            "Access-Control-Allow-Headers": ", ".join(allowed or _MAY_SEND),
            "Access-Control-Max-Age": _PREFLIGHT_S,
        },
    )
