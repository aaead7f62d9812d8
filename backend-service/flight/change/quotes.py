"""Quotes of a trip's change: what other flights or seats cost, and until when that holds."""

from collections.abc import Callable, Mapping, Sequence
from datetime import datetime, timedelta
from itertools import groupby
from operator import attrgetter
from typing import Any

from django.conf import settings
from django_sagas import json_text, saga_log
from django_sagas.clock import iso
from django_sagas.outcomes import Refused
from service_kit.money import to_wire
from service_kit.problems import Problem, invalid

from flight import services
from flight.cancel.quotes import find_quote
from flight.change.trips import Asked, changed_trip, difference, to_choose
from flight.inventory import FlightForSale, find_flight, refuse_unconnected
from flight.models import Booking, Quote, QuoteKind
from flight.saga_booking import BookingSaga, Segment, settlement_of
from flight.saga_change_state import ChangeRequest, ChangeSaga


def trip_of(booking: Booking, saga: BookingSaga) -> tuple[Segment, ...]:
    """The trip as it is now: its flights and seats by its tickets, the fares by the saga that sold them."""
    sold = saga_log.load(booking.changed_by) if booking.changed_by else None
    segments = sold.request.after if isinstance(sold, ChangeSaga) else saga.segments
    fares = {segment.flight_id: segment.fare for segment in segments}
    tickets = booking.tickets.order_by("segment", "passenger")
    return tuple(
        Segment(
            flight_id=flown[0].flight_id,
            seat_class=flown[0].seat_class,
            seat_numbers=tuple(ticket.seat_number for ticket in flown),
            fare=fares[flown[0].flight_id],
        )
        for flown in (list(group) for _, group in groupby(tickets, key=attrgetter("segment")))
    )


def quote_change(
    booking: Booking,
    saga: BookingSaga,
    asked: Sequence[Asked],
    *,
    now: datetime,
    new_id: Callable[[], str],
) -> Quote:
    """A quote that holds for QUOTE_SECONDS, at most until the first departure.

    Raises 400 that names each bad flight, 409 where its seats cannot be had.
    """
    change, flights = _change(booking, saga, asked)
    if change.after == change.before:
        raise invalid({"flights": "are the trip as it is"})
    _refuse_without_seats(booking, change, flights, now)
    departs = min(booking.flight.departs_at, flights[change.after[0].flight_id].departs_at)
    return Quote.objects.create(
        id=new_id(),
        booking=booking,
        kind=QuoteKind.CHANGE,
        content=json_text.dumps(change.to_json()),
        created_at=now,
        expires_at=min(now + timedelta(seconds=settings.QUOTE_SECONDS), departs),
    )


def quoted_change(booking: Booking, saga: BookingSaga, quote_id: str, *, now: datetime) -> ChangeRequest:
    """What the quote promised. Raises 409 if it has expired, or trip or price are not as they were quoted."""
    quote = find_quote(booking, QuoteKind.CHANGE, quote_id, now)
    promised = ChangeRequest.from_json(json_text.load_stored(quote.content))
    try:
        change, _ = _change(booking, saga, promised.after)
    except Problem:
        change = None
    if change != promised:
        raise _refused(
            booking, "QUOTE_CHANGED", "The trip or a price has changed since; ask for a new quote."
        )
    return promised


def _change(
    booking: Booking, saga: BookingSaga, asked: Sequence[Asked]
) -> tuple[ChangeRequest, Mapping[int, FlightForSale]]:
    """The change at today's fares, and the flights of the changed trip by id. Raises 400."""
    before, passengers = trip_of(booking, saga), len(saga.request.passengers)
    _refuse_misfits(asked, flights=len(before), passengers=passengers)
    flights = _flights(asked)
    after = changed_trip(before, asked, _fares(asked, flights, passengers))
    differs = difference(before, after)
    change = ChangeRequest(
        booking=booking.correlation_id,
        reference=booking.reference,
        passengers=passengers,
        before=before,
        after=after,
        charges=saga.charges,
        payment=_payment_of(saga),
        difference=differs.amount,
        miles=differs.miles,
    )
    return change, flights


def _payment_of(saga: BookingSaga) -> str:
    """That of the booking, or the one that took its place when its authorisation had expired. Raises 409
    while it has none that stands."""
    settlement = settlement_of(saga)
    if settlement is None:
        return saga.correlation_id
    if settlement.has_expired:
        detail = "The payment of this booking has expired; it is changed when it was authorised again."
        raise Problem(409, "NOT_CHANGEABLE", detail, correlation_id=saga.correlation_id)
    return settlement.payment_id


def _refuse_misfits(asked: Sequence[Asked], *, flights: int, passengers: int) -> None:
    if len(asked) != flights:
        raise invalid({"flights": f"must be the whole trip: a list of {flights}"})
    errors, ids = {}, [flight.flight_id for flight in asked]
    for place, flight in enumerate(asked):
        if flight.flight_id in ids[:place]:
            errors[f"flights[{place}].flight_id"] = "is in the trip twice"
        if flight.seat_numbers and len(flight.seat_numbers) != passengers:
            errors[f"flights[{place}].seat_numbers"] = "must name one seat for each passenger"
    if errors:
        raise invalid(errors)


def _flights(asked: Sequence[Asked]) -> dict[int, FlightForSale]:
    """By id. Raises 400 for one that does not exist or leaves before the one before has arrived."""
    found = [find_flight(flight.flight_id) for flight in asked]
    errors = {
        f"flights[{place}].flight_id": "there is no such flight"
        for place, flight in enumerate(found)
        if flight is None
    }
    if errors:
        raise invalid(errors)
    refuse_unconnected(found)
    return {flight.id: flight for flight in found if flight}


def _fares(
    asked: Sequence[Asked], flights: Mapping[int, FlightForSale], passengers: int
) -> Callable[[int, str], int]:
    """Today's fare of a flight in a class for all passengers; raises 400 where it has none."""
    places = {flight.flight_id: place for place, flight in enumerate(asked)}

    def fare_of(flight_id: int, seat_class: str) -> int:
        fare = flights[flight_id].fare(seat_class)
        if fare is None:
            field = f"flights[{places[flight_id]}].seat_class"
            raise invalid({field: f"this flight has no {seat_class} class"})
        return fare * passengers

    return fare_of


def _refuse_without_seats(
    booking: Booking, change: ChangeRequest, flights: Mapping[int, FlightForSale], now: datetime
) -> None:
    """Nothing is held by a quote; but what cannot be had now is not quoted. Raises 409."""
    wanted = to_choose(change.before, change.after)
    chosen = services.choose_trip(
        flights=[flights[segment.flight_id] for segment in wanted],
        wanted=wanted,
        passengers=change.passengers,
        now=now,
    )
    if isinstance(chosen, Refused):
        raise _refused(booking, chosen.code, chosen.error)


def _refused(booking: Booking, code: str, detail: str) -> Problem:
    return Problem(409, code, detail, correlation_id=booking.correlation_id)


def described(quote: Quote, booking: Booking) -> dict[str, Any]:
    change = ChangeRequest.from_json(json_text.load_stored(quote.content))
    amount = sum(segment.fare for segment in change.after) + change.charges
    return {
        "quote_id": str(quote.id),
        "booking_reference": booking.reference,
        "correlation_id": booking.correlation_id,
        "flights": [{**segment.to_json(), "fare": to_wire(segment.fare)} for segment in change.after],
        "paid": to_wire(booking.amount or 0),
        "amount": to_wire(amount),
        "difference": to_wire(change.difference),
        "miles": change.miles,
        "currency": booking.currency,
        "expires_at": iso(quote.expires_at),
    }
