"""Metrics: what is counted and how it is shown to Prometheus. The README lists every name.

Labels come from closed sets, so no caller can make series: whatever is not in its set is `other`.
Never a tenant, a user or a path as it was asked. Source: style.md "Metrics", gateway.md §11.
"""

from collections.abc import Iterable
from http import HTTPStatus
from typing import Generic, TypeVar

from prometheus_client import (
    CollectorRegistry,
    Counter,
    Gauge,
    Histogram,
    ProcessCollector,
    disable_created_metrics,
    generate_latest,
    multiprocess,
    values,
)
from prometheus_client.metrics import MetricWrapperBase

from bff.chat.events import UsageReported
from bff.errors import Sign

OTHER = "other"
LEFT = "left"  # the caller was gone before there was an answer
METHODS = frozenset({"DELETE", "GET", "HEAD", "OPTIONS", "PATCH", "POST", "PUT"})
_OVERLOADED = "529"  # Anthropic's word for it, and so its face's
STATUSES = frozenset(str(status.value) for status in HTTPStatus) | {_OVERLOADED}
SIGNS = frozenset(sign.value for sign in Sign)
OUTCOMES = STATUSES | SIGNS | {"ok", "cancelled"} | {str(edge) for edge in (*range(520, 528), 530)}
REASONS = SIGNS | {"breaker_open"}
WAYS = frozenset({"direct", "gateway"})
BREAKER_STATES = {"closed": 0, "half_open": 1, "open": 2}
PROVIDERS = frozenset({"anthropic", "azure", "offline", "openai", "salesforce", "straico"})
UPSTREAMS = PROVIDERS | {f"{provider}-direct" for provider in PROVIDERS}
MODES = frozenset({"native", "simulated", "translated"})
ENDINGS = frozenset({"cancelled", "complete", "failed"})
INSTALL_EVENTS = frozenset({"installed", "uninstalled"})
INSTALL_OUTCOMES = frozenset({"accepted", "refused"})
MONITOR_OUTCOMES = frozenset({"dropped", "failed", "sent"})
CONTENT_TYPE = "text/plain; version=0.0.4; charset=utf-8"

_REQUEST_BUCKETS = (0.005, 0.025, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30, 60, 120, 300, 600)
_CONTENT_BUCKETS = (0.05, 0.1, 0.25, 0.5, 0.75, 1, 1.5, 2.5, 5, 10, 20, 30, 60)

M = TypeVar("M", bound=MetricWrapperBase)


class _Series(dict[tuple[str, ...], M], Generic[M]):
    """The children of one metric, each looked up once: `labels()` costs more than counting."""

    def __init__(self, metric: M) -> None:
        super().__init__()
        self._metric = metric

    def __missing__(self, labels: tuple[str, ...]) -> M:
        child = self[labels] = self._metric.labels(*labels)
        return child


