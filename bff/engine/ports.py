"""The world as the engine knows it: Protocols only. Providers and telemetry fit them by shape."""

from collections.abc import AsyncIterator, Mapping, Sequence
from contextlib import AbstractAsyncContextManager
from dataclasses import dataclass, field
from typing import Protocol

from bff.chat.events import Chunk, UsageReported
from bff.chat.request import ChatRequest
from bff.errors import Problem


class Clock(Protocol):
    """Monotonic seconds, and the only way to wait."""

    def now(self) -> float: ...
    async def sleep(self, seconds: float) -> None: ...


@dataclass(frozen=True, slots=True)
class Timers:
    """The four upstream timers, in seconds: each has its own error and its own setting."""

    connect: float
    first_byte: float
    idle: float
    total: float


@dataclass(frozen=True, slots=True)
class Route:
    """One way to an answer: a provider's endpoint. *via* is `gateway` or `direct`."""

    provider: "Provider"
    model: str
    via: str


@dataclass(slots=True)
class Facts:
    """What is known of the answer, filled in as attempts go on; surfaced in headers, log and store."""

    via: str = ""
    model: str = ""
    log_id: str | None = None
    cache_status: str | None = None
    step: str | None = None
    gateway_request_id: str | None = None
    ray: str | None = None
    attempts: int = 0
    bad_events: int = 0
    headers_s: float | None = None  # from the question to upstream's headers
    first_content_s: float | None = None  # from the question to the first content
    usage: UsageReported | None = None
    finish_reason: str | None = None
    fallback_reasons: list[str] = field(default_factory=list)


@dataclass(frozen=True, slots=True)
class Upstream:
    """An open upstream answer: its chunks, a batch per network read, and its headers (lower case)."""

    batches: AsyncIterator[Sequence[Chunk]]
    headers: Mapping[str, str]


class Provider(Protocol):
    """A vendor that answers. Raises Problem, with the sign of what was seen."""

    name: str

    def stream(
        self, request: ChatRequest, *, model: str, via: str, timers: Timers, deadline: float
    ) -> AbstractAsyncContextManager[Upstream]: ...


class Observer(Protocol):
    """Where the engine says what happened; must return at once and never raise."""

    def attempt_ended(self, *, provider: str, via: str, status: str) -> None: ...
    def fell_back(self, *, reason: str) -> None: ...
    def breaker_changed(self, *, upstream: str, state: str) -> None: ...
    def first_content(self, *, via: str, seconds: float) -> None: ...
    def bad_event(self, *, provider: str) -> None: ...
    def misconfigured(self, *, provider: str, problem: Problem) -> None: ...
