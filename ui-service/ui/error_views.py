"""Error pages; API URLs of this service get problem details instead."""

import sys
from typing import Any

from django.conf import settings
from django.contrib import messages
from django.contrib.sessions.backends.base import UpdateError
from django.contrib.sessions.exceptions import SessionInterrupted
from django.core.exceptions import RequestDataTooBig
from django.db import Error as DatabaseError
from django.http import HttpRequest, HttpResponse
from django.middleware.csrf import get_token
from django.shortcuts import redirect, render
from django.template.loader import render_to_string
from django.utils.translation import gettext
from django.utils.translation import gettext_lazy as _
from service_kit import problems
from service_kit.security import refusals
from service_kit.security.models import AuditKind

from ui.backend_client import NotFound, Rejected, ServiceTrouble, TooMany
from ui.booking import views as booking_views
from ui.context import of_no_database
from ui.identity import actor_of, lacks_factor

WORDS = {
    400: (_("That request could not be read"), _("Go back and try again.")),
    403: (_("This page is not for you"), _("Log in with an account that may see it.")),
    404: (_("There is nothing here"), _("The page or the booking does not exist, or it is not yours.")),
    405: (_("This address takes no such request"), _("Go back and try again.")),
    408: (_("Your request did not arrive in time"), _("Nothing was done. Go back and send it again.")),
    413: (_("That was too much at once"), _("Go back and send less.")),
    415: (_("That request could not be read"), _("Send it as a form, and not packed.")),
    500: (
        _("Something broke on our side"),
        _("It is in our log. If you were booking, look under My trips: it says what became of it."),
    ),
    429: (_("That was too often"), _("Wait a little, then try again.")),
    503: (
        _("We cannot reach the booking desk"),
        _("It should be back in a moment. Reload the page to try again."),
    ),
}

RETRY_AFTER = {503: "2"}
TEMPLATE = "ui/pages/error.html"


def page(request: HttpRequest, status: int, detail: str = "") -> HttpResponse:
    if request.path.startswith("/api/"):
        return _api_problem(status, detail)
    return _finished(render(request, TEMPLATE, _words(status, detail), status=status))


def failed(request: HttpRequest, error: BaseException | None) -> HttpResponse:
    """The page of an unexpected error. Uses no database, which may have failed, and logs the error."""
    problem = problems.from_exception(error if isinstance(error, Exception) else RuntimeError(repr(error)))
    if request.path.startswith("/api/"):
        return problems.to_response(problem)
    context = {**of_no_database(request), **_words(problem.status), "request": request}
    content = render_to_string(TEMPLATE, {**context, "csrf_token": get_token(request)})
    return _finished(HttpResponse(content, status=problem.status))


def _api_problem(status: int, detail: str) -> HttpResponse:
    code = problems.TITLES[status].upper().replace(" ", "_")
    return problems.to_response(problems.Problem(status, code, detail))


def _words(status: int, detail: str = "") -> dict[str, Any]:
    title, advice = WORDS.get(status, WORDS[400])
    return {"title": title, "advice": advice, "detail": detail, "status": status, "may_log_in": status == 403}


def _finished(response: HttpResponse) -> HttpResponse:
    if response.status_code in RETRY_AFTER:
        response["Retry-After"] = RETRY_AFTER[response.status_code]
    return response


def busy(request: HttpRequest, advice: str) -> HttpResponse:
    context = {"title": gettext("That takes a moment longer"), "advice": advice, "status": 503}
    return _finished(render(request, TEMPLATE, context, status=503))


def too_often(request: HttpRequest, wait: int) -> HttpResponse:
    """`wait` is in seconds."""
    response = page(
        request, 429, gettext("Too many requests: try again in %(seconds)s seconds.") % {"seconds": wait}
    )
    response["Retry-After"] = str(wait)
    return response


def wrong_method(request: HttpRequest, allowed: str) -> HttpResponse:
    response = page(request, 405)
    response["Allow"] = allowed
    return response


def trouble(request: HttpRequest, error: ServiceTrouble) -> HttpResponse:
    if isinstance(error, NotFound):
        if not settings.DEMO_MODE:
            # The other service audits it too, but without the visitor's address.
            note_refusal(request, "NOT_FOUND")
        return page(request, 404)
    if isinstance(error, TooMany):
        return too_often(request, error.wait)
    if isinstance(error, Rejected):
        return page(request, 400, error.detail)
    return page(request, 503)


def note_refusal(request: HttpRequest, reason: str) -> None:
    refusals.keep(request, AuditKind.REFUSAL, actor=actor_of(request).user_id, reason=reason)


def handler400(request: HttpRequest, exception: Exception) -> HttpResponse:
    if error := _database_error_behind(exception):
        return failed(request, error)
    return page(request, 413 if isinstance(exception, RequestDataTooBig) else 400)


def _database_error_behind(exception: BaseException | None) -> DatabaseError | None:
    """The driver's error: Django reports any error of a session's update as a deleted session."""
    if not isinstance(exception, UpdateError | SessionInterrupted):
        return None
    while exception is not None:
        if isinstance(exception, DatabaseError) and exception.__cause__ is not None:
            return exception
        exception = exception.__context__
    return None


def handler403(request: HttpRequest, exception: Exception) -> HttpResponse:
    if lacks_factor(request):
        messages.info(request, _("Your role needs a second factor: set it up here."))
        return redirect("second_factor")
    note_refusal(request, "NOT_ALLOWED")
    return page(request, 403)


def handler404(request: HttpRequest, exception: Exception) -> HttpResponse:
    return page(request, 404)


def handler500(request: HttpRequest) -> HttpResponse:
    """Django calls it while it handles the error, of a view or of a middleware."""
    error = sys.exc_info()[1]
    return failed(request, _database_error_behind(error) or error)


def csrf_failed(request: HttpRequest, reason: str = "") -> HttpResponse:
    """A browser without cookies, or a form of another site: nothing is done."""
    note_refusal(request, "CSRF_FAILED")
    if request.resolver_match and request.resolver_match.url_name == "passengers":
        try:
            return booking_views.passengers_again(request)
        except ServiceTrouble as error:
            return trouble(request, error)
    detail = gettext(
        "This form was open for too long, or cookies are blocked. Reload the page and try again."
    )
    context = {
        "title": gettext("This form has expired"),
        "advice": gettext("Nothing was done."),
        "detail": detail,
        "status": 403,
    }
    return render(request, TEMPLATE, context, status=403)
