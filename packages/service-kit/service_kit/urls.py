"""URLs of every data service."""

import threading
from collections.abc import Callable, Iterable
from typing import Any

from django.conf import settings
from django.http import HttpRequest, HttpResponse
from django.urls import URLPattern, URLResolver, path
from drf_spectacular.generators import SchemaGenerator
from drf_spectacular.types import OpenApiTypes
from drf_spectacular.utils import extend_schema
from drf_spectacular.views import SpectacularAPIView, SpectacularSwaggerSplitView
from rest_framework.decorators import api_view
from rest_framework.negotiation import DefaultContentNegotiation
from rest_framework.request import Request
from rest_framework.response import Response

from service_kit import health, metrics, schema
from service_kit.api import json_response
from service_kit.audit_views import AuditView
from service_kit.fault_views import FaultsView
from service_kit.saga_steps import StepView
from service_kit.token_views import EndTokensView

# drf-spectacular's page has one inline style, allowed by its hash, and no inline script.
# Swagger UI's marks are data: images.
DOCS_POLICY = (
    "default-src 'none'; script-src 'self'; "
    "style-src 'self' 'sha256-MMpT0iDxyjALd9PdfepImGX3DBfJPXZ4IlDWdPAgtn0='; "  # pragma: allowlist secret
    "img-src 'self' data:; font-src 'self'; connect-src 'self'; "
    "base-uri 'none'; form-action 'none'; frame-ancestors 'none'"
)


LINKS = {
    "page": "/api/docs/",
    "schema": "/api/schema/",
    "schema as JSON": "/api/schema/?format=json",
    "health": "/api/health/",
    "ready": "/api/health/ready/",
    "metrics": "/metrics",
}


def links(request: HttpRequest) -> HttpResponse:
    """Where to go from here."""
    return json_response({"service": settings.SERVICE_NAME, "links": LINKS})


class OneSchema(SchemaGenerator):
    """Made once: it takes a third of a second, and drf-spectacular cannot make two at the same time."""

    _lock = threading.Lock()
    _made: Any = None

    def get_schema(self, *args: Any, **kwargs: Any) -> Any:
        with self._lock:
            if OneSchema._made is None:
                OneSchema._made = super().get_schema(*args, **kwargs)  # type: ignore[no-untyped-call]
            return OneSchema._made


class SchemaView(SpectacularAPIView):
    """YAML, or with ?format=json JSON."""

    generator_class = OneSchema
    content_negotiation_class = DefaultContentNegotiation


class DocsView(SpectacularSwaggerSplitView):
    """The schema as a page, from local files."""

    @extend_schema(exclude=True)
    def get(self, request: Request, *args: Any, **kwargs: Any) -> Response:
        response: Response = super().get(request, *args, **kwargs)  # type: ignore[no-untyped-call]
        response["Content-Security-Policy"] = DOCS_POLICY
        return response

    def options(self, request: Request, *args: Any, **kwargs: Any) -> HttpResponse:  # type: ignore[override]
        """Without a body: REST framework's description of a view does not fit this page's template."""
        return HttpResponse(headers={"Allow": ", ".join(self.allowed_methods)})


def common(
    ready: Callable[[HttpRequest], HttpResponse] = health.ready,
) -> list[URLPattern | URLResolver]:
    return [
        path("", _read(links, None)),
        path("api/", _read(links, None)),
        path("api/health/", _read(health.alive, {200: schema.Alive})),
        path("api/health/ready/", _read(ready, {200: schema.Ready, 503: schema.Ready})),
        path("metrics", _read(metrics.metrics, {(200, "text/plain"): OpenApiTypes.STR})),
        path("api/audit/", AuditView.as_view()),
        path("api/tokens/end/", EndTokensView.as_view()),
        path("api/schema/", SchemaView.as_view(), name="schema"),
        path("api/docs/", DocsView.as_view(url_name="schema")),
    ]


def _read(
    view: Callable[[HttpRequest], HttpResponse], responses: dict[Any, Any] | None
) -> Callable[..., Any]:
    """A plain function view for GET and HEAD, in the schema if its answers are given; 405 otherwise."""
    answers = extend_schema(responses=responses, exclude=responses is None, methods=["GET"])
    described: Callable[..., Any] = answers(api_view(["GET", "HEAD"])(view))
    return described


def demo(*steps: type[StepView], further: Iterable[str] = ()) -> URLPattern:
    """The fault console of a participant; `further` are names that are no steps of its own."""
    names = frozenset([*(step.name for step in steps), *further])
    return path("api/demo/faults/", FaultsView.as_view(steps=names))
