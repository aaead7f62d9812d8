"""Changing a trip, and the quote of what a change costs or gives back."""

from django.conf import settings
from django.http import HttpResponse
from django_sagas import json_text, saga_log
from django_sagas.database import write_transaction
from django_sagas.operators import Operator
from django_sagas.runtime import admission, orchestrator
from django_sagas.state import SagaState, SagaStatus
from drf_spectacular.utils import extend_schema
from rest_framework.request import Request
from service_kit import credentials, schema
from service_kit.api import json_response, read_body
from service_kit.authentication import caller_of
from service_kit.problems import Problem, invalid

from flight.booking_actions import (
    PREFER_HEADER,
    RETRY_SECONDS,
    BookingActionView,
    is_foreign,
    key_reused,
    replayed,
    require_reason,
    respond,
    saga_of,
    wants_async,
)
from flight.change import quotes, serializers
from flight.change.change_trip import ChangeTrip
from flight.change.steps import why_not
from flight.inputs import Change, ChangeQuote
from flight.models import Booking
from flight.saga_booking import BookingSaga
from flight.saga_booking_views import start
from flight.saga_change_state import ChangeRequest, key_scope

DEMO_CARD = "tok_ok"


class ChangeView(BookingActionView):
    def changeable(self, request: Request, booking_reference: str) -> tuple[Booking, BookingSaga]:
        """Raises 404 for strangers, 403 for auditors, 409 for a booking that was made by direct calls."""
        booking = self.own_booking(request, booking_reference)
        caller = caller_of(request)
        if caller.role == "auditor" and caller.user_id != booking.user_id:
            raise Problem(403, "NOT_ALLOWED", "Auditors look and change nothing.")
        return booking, saga_of(booking, code="NOT_CHANGEABLE")


def refuse_unless_free(booking: Booking) -> None:
    """Raises 409 while the booking is changed or cancelled, and when it is too late."""
    if refusal := why_not(booking, now=orchestrator().now()):
        headers = {"Retry-After": RETRY_SECONDS} if booking.busy_with else {}
        cid = booking.correlation_id
        raise Problem(409, refusal.code, refusal.error, headers=headers, correlation_id=cid)


class ChangeQuoteView(ChangeView):
    @extend_schema(
        request=ChangeQuote,
        responses={
            200: serializers.ChangeQuote,
            **schema.problem(400, 401, 403, 404, 405, 409, 413, 415, 429, 503),
        },
    )
    def post(self, request: Request, booking_reference: str) -> HttpResponse:
        """What other flights, days, classes or seats cost or give back, and until when that holds.

        `flights` is the whole trip as it is to be. A flight that stays keeps its fare.
        """
        booking, saga = self.changeable(request, booking_reference)
        command = read_body(request, ChangeQuote)
        refuse_unless_free(booking)
        quote = quotes.quote_change(
            booking, saga, command.flights, now=orchestrator().now(), new_id=orchestrator().new_id
        )
        return json_response(quotes.described(quote, booking))


class ChangeBookingView(ChangeView):
    costs = {"actions": 1, "declined": 0}

    @extend_schema(
        request=Change,
        parameters=[PREFER_HEADER],
        responses={
            200: serializers.ChangeResult,
            202: serializers.ChangeAccepted,
            **schema.problem(400, 401, 403, 404, 405, 409, 413, 415, 422, 429, 503),
        },
    )
    def post(self, request: Request, booking_reference: str) -> HttpResponse:
        """Change a trip as quoted: run the saga to its end, or accept it and let it go on.

        The quote is the key: a repeat returns the same saga, or 422 for another card after a failure. A
        dearer trip needs a `payment`; an operator gives a reason.
        """
        booking, saga = self.changeable(request, booking_reference)
        command = read_body(request, Change)
        scope = key_scope(booking.correlation_id)
        if known := saga_log.load_by_key(scope, command.quote_id):
            return repeated(known, command)
        refuse_unless_free(booking)
        change = quotes.quoted_change(booking, saga, command.quote_id, now=orchestrator().now())
        card = _card(command) if change.difference > 0 else ""
        admission.check()
        new = self._new(request, booking, command, change, card)
        ran = start(new, at_once=not wants_async(request))
        if ran is None:  # A concurrent request with the same quote inserted first.
            known = saga_log.load_by_key(scope, command.quote_id)
            assert known is not None, "sagas are never deleted"
            return repeated(known, command)
        return answer(ran)

    @staticmethod
    def _new(
        request: Request, booking: Booking, command: Change, change: ChangeRequest, card: str
    ) -> SagaState:
        caller, now = caller_of(request), orchestrator().now()
        foreign = is_foreign(caller, booking)
        reason = require_reason(command, needed=foreign and not settings.DEMO_MODE)
        correlation_id = orchestrator().new_id()
        if foreign:
            with write_transaction():
                Operator(caller.user_id, reason).leave_trail("change-booking", correlation_id, now)
        address = "" if settings.DEMO_MODE else credentials.client_address(request, caller)
        saga: SagaState = ChangeTrip.new(
            {**change.to_json(), "address": address},
            correlation_id=correlation_id,
            now=now,
            subject=booking.user_id,
            secrets={"card_token": card} if card else {},
            scope=key_scope(booking.correlation_id),
            key=command.quote_id,
            fingerprint=_fingerprint(card) if card else "",
        )
        return saga


def _card(command: Change) -> str:
    """Raises 400 outside demo mode where none is given."""
    if command.card_token is not None:
        return command.card_token
    if settings.DEMO_MODE:
        return DEMO_CARD
    raise invalid({"payment": "is required: the trip becomes dearer"})


def _fingerprint(card: str) -> str:
    """What must be equal in two requests with one quote."""
    return json_text.fingerprint({"card_token": card})


def repeated(known: SagaState, command: Change) -> HttpResponse:
    """Raises 422 for another card after a failure, because the answer would tell of the first card's.

    A change that is made, or under way, is answered whatever the card: the quote is one intention. A saga
    without a fingerprint needed no card.
    """
    paid_with, card = known.request_fingerprint, command.card_token
    is_other_card = bool(paid_with and card and paid_with != _fingerprint(card))
    if is_other_card and known.status == SagaStatus.COMPENSATED:
        raise key_reused(known, "This quote failed with another card. Ask for a new quote.")
    return replayed(answer(known))


def answer(saga: SagaState) -> HttpResponse:
    accepted = {
        "correlation_id": saga.correlation_id,
        "status": saga.status.value,
        "message": "The trip is being changed; see its status.",
        "booking_reference": ChangeRequest.from_json(saga.data).reference,
    }
    return respond(saga, accepted=accepted)
