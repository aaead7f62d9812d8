"""What the auditor compares of a trip's change: its own seats, payment and miles. The trip itself is compared
by the rules of its booking."""

from collections.abc import Sequence

from django.conf import settings
from django_sagas import saga_log
from django_sagas.audit.rules import NOTHING, Rule
from django_sagas.state import SagaStatus
from service_kit.money import to_wire

from flight.audit.reads import KEPT, held_seats, mailed, miles_by, payment_by
from flight.audit.rules import confirmation
from flight.models import Booking, ChangeConfirmation
from flight.saga_change_state import ChangeSaga

TAKEN = (*KEPT, "REFUNDED")
"Statuses of a payment that was captured."
NEVER_TAKEN = ("CANCELLED", "EXPIRED")
"Of one whose trip was cancelled before."
CAPTURED, FREE, BUSY = "captured", "free", "busy"


def _no_seats(saga: ChangeSaga) -> Sequence[str]:
    return (NOTHING,)


def _seats_of(saga: ChangeSaga) -> str:
    return held_seats(saga.correlation_id)


def _payment(saga: ChangeSaga) -> Sequence[str]:
    """Once the trip is over, its own rule says what all of its payments may keep."""
    amount = f"{to_wire(saga.request.difference):.2f} {settings.CURRENCY}"
    if saga.status != SagaStatus.COMPLETED:
        return NOTHING, f"CANCELLED {amount}", f"REFUNDED {amount}"
    if _is_over(saga):
        return NOTHING, *(f"{status} {amount}" for status in (*TAKEN, *NEVER_TAKEN))
    return [f"{status} {amount}" for status in (TAKEN if saga.was_needed else NEVER_TAKEN)]


def _is_over(saga: ChangeSaga) -> bool:
    """Whether the trip was cancelled after the change."""
    trip = saga_log.load(saga.booking)
    return trip is not None and trip.status == SagaStatus.COMPENSATED


def _payment_of(saga: ChangeSaga) -> str:
    found = payment_by(saga.renewed or saga.correlation_id)
    return f"{found['status']} {found['amount']:.2f} {found['currency']}" if found else NOTHING


def _captured(saga: ChangeSaga) -> Sequence[str]:
    if saga.status != SagaStatus.COMPLETED:
        return CAPTURED, NOTHING, *NEVER_TAKEN, "AUTHORIZED"
    if _is_over(saga):
        return CAPTURED, NOTHING, *NEVER_TAKEN
    return (CAPTURED,) if saga.was_needed else NEVER_TAKEN


def _captured_of(saga: ChangeSaga) -> str:
    """Of the change; of a cheaper trip that of the booking, which gives the difference back."""
    if not saga.request.difference:
        return NOTHING
    found = payment_by(saga.payment_id)
    status = found["status"] if found else NOTHING
    return CAPTURED if status in TAKEN else status


def _refunded_of(saga: ChangeSaga) -> str:
    return _captured_of(saga) if saga.is_refund else NOTHING


def _free(saga: ChangeSaga) -> Sequence[str]:
    return (FREE,)


def _free_of(saga: ChangeSaga) -> str:
    busy = Booking.objects.filter(correlation_id=saga.booking, busy_with=saga.correlation_id)
    return BUSY if busy.exists() else FREE


def _miles(saga: ChangeSaga) -> Sequence[str]:
    """A trip that is over has all its miles reversed, whatever they were."""
    trip = saga_log.load(saga.booking)
    is_over = trip is not None and trip.status != SagaStatus.COMPLETED
    adjusted = f"ADJUSTED {saga.request.miles}"
    if is_over:
        return adjusted, NOTHING
    return (adjusted,) if saga.status == SagaStatus.COMPLETED else (NOTHING,)


def _miles_of(saga: ChangeSaga) -> str:
    return miles_by(saga.subject, saga.correlation_id)


def _mail(saga: ChangeSaga) -> Sequence[str]:
    return confirmation(saga) if saga.status == SagaStatus.COMPLETED else (NOTHING,)


def _mail_of(saga: ChangeSaga) -> str:
    return mailed(ChangeConfirmation.objects.filter(change=saga.correlation_id).first())


RULES = (
    Rule("HoldSeats", expected=_no_seats, seen=_seats_of),
    Rule("AuthorizePayment", expected=_payment, seen=_payment_of),
    Rule("SwapTickets", expected=_free, seen=_free_of),
    Rule("CapturePayment", expected=_captured, seen=_captured_of),
    Rule("RefundPayment", expected=_captured, seen=_refunded_of),
    Rule("AdjustMiles", expected=_miles, seen=_miles_of),
    Rule("ReleaseOldSeats", expected=_free, seen=_free_of),
    Rule("SendConfirmation", expected=_mail, seen=_mail_of),
)
