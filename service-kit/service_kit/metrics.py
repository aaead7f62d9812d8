"""Prometheus metrics and their endpoint, right under any number of processes.

What a process measures is its own; with PROMETHEUS_MULTIPROC_DIR the processes of a service that share the
folder answer for all of them. What is read from rows is the same whichever process is asked.
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
    """What this process measured, or with a shared folder what all have that write there."""
    folder = os.environ.get("PROMETHEUS_MULTIPROC_DIR")
    if not folder:
        return REGISTRY
    _forget_states_of_the_dead(Path(folder))
    shared = CollectorRegistry()
    MultiProcessCollector(shared, folder)  # type: ignore[no-untyped-call]
    return shared


def serve(port: int, address: str) -> None:
    """For a process that answers no requests. Without what is read from rows: the backend tells that."""
    start_http_server(port, address, registry=of_processes())


def _forget_states_of_the_dead(folder: Path) -> None:
    """A gauge says how a living process stands; counters outlive the process that counted."""
    for pid in {int(path.stem.rpartition("_")[2]) for path in folder.glob("gauge_live*.db")}:
        if not Path("/proc", str(pid)).exists():
            mark_process_dead(pid, str(folder))  # type: ignore[no-untyped-call]
