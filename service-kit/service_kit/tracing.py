"""Traces, for OTEL_TRACES_EXPORTER=otlp: one per request or saga, whichever processes it passes through.

A trace's id is made of the correlation id, so that recovery, another process and a repeat add to the same
trace without being told of it. Spans are recorded when they are over: only its answer tells a request which
saga it belonged to.
"""

import re
import secrets
import threading
import time
from collections.abc import Callable, Mapping
from contextvars import ContextVar
from dataclasses import dataclass, field
from enum import Enum
from hashlib import sha256

import structlog
from django.conf import settings
from django.http import HttpRequest, HttpResponseBase

from service_kit.http import NoReply, Reply, ServiceClient
from service_kit.middleware import HEADER, QUIET_PATHS, GetResponse

TRACEPARENT = re.compile(r"00-[0-9a-f]{32}-([0-9a-f]{16})-[0-9a-f]{2}")


class Kind(Enum):
    INTERNAL = "work of our own"
    SERVER = "a request as the one who answered it saw it"
    CLIENT = "a request as the one who sent it saw it"


@dataclass(frozen=True)
class Span:
    """Something that is over. Times are nanoseconds since 1970."""

    name: str
    correlation_id: str
    span_id: int
    parent_id: int | None
    began: int
    ended: int
    kind: Kind = Kind.INTERNAL
    failed: bool = False
    attributes: Mapping[str, str | int] = field(default_factory=dict)


Recorder = Callable[[Span], None]


def trace_id(correlation_id: str) -> int:
    """Hashed, because samplers go by the id's bits, and not all of a UUID's are random."""
    return int.from_bytes(sha256(correlation_id.encode()).digest()[:16])


def span_id(correlation_id: str, *names: str) -> int:
    """The same for the same names: a call can name its parent before that is recorded.

    Without names it is the span of the saga itself, under which everything that happens to it hangs.
    """
    return int.from_bytes(sha256("/".join((correlation_id, *names)).encode()).digest()[-8:])


def traceparent(correlation_id: str, parent_id: int) -> str:
    return f"00-{trace_id(correlation_id):032x}-{parent_id:016x}-01"


def parent_of(request: HttpRequest) -> int | None:
    """The caller's span. Of its trace nothing is taken: that follows from the correlation id."""
    found = TRACEPARENT.fullmatch(request.META.get("HTTP_TRACEPARENT", ""))
    return (int(found[1], 16) or None) if found else None


_recorder: Recorder | None = None
_making = threading.Lock()


def record(span: Span) -> None:
    global _recorder
    if _recorder is None:
        with _making:
            if _recorder is None:
                # Not at import: the extra need not be installed, and its thread does not survive a fork.
                from service_kit.trace_export import over_http

                _recorder = over_http(settings.SERVICE_NAME)
    _recorder(span)


def record_with(recorder: Recorder | None) -> None:
    """Have spans go elsewhere; None for the exporter that the environment describes."""
    global _recorder
    _recorder = recorder


# Requests


@dataclass
class Serving:
    """The request that is being answered, and the calls made for it."""

    correlation_id: str
    span_id: int
    calls: list[Span] = field(default_factory=list)

    def belongs_to(self, answered_as: str) -> list[str]:
        """What it turned out to be about: sagas if it named or started some, else itself."""
        named = dict.fromkeys([answered_as, *(call.correlation_id for call in self.calls)])
        named.pop(self.correlation_id, None)
        return list(named) or [self.correlation_id]


_serving: ContextVar[Serving | None] = ContextVar("serving", default=None)


class TraceMiddleware:
    """Records each request, and adds its trace's id to its line in the log: it stands inside
    RequestMiddleware."""

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
        ids, parent = serving.belongs_to(response.get(HEADER, serving.correlation_id)), parent_of(request)
        for each in ids:
            adopted = None if each == serving.correlation_id else span_id(each)
            span = Span(
                name=f"{request.method} {route}",
                correlation_id=each,
                span_id=serving.span_id,
                parent_id=parent or adopted,
                began=began,
                ended=time.time_ns(),
                kind=Kind.SERVER,
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
    """Tells the service that it calls under which span, and keeps the call for the request's trace.

    A service that answers in the name of a saga has moved the call into the saga's trace.
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
            span = Span(
                name=method,
                correlation_id=correlation_id,
                span_id=made,
                parent_id=serving.span_id,
                began=began,
                ended=time.time_ns(),
                kind=Kind.CLIENT,
                failed=not 0 < status < 500,
                attributes=_described(method, path.partition("?")[0], status),
            )
            serving.calls.append(span)

        try:
            reply = super().request(method, path, body=body, headers=named, timeout=timeout)
        except NoReply:
            keep(serving.correlation_id, 0)
            raise
        keep(reply.headers.get(HEADER, serving.correlation_id), reply.status)
        return reply
