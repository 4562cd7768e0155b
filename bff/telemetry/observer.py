"""MetricsObserver: what the engine says happened, as metrics; what needs a person, as a log line.

Fits bff.engine.ports.Observer by shape. Sees kinds, signs and statuses, never a body.
"""

from typing import Protocol

import structlog

from bff.chat.events import UsageReported
from bff.errors import Problem
from bff.telemetry.metrics import Metrics

_log = structlog.get_logger("bff.upstream")


class Answered(Protocol):
    """What is counted of an answer; the engine's Facts fit it by shape."""

    @property
    def provider(self) -> str: ...

    @property
    def mode(self) -> str: ...

    @property
    def usage(self) -> UsageReported | None: ...


class MetricsObserver:
    """Returns at once and never raises."""

    def __init__(self, metrics: Metrics) -> None:
        self._metrics = metrics

    def attempt_ended(self, *, provider: str, via: str, status: str) -> None:
        self._metrics.upstream_ended(provider=provider, via=via, status=status)

    def fell_back(self, *, reason: str) -> None:
        self._metrics.fell_back(reason=reason)

    def changed_model(self, *, provider: str, reason: str) -> None:
        self._metrics.changed_model(provider=provider, reason=reason)

    def breaker_changed(self, *, upstream: str, state: str) -> None:
        self._metrics.breaker_changed(upstream=upstream, state=state)
        _log.warning("upstream.breaker_changed", upstream=upstream, state=state)

    def first_content(self, *, via: str, seconds: float) -> None:
        self._metrics.first_content(via=via, seconds=seconds)

    def answered(self, facts: Answered, status: str) -> None:
        self._metrics.answered(provider=facts.provider, mode=facts.mode, status=status)
        if facts.usage is not None:
            self._metrics.tokens_used(provider=facts.provider, usage=facts.usage)

    def bad_events(self, *, provider: str, count: int) -> None:
        self._metrics.bad_events(provider=provider, count=count)

    def tool_parse_failed(self, *, provider: str, count: int) -> None:
        self._metrics.tool_parse_failed(provider=provider, count=count)

    def models_unheard(self, *, provider: str, problem: Problem) -> None:
        """Its list could not be read; what it told last stands."""
        _log.warning("upstream.models_unheard", provider=provider, kind=problem.kind.value)

    def misconfigured(self, *, provider: str, via: str, problem: Problem) -> None:
        """Someone must look: users are served another way, or not at all, until they do."""
        self._metrics.misconfigured(provider=provider, via=via)
        _log.error(
            "upstream.misconfigured",
            provider=provider,
            via=via,
            kind=problem.kind.value,
            sign=problem.sign.value,
            status=problem.status,
            noted=getattr(problem, "__notes__", []),
            mend="check the provider's key and the gateway's settings, or run: bff check",
        )
