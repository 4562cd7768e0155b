"""AxiomSimulator: where the monitor's events go, and what it answers when it is not well.

Not a database: what came is kept in a list. Source: Axiom REST API, "Ingest data" (v1).
"""

import asyncio
from collections import Counter, deque
from typing import Any

import orjson
from aiohttp import web

_KEPT = 1000


class AxiomSimulator:
    """*events* that came, with the dataset they were sent to; *asked* is set by each call and
    *calls* counts them by status. *status* goes over every answer; while *hangs*, there is none.
    """

    def __init__(self, token: str = "xaat-simulated") -> None:  # noqa: S107 - a stand-in's
        self.token = token
        self.events: deque[tuple[str, dict[str, Any]]] = deque(maxlen=_KEPT)
        self.bodies: deque[bytes] = deque(maxlen=_KEPT)  # refused ones too
        self.calls: Counter[int] = Counter()
        self.statuses: deque[int] = deque()  # of the next calls, one each
        self.status = 200
        self.retry_after: str | None = None
        self.hangs = False
        self.asked = asyncio.Event()
        self._changed = asyncio.Event()

    def app(self) -> web.Application:
        app = web.Application()
        app.router.add_post("/v1/datasets/{dataset}/ingest", self._ingest)
        app.router.add_get("/_events", self._show)
        return app

    async def received(self, count: int) -> list[dict[str, Any]]:
        """The events, once there are *count* of them."""
        while len(self.events) < count:
            await self._changed.wait()
        return [event for _, event in self.events]

    async def _ingest(self, request: web.Request) -> web.StreamResponse:
        body = await request.read()
        self.bodies.append(body)
        self.asked.set()
        if self.hangs:
            await asyncio.Event().wait()
        status = self.statuses.popleft() if self.statuses else self.status
        if request.headers.get("Authorization") != f"Bearer {self.token}":
            status = 403
        if status != 200:
            self.calls[status] += 1
            headers = {"Retry-After": self.retry_after} if self.retry_after else None
            return web.json_response({"message": "no"}, status=status, headers=headers)
        try:
            events = _read(request, body)
        except ValueError:
            self.calls[400] += 1
            return web.json_response({"message": "no newline delimited JSON"}, status=400)
        self.calls[200] += 1
        self.events.extend((request.match_info["dataset"], event) for event in events)
        self._changed.set()
        self._changed = asyncio.Event()
        return web.json_response(
            {"ingested": len(events), "failed": 0, "failures": [], "processedBytes": len(body)}
        )

    async def _show(self, _: web.Request) -> web.StreamResponse:
        shown = [{"dataset": dataset, "event": event} for dataset, event in self.events]
        return web.json_response(shown)


def _read(request: web.Request, body: bytes) -> list[dict[str, Any]]:
    if request.content_type != "application/x-ndjson":
        raise ValueError("another type")
    events = [orjson.loads(line) for line in body.splitlines() if line]
    if not all(isinstance(event, dict) for event in events):
        raise ValueError("not objects")
    return events
