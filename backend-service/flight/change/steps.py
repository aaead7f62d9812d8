"""The local steps of a trip's change. Reads plan them; they are written in the saga log's transaction."""

from collections.abc import Iterable, Sequence
from datetime import datetime
from functools import reduce
from operator import or_

from django.db.models import Q
from django_sagas.definitions import Planned, WriteConflict
from django_sagas.models import SagaRow
from django_sagas.outcomes import Done, Refused
from service_kit.money import to_wire

from flight import services
from flight.change.trips import places, to_choose
from flight.inventory import FlightForSale, HeldFlight, find_flight
from flight.models import Booking, BookingStatus, Seat, SeatState, Ticket
from flight.saga_booking import Segment
from flight.saga_change_state import ChangeSaga
from flight.saga_local import reserved


def hold_seats(saga: ChangeSaga, now: datetime) -> Planned:
    """Hold what the new trip needs and the old one has not, and keep other changes away from the booking."""
    booking = Booking.objects.select_related("flight").get(correlation_id=saga.booking)
    if refusal := why_not(booking, now=now):
        return Planned(refusal)
    request = saga.request
    flights = {segment.flight_id: find_flight(segment.flight_id) for segment in request.after}
    wanted = to_choose(request.before, request.after)
    chosen = services.choose_trip(
        flights=[flights[segment.flight_id] for segment in wanted],
        wanted=wanted,
        passengers=request.passengers,
        now=now,
    )
    if not isinstance(chosen, tuple):
        return Planned(chosen)
    trip = _seated(request.after, flights, chosen)

    def write() -> None:
        _lock(saga.booking)
        free = Booking.objects.filter(
            correlation_id=saga.booking, status=BookingStatus.CONFIRMED, busy_with=""
        )
        if free.update(busy_with=saga.correlation_id) != 1:
            raise WriteConflict  # Planned again, it is refused.
        if chosen:
            services.hold_seats(correlation_id=saga.correlation_id, flights=chosen, now=now, expires_at=None)

    return Planned(Done(reserved(trip)), write)


def _lock(booking: str) -> None:
    """A cancellation takes the booking's saga before the booking; in that order too, they never deadlock."""
    list(SagaRow.objects.select_for_update().filter(pk=booking).values_list("pk"))


def why_not(booking: Booking, *, now: datetime) -> Refused | None:
    """Why this booking cannot be changed now; None if it can."""
    if booking.status != BookingStatus.CONFIRMED or booking.busy_with == booking.correlation_id:
        return Refused("NOT_CHANGEABLE", "This booking is cancelled.")
    if booking.busy_with:
        return Refused("CHANGE_UNDER_WAY", "Another change of this trip is under way.")
    if booking.flight.has_departed(now):
        number = booking.flight.flight_number
        return Refused("DEPARTED", f"Flight {number} has departed: the trip is not changed any more.")
    return None


def _seated(
    trip: Sequence[Segment], flights: dict[int, FlightForSale | None], chosen: Sequence[HeldFlight]
) -> list[HeldFlight]:
    """The whole trip with its seats: those named, or those chosen where none are."""
    seats = {held.flight_id: held.seat_numbers for held in chosen}
    seated = []
    for segment in trip:
        flight = flights[segment.flight_id]
        assert flight is not None, "a flight with seats is never deleted, and others are refused"
        numbers = segment.seat_numbers or seats[segment.flight_id]
        seated.append(HeldFlight.of(flight, segment.seat_class, numbers))
    return seated


def release_seats(saga: ChangeSaga, now: datetime) -> Planned:
    """Give back what the change holds: before the swap the new seats, after it the old ones."""

    def write() -> None:
        services.release_seats(correlation_id=saga.correlation_id, now=now)
        mine = Booking.objects.filter(correlation_id=saga.booking, busy_with=saga.correlation_id)
        mine.update(busy_with="")

    return Planned(Done({}), write)


def swap_tickets(saga: ChangeSaga, now: datetime) -> Planned:
    """The new seats become the booking's, the old ones the change's, which gives them back in the end."""
    confirmed = Booking.objects.filter(correlation_id=saga.booking, status=BookingStatus.CONFIRMED)
    # Empty if HoldSeats is planned in this same commit, and not written yet.
    if not confirmed.filter(busy_with__in=("", saga.correlation_id)).exists():
        return Planned(Refused("BOOKING_CHANGED", "The booking is not as it was when the change began."))
    trip = saga.held
    seats = frozenset((flight.flight_id, seat) for flight in trip for seat in flight.seat_numbers)
    before = places(saga.request.before)
    first = find_flight(trip[0].flight_id)
    assert first is not None, "a flight with seats is never deleted"

    def write() -> None:
        SagaRow.objects.filter(pk=saga.booking).update(reversible_until=first.departs_at)
        changes = {"flight_id": first.id, "amount": saga.amount, "changed_by": saga.correlation_id}
        if confirmed.filter(busy_with=saga.correlation_id).update(**changes) != 1:
            raise WriteConflict
        _hand_over(seats - before, SeatState.HELD, saga.correlation_id, SeatState.SOLD, saga.booking)
        _hand_over(before - seats, SeatState.SOLD, saga.booking, SeatState.HELD, saga.correlation_id)
        _reissue(saga.request.reference, trip)

    return Planned(Done({**reserved(trip), "amount": to_wire(saga.amount)}), write)


def _hand_over(
    seats: Iterable[tuple[int, str]], state: SeatState, owner: str, new_state: SeatState, new_owner: str
) -> None:
    """Raises WriteConflict if one of the seats is not the owner's in that state."""
    wanted = [Q(flight_id=flight_id, seat_number=seat) for flight_id, seat in sorted(seats)]
    if not wanted:
        return
    found = Seat.objects.filter(reduce(or_, wanted), correlation_id=owner, state=state)
    if found.update(correlation_id=new_owner, state=new_state) != len(wanted):
        raise WriteConflict


def _reissue(reference: str, trip: Sequence[HeldFlight]) -> None:
    """Each ticket keeps its number and gets the flight and the seat of its place in the new trip."""
    for ticket in (tickets := list(Ticket.objects.filter(booking=reference))):
        flight = trip[ticket.segment - 1]
        ticket.flight_id, ticket.seat_class = flight.flight_id, flight.seat_class
        ticket.seat_number = flight.seat_numbers[ticket.passenger - 1]
    Ticket.objects.bulk_update(tickets, ["flight", "seat_class", "seat_number"])
