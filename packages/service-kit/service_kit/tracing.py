"""Traces by OpenTelemetry, for OTEL_TRACES_EXPORTER=otlp: one per request or saga, through all processes.

Imported only with that setting; the packages are in requirements/traces.txt.

The trace id derives from the correlation id, so that recovery, other processes and repeats add to the same
trace. A span is recorded at its end: a request learns only from its answer which saga it belongs to.
"""

import secrets
import time
from collections.abc import Callable, Mapping
from contextvars import ContextVar
from dataclasses import dataclass, field
from functools import cache
from hashlib import sha256

import structlog
from django.conf import settings
from django.http import HttpRequest, HttpResponseBase
from django_sagas.http import NoReply, Reply, ServiceClient
from django_sagas.wire import CORRELATION_HEADER
from opentelemetry.exporter.otlp.proto.http.trace_exporter import OTLPSpanExporter
from opentelemetry.sdk.resources import Resource
from opentelemetry.sdk.trace import ReadableSpan, SpanProcessor, TracerProvider
from opentelemetry.sdk.trace.export import BatchSpanProcessor
from opentelemetry.sdk.trace.sampling import Decision
from opentelemetry.trace import SpanContext, SpanKind, TraceFlags, get_current_span
from opentelemetry.trace.propagation.tracecontext import TraceContextTextMapPropagator
from opentelemetry.trace.status import Status, StatusCode

from service_kit.middleware import QUIET_PATHS, GetResponse

SAMPLED = TraceFlags(TraceFlags.SAMPLED)


def trace_id(correlation_id: str) -> int:
    """Hashed, because samplers use the id's bits, and not all bits of a UUID are random."""
    return int.from_bytes(sha256(correlation_id.encode()).digest()[:16])


def span_id(correlation_id: str, *names: str) -> int:
    """Deterministic: a call can name its parent before that is recorded.

    Without names it is the saga's own span, the parent of everything that happens to the saga.
    """
    return int.from_bytes(sha256("/".join((correlation_id, *names)).encode()).digest()[-8:])


def traceparent(correlation_id: str, parent_id: int) -> str:
    return f"00-{trace_id(correlation_id):032x}-{parent_id:016x}-01"


def parent_of(request: HttpRequest) -> int | None:
    """The caller's span. Its trace id is ignored: it derives from the correlation id."""
    given = {"traceparent": request.META.get("HTTP_TRACEPARENT", "")}
    caller = get_current_span(TraceContextTextMapPropagator().extract(given))
    return caller.get_span_context().span_id or None


@dataclass(frozen=True)
class Recorder:
    """Samples by the trace's id alone, so that all processes keep or drop the same traces."""

    provider: TracerProvider
    processor: SpanProcessor

    def __call__(self, span: ReadableSpan) -> None:
        assert span.context is not None
        asked = self.provider.sampler.should_sample(None, span.context.trace_id, span.name)
        if asked.decision is Decision.RECORD_AND_SAMPLE:
            self.processor.on_end(span)


def recorder(processor: SpanProcessor) -> Recorder:
    provider = TracerProvider()
    provider.add_span_processor(processor)  # Flushes it when the process ends.
    return Recorder(provider, processor)


@cache
def otlp() -> Recorder:
    return recorder(BatchSpanProcessor(OTLPSpanExporter()))


_recorder: Callable[[ReadableSpan], None] | None = None


def record(span: ReadableSpan) -> None:
    (_recorder or otlp())(span)


def record_with(recorder: Callable[[ReadableSpan], None] | None) -> None:
    """Sends spans elsewhere; None for the exporter that the environment describes."""
    global _recorder
    _recorder = recorder


@cache
def _resource(service: str) -> Resource:
    return Resource.create({"service.name": service})


