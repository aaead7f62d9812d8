"""Invariants 1 to 3: how a saga ends, and what its ending means in the three databases."""

from collections.abc import Collection
from itertools import pairwise

from saga_checker.books import Books
from saga_checker.findings import Findings
from saga_checker.rows import ORCHESTRATOR, Saga, Ticket

AWARDED_ONCE = ["AWARD"]
UNDONE_OR_REFUSED = ("UNDONE", "REFUSED")


def every_saga_ends(books: Books, find: Findings) -> None:
    """1, when nothing is running"""
    for cid in books.told.clients:
        find.expect(cid in books.sagas, "a client was given this id, and the saga log does not know it", cid)
    for saga in books.sagas.values():
        find.expect(saga.is_terminal, f"has not ended: {saga.status}, due {saga.due_at}", saga.correlation_id)


def an_ended_saga_changes_only_by_cancellation(books: Books, find: Findings) -> None:
    """1, at any time: what the events and an earlier run say"""
    for cid, events in books.events.items():
        for event, following in pairwise(events):
            if event.event_type == "SAGA_COMPENSATED":
                find.broken(f"{following.event_type} after SAGA_COMPENSATED", cid)
            if event.event_type == "SAGA_COMPLETED":
                reason = str(following.told.get("reason"))
                cancelled = reason.startswith("CANCELLED_BY_")
                turned = following.event_type == "SAGA_COMPENSATION_STARTED" and cancelled
                find.expect(turned, f"{following.event_type} ({reason}) after SAGA_COMPLETED", cid)
    for cid, (before, _, _) in books.told.before.get("sagas", {}).items():
        now = books.sagas[cid].status if cid in books.sagas else "gone"
        back = before == "COMPLETED" and now in ("COMPENSATING", "COMPENSATED")
        ended = before in ("COMPLETED", "COMPENSATED")
        find.expect(now != "gone" and (not ended or now == before or back), f"was {before}, is {now}", cid)


def completed_means_everything(books: Books, find: Findings) -> None:
    """2"""
    for saga in books.sagas.values():
        if saga.status == "COMPLETED":
            _stands_everywhere(books, find, saga)
    for saga in books.trips.values():
        if saga.status == "COMPLETED":
            _has_its_tickets(books, find, saga)
            _is_paid_once(books, find, saga)
            _has_its_miles(books, find, saga)


def _has_its_tickets(books: Books, find: Findings, saga: Saga) -> None:
    cid = saga.correlation_id
    booking = books.bookings.get(cid)
    if booking is None:
        find.broken("COMPLETED without a booking", cid)
        return
    find.expect(booking.status == "CONFIRMED", f"COMPLETED, but its booking is {booking.status}", cid)
    find.expect(booking.reference == saga.reference, "names another booking than it has", cid)
    same_trip = (booking.flight_id, booking.user_id) == (next(iter(saga.flights)), saga.subject)
    find.expect(same_trip, "its booking is for another flight or user", cid)
    price = f"its booking says {booking.amount} cents, the price was {saga.amount}"
    find.expect(booking.amount == saga.amount, price, cid)
    tickets = books.tickets.get(booking.reference, [])
    _is_for_everybody_on_every_flight(find, saga, tickets)
    places = sorted((ticket.flight_id, ticket.seat_number) for ticket in tickets)
    find.expect(len(set(places)) == len(places), "two of its tickets are for one seat", cid)
    seats = books.live_seats(cid)
    sold = sorted((seat.flight_id, seat.seat_number) for seat in seats if seat.state == "SOLD")
    live = sorted((seat.flight_id, seat.seat_number) for seat in seats)
    find.expect(places == sold == live, f"tickets for {places}, sold are {sold}, live {live}", cid)


def _is_for_everybody_on_every_flight(find: Findings, saga: Saga, tickets: Collection[Ticket]) -> None:
    people = [(one["first_name"], one["last_name"]) for one in saga.asked["passengers"]]
    wanted = sorted(
        (segment, flight_id, place, *name)
        for segment, flight_id in enumerate(saga.flights, start=1)
        for place, name in enumerate(people, start=1)
    )
    issued = sorted(
        (one.segment, one.flight_id, one.passenger, one.first_name, one.last_name) for one in tickets
    )
    text = (
        f"{len(issued)} tickets for {len(people)} passengers on {len(saga.flights)} flights, or other names"
    )
    find.expect(issued == wanted, text, saga.correlation_id)


