"""Invariants 4 and 12: no seat is sold twice, and none is withheld."""

from collections import Counter, defaultdict
from datetime import datetime, timedelta

from saga_checker.books import Books
from saga_checker.capacity import capacity
from saga_checker.findings import Findings
from saga_checker.rows import Saga, Seat

# A refusal and the seats that explain it were dated by the clocks of one machine, or of several.
CLOCKS = timedelta(seconds=2)


def a_seat_has_one_live_owner(books: Books, find: Findings) -> None:
    """4"""
    live = [seat for seat in books.seats if seat.is_live]
    owners: dict[tuple[int, str], list[str]] = defaultdict(list)
    for seat in live:
        owners[seat.flight_id, seat.seat_number].append(seat.correlation_id)
    for (flight_id, number), cids in owners.items():
        text = f"seat {number} of flight {flight_id} has {len(cids)} live owners: {', '.join(cids)}"
        find.expect(len(cids) == 1, text, cids[0])


def live_seats_fit_the_aircraft(books: Books, find: Findings) -> None:
    """4"""
    counts = Counter((seat.flight_id, seat.seat_class) for seat in books.seats if seat.is_live)
    for (flight_id, seat_class), count in counts.items():
        flight = books.flights.get(flight_id)
        seats = capacity(flight.aircraft, seat_class) if flight else 0
        text = f"{count} live {seat_class} seats on flight {flight_id}, which has {seats}"
        find.expect(count <= seats, text)


def no_seat_is_held_for_nobody(books: Books, find: Findings) -> None:
    """12, when nothing is running: a hold without an open saga withholds a seat from everybody."""
    for seat in books.seats:
        if seat.state == "HELD" and seat.expires_at is None:
            text = f"seat {seat.seat_number} of flight {seat.flight_id} is held, and no saga is running"
            saga = books.sagas.get(seat.correlation_id)
            find.expect(saga is not None and not saga.is_terminal, text, seat.correlation_id)


def who_was_refused_found_no_seat(books: Books, find: Findings) -> None:
    """12: at the moment of each SEAT_UNAVAILABLE the seats were indeed taken."""
    by_cabin: dict[tuple[int, str], list[Seat]] = defaultdict(list)
    for seat in books.seats:
        by_cabin[seat.flight_id, seat.seat_class].append(seat)
    for saga in books.sagas.values():
        if saga.error_code == "SEAT_UNAVAILABLE" and (at := _refused_at(books, saga)):
            cabin = by_cabin[saga.flight_id, saga.asked["seat_class"]]
            taken = [seat for seat in cabin if _was_live(seat, at)]
            find.expect(_is_explained(books, saga, taken), _text(saga, taken), saga.correlation_id)


def _refused_at(books: Books, saga: Saga) -> datetime | None:
    failed = (
        event.timestamp
        for event in books.events.get(saga.correlation_id, [])
        if event.event_type == "SAGA_STEP_FAILED" and event.told.get("step") == "ReserveSeat"
    )
    return next(failed, None)


def _was_live(seat: Seat, at: datetime) -> bool:
    return seat.held_at <= at + CLOCKS and (seat.released_at is None or seat.released_at >= at - CLOCKS)


def _is_explained(books: Books, saga: Saga, taken: list[Seat]) -> bool:
    flight = books.flights.get(saga.flight_id)
    seats = capacity(flight.aircraft if flight else "", saga.asked["seat_class"])
    taken_numbers = {seat.seat_number for seat in taken}
    if wanted := set(saga.asked["seat_numbers"]):
        # The checker knows no seat map: a wanted seat that nobody ever had may not exist at all.
        known = {seat.seat_number for seat in books.seats if seat.flight_id == saga.flight_id}
        return bool(wanted & taken_numbers) or not wanted <= known
    return len(taken_numbers) + len(saga.asked["passengers"]) > seats


def _text(saga: Saga, taken: list[Seat]) -> str:
    wanted = ", ".join(saga.asked["seat_numbers"]) or f"{len(saga.asked['passengers'])} seats"
    where = f"{saga.asked['seat_class']} of flight {saga.flight_id}"
    return f"was refused {wanted} in {where}, where {len(taken)} seats were taken"
