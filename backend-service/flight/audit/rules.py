"""What the auditor compares of a booking: seats, payment, miles and tickets."""

from collections.abc import Iterable, Sequence

from django.conf import settings
from django_sagas import saga_log, settlements
from django_sagas.audit.rules import NOTHING, Rule
from django_sagas.state import SagaState, SagaStatus
from service_kit.money import CENTS_PER_UNIT, to_cents, to_wire

from flight.audit.reads import (
    booking,
    booking_of,
    capture_of,
    confirmation_of,
    is_cancelled_at_payment,
    live_money,
    miles_of,
    money_of,
    payment_of,
    seats,
    seats_of,
)
from flight.saga_booking import BookingSaga, SettlementSaga, settlement_of
from flight.saga_change_state import ChangeSaga, changes_of


def _seats(saga: BookingSaga) -> Sequence[str]:
    if saga.status != SagaStatus.COMPLETED:
        return (NOTHING,)
    changes = changes_of(saga.correlation_id)
    flown = changes[-1].held if changes else saga.held
    sold = [(held.flight_id, seat, "SOLD") for held in flown for seat in held.seat_numbers]
    assert len(sold) == saga.tickets, "ReserveSeat holds a seat a passenger on every flight"
    return (seats(sold),)


def _payment(saga: BookingSaga) -> Sequence[str]:
    """The whole price of a live booking, the fee of a cancelled one."""
    if changes := changes_of(saga.correlation_id):
        return _money_of_a_changed_trip(saga, changes)
    amount = f"{to_wire(saga.amount):.2f} {settings.CURRENCY}"
    if saga.status == SagaStatus.COMPLETED:
        return f"AUTHORIZED {amount}", f"CAPTURED {amount}, {to_wire(saga.amount):.2f} kept"
    permitted = []
    for fee in _fees(saga):
        kept = f"{amount}, {to_wire(fee):.2f} kept"
        permitted += [f"CAPTURED {kept}", f"PARTLY_REFUNDED {kept}"] if fee else _nothing_kept(amount)
    settlement = settlement_of(saga)
    if settlement and settlement.has_lost_payment and not is_cancelled_at_payment(saga.correlation_id):
        # The settlement ends once payment knows of the cancellation: no payment at all is too little.
        return [money for money in permitted if money != NOTHING]
    return permitted


def _nothing_kept(amount: str) -> list[str]:
    return [NOTHING, *(f"{status} {amount}" for status in ("CANCELLED", "EXPIRED", "REFUNDED"))]


def _fees(saga: BookingSaga) -> list[int]:
    """Cents that a cancellation may keep: the fee, or less where a lost part of it was noted."""
    fee = int(saga.cancellation["fee"]) if saga.cancellation else 0
    if fee and settlements.has_lost(saga.correlation_id, "AuthorizePayment"):
        return [fee, min(fee, to_cents(money_of(saga)))]
    return [fee]


def _money_of_a_changed_trip(saga: BookingSaga, changes: Sequence[ChangeSaga]) -> Sequence[str]:
    """While the last change goes on, its difference may not have been given back yet, or may wait for another
    card."""
    if saga.status != SagaStatus.COMPLETED:
        return [live_money(to_wire(fee)) for fee in _fees(saga)]
    last = changes[-1]
    goes_on = not last.is_terminal and (last.is_refund or last.has_expired)
    before = [changes[-2].amount if changes[1:] else saga.amount] if goes_on else []
    return [live_money(to_wire(cents)) for cents in (last.amount, *before)]


def _miles(saga: BookingSaga) -> Sequence[str]:
    """Those of a change that goes on may not be adjusted yet; none once the trip is over."""
    if saga.status != SagaStatus.COMPLETED:
        return (NOTHING,)
    permitted = [[("AWARD", saga.flight_fare // CENTS_PER_UNIT)]]
    for change in changes_of(saga.correlation_id):
        if change.request.miles and not change.adjusts_nothing:
            adjusted = [[*entries, ("ADJUSTED", change.request.miles)] for entries in permitted]
            permitted = adjusted if change.is_terminal else permitted + adjusted
    return [_listed(entries) for entries in permitted]


def _listed(entries: Iterable[tuple[str, int]]) -> str:
    return ", ".join(f"{kind} {miles}" for kind, miles in entries)


def _tickets(saga: BookingSaga) -> Sequence[str]:
    if not saga.reference:
        return (NOTHING,)
    state = "CONFIRMED" if saga.status == SagaStatus.COMPLETED else "CANCELLED"
    changes = changes_of(saga.correlation_id)
    amount = changes[-1].amount if changes else saga.amount
    return (booking(saga.reference, state, amount, saga.tickets),)


RULES = (
    Rule("ReserveSeat", expected=_seats, seen=seats_of),
    Rule("AuthorizePayment", expected=_payment, seen=payment_of),
    Rule("AwardMiles", expected=_miles, seen=miles_of),
    Rule("ConfirmBooking", expected=_tickets, seen=booking_of),
)


def _capture(saga: SettlementSaga) -> Sequence[str]:
    """What is captured; nothing once its trip is cancelled: another rule compares the fee that is kept."""
    if not saga.was_needed:
        return (NOTHING,)
    trip = saga_log.load(saga.booking)
    is_over = trip is not None and trip.status == SagaStatus.COMPENSATED
    return ("captured", NOTHING) if is_over else ("captured",)


def confirmation(saga: SagaState) -> Sequence[str]:
    mail = saga.facts["SendConfirmation"]
    if mail["sent"]:
        return ("sent",)
    return (NOTHING,) if mail.get("cancelled") else ("undeliverable",)


SETTLEMENT_RULES = (
    Rule("CapturePayment", expected=_capture, seen=capture_of),
    Rule("SendConfirmation", expected=confirmation, seen=confirmation_of),
)
