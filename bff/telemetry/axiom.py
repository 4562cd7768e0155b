"""Axiom: the Node app's monitor. Who installed or uninstalled, told to a dataset, never in the way.

Only the fields named here ever leave, so no secret can. Of the Node app's four events the two that
ever fired are kept; `client_info` and `conversations` were wired behind handlers that had answered.
Source: node-bff.md §6 "Analytics", §9 (B20, B31); Axiom REST API, "Ingest data" (v1).
"""

import asyncio
from collections import deque
from collections.abc import AsyncIterator, Callable, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any, Protocol

import aiohttp
import orjson
import structlog

from bff.policy.retry import read_retry_after
from bff.telemetry.logs import mask

PLATFORM = "ACE-Server"  # the Node app's word, by which its dashboards pick their events
QUEUE_MOST = 1000  # events, of some 400 bytes each
BATCH_MOST = 100
LONGEST_VALUE = 255  # characters

# The Node app's names, and where in a lifecycle call they come from.
_FIELDS = {
    "client_id": "clientKey",
    "product_id": "key",
    "product_type": "productType",
    "plugins_version": "pluginsVersion",
    "server_version": "serverVersion",
    "host_base_url": "baseUrl",
}
_PAUSES_S = (1.0, 5.0, 30.0)  # before a second, third and fourth try
_LONGEST_PAUSE_S = 60.0
_TIMEOUT_S = 5.0
_CLOSE_S = 1.0

_log = structlog.get_logger("bff.monitor")


class Clock(Protocol):
    """Who waits asks it."""

    async def sleep(self, seconds: float) -> None: ...


@dataclass(frozen=True, slots=True)
class _Failure:
    """A try that failed; *for_good* when the next would fail in the same way."""

    why: str
    for_good: bool = False
    wait_s: float | None = None


@dataclass(frozen=True, slots=True)
class Dataset:
    """Where events go: *url* is the API's base."""

    url: str
    name: str
    token: str = field(repr=False)

    @property
    def ingest_url(self) -> str:
        return f"{self.url}/v1/datasets/{self.name}/ingest"


@dataclass(frozen=True, slots=True)
class Origin:
    """What every event says of this process; *environment* as the Node app wrote it: Dev or
    Production.
    """

    environment: str
    worker_id: int


class NoMonitor:
    """What is used without a token."""

    def tell(self, event: str, payload: Mapping[str, Any]) -> None:
        return


def write_event(
    event: str, payload: Mapping[str, Any], origin: Origin, *, now: float
) -> dict[str, Any]:
    """The Node app's shape, without what it should not have sent. *now* is seconds since 1970."""
    told: dict[str, Any] = {
        "_time": datetime.fromtimestamp(now, UTC).isoformat(),
        "event_type": event,
        "worker_id": origin.worker_id,
        "environment": origin.environment,
        "platform": PLATFORM,
    }
    for name, source in _FIELDS.items():
        value = payload.get(source)
        if isinstance(value, str) and value:
            told[name] = _plain(value)
    return told


def _plain(text: str) -> str:
    """Short, printable, and without a query or what looks like a token."""
    shown = text.partition("?")[0].partition("#")[0][:LONGEST_VALUE]
    return mask("".join(each if each.isprintable() else "\ufffd" for each in shown))


class Monitor:
    """Sends in batches, from a task of its own, while `running`. *note* is told what became of how
    many events; *now* is seconds since 1970.
    """

    def __init__(
        self,
        session: aiohttp.ClientSession,
        dataset: Dataset,
        origin: Origin,
        *,
        clock: Clock,
        now: Callable[[], float],
        note: Callable[[str, int], None],
        timeout_s: float = _TIMEOUT_S,
        close_s: float = _CLOSE_S,
    ) -> None:
        self._session, self._dataset, self._origin = session, dataset, origin
        self._clock, self._now, self._note = clock, now, note
        self._timeout_s, self._close_s = timeout_s, close_s
        self._waiting: deque[dict[str, Any]] = deque()
        self._under_way: list[dict[str, Any]] = []
        self._told = asyncio.Event()
        self._idle = asyncio.Event()
        self._idle.set()

    def tell(self, event: str, payload: Mapping[str, Any]) -> None:
        """Returns at once and never raises. When too many wait already, this one is dropped."""
        if len(self._waiting) >= QUEUE_MOST:
            self._note("dropped", 1)
            return
        self._waiting.append(write_event(event, payload, self._origin, now=self._now()))
        self._idle.clear()
        self._told.set()

    @asynccontextmanager
    async def running(self) -> AsyncIterator["Monitor"]:
        """On the way out, what waits is given a moment more; then it is given up."""
        async with asyncio.TaskGroup() as tasks:
            sending = tasks.create_task(self._send_for_ever())
            try:
                yield self
            finally:
                await self._end(sending)

    async def _end(self, sending: asyncio.Task[None]) -> None:
        try:
            async with asyncio.timeout(self._close_s):
                await self._idle.wait()
        except TimeoutError:
            left = len(self._waiting) + len(self._under_way)
            self._note("failed", left)
            _log.warning("monitor.gave_up", events=left, why="the service ended")
        finally:
            sending.cancel()

    async def _send_for_ever(self) -> None:
        while True:
            await self._told.wait()
            self._under_way = [
                self._waiting.popleft() for _ in range(min(BATCH_MOST, len(self._waiting)))
            ]
            if not self._under_way:
                self._told.clear()
                self._idle.set()
                continue
            outcome = "sent" if await self._send(self._under_way) else "failed"
            self._note(outcome, len(self._under_way))

    async def _send(self, events: list[dict[str, Any]]) -> bool:
        """Whether they arrived, after some tries."""
        body = b"".join(orjson.dumps(event) + b"\n" for event in events)
        pauses = iter(_PAUSES_S)
        while (failure := await self._post(body)) is not None:
            pause = None if failure.for_good else next(pauses, None)
            if pause is None:
                _log.warning("monitor.gave_up", events=len(events), why=failure.why)
                return False
            await self._clock.sleep(min(failure.wait_s or pause, _LONGEST_PAUSE_S))
        return True

    async def _post(self, body: bytes) -> _Failure | None:
        try:
            async with (
                asyncio.timeout(self._timeout_s),
                self._session.post(
                    self._dataset.ingest_url,
                    data=body,
                    headers={
                        "Authorization": f"Bearer {self._dataset.token}",
                        "Content-Type": "application/x-ndjson",
                    },
                    allow_redirects=False,
                ) as response,
            ):
                status, wait_s = response.status, read_retry_after(response.headers)
        except (aiohttp.ClientError, OSError, ValueError) as error:  # of a name no host can have
            return _Failure(type(error).__name__)
        if 200 <= status < 300:
            return None
        for_good = status < 500 and status not in (408, 429)
        return _Failure(f"status {status}", for_good, wait_s)
