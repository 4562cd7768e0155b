import os
import re
import subprocess
import sys
from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bff.chat.events import UsageReported
from bff.engine.metering import Facts, Mode, Status
from bff.errors import Kind, Problem, Sign
from bff.policy.breaker import BreakerState
from bff.telemetry.metrics import BREAKER_STATES, Metrics
from bff.telemetry.observer import MetricsObserver

LABELS = {"method", "via", "reason", "provider", "event", "mode", "upstream", "kind"}


@pytest.fixture
def metrics() -> Metrics:
    return Metrics()


def _value(metrics: Metrics, name: str, **labels: str) -> float | None:
    return metrics.registry.get_sample_value(name, labels)


def test_a_request_is_counted_by_route_method_and_status_and_timed(metrics) -> None:
    for _ in range(2):
        metrics.request_ended(route="/health", method="GET", status=200, seconds=0.2)

    labels = {"route": "/health", "method": "GET", "status": "200"}
    assert _value(metrics, "bff_requests_total", **labels) == 2
    assert _value(metrics, "bff_request_seconds_sum", route="/health") == pytest.approx(0.4)
    assert _value(metrics, "bff_client_disconnects_total") == 0


def test_a_caller_who_left_is_counted_and_is_no_error(metrics) -> None:
    metrics.request_ended(route="/conversations", method="POST", status=0, seconds=1)

    labels = {"route": "/conversations", "method": "POST", "status": "left"}
    assert _value(metrics, "bff_requests_total", **labels) == 1
    assert _value(metrics, "bff_client_disconnects_total") == 1


@given(st.text(max_size=8), st.integers(-5, 1200))
def test_no_caller_can_make_series(word, number) -> None:
    metrics = Metrics()

    metrics.request_ended(route="/x", method=word, status=number, seconds=0)
    metrics.upstream_ended(provider=word, via=word, status=str(number))
    metrics.breaker_changed(upstream=word, state=word)
    metrics.changed_model(provider=word, reason=word)
    metrics.answered(provider=word, mode=word, status=word)
    metrics.tokens_used(provider=word, usage=UsageReported(1, 2, 3))
    metrics.tool_parse_failed(provider=word, count=1)
    metrics.fell_back(reason=word)
    metrics.bad_events(provider=word, count=1)
    metrics.install_event(event=word, outcome=word)

    for family in metrics.registry.collect():
        for sample in family.samples:
            for label in LABELS & set(sample.labels):
                assert sample.labels[label] in {"other", *_known(label)}


def _known(label: str) -> set[str]:
    from bff.telemetry import metrics

    sets = {
        "method": metrics.METHODS,
        "via": metrics.WAYS,
        "reason": metrics.REASONS,
        "provider": metrics.PROVIDERS,
        "event": metrics.INSTALL_EVENTS,
        "mode": metrics.MODES,
        "upstream": metrics.UPSTREAMS,
        "kind": {"prompt", "completion", "cached"},
    }
    return set(sets[label])


def test_the_status_that_anthropics_face_has_for_overload_is_shown(metrics) -> None:
    metrics.request_ended(route="/v1/messages", method="POST", status=529, seconds=0)

    labels = {"route": "/v1/messages", "method": "POST", "status": "529"}
    assert _value(metrics, "bff_requests_total", **labels) == 1


def test_an_odd_status_is_other(metrics) -> None:
    metrics.request_ended(route="/x", method="GET", status=799, seconds=0)

    labels = {"route": "/x", "method": "GET", "status": "other"}
    assert _value(metrics, "bff_requests_total", **labels) == 1


def test_every_metric_has_our_prefix_and_none_is_about_its_own_making(metrics) -> None:
    metrics.request_ended(route="/x", method="GET", status=200, seconds=0)
    metrics.first_content(via="direct", seconds=0.3)

    names = re.findall(r"^([a-z_]+)", metrics.render().decode(), re.MULTILINE)

    assert names
    assert all(name.startswith("bff_") for name in names)
    assert not [name for name in names if name.endswith("_created")]


def test_open_streams_are_shown(metrics) -> None:
    metrics.streams_open.set(3)

    assert b"bff_streams_open 3.0" in metrics.render()


def test_installs_are_counted(metrics) -> None:
    metrics.install_event(event="installed", outcome="refused")

    labels = {"event": "installed", "outcome": "refused"}
    assert _value(metrics, "bff_install_events_total", **labels) == 1


