"""The live event stream of a saga."""

from dataclasses import replace

from django.core.handlers.asgi import ASGIRequest
from django.http import HttpRequest, HttpResponse
from django.utils.translation import gettext as _
from django.views.decorators.http import require_safe
from service_kit.problems import Problem, not_found, to_response
from service_kit.rules import CORRELATION_ID

from ui.backend_client import Actor, NotFound, ServiceTrouble
from ui.booking import streams
from ui.identity import owner_of, role_of

AGAIN = {"Retry-After": "1"}


def _actor(request: HttpRequest, correlation_id: str) -> Actor:
    return replace(owner_of(request, correlation_id), role=role_of(request))


def _last_event(request: HttpRequest) -> int:
    last = request.headers.get("Last-Event-ID", "")
    return int(last) if last.isascii() and last.isdigit() and len(last) < 10 else 0


@require_safe
def saga_stream(request: HttpRequest, correlation_id: str) -> HttpResponse:
    """Server-sent events, replayed from Last-Event-ID. 404 for a saga that is not the caller's to see.

    The answer begins here; `ui.asgi` sends the events after this request.
    """
    if not CORRELATION_ID.fullmatch(correlation_id):
        return to_response(not_found("saga"))
    # Access is checked per listener; the poller is shared.
    read = streams.reader(_actor(request, correlation_id))
    try:
        read(f"/api/saga/status/{correlation_id}/")
    except NotFound:
        return to_response(not_found("saga"))
    except ServiceTrouble as error:
        return to_response(Problem(503, "TRY_AGAIN", error.detail, headers=AGAIN))
    if streams.are_full():
        return to_response(Problem(503, "TRY_AGAIN", _("Too many follow sagas just now."), headers=AGAIN))
    if isinstance(request, ASGIRequest) and request.method == "GET":
        following: list[streams.Events] = request.scope.get(streams.KEY, [])
        following.append(streams.listen(correlation_id, _last_event(request), read))
    response = HttpResponse(content_type="text/event-stream")
    response["Cache-Control"] = "private, no-store"
    response["X-Accel-Buffering"] = "no"
    return response
