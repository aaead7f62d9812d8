"""Requests and calls as spans, and the way to OpenTelemetry."""

import json
import os
import subprocess
import sys
from collections.abc import Iterator
from contextlib import suppress
from typing import Any

import pytest
import responses
from django.core.exceptions import ImproperlyConfigured
from django.http import HttpRequest, HttpResponse
from django.test import Client, RequestFactory
from django_sagas.http import NoReply
from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceRequest
from opentelemetry.sdk.trace import ReadableSpan
from opentelemetry.sdk.trace.export import SimpleSpanProcessor
from opentelemetry.sdk.trace.export.in_memory_span_exporter import InMemorySpanExporter
from opentelemetry.trace import SpanKind
from opentelemetry.trace.status import StatusCode
from pytest_django import Settings
from service_kit import settings as kit
from service_kit import tracing
from service_kit.testing.calls import envelope
from service_kit.testing.protocol import Pair
from service_kit.tracing import TracedClient, finished, otlp, recorder, span_id, trace_id, traceparent
from structlog.contextvars import bound_contextvars, merge_contextvars
from structlog.testing import capture_logs

OTHER = "http://other.test"


def a_span(correlation_id: str = "request-1", *, parent_id: int | None = None) -> ReadableSpan:
    return finished(
        "GET /",
        correlation_id,
        5,
        parent_id,
        (1_000, 2_000),
        kind=SpanKind.SERVER,
        failed=True,
        attributes={"http.route": "/"},
    )


def saga_of(span: ReadableSpan) -> object:
    return (span.attributes or {})["correlation_id"]


def own_id(span: ReadableSpan) -> int:
    assert span.context is not None
    return int(span.context.span_id)


def parent_id(span: ReadableSpan) -> int | None:
    return span.parent.span_id if span.parent else None


def has_failed(span: ReadableSpan) -> bool:
    return span.status.status_code is StatusCode.ERROR


@pytest.fixture
def spans(settings: Settings) -> Iterator[list[ReadableSpan]]:
    """What is recorded while traces are on."""
    first, *others = settings.MIDDLEWARE
    settings.MIDDLEWARE = [first, "service_kit.tracing.TraceMiddleware", *others]
    kept: list[ReadableSpan] = []
    tracing.record_with(kept.append)
    yield kept
    tracing.record_with(None)


@pytest.fixture
def get(spans: list[ReadableSpan]) -> Any:
    """A request by a client that has loaded the middleware with traces."""
    return Client().get


@pytest.mark.django_db
def test_request_is_a_span_in_the_trace_of_its_correlation_id(get: Any, spans: list[ReadableSpan]) -> None:
    with capture_logs(processors=[merge_contextvars]) as lines:
        get("/api/who/", headers={"X-Correlation-ID": "request-1"})
    (span,) = spans
    assert (span.name, saga_of(span), span.kind) == ("GET /api/who/", "request-1", SpanKind.SERVER)
    assert (parent_id(span), has_failed(span)) == (None, False)
    assert 0 < (span.start_time or 0) < (span.end_time or 0)
    assert (span.attributes or {})["http.response.status_code"] == 200
    assert lines[-1]["trace_id"] == f"{trace_id('request-1'):032x}"


@pytest.mark.django_db
@pytest.mark.parametrize("path", ["/api/health/", "/metrics"])
def test_what_machines_poll_is_not_recorded(get: Any, spans: list[ReadableSpan], path: str) -> None:
    get(path)
    assert spans == []


@pytest.mark.django_db
@pytest.mark.parametrize(
    ("header", "parent"),
    [
        (f"00-{'a' * 32}-00000000000000ff-01", 255),
        (f"00-{'a' * 32}-0000000000000000-01", None),
        (f"00-{'a' * 32}-00000000000000FF-01", None),
        ("00-1-1-01", None),
        ("'; DROP TABLE x; --", None),
        ("", None),
    ],
)
def test_of_a_caller_only_its_span_is_taken(
    get: Any, spans: list[ReadableSpan], header: str, parent: int | None
) -> None:
    get("/api/who/", headers={"X-Correlation-ID": "request-1", "traceparent": header})
    assert (saga_of(spans[0]), parent_id(spans[0])) == ("request-1", parent)


@pytest.mark.django_db
def test_step_is_in_the_trace_of_its_saga(pair: Pair, spans: list[ReadableSpan]) -> None:
    body = json.dumps(envelope("saga-1", pair.booking))
    Client().post(pair.action, body, "application/json")
    assert (saga_of(spans[0]), parent_id(spans[0])) == ("saga-1", span_id("saga-1"))


