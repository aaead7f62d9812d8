"""One saga's story across the services, by time."""

from collections.abc import Iterator
from datetime import datetime

from saga_checker.books import Books

Moment = tuple[datetime, str, str]


def timeline(books: Books, correlation_id: str) -> list[str]:
    # An effect is told after the event of the same moment that asked for it.
    told = sorted(moments(books, correlation_id), key=lambda moment: (moment[0], moment[1] != "saga log"))
    return [f"{at:%Y-%m-%d %H:%M:%S.%f} {where:<8} {what}" for at, where, what in told]


def moments(books: Books, cid: str) -> Iterator[Moment]:
    yield from _of_the_log(books, cid)
    yield from _of_the_seats(books, cid)
    yield from _of_the_participants(books, cid)


def _of_the_log(books: Books, cid: str) -> Iterator[Moment]:
    for event in books.events.get(cid, []):
        told = " ".join(f"{key}={value}" for key, value in event.told.items())
        yield event.timestamp, "saga log", f"{event.sequence:>3} {event.event_type} {told}"
    for entry in books.audit_trail.get(cid, []):
        yield entry.created_at, entry.kind, f"{entry.actor}: {entry.action}: {entry.reason}"


def _of_the_seats(books: Books, cid: str) -> Iterator[Moment]:
    for seat in books.seats_of.get(cid, []):
        name = f"seat {seat.seat_number} of flight {seat.flight_id}"
        yield seat.held_at, "backend", f"{name} held (now {seat.state})"
        if seat.released_at:
            yield seat.released_at, "backend", f"{name} released"
    booking = books.bookings.get(cid)
    if booking:
        yield booking.created_at, "backend", f"booking {booking.reference}, {booking.amount} cents"
        if booking.cancelled_at:
            yield booking.cancelled_at, "backend", f"booking {booking.reference} cancelled"


def _of_the_participants(books: Books, cid: str) -> Iterator[Moment]:
    for service, records in books.records.items():
        for record in (one for one in records if one.correlation_id == cid):
            yield record.created_at, service, f"record of {record.step} (now {record.state})"
            if record.changed_at != record.created_at:
                yield record.changed_at, service, f"record of {record.step} changed to {record.state}"
    for payment in books.payments.get(cid, []):
        yield payment.created_at, "payment", f"{payment.kind} {payment.amount} cents"
    for entry in books.miles.get(cid, []):
        yield entry.created_at, "loyalty", f"{entry.kind} {entry.miles} miles of {entry.user_id}"