def test_the_observer_counts_what_the_engine_says(metrics) -> None:
    observer = MetricsObserver(metrics)

    observer.attempt_ended(provider="openai", via="gateway", status="524")
    observer.attempt_ended(provider="openai", via="direct", status="ok")
    observer.fell_back(reason=Sign.EDGE.value)
    observer.fell_back(reason="breaker_open")
    observer.first_content(via="direct", seconds=0.3)
    observer.bad_events(provider="openai", count=2)
    observer.tool_parse_failed(provider="straico", count=3)
    observer.changed_model(provider="openai", reason=Sign.PROVIDER_BUSY.value)

    upstream = "bff_upstream_requests_total"
    assert _value(metrics, upstream, provider="openai", via="gateway", status="524") == 1
    assert _value(metrics, upstream, provider="openai", via="direct", status="ok") == 1
    assert _value(metrics, "bff_gateway_fallback_total", reason="edge") == 1
    assert _value(metrics, "bff_gateway_fallback_total", reason="breaker_open") == 1
    assert _value(metrics, "bff_first_content_seconds_count", via="direct") == 1
    assert _value(metrics, "bff_upstream_bad_events_total", provider="openai") == 2
    assert _value(metrics, "bff_tool_parse_failed_total", provider="straico") == 3
    left = {"provider": "openai", "reason": "provider_busy"}
    assert _value(metrics, "bff_model_fallback_total", **left) == 1


def test_an_answer_is_counted_by_how_it_came_and_ended_with_its_tokens(metrics) -> None:
    observer = MetricsObserver(metrics)
    facts = Facts(
        provider="openai", mode=Mode.NATIVE, usage=UsageReported(25, 50, 75, cached_tokens=5)
    )

    observer.answered(facts, "complete")
    observer.answered(replace(facts, usage=None), Status.CANCELLED)

    answers = "bff_answers_total"
    for status in ("complete", "cancelled"):
        labels = {"provider": "openai", "mode": "native", "status": status}
        assert _value(metrics, answers, **labels) == 1
    tokens = {
        kind: _value(metrics, "bff_tokens_total", provider="openai", kind=kind)
        for kind in ("prompt", "completion", "cached")
    }
    assert tokens == {"prompt": 25, "completion": 50, "cached": 5}


def test_both_breakers_of_a_vendor_are_shown(metrics) -> None:
    metrics.breaker_changed(upstream="openai", state="open")
    metrics.breaker_changed(upstream="openai-direct", state="half_open")

    assert _value(metrics, "bff_gateway_breaker_state", upstream="openai") == 2
    assert _value(metrics, "bff_gateway_breaker_state", upstream="openai-direct") == 1


def test_questions_that_wait_for_their_vendor_are_shown(metrics) -> None:
    metrics.upstream_waiting(provider="straico", count=4)

    assert _value(metrics, "bff_upstream_waiting", provider="straico") == 4


@pytest.mark.parametrize("state", list(BreakerState))
def test_every_state_of_the_breaker_has_a_number(metrics, written, state) -> None:
    MetricsObserver(metrics).breaker_changed(upstream="openai", state=state.value)

    shown = _value(metrics, "bff_gateway_breaker_state", upstream="openai")
    assert shown == BREAKER_STATES[state.value]
    assert written.lines[0]["message"] == "upstream.breaker_changed"


def test_a_list_that_could_not_be_read_is_told_by_its_kind_alone(metrics, written) -> None:
    problem = Problem(Kind.OVERLOADED, "canary", status=503, at="canary")

    MetricsObserver(metrics).models_unheard(provider="straico", problem=problem)

    (line,) = written.lines
    assert (line["level"], line["message"]) == ("warning", "upstream.models_unheard")
    assert (line["provider"], line["kind"]) == ("straico", "overloaded")
    assert "canary" not in written.text


def test_a_misconfiguration_is_counted_and_loud_without_its_words(metrics, written) -> None:
    problem = Problem(
        Kind.UPSTREAM_AUTH, "canary", status=401, sign=Sign.PROVIDER_REFUSED, at="canary"
    )

    MetricsObserver(metrics).misconfigured(provider="openai", via="gateway", problem=problem)

    assert _value(metrics, "bff_misconfigured_total", provider="openai", via="gateway") == 1
    (line,) = written.lines
    assert (line["level"], line["message"]) == ("error", "upstream.misconfigured")
    assert (line["sign"], line["status"]) == ("provider_refused", 401)
    assert "canary" not in written.text


COUNT_ONE = """
from bff.telemetry.metrics import Metrics
metrics = Metrics()
metrics.fell_back(reason="edge")
metrics.streams_open.set(1)
print(metrics.render().decode())
"""


def test_processes_that_share_a_port_show_their_sum(tmp_path) -> None:
    environment = {**os.environ, "PROMETHEUS_MULTIPROC_DIR": str(tmp_path)}
    command = [sys.executable, "-c", COUNT_ONE]

    pages = [
        subprocess.run(command, env=environment, capture_output=True, text=True, check=True).stdout  # noqa: S603
        for _ in range(2)
    ]

    assert 'bff_gateway_fallback_total{reason="edge"} 1.0' in pages[0]
    assert 'bff_gateway_fallback_total{reason="edge"} 2.0' in pages[1]
