"""Cancelling a booking, and the quote of what a cancellation gives back."""

from collections.abc import Callable, Mapping
from dataclasses import asdict
from datetime import datetime, timedelta
from functools import partial
from typing import Any

from django.conf import settings
from django.http import HttpResponse
from django_sagas import answers, saga_log
from django_sagas.operators import Operator, not_cancellable
from django_sagas.runtime import orchestrator
from django_sagas.state import SagaState, SagaStatus
from django_sagas.wire import prefers
from drf_spectacular.utils import OpenApiParameter, extend_schema
from rest_framework.request import Request
from service_kit import schema
from service_kit.api import ServiceView, json_response, read_json
from service_kit.authentication import caller_of
from service_kit.credentials import Caller
from service_kit.parsers import JsonOrFormParser
from service_kit.permissions import Owner
from service_kit.problems import Problem, invalid

from flight import quotes, saga_schema, serializers
from flight.inputs import Cancel, Reason
from flight.models import Booking
from flight.saga_booking import CANCELLATION, BookingSaga, as_booking
from flight.saga_change_state import ChangeSaga

NOT_CANCELLABLE, BY_USER = "NOT_CANCELLABLE", "CANCELLED_BY_USER"
RETRY_SECONDS = "5"
PREFER_HEADER = OpenApiParameter("Prefer", location="header", description="respond-async (RFC 7240)")


def wants_async(request: Request) -> bool:
    return prefers(request, "respond-async")


def run_cancellation(
    correlation_id: str,
    *,
    reason: str,
    at_once: bool,
    facts: Mapping[str, Any],
    also: Callable[[], object],
) -> SagaState | None:
    """Turn a complete saga back and run its compensations, or leave them to recovery; None if it is not
    complete."""
    taken = orchestrator().cancel(correlation_id, completed=True, reason=reason, facts=facts, also=also)
    if taken is None:
        return None
    seconds = settings.SAGA_REQUEST_DEADLINE if at_once else 0.0
    return orchestrator().advance(taken, deadline=orchestrator().now() + timedelta(seconds=seconds))


def status_path(correlation_id: str) -> str:
    return f"/api/saga/status/{correlation_id}/"


def cancelled(saga: SagaState) -> HttpResponse:
    return json_response(*answers.cancelled(saga, location=status_path(saga.correlation_id)))


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


class CancelQuoteView(BookingActionView):
    @extend_schema(
        responses={
            200: serializers.CancelQuote,
            **schema.problem(400, 401, 403, 404, 405, 409, 429, 503),
        }
    )
    def get(self, request: Request, booking_reference: str) -> HttpResponse:
        """What a cancellation gives back, and until when that holds.

        An operator who asks for somebody else's booking sees the operator's terms: no fee.
        """
        booking = self.own_booking(request, booking_reference)
        saga = saga_of(booking)
        if saga.status != SagaStatus.COMPLETED:
            raise not_cancellable(saga, "This booking is cancelled already.")
        quote = quotes.quote_cancellation(
            booking,
            saga,
            waived=is_foreign(caller_of(request), booking),
            now=orchestrator().now(),
            new_id=orchestrator().new_id,
        )
        return json_response(quotes.described(quote, booking))


class CancelBookingView(BookingActionView):
    parser_classes = [JsonOrFormParser]

    @extend_schema(
        request=Cancel,
        parameters=[PREFER_HEADER],
        responses={
            200: saga_schema.CancellationAnswer,
            202: saga_schema.CancellationAnswer,
            **schema.problem(400, 401, 403, 404, 405, 409, 413, 415, 429, 503),
        },
    )
    def post(self, request: Request, booking_reference: str) -> HttpResponse:
        """Cancel a booking: its saga runs its compensations.

        With `quote_id` it gives back what was quoted, or is refused; without, what the rules say now. An
        operator gives a reason, and keeps no fee.
        """
        booking = self.own_booking(request, booking_reference)
        caller = caller_of(request)
        if caller.role == "auditor" and caller.user_id != booking.user_id:
            raise Problem(403, "NOT_ALLOWED", "Auditors look and change nothing.")
        foreign = is_foreign(caller, booking)
        body = Cancel.read(read_json(request))
        reason = require_reason(body, needed=foreign and not settings.DEMO_MODE)
        saga = saga_of(booking)
        if saga.status != SagaStatus.COMPLETED:  # A repeat, or another caller was first.
            return cancelled(saga)
        now = orchestrator().now()
        by = Operator(caller.user_id, reason)
        leave_trail = partial(by.leave_trail, "cancel-booking", booking.correlation_id, now)
        turned = run_cancellation(
            booking.correlation_id,
            reason="CANCELLED_BY_OPERATOR" if foreign else BY_USER,
            at_once=not wants_async(request),
            facts={CANCELLATION: _terms(booking, saga, body.quote_id, waived=foreign, now=now)},
            also=partial(claim_booking, booking, leave_trail if foreign else lambda: None),
        )
        return cancelled(turned or saga_of(booking))


def claim_booking(booking: Booking, also: Callable[[], object]) -> None:
    """One saga at a time: no change of the trip is under way, and none has come since its terms were read.

    A change that waits because its authorisation has expired lets the trip go: then it has nothing to capture
    or to give back any more, and ends. Raises 409.
    """
    busy_with = ("", _waiting_change(booking))
    mine = Booking.objects.filter(pk=booking.pk, busy_with__in=busy_with, changed_by=booking.changed_by)
    if mine.update(busy_with=booking.correlation_id) != 1:
        raise not_cancellable(
            None,
            "A change of this trip is under way; cancel it when that has ended.",
            headers={"Retry-After": RETRY_SECONDS},
        )
    also()


def _waiting_change(booking: Booking) -> str:
    change = saga_log.load(booking.busy_with) if booking.busy_with else None
    return booking.busy_with if isinstance(change, ChangeSaga) and change.has_expired else ""


def _terms(
    booking: Booking, saga: BookingSaga, quote_id: str | None, *, waived: bool, now: datetime
) -> dict[str, Any]:
    by_now = quotes.refund_now(booking, saga, waived=waived, now=now)
    if quote_id is None:
        return asdict(by_now)
    quoted = quotes.quoted_refund(booking, saga, quote_id, waived=waived, now=now)
    return {**asdict(quoted), "quote_id": quote_id}
