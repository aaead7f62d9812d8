"""The base of every API view: strict JSON in, plain JSON out, problems for errors."""

from collections.abc import Mapping
from typing import Any, ClassVar, NoReturn, TypeVar, cast

from django.conf import settings
from django.http import HttpRequest, HttpResponse, HttpResponseBase
from django_sagas import json_text
from django_sagas.clock import utc_now
from django_sagas.wire import CORRELATION_HEADER, CORRELATION_META
from rest_framework.request import Request
from rest_framework.throttling import BaseThrottle
from rest_framework.views import APIView

from service_kit import middleware, problems, unknown_fields
from service_kit.authentication import CallerAuthentication, caller_of
from service_kit.credentials import ANONYMOUS, client_address, unauthenticated
from service_kit.inputs import Input
from service_kit.parsers import BodyRequest
from service_kit.problems import Problem, too_many
from service_kit.security import refusals, throttle

M = TypeVar("M", bound=Input)


class Limits(BaseThrottle):
    """REST framework's throttle over the exact counter. Demo mode has no limits.

    Another service's calls are not counted. Limits that cost 0 apply to the person it calls for.
    """

    seconds = 0

    def allow_request(self, request: Request, view: APIView) -> bool:
        if settings.DEMO_MODE:
            return True
        costs: Mapping[str, int] = view.costs  # type: ignore[attr-defined]
        caller, now = caller_of(request), utc_now()
        if caller.service:
            costs = {name: 0 for name, cost in costs.items() if not cost}
        throttle.forget_now_and_then(now)
        self.seconds = throttle.seconds_to_wait(
            costs, user_id=caller.user_id, address=client_address(request, caller), now=now
        )
        return not self.seconds

    def wait(self) -> float:
        return self.seconds


class ServiceView(APIView):
    """A view that answers `json_response(...)` or raises a Problem."""

    authentication_classes = [CallerAuthentication]
    throttle_classes = [Limits]
    costs: ClassVar[Mapping[str, int]] = {"reads": 1}
    "A request's cost per limit of settings.LIMITS; 0: the limit is only checked."

    def initialize_request(self, request: HttpRequest, *args: Any, **kwargs: Any) -> Request:
        return BodyRequest(
            request,
            parsers=self.get_parsers(),
            authenticators=self.get_authenticators(),
            negotiator=self.get_content_negotiator(),
            parser_context=self.get_parser_context(request),
        )

    def initial(self, request: Request, *args: Any, **kwargs: Any) -> None:
        """The limits come first: refused calls count too. There is nothing to negotiate and no version.

        An unserved method is a 405 for every caller, and OPTIONS only describes the view.
        """
        self.check_throttles(request)
        method = (request.method or "").lower()
        if method != "options" and hasattr(self, method):
            self.check_permissions(request)

    def permission_denied(
        self, request: Request, message: str | None = None, code: str | None = None
    ) -> NoReturn:
        if message is None or caller_of(request) == ANONYMOUS:
            raise unauthenticated()
        raise Problem(403, "NOT_ALLOWED", message)

    def throttled(self, request: Request, wait: float) -> NoReturn:
        raise too_many(int(wait))

    def finalize_response(self, request: Request, response: Any, *args: Any, **kwargs: Any) -> Any:
        finished = super().finalize_response(request, response, *args, **kwargs)
        unknown_fields.tell(finished, getattr(request, "hints", ()))
        return finished

    @property
    def default_response_headers(self) -> dict[str, str]:
        """Allow is for OPTIONS; the problem of a wrong method sets it itself."""
        if self.request.method != "OPTIONS":
            return {}
        headers: dict[str, str] = super().default_response_headers
        return headers


def exception_handler(error: Exception, context: Mapping[str, Any]) -> HttpResponseBase:
    """Django REST framework's EXCEPTION_HANDLER. Refusals are written to the audit trail."""
    request, view = context["request"], context["view"]
    problem = problems.from_exception(error)
    correlation_id = getattr(request, "body_correlation_id", None)
    problem.correlation_id = problem.correlation_id or correlation_id
    middleware.tell(request, error_code=problem.code)
    if problem is error:
        refusals.note(request, problem)
    response = problems.to_response(problem)
    if correlation_id and CORRELATION_META not in request.META:
        response.headers[CORRELATION_HEADER] = correlation_id
    if problem.status == 405:
        response.headers["Allow"] = ", ".join(view.allowed_methods)
    return response


def read_json(request: Request) -> dict[str, Any]:
    """The body's object. Raises what the view's parser refuses."""
    return cast("dict[str, Any]", request.data)


def read_body(request: Request, takes: type[M]) -> M:
    """The body as that input. Raises what the view's parser refuses, and a 400 that names every bad field.

    What is ignored is hinted at in the answer.
    """
    strict = unknown_fields.is_strict(request)
    command, request.hints = unknown_fields.read(takes, read_json(request), strict=strict)  # type: ignore[attr-defined]
    return command


def json_response(
    body: dict[str, Any] | str, status: int = 200, headers: dict[str, str] | None = None
) -> HttpResponse:
    """Never cached: answers are personal or, such as free seats, change."""
    text = body if isinstance(body, str) else json_text.dumps(body)
    sent = {"Cache-Control": "no-store", **(headers or {})}
    return HttpResponse(text.encode(), status=status, content_type="application/json", headers=sent)
