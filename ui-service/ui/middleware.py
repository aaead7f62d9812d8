"""Static files as whole answers, what may be kept, limits, and service trouble as pages."""

from typing import Any

from django.conf import settings
from django.db import Error as DatabaseError
from django.http import HttpRequest, HttpResponse, HttpResponseBase, HttpResponseNotAllowed
from service_kit.address import address_of
from service_kit.middleware import GetResponse
from whitenoise.middleware import WhiteNoiseMiddleware
from whitenoise.responders import StaticFile

from ui import assets, patience, throttle, views_errors
from ui.backend_client import ServiceTrouble, visitor_address
from ui.identity import actor_of

LATE = "ui.late"
"in the scope of a request whose body did not arrive in READ_SECONDS"


class StaticMiddleware(WhiteNoiseMiddleware):  # type: ignore[misc]
    """Whitenoise streams from a file object, which the asgi worker can only do by reading it whole."""

    @staticmethod
    def serve(static_file: StaticFile, request: HttpRequest) -> HttpResponse:
        found = static_file.get_response(request.method, request.META)
        content = found.file.read() if found.file else b""
        if found.file:
            found.file.close()
        response = HttpResponse(content, status=int(found.status))
        for key, value in found.headers:
            response[key] = value
        return assets.keep(request, response)


# Pages that show nothing of a person: a browser may show them again without asking.
IMPERSONAL = (
    "search",
    "results",
    "fare_strip",
    "places",
    "where",
    "seats",
    "how_it_works",
    "demo_guide",
    "page",
)


class PrivateMiddleware:
    """Every other page is kept by nobody, neither by a proxy nor by the browser of a shared computer."""

    def __init__(self, get_response: GetResponse) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponseBase:
        response = self.get_response(request)
        name = request.resolver_match.url_name if request.resolver_match else ""
        if not response.has_header("Cache-Control"):
            response["Cache-Control"] = "private, no-cache" if name in IMPERSONAL else "private, no-store"
        return response


class DeadlineMiddleware:
    """A page ends within its time, however many calls it makes and whoever does not answer them."""

    def __init__(self, get_response: GetResponse) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponseBase:
        with patience.within(settings.PAGE_SECONDS):
            return self.get_response(request)


class LimitMiddleware:
    """Outside demo mode nobody opens pages, follows bookings or starts them without end."""

    def __init__(self, get_response: GetResponse) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponseBase:
        return self.get_response(request)

    def process_view(self, request: HttpRequest, view: Any, args: Any, kwargs: Any) -> HttpResponse | None:
        visitor_address.set("" if settings.DEMO_MODE else address_of(request))
        name = request.resolver_match.url_name if request.resolver_match else None
        if settings.DEMO_MODE or name is None:  # Only what machines ask for has no name.
            return None
        costs = {throttle.limit_of(name, request.method): 1}
        wait = throttle.seconds_to_wait(request, costs, who=actor_of(request).user_id)
        return views_errors.too_often(request, wait) if wait else None


class TroubleMiddleware:
    """What cannot be read, and a service that is away or refuses, becomes a page that says so."""

    def __init__(self, get_response: GetResponse) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponseBase:
        if getattr(request, "scope", {}).get(LATE):
            return views_errors.page(request, 408, "The request did not arrive in time.")
        if request.headers.get("Content-Encoding", "identity").lower() != "identity":
            return views_errors.page(request, 415)
        response = self.get_response(request)
        if isinstance(response, HttpResponseNotAllowed):
            return views_errors.wrong_method(request, response["Allow"])
        return response

    def process_exception(self, request: HttpRequest, error: Exception) -> Any:
        """What is none of these, and what a middleware raises, comes to `handler500`."""
        if isinstance(error, ServiceTrouble):
            return views_errors.trouble(request, error)
        if isinstance(error, DatabaseError):
            return views_errors.failed(request, error)
        return None
