"""Middleware of every request: correlation id, summary log line, host check."""

import time
from collections.abc import Callable
from functools import cache
from typing import Any
from uuid import uuid4

import structlog
from django.http import HttpRequest, HttpResponseBase
from django_sagas.wire import CORRELATION_HEADER, CORRELATION_META

from service_kit import rules
from service_kit.metrics import REQUEST_SECONDS

log = structlog.get_logger("request")
MOST_HOSTS = 100
"cached allowed hosts, bounded because ALLOWED_HOSTS may have a wildcard"
METHODS = frozenset({"GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS"})
QUIET_PATHS = ("/api/health/", "/metrics", "/static/")

# Looking a metric up by its labels costs more than changing it.
_seconds_of = cache(REQUEST_SECONDS.labels)

GetResponse = Callable[[HttpRequest], HttpResponseBase]


def incoming_id(request: HttpRequest) -> str:
    """The caller's correlation id, or a fresh one if it is missing or not safe to log."""
    given: str = request.META.get(CORRELATION_META, "")
    return given if rules.is_loggable(given) else str(uuid4())


class RequestMiddleware:
    """Binds the correlation id to every log line of the request and returns it in the answer."""

    def __init__(self, get_response: GetResponse) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponseBase:
        began = time.perf_counter()
        request_id = incoming_id(request)
        request.told = {}  # type: ignore[attr-defined]
        structlog.contextvars.clear_contextvars()
        structlog.contextvars.bind_contextvars(correlation_id=request_id)
        response = self.get_response(request)
        if not response.has_header(CORRELATION_HEADER):
            response[CORRELATION_HEADER] = request_id
        if not response.streaming and not response.has_header("Content-Length"):
            # With a length the answer is sent in one piece and the connection can be kept.
            response["Content-Length"] = str(len(response.content))  # type: ignore[attr-defined]
        self._summarise(request, response, time.perf_counter() - began)
        return response

    def _summarise(self, request: HttpRequest, response: HttpResponseBase, seconds: float) -> None:
        route = request.resolver_match.route if request.resolver_match else "unknown"
        # A label for every method that callers make up would fill the memory.
        method = request.method if request.method in METHODS else "other"
        _seconds_of(method, route, str(response.status_code)).observe(seconds)
        if request.path.startswith(QUIET_PATHS) and response.status_code < 400:
            return
        details: dict[str, Any] = {"status": response.status_code, "ms": round(seconds * 1000, 1)}
        details.update(request.told)  # type: ignore[attr-defined]
        log.info("request", method=request.method, path=request.path, **details)


def tell(request: HttpRequest, **details: Any) -> None:
    """Add a field to the request's summary line."""
    request.told.update(details)  # type: ignore[attr-defined]


class HostMiddleware:
    """Refuses a wrong host; Django checks it only when it needs the name.

    Not for metrics: a scraper addresses replicas by IP.
    """

    def __init__(self, get_response: GetResponse) -> None:
        self.get_response = get_response
        self._ours: set[str] = set()

    def __call__(self, request: HttpRequest) -> HttpResponseBase:
        host: str = request.META.get("HTTP_HOST", "")
        if host not in self._ours and request.path != "/metrics":
            request.get_host()
            if host and len(self._ours) < MOST_HOSTS:
                self._ours.add(host)
        return self.get_response(request)