class TestCalls:
    @pytest.fixture
    def other(self) -> Iterator[responses.RequestsMock]:
        with responses.RequestsMock() as mock:
            yield mock

    def serve(self, *paths: str) -> None:
        """A page within which the other service is called."""

        def view(request: HttpRequest) -> HttpResponse:
            for path in paths:
                with suppress(NoReply):
                    TracedClient(OTHER).request("POST", path, body="{}", timeout=1)
            return HttpResponse()

        with bound_contextvars(correlation_id="page-1"):
            tracing.TraceMiddleware(view)(RequestFactory().get("/page/"))

    def test_call_names_its_span_to_the_service_called(
        self, other: responses.RequestsMock, spans: list[ReadableSpan]
    ) -> None:
        other.post(f"{OTHER}/read/", body="{}")
        self.serve("/read/?q=private")
        request, call = spans
        assert (call.name, saga_of(call), parent_id(call)) == ("POST", "page-1", own_id(request))
        assert (call.attributes or {})["http.route"] == "/read/"
        sent = other.calls[0].request.headers
        assert sent["traceparent"] == traceparent("page-1", own_id(call))

    def test_page_that_starts_sagas_is_in_the_trace_of_each(
        self, other: responses.RequestsMock, spans: list[ReadableSpan]
    ) -> None:
        for saga in ("saga-1", "saga-2"):
            other.post(f"{OTHER}/start/", body="{}", headers={"X-Correlation-ID": saga})
        self.serve("/start/", "/start/")
        pages = [span for span in spans if span.kind is SpanKind.SERVER]
        assert [(saga_of(page), parent_id(page)) for page in pages] == [
            (saga, span_id(saga)) for saga in ("saga-1", "saga-2")
        ]
        calls = [span for span in spans if span.kind is SpanKind.CLIENT]
        assert [saga_of(call) for call in calls] == ["saga-1", "saga-2"]
        assert {parent_id(call) for call in calls} == {own_id(pages[0])}

    def test_call_without_an_answer_has_failed(
        self, other: responses.RequestsMock, spans: list[ReadableSpan]
    ) -> None:
        other.post(f"{OTHER}/read/", body=ConnectionError("reset"))
        self.serve("/read/")
        assert [has_failed(span) for span in spans] == [False, True]

    def test_call_outside_a_request_is_sent_without_a_trace(self, other: responses.RequestsMock) -> None:
        other.post(f"{OTHER}/read/", body="{}")
        TracedClient(OTHER).request("POST", "/read/", timeout=1)
        assert "traceparent" not in other.calls[0].request.headers


class TestExport:
    def test_span_reaches_opentelemetry_as_it_is(self) -> None:
        exporter = InMemorySpanExporter()
        recorder(SimpleSpanProcessor(exporter))(a_span(parent_id=7))
        (span,) = exporter.get_finished_spans()
        assert span.context is not None and span.parent is not None
        assert (span.context.trace_id, span.context.span_id) == (trace_id("request-1"), 5)
        assert (span.parent.span_id, span.parent.is_remote) == (7, True)
        assert (span.start_time, span.end_time) == (1_000, 2_000)
        assert span.status.status_code is StatusCode.ERROR
        assert span.attributes == {"correlation_id": "request-1", "http.route": "/"}
        assert span.resource.attributes["service.name"] == "kit"

    def test_every_process_keeps_or_leaves_the_same_traces(self, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setenv("OTEL_TRACES_SAMPLER", "traceidratio")
        monkeypatch.setenv("OTEL_TRACES_SAMPLER_ARG", "0.5")
        kept = []
        for _process in range(2):
            exporter = InMemorySpanExporter()
            record = recorder(SimpleSpanProcessor(exporter))
            for number in range(100):
                record(a_span(f"request-{number}"))
            ids = [str((span.attributes or {})["correlation_id"]) for span in exporter.get_finished_spans()]
            kept.append(ids)
        assert kept[0] == kept[1]
        assert 25 < len(kept[0]) < 75

    def test_spans_leave_over_http(self, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setenv("OTEL_EXPORTER_OTLP_ENDPOINT", "http://collector.test:4318")
        monkeypatch.setenv("OTEL_BSP_SCHEDULE_DELAY", "10")
        with responses.RequestsMock() as mock:
            arrived = mock.post("http://collector.test:4318/v1/traces")
            record = otlp()
            record(a_span())
            record.provider.force_flush()
            assert arrived.call_count == 1
        sent = ExportTraceServiceRequest.FromString(arrived.calls[0].request.body)
        (span,) = sent.resource_spans[0].scope_spans[0].spans
        assert (span.name, span.trace_id) == ("GET /", trace_id("request-1").to_bytes(16))


PROGRAM = """
import sys, django
django.setup()
from django.conf import settings
print("service_kit.tracing.TraceMiddleware" in settings.MIDDLEWARE, "opentelemetry" in sys.modules)
"""


@pytest.mark.parametrize(
    ("wanted", "said"), [("", "False False"), ("none", "False False"), ("otlp", "True False")]
)
def test_nothing_of_traces_is_loaded_before_it_is_needed(wanted: str, said: str) -> None:
    command = [sys.executable, "-c", PROGRAM]
    given = {name: value for name, value in os.environ.items() if not name.startswith("OTEL")}
    environment = {**given, **({"OTEL_TRACES_EXPORTER": wanted} if wanted else {})}
    ran = subprocess.run(command, env=environment, capture_output=True, text=True, check=True)  # noqa: S603
    assert ran.stdout.strip() == said


def test_unknown_exporter_stops_the_start(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("OTEL_TRACES_EXPORTER", "zipkin")
    with pytest.raises(ImproperlyConfigured, match="OTEL_TRACES_EXPORTER"):
        kit.traces()