def _is_paid_once(books: Books, find: Findings, saga: Saga) -> None:
    """Held or captured: the whole price, and no more."""
    payments, cid = books.payments_of_trip.get(saga.correlation_id, []), saga.correlation_id
    price = saga.amount if "AuthorizePayment" in saga.step else 0
    own = cid in books.standing
    find.expect(own == (price > 0), f"COMPLETED with {len(payments)} payments", cid)
    told = ", ".join(f"{one.status} {one.live}" for one in payments)
    find.expect(books.live_money(cid) == price, f"its money is {told or 'none'}, the price was {price}", cid)
    users = {payment.user_id for payment in payments}
    find.expect(users <= {saga.subject}, f"paid by {users}, booked by {saga.subject}", saga.correlation_id)


def _has_its_miles(books: Books, find: Findings, saga: Saga) -> None:
    entries = books.miles_of_trip.get(saga.correlation_id, [])
    kinds = [entry.kind for entry in entries if entry.kind != "ADJUSTED"]
    once = AWARDED_ONCE if "AwardMiles" in saga.step else []
    find.expect(kinds == once, f"COMPLETED with the miles entries {kinds}", saga.correlation_id)
    net = books.net_miles(saga.correlation_id)
    find.expect(net == saga.miles, f"earned {net} miles, the rule says {saga.miles}", saga.correlation_id)
    users = {entry.user_id for entry in entries}
    find.expect(users <= {saga.subject}, f"miles of {users}, booked by {saga.subject}", saga.correlation_id)


def _stands_everywhere(books: Books, find: Findings, saga: Saga) -> None:
    for name in saga.step:
        _is_recorded(books, find, saga, name, ("DONE",))


def _is_recorded(books: Books, find: Findings, saga: Saga, name: str, states: Collection[str]) -> None:
    home, cid = saga.home(name), saga.correlation_id
    if home not in books.records:
        find.notes.append(f"{cid} has {name} at {home}, whose database was not given")
    elif home != ORCHESTRATOR:
        record = books.record.get((cid, name))
        state = record.state if record else "not recorded"
        find.expect(state in states, f"{saga.status}, and {home}'s record of {name} is {state}", cid)


def compensated_means_nothing(books: Books, find: Findings) -> None:
    """3"""
    for saga in books.sagas.values():
        if saga.status == "COMPENSATED":
            _left_nothing(books, find, saga)
            for name in saga.step:
                _is_undone(books, find, saga, name)


def _left_nothing(books: Books, find: Findings, saga: Saga) -> None:
    """Except compensations resolved by hand, which cannot be checked."""
    cid, by_hand = saga.correlation_id, saga.settled_by_hand
    if by_hand:
        find.notes.append(f"{cid} was settled by hand: {', '.join(sorted(by_hand))}")
    effects = {
        "ReserveSeat": ("a live seat", bool(books.live_seats(cid))),
        "AuthorizePayment": (_money(books, saga), books.live_money(cid) != books.kept(saga)),
        "AwardMiles": (f"{books.net_miles(cid)} miles", books.net_miles(cid) != 0),
        "ConfirmBooking": ("a live booking", books.has_live_booking(cid)),
    }
    for name, (what, is_live) in effects.items():
        find.expect(name in by_hand or not is_live, f"COMPENSATED, and has {what}", cid)


def _money(books: Books, saga: Saga) -> str:
    return f"{books.live_money(saga.correlation_id)} cents held or taken, and a fee of {books.kept(saga)}"


def _is_undone(books: Books, find: Findings, saga: Saga, name: str) -> None:
    step, cid = saga.step[name], saga.correlation_id
    if not step.get("attempts", 0) or step["status"] == "RESOLVED":
        return
    text = f"COMPENSATED, and its {name} is {step['status']}"
    find.expect(step["status"] in UNDONE_OR_REFUSED, text, cid)
    _is_recorded(books, find, saga, name, UNDONE_OR_REFUSED)
