"""Errors as application/problem+json (RFC 9457): one exception, one translation to HTTP."""

import sys
from collections.abc import Callable

import structlog
from django.core.exceptions import (
    PermissionDenied,
    RequestDataTooBig,
    SuspiciousOperation,
)
from django.db import Error as DatabaseError
from django.db import InterfaceError, OperationalError
from django.http import Http404, HttpRequest, HttpResponse
from django.urls import is_valid_path
from django_sagas import json_text
from django_sagas.database_errors import Meaning, meaning_of
from django_sagas.problems import Problem as Problem
from django_sagas.problems import invalid as invalid
from django_sagas.problems import try_again as try_again
from rest_framework.exceptions import APIException

log = structlog.get_logger(__name__)

TITLES = {
    400: "Bad request",
    401: "Not authenticated",
    403: "Not allowed",
    404: "Not found",
    405: "Method not allowed",
    408: "Request timeout",
    409: "Conflict",
    413: "Body too large",
    415: "Unsupported media type",
    422: "Same id, different request",
    429: "Too many requests",
    500: "Internal error",
    503: "Try again",
}


NO_SUCH = {
    "saga": "There is no such saga. Steps called directly belong to none: they have no status and no events."
}


def not_found(what: str) -> Problem:
    return Problem(404, "NOT_FOUND", NO_SUCH.get(what, f"There is no such {what}."))


def hidden(what: str) -> Problem:
    """A foreign object: the same answer as `missing`; the audit trail distinguishes them."""
    problem = not_found(what)
    problem.refusal = "NOT_THE_OWNER"
    return problem


def missing(what: str) -> Problem:
    """No such object."""
    problem = not_found(what)
    problem.refusal = "NOTHING_THERE"
    return problem


def too_many(seconds: int) -> Problem:
    """429: a limit is used up for so many seconds."""
    detail = "Too many requests; wait and try again."
    return Problem(429, "TOO_MANY_REQUESTS", detail, headers={"Retry-After": str(seconds)})


def to_response(problem: Problem) -> HttpResponse:
    return HttpResponse(
        json_text.dumps(problem.body(title=TITLES.get(problem.status, "Error"))),
        status=problem.status,
        content_type="application/problem+json",
        # A cache may keep a 404, and the booking may be there a moment later.
        headers={"Cache-Control": "no-store", **problem.headers},
    )


def from_exception(error: Exception) -> Problem:
    """Any exception as a Problem; unexpected ones are logged and become a 500."""
    match error:
        case Problem():
            return error
        case APIException():
            return _from_rest_framework(error)
        case Http404():
            return Problem(404, "NOT_FOUND", str(error) or "There is nothing here.")
        case PermissionDenied():
            return Problem(403, "NOT_ALLOWED", "This is not allowed.")
        case RequestDataTooBig():
            return Problem(413, "BODY_TOO_LARGE", "The body is too large.")
        case SuspiciousOperation():
            return Problem(400, "BAD_REQUEST", "The request is not acceptable.")
        case DatabaseError():
            return _from_database(error)
    log.exception("unexpected_error", error=repr(error))
    return Problem(500, "INTERNAL_ERROR", "The service failed; the error is in its log.")


def _from_database(error: DatabaseError) -> Problem:
    meaning = meaning_of(error)
    if meaning is Meaning.UNSTORABLE:
        # Such as a NUL in a URL: PostgreSQL refuses it, SQLite finds nothing.
        return Problem(400, "BAD_REQUEST", "The request holds a value that cannot be stored.")
    if isinstance(error, OperationalError | InterfaceError):
        log.warning("database_unavailable", meaning=meaning.name, error=str(error))
    else:
        log.exception("database_refused", meaning=meaning.name, error=repr(error))
    code = "DATABASE_UNAVAILABLE" if meaning is Meaning.FAILED else "DATABASE_BUSY"
    return try_again("The database is busy or away.", code=code)


def _from_rest_framework(error: APIException) -> Problem:
    code = str(error.get_codes()).upper() if isinstance(error.detail, str) else "BAD_REQUEST"
    headers = {}
    if (wait := getattr(error, "wait", None)) is not None:
        headers["Retry-After"] = str(int(wait) + 1)
    if challenge := getattr(error, "auth_header", None):
        headers["WWW-Authenticate"] = challenge
    return Problem(error.status_code, code, str(error.detail), headers=headers)


def handler(status: int, code: str, detail: str) -> Callable[..., HttpResponse]:
    """A view for Django's handler400, handler404 and handler500."""

    def view(request: HttpRequest, exception: Exception | None = None) -> HttpResponse:
        return to_response(Problem(status, code, detail))

    return view


handler400 = handler(400, "BAD_REQUEST", "The request is not acceptable.")
NOWHERE = "There is nothing at this address."


def handler404(request: HttpRequest, exception: Exception | None = None) -> HttpResponse:
    """A 404 with a hint if only the last slash is missing."""
    meant = f"{request.path_info}/"
    near = not request.path_info.endswith("/") and is_valid_path(meant)
    hint = " It ends with a slash." if near else ""
    return to_response(Problem(404, "NOT_FOUND", f"{NOWHERE}{hint}"))


def handler500(request: HttpRequest) -> HttpResponse:
    """For errors outside REST framework's views; Django calls it while it handles the error."""
    error = sys.exc_info()[1]
    return to_response(from_exception(error if isinstance(error, Exception) else Exception("unknown")))
