"""Exports spans by OpenTelemetry, configured by its own environment variables.

Only this module imports the optional packages of requirements/traces.txt.
"""

from opentelemetry.exporter.otlp.proto.http.trace_exporter import OTLPSpanExporter
from opentelemetry.sdk.resources import Resource
from opentelemetry.sdk.trace import ReadableSpan, SpanProcessor, TracerProvider
from opentelemetry.sdk.trace.export import BatchSpanProcessor
from opentelemetry.sdk.trace.sampling import Decision
from opentelemetry.sdk.util.instrumentation import InstrumentationScope
from opentelemetry.trace import SpanContext, SpanKind, TraceFlags
from opentelemetry.trace.status import Status, StatusCode

from service_kit.tracing import Kind, Span, trace_id

KINDS = {Kind.INTERNAL: SpanKind.INTERNAL, Kind.SERVER: SpanKind.SERVER, Kind.CLIENT: SpanKind.CLIENT}
SCOPE = InstrumentationScope("service_kit.tracing")
SAMPLED = TraceFlags(TraceFlags.SAMPLED)


class Exporter:
    """Samples by the trace id alone, so that all processes keep the same traces."""

    def __init__(self, service: str, processor: SpanProcessor) -> None:
        self._provider = TracerProvider(resource=Resource.create({"service.name": service}))
        self._processor = processor
        self._provider.add_span_processor(processor)  # It is flushed when the process ends.

    def __call__(self, span: Span) -> None:
        trace = trace_id(span.correlation_id)
        asked = self._provider.sampler.should_sample(None, trace, span.name)
        if asked.decision is Decision.RECORD_AND_SAMPLE:
            self._processor.on_end(_as_opentelemetry(span, trace, self._provider.resource))

    def flush(self) -> None:
        self._provider.force_flush()


def over_http(service: str) -> Exporter:
    return Exporter(service, BatchSpanProcessor(OTLPSpanExporter()))


def _as_opentelemetry(span: Span, trace: int, resource: Resource) -> ReadableSpan:
    def context(number: int, *, is_remote: bool) -> SpanContext:
        return SpanContext(trace, number, is_remote, SAMPLED)

    remote_parent = span.kind is Kind.SERVER
    return ReadableSpan(
        name=span.name,
        context=context(span.span_id, is_remote=False),
        parent=None if span.parent_id is None else context(span.parent_id, is_remote=remote_parent),
        resource=resource,
        attributes={"correlation_id": span.correlation_id, **span.attributes},
        kind=KINDS[span.kind],
        instrumentation_scope=SCOPE,
        status=Status(StatusCode.ERROR if span.failed else StatusCode.UNSET),
        start_time=span.began,
        end_time=span.ended,
    )
