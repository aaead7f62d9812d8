"""The settlement of a booking: its money is captured and its confirmation mailed, or neither is needed."""

from collections.abc import Mapping
from datetime import datetime, timedelta
from typing import Any

from django.conf import settings
from django_sagas.clock import utc_now
from django_sagas.definitions import Saga, activity, remote
from django_sagas.outcomes import Outcome
from django_sagas.runtime import start
from service_kit.money import to_wire

from flight import saga_words
from flight.audit import rules as audit_rules
from flight.saga_booking import PAYMENT, BookingSaga, SettlementSaga, expiry_actions
from flight.saga_faults import injected_into_activity
from flight.settlement import confirmations


def capture_data(saga: SettlementSaga) -> dict[str, Any]:
    return {"payment_id": saga.payment_id, "settle": True}


def tells_its_status(saga: SettlementSaga, answer: Mapping[str, Any]) -> str:
    return "" if isinstance(answer.get("status"), str) else "NO_STATUS: It does not say what is captured."


def send_confirmation(saga: SettlementSaga) -> Outcome:
    if not saga.was_needed:
        return confirmations.CANCELLED
    fault = injected_into_activity("SendConfirmation", saga.correlation_id)
    return fault or confirmations.confirm(saga.booking, now=utc_now())


class SettleTrip(Saga):
    name, version = "settle-trip", 1
    is_load = False
    audits = audit_rules.SETTLEMENT_RULES
    state = SettlementSaga
    steps = (
        remote(
            "CapturePayment",
            words=saga_words.CAPTURE,
            at=PAYMENT,
            sends=capture_data,
            accepts=tells_its_status,
            retriable=True,
        ),
        activity("SendConfirmation", words=saga_words.CONFIRMATION, does=send_confirmation, retriable=True),
    )

    @classmethod
    def started(cls, saga: SettlementSaga) -> Mapping[str, Any]:
        return {"booking": saga.booking}

    @classmethod
    def described(cls, saga: SettlementSaga) -> Mapping[str, Any]:
        return {
            "booking": saga.booking,
            "booking_reference": saga.booking_reference,
            "amount": to_wire(saga.amount),
            "actions": expiry_actions(saga),
        }

    @classmethod
    def result(cls, saga: SettlementSaga) -> dict[str, Any]:
        mail = saga.facts["SendConfirmation"]
        sent, needed = mail["sent"], not mail.get("cancelled", False)
        done = "The payment is captured." if needed else "The booking was cancelled: there was nothing to do."
        return {
            "success": True,
            "correlation_id": saga.correlation_id,
            "status": saga.status.value,
            "message": f"{done} The confirmation is sent." if sent else done,
            "steps_completed": len(saga.steps),
            "booking_reference": saga.booking_reference,
            "amount": to_wire(saga.amount),
            "not_needed": not needed,
            "confirmation_sent": sent,
        }

    @classmethod
    def instead_of_cancelling(cls, saga: SettlementSaga) -> Mapping[str, Any]:
        where = f"/api/bookings/{saga.booking_reference}/cancel/"
        return {"detail": f"The booking is settled; cancel it at {where}", "cancel_booking": where}


def begin(booking: BookingSaga, *, correlation_id: str, reference: str, now: datetime) -> None:
    """Start the settlement of a booking in the commit that confirms it.

    It waits SETTLE_AFTER_SECONDS: what is cancelled on second thought need not be captured.
    """
    start(
        SettleTrip,
        {"booking": booking.correlation_id, "reference": reference, "amount": booking.amount},
        subject=booking.user_id,
        correlation_id=correlation_id,
        due_at=now + timedelta(seconds=settings.SETTLE_AFTER_SECONDS),
    )
