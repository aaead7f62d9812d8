"""The one asynchronous view: a saga's events as they happen."""

import asyncio

from asgiref.sync import sync_to_async
from django.http import HttpRequest, HttpResponseBase, StreamingHttpResponse
from django.views.decorators.http import require_safe
from service_kit.fields import CORRELATION_ID
from service_kit.problems import Problem, not_found, to_response

from ui import streams
from ui.backend_client import Actor, NotFound, ServiceTrouble
from ui.identity import owner_of, role_of


def _actor(request: HttpRequest, correlation_id: str) -> Actor:
    return Actor(owner_of(request, correlation_id).user_id or "visitor", role_of(request))


def _last_event(request: HttpRequest) -> int:
    last = request.headers.get("Last-Event-ID", "")
    return int(last) if last.isascii() and last.isdigit() and len(last) < 10 else 0


@require_safe
async def saga_stream(request: HttpRequest, correlation_id: str) -> HttpResponseBase:
    """Server-sent events, replayed from Last-Event-ID. 404 for a saga that is not the caller's to see."""
    if not CORRELATION_ID.fullmatch(correlation_id):
        return to_response(not_found("saga"))
    # Who may see it is asked for every listener; the poller behind them is shared.
    actor = await sync_to_async(_actor)(request, correlation_id)
    read = streams.reader(actor)
    try:
        await asyncio.to_thread(read, f"/api/saga/status/{correlation_id}/")
    except NotFound:
        return to_response(not_found("saga"))
    except ServiceTrouble as error:
        return to_response(Problem(503, "TRY_AGAIN", error.detail, headers={"Retry-After": "1"}))
    response = StreamingHttpResponse(
        streams.listen(correlation_id, _last_event(request), read), content_type="text/event-stream"
    )
    response["Cache-Control"] = "no-cache"
    response["X-Accel-Buffering"] = "no"
    return response
