"""The base of every API view: strict JSON in, plain JSON out, problems for errors."""

from collections.abc import Mapping
from typing import Any, ClassVar

from django.conf import settings
from django.http import HttpRequest, HttpResponse, HttpResponseBase
from gunicorn.http.errors import ParseException
from rest_framework.request import Request
from rest_framework.views import APIView

from service_kit import strict_json
from service_kit.cards import looks_like_card
from service_kit.clock import utc_now
from service_kit.credentials import caller_of, client_address
from service_kit.fields import CORRELATION_ID
from service_kit.problems import Problem, too_many
from service_kit.security import refusals, throttle


class ServiceView(APIView):
    """A view that answers `json_response(...)` or raises a Problem."""

    costs: ClassVar[Mapping[str, int]] = {"reads": 1}
    "What a request takes from the limits of settings.LIMITS; what costs 0 must only not be used up."

    def initial(self, request: Request, *args: Any, **kwargs: Any) -> None:
        """Nobody has a limit in demo mode."""
        super().initial(request, *args, **kwargs)
        if not settings.DEMO_MODE and self.costs:
            spend(request._request, self.costs)

    def perform_authentication(self, request: Request) -> None:
        """Nothing: who calls is read where it matters, by the kit's credentials."""

    def handle_exception(self, exc: Exception) -> HttpResponseBase:  # type: ignore[override]
        if isinstance(exc, Problem):
            exc.correlation_id = exc.correlation_id or getattr(self.request, "body_correlation_id", None)
            refusals.note(self.request._request, exc)
        return super().handle_exception(exc)

    @property
    def default_response_headers(self) -> dict[str, str]:
        """Allow is for OPTIONS, and a wrong method's problem names it itself."""
        if self.request.method != "OPTIONS":
            return {}
        headers: dict[str, str] = super().default_response_headers
        return headers


def spend(request: HttpRequest, costs: Mapping[str, int]) -> None:
    """Raise 429 where the caller has used a limit up.

    Another service's calls are not counted; for whom it calls must not have used up what is only looked at.
    """
    caller, now = caller_of(request), utc_now()
    address = client_address(request, caller)
    if caller.service:
        costs = {name: 0 for name, cost in costs.items() if not cost}
    throttle.forget_now_and_then(now)
    if wait := throttle.seconds_to_wait(costs, user_id=caller.user_id, address=address, now=now):
        raise too_many(wait)


def json_response(
    body: dict[str, Any] | str, status: int = 200, headers: dict[str, str] | None = None
) -> HttpResponse:
    """Never kept by a cache: most of it is somebody's own, and the rest, such as free seats, changes."""
    text = body if isinstance(body, str) else strict_json.dumps(body)
    sent = {"Cache-Control": "no-store", **(headers or {})}
    return HttpResponse(text.encode(), status=status, content_type="application/json", headers=sent)


def read_json(request: Request) -> dict[str, Any]:
    """The body's JSON object. Raises 413, 415 or 400 before anything is stored.

    A chunked body, which has no length, is read up to the limit where the server ends the stream itself.
    """
    http: HttpRequest = request._request
    _check_size(http)
    _check_type(http)
    body = _read_body(http)
    if len(body) > strict_json.MAX_BODY_BYTES:
        raise _too_large()
    try:
        return strict_json.loads(body)
    except strict_json.InvalidJson as error:
        raise _invalid(error) from error


def read_optional_json(request: Request) -> dict[str, Any]:
    """As `read_json`, and an empty object where no body was sent."""
    meta = request._request.META
    sent = meta.get("HTTP_TRANSFER_ENCODING") or meta.get("CONTENT_LENGTH") not in (None, "", "0")
    return read_json(request) if sent else {}


def _read_body(http: HttpRequest) -> bytes:
    chunked = not http.META.get("CONTENT_LENGTH") and http.META.get("wsgi.input_terminated")
    try:
        return http.META["wsgi.input"].read(strict_json.MAX_BODY_BYTES + 1) if chunked else http.body
    except (OSError, ParseException) as error:
        # The caller hung up in the middle, or its chunks are none; nobody may be left to read this.
        raise Problem(400, "BAD_REQUEST", "The body could not be read to its end.") from error


def _invalid(error: strict_json.InvalidJson) -> Problem:
    cid = error.document.get("correlation_id")
    safe = isinstance(cid, str) and CORRELATION_ID.fullmatch(cid) and not looks_like_card(cid)
    return Problem(400, "INVALID_JSON", str(error), errors=error.errors, correlation_id=cid if safe else None)


def _check_size(http: HttpRequest) -> None:
    length = http.META.get("CONTENT_LENGTH") or "0"
    if not length.isascii() or not length.isdigit():
        raise Problem(400, "BAD_REQUEST", "Content-Length must be a number.")
    if len(length) > 18 or int(length) > strict_json.MAX_BODY_BYTES:
        raise _too_large()


def _check_type(http: HttpRequest) -> None:
    if http.META.get("HTTP_CONTENT_ENCODING", "identity").lower() != "identity":
        plain = {"Accept-Encoding": "identity"}
        raise Problem(415, "UNSUPPORTED_ENCODING", "Send the body as it is, not packed.", headers=plain)
    if http.content_type != "application/json":
        raise Problem(415, "UNSUPPORTED_MEDIA_TYPE", "Send Content-Type: application/json.")
    charset = (http.content_params or {}).get("charset", "utf-8").lower()
    if charset not in ("utf-8", "utf8", "us-ascii"):
        raise Problem(400, "UNSUPPORTED_CHARSET", "The body must be UTF-8.")


def _too_large() -> Problem:
    return Problem(413, "BODY_TOO_LARGE", f"The body is over {strict_json.MAX_BODY_BYTES} bytes.")
