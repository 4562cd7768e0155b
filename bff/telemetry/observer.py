"""MetricsObserver: what the engine says happened, as metrics; what needs a person, as a log line.

Fits bff.engine.ports.Observer by shape. Sees kinds, signs and statuses, never a body.
"""

import structlog

from bff.errors import Problem
from bff.telemetry.metrics import Metrics

_log = structlog.get_logger("bff.upstream")


class MetricsObserver:
    """Returns at once and never raises."""

    def __init__(self, metrics: Metrics) -> None:
        self._metrics = metrics

    def attempt_ended(self, *, provider: str, via: str, status: str) -> None:
        self._metrics.upstream_ended(via=via, status=status)

    def fell_back(self, *, reason: str) -> None:
        self._metrics.fell_back(reason=reason)

    def breaker_changed(self, *, upstream: str, state: str) -> None:
        self._metrics.breaker_changed(upstream=upstream, state=state)
        _log.warning("gateway.breaker_changed", upstream=upstream, state=state)

    def first_content(self, *, via: str, seconds: float) -> None:
        self._metrics.first_content(via=via, seconds=seconds)

    def bad_events(self, *, provider: str, count: int) -> None:
        self._metrics.bad_events(provider=provider, count=count)

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
            mend="check the provider's key and the gateway's settings, or run: bff check",
        )
