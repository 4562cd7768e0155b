"""The world as the engine knows it: Protocols only. Providers and telemetry fit them by shape."""

from collections.abc import AsyncIterator, Mapping, Sequence
from contextlib import AbstractAsyncContextManager
from typing import Protocol

from bff.chat.events import Chunk
from bff.chat.request import ChatRequest
from bff.chat.usage import Counted
from bff.engine.metering import Facts
from bff.errors import Problem
from bff.policy.deadline import Timers
from bff.policy.retry import Patience


class Clock(Protocol):
    """Monotonic seconds, and the only way to wait."""

    def now(self) -> float: ...

    async def sleep(self, seconds: float) -> None: ...


class Upstream(Protocol):
    """An open upstream answer: its chunks, a batch per network read, what its headers told, and
    which of the request's parameters this vendor was not told. *passed* are the headers that go
    along with its own words.
    """

    @property
    def batches(self) -> AsyncIterator[Sequence[Chunk]]: ...

    @property
    def headers(self) -> Mapping[str, str]: ...

    @property
    def ignored(self) -> tuple[str, ...]: ...

    @property
    def passed(self) -> Mapping[str, str]: ...


class Provider(Protocol):
    """A vendor that answers. *ways* are the roads to it, in order: `gateway`, `direct`. *tongues*
    are the dialects its originals can be in: a face that passes one of them on is answered in it.
    Without *streams* its answers come whole and are replayed.
    """

    @property
    def name(self) -> str: ...

    @property
    def tongues(self) -> frozenset[str]: ...

    @property
    def streams(self) -> bool: ...

    @property
    def ways(self) -> tuple[str, ...]: ...

    @property
    def patience(self) -> Patience: ...

    def timers(self, request: ChatRequest, model: str) -> Timers:
        """How long this question may take."""

    def stream(
        self, request: ChatRequest, *, model: str, via: str, deadline: float
    ) -> AbstractAsyncContextManager[Upstream]:
        """Asks once. *deadline* is on the loop's clock. Raises Problem with the sign of what was
        seen.
        """

    async def count(
        self, request: ChatRequest, *, model: str, via: str, deadline: float
    ) -> Counted | None:
        """The tokens of a question that is passed on, as the vendor counts them; None where it does
        not. Raises Problem likewise.
        """


class Observer(Protocol):
    """Where the engine says what happened; returns at once and never raises."""

    def attempt_ended(self, *, provider: str, via: str, status: str) -> None:
        """*status*: the HTTP status, or `ok`, `cancelled`, or the sign of a failure without one."""

    def fell_back(self, *, reason: str) -> None:
        """The gateway was left for the direct way; *reason* is the sign, or `breaker_open`."""

    def changed_model(self, *, provider: str, reason: str) -> None:
        """A model of *provider* was left for one that stands in for it; *reason* likewise."""

    def breaker_changed(self, *, upstream: str, state: str) -> None:
        """*upstream* is the vendor behind the gateway, or the vendor and `-direct`."""

    def first_content(self, *, via: str, seconds: float) -> None: ...

    def answered(self, facts: Facts, status: str) -> None:
        """An answer was left: once for each, whatever ended it. *status* is `complete`, `failed` or
        `cancelled`; *facts* change no more.
        """

    def bad_events(self, *, provider: str, count: int) -> None: ...

    def tool_parse_failed(self, *, provider: str, count: int) -> None:
        """Calls that the model wrote into its text, and that could not be read."""

    def misconfigured(self, *, provider: str, via: str, problem: Problem) -> None:
        """Our own key, token or gateway name is wrong: someone must look."""
