"""Cancelling a booking, and the quote of what a cancellation gives back."""

from collections.abc import Callable, Mapping
from dataclasses import asdict
from datetime import datetime, timedelta
from functools import partial
from typing import Any

from django.conf import settings
from django.http import HttpResponse
from django_sagas import answers
from django_sagas.operators import Operator, not_cancellable
from django_sagas.runtime import orchestrator
from django_sagas.state import SagaState, SagaStatus
from drf_spectacular.utils import extend_schema
from rest_framework.request import Request
from service_kit import schema
from service_kit.api import json_response, read_body
from service_kit.authentication import caller_of
from service_kit.parsers import JsonOrFormParser
from service_kit.problems import Problem

from flight.booking_actions import (
    PREFER_HEADER,
    RETRY_SECONDS,
    BookingActionView,
    is_foreign,
    require_reason,
    saga_of,
    status_path,
    wants_async,
)
from flight.cancel import quotes, serializers
from flight.inputs import Cancel
from flight.models import Booking
from flight.saga_booking import CANCELLATION, BookingSaga
from flight.saga_change_state import waiting_change

BY_USER = "CANCELLED_BY_USER"


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


def cancelled(saga: SagaState) -> HttpResponse:
    return json_response(*answers.cancelled(saga, location=status_path(saga.correlation_id)))


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
            200: serializers.CancellationAnswer,
            202: serializers.CancellationAnswer,
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
        body = read_body(request, Cancel)
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
    waiting = waiting_change(booking)
    busy_with = ("", waiting.correlation_id if waiting else "")
    mine = Booking.objects.filter(pk=booking.pk, busy_with__in=busy_with, changed_by=booking.changed_by)
    if mine.update(busy_with=booking.correlation_id) != 1:
        raise not_cancellable(
            None,
            "A change of this trip is under way; cancel it when that has ended.",
            headers={"Retry-After": RETRY_SECONDS},
        )
    also()


def _terms(
    booking: Booking, saga: BookingSaga, quote_id: str | None, *, waived: bool, now: datetime
) -> dict[str, Any]:
    by_now = quotes.refund_now(booking, saga, waived=waived, now=now)
    if quote_id is None:
        return asdict(by_now)
    quoted = quotes.quoted_refund(booking, saga, quote_id, waived=waived, now=now)
    return {**asdict(quoted), "quote_id": quote_id}