def finished(
    name: str,
    correlation_id: str,
    own_id: int,
    parent_id: int | None,
    times: tuple[int, int],
    *,
    kind: SpanKind = SpanKind.INTERNAL,
    failed: bool = False,
    attributes: Mapping[str, str | int] | None = None,
) -> ReadableSpan:
    """A span of the trace of `correlation_id`; its times are nanoseconds since 1970."""
    trace, remote = trace_id(correlation_id), kind is SpanKind.SERVER
    return ReadableSpan(
        name=name,
        context=SpanContext(trace, own_id, is_remote=False, trace_flags=SAMPLED),
        parent=SpanContext(trace, parent_id, is_remote=remote, trace_flags=SAMPLED) if parent_id else None,
        resource=_resource(settings.SERVICE_NAME),
        attributes={"correlation_id": correlation_id, **(attributes or {})},
        kind=kind,
        status=Status(StatusCode.ERROR if failed else StatusCode.UNSET),
        start_time=times[0],
        end_time=times[1],
    )


# Requests


@dataclass
class Serving:
    """The current request and its calls."""

    correlation_id: str
    span_id: int
    calls: list[ReadableSpan] = field(default_factory=list)
    sagas: list[str] = field(default_factory=list)

    def belongs_to(self, answered_as: str) -> list[str]:
        """The correlation ids of its traces: sagas that it named or started, else its own."""
        named = dict.fromkeys([answered_as, *self.sagas])
        named.pop(self.correlation_id, None)
        return list(named) or [self.correlation_id]


_serving: ContextVar[Serving | None] = ContextVar("serving", default=None)


class TraceMiddleware:
    """Records each request, and adds its trace id to its log line. Placed inside RequestMiddleware."""

    def __init__(self, get_response: GetResponse) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponseBase:
        if request.path.startswith(QUIET_PATHS):
            return self.get_response(request)
        began = time.time_ns()
        asked_as = structlog.contextvars.get_contextvars()["correlation_id"]
        serving = Serving(asked_as, new_span_id())
        token = _serving.set(serving)
        try:
            response = self.get_response(request)
        finally:
            _serving.reset(token)
        self._record(request, response, serving, began)
        return response

    @staticmethod
    def _record(request: HttpRequest, response: HttpResponseBase, serving: Serving, began: int) -> None:
        route = f"/{request.resolver_match.route}" if request.resolver_match else "unknown"
        ids, parent = (
            serving.belongs_to(response.get(CORRELATION_HEADER, serving.correlation_id)),
            parent_of(request),
        )
        for each in ids:
            adopted = None if each == serving.correlation_id else span_id(each)
            span = finished(
                f"{request.method} {route}",
                each,
                serving.span_id,
                parent or adopted,
                (began, time.time_ns()),
                kind=SpanKind.SERVER,
                failed=response.status_code >= 500,
                attributes=_described(request.method, route, response.status_code),
            )
            record(span)
        for call in serving.calls:
            record(call)
        structlog.contextvars.bind_contextvars(trace_id=f"{trace_id(ids[0]):032x}")


def new_span_id() -> int:
    return secrets.randbits(64) or 1


def _described(method: str | None, route: str, status: int) -> dict[str, str | int]:
    return {"http.request.method": str(method), "http.route": route, "http.response.status_code": status}


class TracedClient(ServiceClient):
    """Sends the parent span to the called service, and records the call in the request's trace.

    If the service answers with a saga's id, the call belongs to the saga's trace.
    """

    def request(
        self,
        method: str,
        path: str,
        *,
        body: str | None = None,
        headers: dict[str, str] | None = None,
        timeout: float,
    ) -> Reply:
        serving = _serving.get()
        if serving is None:
            return super().request(method, path, body=body, headers=headers, timeout=timeout)
        made, began = new_span_id(), time.time_ns()
        named = {**(headers or {}), "traceparent": traceparent(serving.correlation_id, made)}

        def keep(correlation_id: str, status: int) -> None:
            span = finished(
                method,
                correlation_id,
                made,
                serving.span_id,
                (began, time.time_ns()),
                kind=SpanKind.CLIENT,
                failed=not 0 < status < 500,
                attributes=_described(method, path.partition("?")[0], status),
            )
            serving.calls.append(span)
            serving.sagas.append(correlation_id)

        try:
            reply = super().request(method, path, body=body, headers=named, timeout=timeout)
        except NoReply:
            keep(serving.correlation_id, 0)
            raise
        keep(reply.headers.get(CORRELATION_HEADER, serving.correlation_id), reply.status)
        return reply
