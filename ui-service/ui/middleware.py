"""Static files as whole answers, cache headers, limits, deadlines, and errors as pages."""

import time
from typing import Any, NamedTuple

from django.conf import settings
from django.contrib import messages
from django.contrib.auth import SESSION_KEY, logout
from django.db import Error as DatabaseError
from django.http import FileResponse, HttpRequest, HttpResponse, HttpResponseBase, HttpResponseNotAllowed
from django.utils.translation import gettext as _
from service_kit.address import address_of
from service_kit.middleware import GetResponse

from ui import assets, error_views, patience, throttle
from ui.account.sign_ins import BEGAN, SEEN
from ui.backend_client import ServiceTrouble, visitor_address
from ui.identity import actor_of
from ui.models import User

MARKS = 10
"How often at most the use of a session is noted in its idle time."
LATE = "ui.late"
"marks the scope of a request whose body did not arrive in READ_SECONDS"


class StaticMiddleware:
    """Answers static files whole, with a length; under asgi Django reads a stream whole anyway."""

    def __init__(self, get_response: GetResponse) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponseBase:
        response = self.get_response(request)
        if not isinstance(response, FileResponse) or not request.path_info.startswith(settings.STATIC_URL):
            return response
        whole = HttpResponse(response.getvalue(), status=response.status_code, headers=dict(response.items()))
        response.close()
        return assets.keep(request, whole)


# Pages without personal data, which a browser may cache.
IMPERSONAL = (
    "search",
    "results",
    "fare_strip",
    "fare_calendar",
    "places",
    "where",
    "seats",
    "how_it_works",
    "demo_guide",
    "learn",
    "page",
)


class PrivateMiddleware:
    """All other pages are cached neither by a proxy nor by a browser."""

    def __init__(self, get_response: GetResponse) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponseBase:
        response = self.get_response(request)
        name = request.resolver_match.url_name if request.resolver_match else ""
        if not response.has_header("Cache-Control"):
            response["Cache-Control"] = "private, no-cache" if name in IMPERSONAL else "private, no-store"
        return response


class DeadlineMiddleware:
    """One deadline for all calls of a page."""

    def __init__(self, get_response: GetResponse) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponseBase:
        with patience.within(settings.PAGE_SECONDS):
            return self.get_response(request)


class SessionEndMiddleware:
    """Ends the session of an account some time after its last request and after its login; staff's sooner."""

    def __init__(self, get_response: GetResponse) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponseBase:
        try:
            if SESSION_KEY in request.session:
                self._look_at(request)
        except DatabaseError as error:
            # Outside a view, where nobody else turns it into a page.
            return error_views.failed(request, error)
        return self.get_response(request)

    def _look_at(self, request: HttpRequest) -> None:
        session, now, most = request.session, int(time.time()), lifetime(request)
        # An earlier release did not note the login.
        seen, began = session.get(SEEN), session.setdefault(BEGAN, now)
        if now - began > most.seconds:
            logout(request)
            messages.info(request, _("You were logged out, because your login was too long ago."))
        elif seen is not None and now - seen > most.idle_seconds:
            logout(request)
            messages.info(request, _("You were logged out, because nothing was asked for a while."))
        elif seen is None or now - seen > most.idle_seconds / MARKS:
            # Not with every request: concurrent ones overwrite each other's session.
            session[SEEN] = now


class Lifetime(NamedTuple):
    """Of a session, after its last request and after its login."""

    idle_seconds: int
    seconds: int


def lifetime(request: HttpRequest) -> Lifetime:
    if isinstance(request.user, User) and request.user.is_overseer and not settings.DEMO_MODE:
        return Lifetime(settings.STAFF_IDLE_SECONDS, settings.STAFF_MAX_SECONDS)
    return Lifetime(settings.SESSION_COOKIE_AGE, settings.SESSION_MAX_SECONDS)


class LimitMiddleware:
    """Limits of pages, progress and bookings outside demo mode."""

    def __init__(self, get_response: GetResponse) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponseBase:
        return self.get_response(request)

    def process_view(self, request: HttpRequest, view: Any, args: Any, kwargs: Any) -> HttpResponse | None:
        visitor_address.set("" if settings.DEMO_MODE else address_of(request))
        name = request.resolver_match.url_name if request.resolver_match else None
        if settings.DEMO_MODE or name is None:  # Only machine endpoints have no name.
            return None
        costs = {throttle.limit_of(name, request.method): 1}
        wait = throttle.seconds_to_wait(request, costs, who=actor_of(request).user_id)
        return error_views.too_often(request, wait) if wait else None


class TroubleMiddleware:
    """Unreadable requests and failed calls become error pages."""

    def __init__(self, get_response: GetResponse) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponseBase:
        if getattr(request, "scope", {}).get(LATE):
            return error_views.page(request, 408, _("The request did not arrive in time."))
        if request.headers.get("Content-Encoding", "identity").lower() != "identity":
            return error_views.page(request, 415)
        response = self.get_response(request)
        if isinstance(response, HttpResponseNotAllowed):
            return error_views.wrong_method(request, response["Allow"])
        return response

    def process_exception(self, request: HttpRequest, error: Exception) -> Any:
        """Everything else, and errors of middleware, goes to `handler500`."""
        if isinstance(error, ServiceTrouble):
            return error_views.trouble(request, error)
        if isinstance(error, DatabaseError):
            return error_views.failed(request, error)
        return None
