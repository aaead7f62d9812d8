"""Views outside REST framework: strict about JSON, and problems are answered as problem+json."""

import json
from collections.abc import Callable
from typing import Any

from django.db import OperationalError
from django.http import HttpRequest, HttpResponse, HttpResponseBase, HttpResponseNotAllowed

from django_sagas import json_text
from django_sagas.problems import Problem, try_again
from django_sagas.wire import CORRELATION_HEADER, CORRELATION_ID, CORRELATION_META

View = Callable[..., HttpResponseBase]
_decoder = json.JSONDecoder(parse_constant=json_text.no_number, object_pairs_hook=json_text.unique)


def plain(view: View) -> View:
    """The view with its problems answered. The correlation id of the request's header is returned."""

    def answered(request: HttpRequest, *args: Any, **kwargs: Any) -> HttpResponseBase:
        sent = _sent_id(request)
        try:
            response = _allowed(view(request, *args, **kwargs))
        except Problem as problem:
            response = _answer(problem)
        except OperationalError:
            response = _answer(try_again("The database cannot do it now."))
        if sent:
            response.headers[CORRELATION_HEADER] = sent
        return response

    return answered


def _sent_id(request: HttpRequest) -> str:
    """The id of the request's header. One that may not be repeated counts as none."""
    sent: str = request.META.get(CORRELATION_META, "")
    if CORRELATION_ID.fullmatch(sent):
        return sent
    request.META.pop(CORRELATION_META, None)
    return ""


def _allowed(response: HttpResponseBase) -> HttpResponseBase:
    if not isinstance(response, HttpResponseNotAllowed):
        return response
    detail, allow = "This address does not serve the method.", response.headers["Allow"]
    return _answer(Problem(405, "METHOD_NOT_ALLOWED", detail, headers={"Allow": allow}))


def _answer(problem: Problem) -> HttpResponse:
    response = HttpResponse(
        json_text.dumps(problem.body()),
        status=problem.status,
        content_type="application/problem+json",
        headers={"Cache-Control": "no-store", **problem.headers},
    )
    if problem.correlation_id:
        response.headers[CORRELATION_HEADER] = problem.correlation_id
    return response


def read_object(request: HttpRequest) -> dict[str, Any]:
    """The JSON object of the body; without a body an empty one. Raises Problem 400 or 415."""
    if not request.body:
        return {}
    if request.content_type != "application/json":
        raise Problem(415, "UNSUPPORTED_MEDIA_TYPE", "Send application/json.")
    try:
        body = _decoder.decode(request.body.decode())
    except (ValueError, RecursionError) as error:
        raise Problem(400, "INVALID", "The body is not JSON.") from error
    if not isinstance(body, dict):
        raise Problem(400, "INVALID", "The body is no JSON object.")
    return body
