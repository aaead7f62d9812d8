"""A collector of traces that stands where OTEL_EXPORTER_OTLP_ENDPOINT points, and keeps what it is sent."""

import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceRequest


@dataclass(frozen=True)
class Kept:
    service: str
    name: str
    trace_id: str
    span_id: str
    parent_id: str


class Collector:
    def __init__(self) -> None:
        self._spans: list[Kept] = []
        self._arrived = threading.Condition()
        collector = self

        class Handler(BaseHTTPRequestHandler):
            def do_POST(self) -> None:
                body = self.rfile.read(int(self.headers["Content-Length"]))
                collector.keep(ExportTraceServiceRequest.FromString(body))
                self.send_response(200)
                self.send_header("Content-Length", "0")
                self.end_headers()

            def log_message(self, format: str, *args: object) -> None:  # noqa: A002  its name there
                """Says nothing."""

        self._server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self._server.server_port}"

    @contextmanager
    def serving(self) -> Iterator[None]:
        thread = threading.Thread(target=self._server.serve_forever)
        thread.start()
        try:
            yield
        finally:
            self._server.shutdown()
            thread.join()
            self._server.server_close()

    def keep(self, sent: ExportTraceServiceRequest) -> None:
        with self._arrived:
            for of_service in sent.resource_spans:
                known = {each.key: each.value.string_value for each in of_service.resource.attributes}
                for scope in of_service.scope_spans:
                    self._spans += [
                        Kept(
                            known["service.name"],
                            span.name,
                            span.trace_id.hex(),
                            span.span_id.hex(),
                            span.parent_span_id.hex(),
                        )
                        for span in scope.spans
                    ]
            self._arrived.notify_all()

    def wait_for(self, trace_id: str, *names: str, within: float) -> list[Kept]:
        """The trace's spans, once every one of these is among them."""

        def arrived() -> bool:
            return set(names) <= {span.name for span in self._spans if span.trace_id == trace_id}

        with self._arrived:
            complete = self._arrived.wait_for(arrived, within)
            found = [span for span in self._spans if span.trace_id == trace_id]
        assert complete, f"in time came only {sorted({span.name for span in found})}"
        return found
