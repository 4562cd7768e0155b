"""The gateway's log store and its API: GET, PATCH. A streamed call's log is found a little later.

Not the analytics. Source: gateway.md §8, §9.
"""

from collections import deque
from collections.abc import Callable
from dataclasses import asdict, dataclass, field
from datetime import UTC, datetime
from typing import Any

import orjson
from aiohttp import web

from bff.simulators.gateway.words import api_answer, api_error

_KEPT = 1000
_API = "/client/v4/accounts/{account}/ai-gateway/gateways/{gateway}/logs"
_ONE = f"{_API}/{{id}}"
_HIDDEN = ("account", "gateway", "visible_at", "request_body", "response_body")


@dataclass(slots=True)
class LogEntry:
    """One call through the gateway, as its log tells it. *duration* in milliseconds."""

    id: str
    account: str
    gateway: str
    provider: str
    model: str
    path: str
    request_type: str  # the content type asked with
    metadata: dict[str, str | int | float | bool]
    status_code: int = 0
    success: bool = False
    cached: bool = False
    cost: float = 0.0
    custom_cost: bool = False
    duration: int = 0
    tokens_in: int = 0
    tokens_out: int = 0
    step: int = 0
    created_at: float = 0.0  # seconds since 1970
    visible_at: float = 0.0
    feedback: int | None = None
    score: float | None = None
    request_body: bytes = field(default=b"", repr=False)
    response_body: bytes = field(default=b"", repr=False)

    @property
    def shown(self) -> dict[str, Any]:
        value = {name: said for name, said in asdict(self).items() if name not in _HIDDEN}
        value["created_at"] = datetime.fromtimestamp(self.created_at, UTC).isoformat()
        return value | {"request_head": "", "response_head": "", "model_type": "chat"}


class LogStore(deque[LogEntry]):
    """Newest last. *token* is the API's own, not the gateway's; None: any."""

    def __init__(self, now: Callable[[], float], *, token: str | None = None) -> None:
        super().__init__(maxlen=_KEPT)
        self.token = token
        self._now = now

    def routes(self) -> tuple[web.RouteDef, ...]:
        return (
            web.get(_API, self._list),
            web.get(_ONE, self._show),
            web.get(f"{_ONE}/request", self._request_body),
            web.get(f"{_ONE}/response", self._response_body),
            web.patch(_ONE, self._patch),
        )

    async def _list(self, request: web.Request) -> web.Response:
        self._admit(request)
        place = (request.match_info["account"], request.match_info["gateway"])
        found = [
            entry.shown
            for entry in reversed(self)
            if (entry.account, entry.gateway) == place and entry.visible_at <= self._now()
        ]
        return web.json_response(api_answer(found))

    async def _show(self, request: web.Request) -> web.Response:
        return web.json_response(api_answer(self._find(request).shown))

    async def _request_body(self, request: web.Request) -> web.Response:
        return _body(self._find(request).request_body)

    async def _response_body(self, request: web.Request) -> web.Response:
        return _body(self._find(request).response_body)

    async def _patch(self, request: web.Request) -> web.Response:
        entry = self._find(request)
        try:
            said = orjson.loads(await request.read())
            feedback, score = said.get("feedback"), said.get("score")
            metadata = dict(said.get("metadata") or {})
        except (ValueError, AttributeError, TypeError):
            return web.json_response(api_error(7001, "Invalid body"), status=400)
        if feedback not in (None, -1, 1) or not (score is None or 0 <= score <= 100):
            return web.json_response(api_error(7001, "Invalid feedback or score"), status=400)
        entry.feedback = entry.feedback if feedback is None else feedback
        entry.score = entry.score if score is None else score
        entry.metadata |= metadata
        return web.json_response({"result": {}, "success": True})

    def _find(self, request: web.Request) -> LogEntry:
        """The entry the path names; raises the API's own refusals."""
        self._admit(request)
        place = request.match_info
        for entry in self:
            if entry.id != place["id"] or entry.visible_at > self._now():
                continue
            if (entry.account, entry.gateway) == (place["account"], place["gateway"]):
                return entry
        raise web.HTTPNotFound(
            text=_text(api_error(7002, "Log not found")), content_type="application/json"
        )

    def _admit(self, request: web.Request) -> None:
        scheme, _, token = request.headers.get("Authorization", "").partition(" ")
        if scheme.lower() != "bearer" or not token or self.token not in (None, token):
            raise web.HTTPUnauthorized(
                text=_text(api_error(10000, "Authentication error")),
                content_type="application/json",
            )


def _text(value: object) -> str:
    return orjson.dumps(value).decode()


def _body(data: bytes) -> web.Response:
    return web.Response(body=data, content_type="application/json")
