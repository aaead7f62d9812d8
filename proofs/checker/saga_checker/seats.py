"""Invariants 4 and 12: no seat is sold twice, and none is withheld."""

from collections import Counter, defaultdict
from collections.abc import Mapping
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
    for saga in books.trips.values():
        if saga.error_code == "SEAT_UNAVAILABLE" and (at := _refused_at(books, saga)):
            taken = {
                flight_id: [seat for seat in by_cabin[flight_id, asked["seat_class"]] if _was_live(seat, at)]
                for flight_id, asked in saga.flights.items()
            }
            explained = any(_is_explained(books, saga, flight_id, taken[flight_id]) for flight_id in taken)
            find.expect(explained, _text(saga, taken), saga.correlation_id)


def _refused_at(books: Books, saga: Saga) -> datetime | None:
    failed = (
        event.timestamp
        for event in books.events.get(saga.correlation_id, [])
        if event.event_type == "SAGA_STEP_FAILED" and event.told.get("step") == "ReserveSeat"
    )
    return next(failed, None)


def _was_live(seat: Seat, at: datetime) -> bool:
    return seat.held_at <= at + CLOCKS and (seat.released_at is None or seat.released_at >= at - CLOCKS)


def _is_explained(books: Books, saga: Saga, flight_id: int, taken: list[Seat]) -> bool:
    """Whether this flight of the trip had no seats for it."""
    flight, asked = books.flights.get(flight_id), saga.flights[flight_id]
    seats = capacity(flight.aircraft if flight else "", asked["seat_class"])
    taken_numbers = {seat.seat_number for seat in taken}
    if wanted := set(asked["seat_numbers"]):
        # The checker knows no seat map: a wanted seat that nobody ever had may not exist at all.
        known = {seat.seat_number for seat in books.seats if seat.flight_id == flight_id}
        return bool(wanted & taken_numbers) or not wanted <= known
    return len(taken_numbers) + saga.passengers > seats


def _text(saga: Saga, taken: Mapping[int, list[Seat]]) -> str:
    refused = []
    for flight_id, asked in saga.flights.items():
        wanted = ", ".join(asked["seat_numbers"]) or f"{saga.passengers} seats"
        where = f"{asked['seat_class']} of flight {flight_id}"
        refused.append(f"{wanted} in {where}, where {len(taken[flight_id])} seats were taken")
    return f"was refused {'; '.join(refused)}"


def a_trip_has_seats_on_all_its_flights_or_on_none(books: Books, find: Findings) -> None:
    """12: they are held by one statement, and released by one."""
    for saga in books.trips.values():
        live = Counter(seat.flight_id for seat in books.live_seats(saga.correlation_id))
        whole = dict.fromkeys(saga.flights, saga.passengers)
        text = (
            f"{saga.passengers} passengers on flights {', '.join(map(str, whole))} have seats on {dict(live)}"
        )
        find.expect(live in ({}, whole), text, saga.correlation_id)
