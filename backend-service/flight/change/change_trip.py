"""The saga that changes a booked trip: other flights or seats, and the difference in price and miles."""

from collections.abc import Callable, Mapping, Sequence
from datetime import datetime
from typing import Any

from django_sagas.answers import compensations
from django_sagas.clock import utc_now
from django_sagas.definitions import Planned, Saga, Step, activity, local, remote
from django_sagas.outcomes import Outcome
from django_sagas.state import SagaStatus
from service_kit.money import to_wire

from flight import saga_answers, saga_words
from flight.change import audit, steps
from flight.saga_booking import LOYALTY, PAYMENT, expiry_actions
from flight.saga_change_state import CHANGE, ChangeSaga
from flight.saga_faults import injected, injected_into_activity
from flight.saga_local import reserved
from flight.saga_orchestrator_complete import count_declined
from flight.settlement import confirmations


def is_dearer(data: Mapping[str, Any]) -> bool:
    return int(data["difference"]) > 0


def is_cheaper(data: Mapping[str, Any]) -> bool:
    return int(data["difference"]) < 0


def costs_other(data: Mapping[str, Any]) -> bool:
    return bool(data["difference"])


def earns_other(data: Mapping[str, Any]) -> bool:
    return bool(data["miles"])


def payment_data(saga: ChangeSaga) -> dict[str, Any]:
    """A payment of its own under the same trip, over the difference."""
    return {
        "user_id": saga.subject,
        "trip_id": saga.booking,
        "flight_fare": to_wire(saga.request.difference),
        "other_charges": to_wire(0),
        "payment": {"card_token": saga.card_token},
    }


def difference_as_quoted(saga: ChangeSaga, answer: Mapping[str, Any]) -> str:
    if answer.get("amount") == to_wire(saga.request.difference):
        return ""
    return "PRICE_CHANGED: The payment is not over the difference that was quoted."


def capture_data(saga: ChangeSaga) -> dict[str, Any]:
    """Of the change's own payment; for a refund of the booking's, which may not be captured yet."""
    return {"payment_id": saga.payment_id, "settle": True}


def refund_data(saga: ChangeSaga) -> dict[str, Any]:
    return {"payment_id": saga.booking, "amount": to_wire(-saga.request.difference), "settle": True}


def miles_data(saga: ChangeSaga) -> dict[str, Any]:
    return {"user_id": saga.subject, "trip_id": saga.booking, "miles": saga.request.miles}


def send_itinerary(saga: ChangeSaga) -> Outcome:
    """The last step: a mail server that is away delays nothing else of the change."""
    change, difference = saga.correlation_id, saga.request.difference
    fault = injected_into_activity("SendConfirmation", change)
    return fault or confirmations.confirm_change(
        saga.booking, change=change, difference=difference, now=utc_now()
    )


class ChangeTrip(Saga):
    name, version = CHANGE, 1
    state = ChangeSaga
    audits = audit.RULES
    steps = (
        local(
            "HoldSeats",
            words=saga_words.NEW_SEATS,
            undo="ReleaseSeats",
            run=steps.hold_seats,
            back=steps.release_seats,
            refusals={
                "SEAT_UNAVAILABLE",
                "FLIGHT_NOT_FOUND",
                "FLIGHT_CLOSED",
                "NOT_CHANGEABLE",
                "CHANGE_UNDER_WAY",
                "DEPARTED",
            },
        ),
        remote(
            "AuthorizePayment",
            words=saga_words.DIFFERENCE,
            undo="CancelPayment",
            at=PAYMENT,
            sends=payment_data,
            accepts=difference_as_quoted,
            uses=["card_token"],
            refusals={"PAYMENT_DECLINED", "LIMIT_EXCEEDED"},
            when=is_dearer,
        ),
        local(
            "SwapTickets",
            words=saga_words.NEW_TICKETS,
            run=steps.swap_tickets,
            pivot=True,
            refusals={"BOOKING_CHANGED"},
        ),
        remote(
            "CapturePayment",
            words=saga_words.CAPTURE,
            at=PAYMENT,
            retriable=True,
            sends=capture_data,
            when=costs_other,
        ),
        remote(
            "RefundPayment",
            words=saga_words.REFUND,
            at=PAYMENT,
            retriable=True,
            sends=refund_data,
            when=is_cheaper,
        ),
        remote(
            "AdjustMiles",
            words=saga_words.ADJUSTED_MILES,
            at=LOYALTY,
            retriable=True,
            sends=miles_data,
            when=earns_other,
        ),
        local(
            "ReleaseOldSeats",
            words=saga_words.OLD_SEATS,
            run=steps.release_seats,
            retriable=True,
        ),
        activity("SendConfirmation", words=saga_words.ITINERARY, does=send_itinerary, retriable=True),
    )

    @classmethod
    def started(cls, saga: ChangeSaga) -> Mapping[str, Any]:
        flights = [segment.flight_id for segment in saga.request.after]
        return {"booking": saga.booking, "flights": flights, "passengers": saga.request.passengers}

    @classmethod
    def described(cls, saga: ChangeSaga) -> Mapping[str, Any]:
        flights = [segment.flight_id for segment in saga.request.after]
        return {
            "booking_reference": saga.request.reference,
            "booking": saga.booking,
            "flight_id": flights[0],
            "flights": flights,
            "amount": to_wire(saga.amount),
            "difference": to_wire(saga.request.difference),
            "actions": expiry_actions(saga),
        }

    @classmethod
    def plan(cls, step: Step, saga: ChangeSaga, now: datetime, *, undo: bool) -> Planned:
        name = step.compensation if undo else step.name
        return injected(name, saga) or super().plan(step, saga, now, undo=undo)

    @classmethod
    def after_refusal(cls, saga: ChangeSaga, code: str, now: datetime) -> Sequence[Callable[[], object]]:
        return count_declined(code, user_id=saga.subject, address=saga.request.address, now=now)

    @classmethod
    def result(cls, saga: ChangeSaga) -> dict[str, Any]:
        return _completed(saga) if saga.status == SagaStatus.COMPLETED else _failed(saga)


def _completed(saga: ChangeSaga) -> dict[str, Any]:
    """Where the trip was cancelled before the change was paid, nothing was charged or given back for it."""
    needed, reference = saga.was_needed, saga.request.reference
    changed = f"The trip of booking {reference} was changed."
    cancelled = f"Booking {reference} was cancelled before its change was paid; the change costs nothing."
    return {
        "success": True,
        "correlation_id": saga.correlation_id,
        "status": saga.status.value,
        "message": changed if needed else cancelled,
        "steps_completed": len(saga.steps),
        "booking_reference": reference,
        **reserved(saga.held),
        "amount": to_wire(saga.amount),
        "difference": to_wire(saga.request.difference if needed else 0),
        "miles": 0 if saga.adjusts_nothing else saga.request.miles,
        "not_needed": not needed,
    }


def _failed(saga: ChangeSaga) -> dict[str, Any]:
    return {
        "success": False,
        "correlation_id": saga.correlation_id,
        "status": saga.status.value,
        "message": f"The trip of booking {saga.request.reference} is as it was; the change costs nothing.",
        "steps_completed": sum(1 for step in saga.steps if saga_answers.was_completed(step)),
        "booking_reference": saga.request.reference,
        "failed_step": saga.failed_step or None,
        "error": saga.error or "The change was called off.",
        "error_code": saga.error_code or saga.reason,
        "compensation_result": compensations(saga),
    }
