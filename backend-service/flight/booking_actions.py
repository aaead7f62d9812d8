"""What requests on a booking share: whose it is, its saga, the reason, and the form of the answer."""

from collections.abc import Mapping
from typing import Any

from django.http import HttpResponse
from django_sagas import saga_log
from django_sagas.state import SagaState
from django_sagas.wire import REPLAYED_HEADER, prefers
from drf_spectacular.utils import OpenApiParameter
from rest_framework.request import Request
from service_kit.api import ServiceView, json_response
from service_kit.credentials import Caller
from service_kit.permissions import Owner
from service_kit.problems import Problem, invalid

from flight.inputs import Reason
from flight.models import Booking
from flight.saga_answers import current_result
from flight.saga_booking import BookingSaga, as_booking

NOT_CANCELLABLE = "NOT_CANCELLABLE"
RETRY_SECONDS = "5"
PREFER_HEADER = OpenApiParameter(
    "Prefer",
    location="header",
    description="respond-async; handling=strict refuses every unknown field (RFC 7240)",
)


def wants_async(request: Request) -> bool:
    return prefers(request, "respond-async")


def require_reason(body: Reason, *, needed: bool) -> str:
    """The operator's reason, for the audit trail."""
    if needed and "reason" not in body.model_fields_set:
        raise invalid({"reason": "is required"})
    return body.reason


class BookingActionView(ServiceView):
    """A booking of the caller, or of anybody for an operator."""

    permission_classes = [Owner]
    subject = "booking"
    costs = {"actions": 1}

    def own_booking(self, request: Request, reference: str) -> Booking:
        """404 for strangers, as without a booking."""
        found = Booking.objects.select_related("flight").filter(reference=reference.upper()).first()
        self.check_object_permissions(request, found.user_id if found else None)
        assert found is not None, "Owner raises for None"
        return found


def is_foreign(caller: Caller, booking: Booking) -> bool:
    """Whether an operator acts on somebody else's booking."""
    return caller.is_operator and caller.user_id != booking.user_id


def saga_of(booking: Booking, *, code: str = NOT_CANCELLABLE) -> BookingSaga:
    """Raises 409 for a booking that was made by direct calls."""
    saga = as_booking(saga_log.load(booking.correlation_id))
    if saga is None:
        raise Problem(409, code, "This booking was made by direct calls and has no saga.")
    return saga


def status_path(correlation_id: str) -> str:
    return f"/api/saga/status/{correlation_id}/"


def respond(saga: SagaState, *, accepted: Mapping[str, Any]) -> HttpResponse:
    """The saga's result; without one `accepted` as a 202, with the address of its status."""
    headers = {"X-Correlation-ID": saga.correlation_id}
    if (result := current_result(saga)) is not None:
        return json_response(result, headers=headers)
    headers["Location"] = status_path(saga.correlation_id)
    return json_response(dict(accepted), status=202, headers=headers)


def replayed(response: HttpResponse) -> HttpResponse:
    """Marked as the answer to a repeat."""
    response.headers[REPLAYED_HEADER] = "true"
    return response


def key_reused(known: SagaState, why: str) -> Problem:
    return Problem(422, "IDEMPOTENCY_KEY_REUSED", why, correlation_id=known.correlation_id)