class Metrics:
    """Every metric of one process, in a registry of its own.

    Where several processes answer on one port, prometheus-client's own PROMETHEUS_MULTIPROC_DIR
    makes each of them show the sum of all; `bff serve` sets it.
    """

    def __init__(self) -> None:
        # They would double the page and nobody reads them.
        disable_created_metrics()  # type: ignore[no-untyped-call]  # the library leaves it untyped
        self.registry = CollectorRegistry()
        self._shared = bool(getattr(values.ValueClass, "_multiprocess", False))
        if not self._shared:
            ProcessCollector(namespace="bff", registry=self.registry)
        self._requests = self._counter(
            "requests_total", "Requests answered.", ("route", "method", "status")
        )
        self._request_seconds = self._histogram(
            "request_seconds",
            "From the request's head to the answer's end.",
            "route",
            _REQUEST_BUCKETS,
        )
        self._upstream = self._counter(
            "upstream_requests_total",
            "Tries upstream, by how they ended.",
            ("provider", "via", "status"),
        )
        self._fallbacks = self._counter(
            "gateway_fallback_total", "Times the gateway was left for the direct way.", ("reason",)
        )
        self._model_fallbacks = self._counter(
            "model_fallback_total",
            "Times a model was left for one that stands in for it.",
            ("provider", "reason"),
        )
        self._breaker = _Series(
            Gauge(
                "bff_gateway_breaker_state",
                "0 closed, 1 half open, 2 open.",
                ("upstream",),
                registry=self.registry,
                multiprocess_mode="livemax",
            )
        )
        self._first_content = self._histogram(
            "first_content_seconds",
            "From the question to the first content.",
            "via",
            _CONTENT_BUCKETS,
        )
        self.streams_open = Gauge(
            "bff_streams_open",
            "Answers of the model on their way.",
            registry=self.registry,
            multiprocess_mode="livesum",
        )
        self._upstream_waiting = _Series(
            Gauge(
                "bff_upstream_waiting",
                "Questions that wait for a free connection to their vendor.",
                ("provider",),
                registry=self.registry,
                multiprocess_mode="livesum",
            )
        )
        self._bad_events = self._counter(
            "upstream_bad_events_total", "Events dropped as unreadable.", ("provider",)
        )
        self._answers = self._counter(
            "answers_total", "Answers, by how they ended.", ("provider", "mode", "status")
        )
        self._tokens = self._counter(
            "tokens_total",
            "Tokens of answers, counted or estimated; cached ones are prompt ones too.",
            ("provider", "kind"),
        )
        self._tool_parse_failed = self._counter(
            "tool_parse_failed_total",
            "Calls written into a text that could not be read.",
            ("provider",),
        )
        self.client_disconnects = Counter(
            "bff_client_disconnects_total",
            "Callers who left early: normal for chats, not an error.",
            registry=self.registry,
        )
        self._misconfigured = self._counter(
            "misconfigured_total", "Upstream refused our own key or name.", ("provider", "via")
        )
        self._installs = self._counter(
            "install_events_total", "Lifecycle calls of Atlassian.", ("event", "outcome")
        )
        self.quota_settlements_waiting = Gauge(
            "bff_quota_settlements_waiting",
            "Calls whose tokens could not be booked yet.",
            registry=self.registry,
            multiprocess_mode="livesum",
        )
        self.quota_lost = Counter(
            "bff_quota_lost_total",
            "Calls whose tokens were given up unbooked.",
            registry=self.registry,
        )
        self._monitor = self._counter(
            "monitor_events_total", "Events for the monitor, by what became of them.", ("outcome",)
        )

    def request_ended(self, *, route: str, method: str, status: int, seconds: float) -> None:
        """*route* is a route's own path, never the request's; *status* 0: the caller left."""
        shown = _closed(str(status), STATUSES)
        if status == 0:
            shown = LEFT
            self.client_disconnects.inc()
        self._requests[route, _closed(method, METHODS), shown].inc()
        self._request_seconds[(route,)].observe(seconds)

    def upstream_ended(self, *, provider: str, via: str, status: str) -> None:
        """*status*: an HTTP status, a Sign, `ok` or `cancelled`."""
        labels = _closed(provider, PROVIDERS), _closed(via, WAYS), _closed(status, OUTCOMES)
        self._upstream[labels].inc()

    def answered(self, *, provider: str, mode: str, status: str) -> None:
        """*status*: `complete`, `failed` or `cancelled`; *mode*: `native`, `translated` or
        `simulated`.
        """
        labels = _closed(provider, PROVIDERS), _closed(mode, MODES), _closed(status, ENDINGS)
        self._answers[labels].inc()

    def tokens_used(self, *, provider: str, usage: UsageReported) -> None:
        shown = _closed(provider, PROVIDERS)
        self._tokens[shown, "prompt"].inc(usage.prompt_tokens)
        self._tokens[shown, "completion"].inc(usage.completion_tokens)
        if usage.cached_tokens:
            self._tokens[shown, "cached"].inc(usage.cached_tokens)

    def tool_parse_failed(self, *, provider: str, count: int) -> None:
        self._tool_parse_failed[(_closed(provider, PROVIDERS),)].inc(count)

    def fell_back(self, *, reason: str) -> None:
        self._fallbacks[(_closed(reason, REASONS),)].inc()

    def changed_model(self, *, provider: str, reason: str) -> None:
        self._model_fallbacks[_closed(provider, PROVIDERS), _closed(reason, REASONS)].inc()

    def breaker_changed(self, *, upstream: str, state: str) -> None:
        self._breaker[(_closed(upstream, UPSTREAMS),)].set(BREAKER_STATES.get(state, -1))

    def first_content(self, *, via: str, seconds: float) -> None:
        self._first_content[(_closed(via, WAYS),)].observe(seconds)

    def upstream_waiting(self, *, provider: str, count: int) -> None:
        self._upstream_waiting[_closed(provider, PROVIDERS),].set(count)

    def bad_events(self, *, provider: str, count: int) -> None:
        self._bad_events[(_closed(provider, PROVIDERS),)].inc(count)

    def misconfigured(self, *, provider: str, via: str) -> None:
        self._misconfigured[_closed(provider, PROVIDERS), _closed(via, WAYS)].inc()

    def install_event(self, *, event: str, outcome: str) -> None:
        """*event*: `installed` or `uninstalled`; *outcome*: `accepted` or `refused`."""
        labels = _closed(event, INSTALL_EVENTS), _closed(outcome, INSTALL_OUTCOMES)
        self._installs[labels].inc()

    def monitor_events(self, *, outcome: str, count: int) -> None:
        """*outcome*: `sent`, `dropped` for want of room, or `failed`."""
        self._monitor[(_closed(outcome, MONITOR_OUTCOMES),)].inc(count)

    def render(self) -> bytes:
        """The page Prometheus reads, of CONTENT_TYPE; of all processes where they share."""
        if not self._shared:
            return generate_latest(self.registry)
        everyone = CollectorRegistry()
        multiprocess.MultiProcessCollector(everyone)  # type: ignore[no-untyped-call]  # untyped
        return generate_latest(everyone)

    def _counter(self, name: str, says: str, labels: Iterable[str]) -> _Series[Counter]:
        return _Series(Counter(f"bff_{name}", says, tuple(labels), registry=self.registry))

    def _histogram(
        self, name: str, says: str, label: str, buckets: tuple[float, ...]
    ) -> _Series[Histogram]:
        metric = Histogram(f"bff_{name}", says, (label,), registry=self.registry, buckets=buckets)
        return _Series(metric)


def _closed(value: str, known: frozenset[str]) -> str:
    return value if value in known else OTHER
