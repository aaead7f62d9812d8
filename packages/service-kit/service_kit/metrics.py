"""Prometheus metrics and their endpoint, for any number of processes.

A process's measurements are its own; with PROMETHEUS_MULTIPROC_DIR any process of a service answers for all
that share the folder. Metrics from rows are the same in every process.
"""

import os
from pathlib import Path

from django.http import HttpRequest, HttpResponse
from prometheus_client import (
    CONTENT_TYPE_LATEST,
    REGISTRY,
    CollectorRegistry,
    Histogram,
    generate_latest,
    start_http_server,
)
from prometheus_client.multiprocess import MultiProcessCollector, mark_process_dead

FROM_ROWS = CollectorRegistry()
"Collectors that read the database at each scrape."
REQUEST_SECONDS = Histogram(
    "http_request_seconds",
    "Seconds a request took, by method, route and status.",
    ["method", "route", "status"],
    buckets=(0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10),
)


def metrics(request: HttpRequest) -> HttpResponse:
    return HttpResponse(exposition(), content_type=CONTENT_TYPE_LATEST)


def exposition() -> bytes:
    return generate_latest(of_processes()) + generate_latest(FROM_ROWS)


def of_processes() -> CollectorRegistry:
    """Measurements of this process, or of all that share the folder."""
    folder = os.environ.get("PROMETHEUS_MULTIPROC_DIR")
    if not folder:
        return REGISTRY
    _forget_states_of_the_dead(Path(folder))
    shared = CollectorRegistry()
    MultiProcessCollector(shared, folder)  # type: ignore[no-untyped-call]
    return shared


def serve(port: int, address: str) -> None:
    """For a process without requests. Leaves out metrics from rows: the backend serves them."""
    start_http_server(port, address, registry=of_processes())


def _forget_states_of_the_dead(folder: Path) -> None:
    """Removes a dead process's gauges; its counters remain."""
    for pid in {int(path.stem.rpartition("_")[2]) for path in folder.glob("gauge_live*.db")}:
        if not Path("/proc", str(pid)).exists():
            mark_process_dead(pid, str(folder))  # type: ignore[no-untyped-call]
