"""Quotes: what an action on a booking will give back, and until when that holds."""

from collections.abc import Callable
from dataclasses import asdict
from datetime import datetime, timedelta
from typing import Any

from django.conf import settings
from django_sagas import json_text
from django_sagas.clock import iso
from service_kit.money import CENTS_PER_UNIT, to_wire
from service_kit.problems import Problem, invalid

from flight.cancel.fare_rules import Bought, Refund, cancellation
from flight.models import Booking, Quote, QuoteKind
from flight.saga_booking import BookingSaga, settlement_of
from flight.saga_change_state import waiting_change

FORGET_AFTER = timedelta(days=1)
NOUNS = {QuoteKind.CANCEL: "cancellation", QuoteKind.CHANGE: "change"}


def bought(booking: Booking, saga: BookingSaga) -> Bought:
    return Bought(
        booked_at=booking.created_at,
        departs_at=booking.flight.departs_at,
        amount=paid(booking, saga),
        miles=miles_earned(booking, saga),
        cabins=tuple(booking.tickets.values_list("seat_class", flat=True)),
    )


def paid(booking: Booking, saga: BookingSaga) -> int:
    """Cents held or taken for the trip as it is now: of what has expired, nothing.

    As far as captures have told. What a cancellation has really given back is payment's to say:
    `saga_answers.terms`.
    """
    settlement, change = settlement_of(saga), waiting_change(booking)
    lapsed = settlement.amount if settlement and settlement.has_expired else 0
    # Of a cheaper trip nothing was given back yet, and what is to be given back is below 0.
    lapsed += change.request.difference if change else 0
    return (booking.amount or 0) - lapsed


def miles_earned(booking: Booking, saga: BookingSaga) -> int:
    """What the trip has earned, its changes included."""
    fare = (booking.amount or 0) - saga.charges
    return fare // CENTS_PER_UNIT if "AwardMiles" in saga.facts else 0


def refund_now(booking: Booking, saga: BookingSaga, *, waived: bool, now: datetime) -> Refund:
    """By the rules of the moment; nothing is kept of an authorisation that has expired.

    Raises 409 once the first flight has departed.
    """
    fees, is_free = settings.CANCELLATION_FEES, waived or has_expired(saga)
    refund = cancellation(bought(booking, saga), now=now, fees=fees, waived=is_free)
    if refund is None:
        detail = f"Flight {booking.flight.flight_number} has departed: the booking is not cancelled any more."
        raise Problem(409, "DEPARTED", detail, correlation_id=booking.correlation_id)
    return refund


def has_expired(saga: BookingSaga) -> bool:
    """Whether the settlement waits for another authorisation."""
    settlement = settlement_of(saga)
    return settlement is not None and settlement.has_expired


def quote_cancellation(
    booking: Booking, saga: BookingSaga, *, waived: bool, now: datetime, new_id: Callable[[], str]
) -> Quote:
    """A quote that holds for QUOTE_SECONDS, at most until the departure.

    Asked again soon, it is the same quote, so that reading writes little.
    """
    content = json_text.dumps(asdict(refund_now(booking, saga, waived=waived, now=now)))
    lives = timedelta(seconds=settings.QUOTE_SECONDS)
    same = Quote.objects.filter(booking=booking, kind=QuoteKind.CANCEL, content=content)
    if fresh := same.filter(created_at__gt=now - lives / 2, created_at__lte=now).first():
        return fresh
    return Quote.objects.create(
        id=new_id(),
        booking=booking,
        kind=QuoteKind.CANCEL,
        content=content,
        created_at=now,
        expires_at=min(now + lives, booking.flight.departs_at),
    )


def quoted_refund(
    booking: Booking, saga: BookingSaga, quote_id: str, *, waived: bool, now: datetime
) -> Refund:
    """What the quote promised. Raises 409 if it has expired or the booking is not as it was quoted."""
    quote = find_quote(booking, QuoteKind.CANCEL, quote_id, now)
    # By the rules of its own time: a quote holds although the hours in which a cancellation is free run out.
    promised = refund_now(booking, saga, waived=waived, now=quote.created_at)
    if asdict(promised) != json_text.load_stored(quote.content):
        detail = "A cancellation gives back another amount than was quoted; ask for a new quote."
        raise Problem(409, "QUOTE_CHANGED", detail, correlation_id=booking.correlation_id)
    return promised


def find_quote(booking: Booking, kind: QuoteKind, quote_id: str, now: datetime) -> Quote:
    """Raises 400 if the booking has no such quote, 409 if it has expired."""
    quote = Quote.objects.filter(pk=quote_id, booking=booking, kind=kind).first()
    if quote is None:
        raise invalid({"quote_id": f"is not a quote of this booking's {NOUNS[kind]}"})
    if now >= quote.expires_at:
        detail = f"The quote held until {iso(quote.expires_at)}; ask for a new one."
        raise Problem(409, "QUOTE_EXPIRED", detail, correlation_id=booking.correlation_id)
    return quote


def forget_expired(now: datetime) -> int:
    """Delete quotes that expired a day ago; how many."""
    deleted, _ = Quote.objects.filter(expires_at__lt=now - FORGET_AFTER).delete()
    return deleted


def described(quote: Quote, booking: Booking) -> dict[str, Any]:
    content = json_text.load_stored(quote.content)
    return {
        "quote_id": str(quote.id),
        "booking_reference": booking.reference,
        "correlation_id": booking.correlation_id,
        "amount": to_wire(booking.amount or 0),
        "paid": to_wire(content["amount"] + content["fee"]),
        "refund": to_wire(content["amount"]),
        "fee": to_wire(content["fee"]),
        "miles": content["miles"],
        "currency": booking.currency,
        "expires_at": iso(quote.expires_at),
    }
