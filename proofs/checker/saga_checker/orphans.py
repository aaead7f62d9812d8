"""Invariant 10: everything belongs to a saga or to direct calls, and the sums over the suite agree."""

from collections.abc import Iterable

from saga_checker.books import Books
from saga_checker.findings import Findings

UNDOABLE = ("AuthorizePayment", "AwardMiles")
STEPS = ("ReserveSeat", "AuthorizePayment", "AwardMiles", "ConfirmBooking", "AdjustMiles")


def everything_belongs_to_somebody(books: Books, find: Findings) -> None:
    for cid in _ids(books) - books.sagas.keys():
        if not books.told.direct_calls or cid in books.told.clients:
            find.broken("is in no saga", cid)
        else:
            problem = _not_a_direct_call(books, cid)
            find.expect(not problem, f"is in no saga, and no direct call: {problem}", cid)
    references = {booking.reference for booking in books.bookings.values()}
    for reference in books.tickets:
        find.expect(reference in references, f"tickets of booking {reference}, which does not exist")


def _ids(books: Books) -> set[str]:
    places: tuple[Iterable[str], ...] = (
        books.payments,
        books.miles,
        books.seats_of,
        books.bookings,
        (cid for cid, _ in books.record),
    )
    return {cid for place in places for cid in place}


def _not_a_direct_call(books: Books, cid: str) -> str:
    """Why this cannot have come by step endpoints alone: each leaves a record, and none is a saga's way."""
    made = books.recorded_by_orchestrator.get(cid, set())
    if made := {step for step in made if not _is_settled(books, cid, step)}:
        return f"the orchestrator made its {', '.join(sorted(made))}: is the saga log older than the others?"
    recorded = {step for step in STEPS if (cid, step) in books.record}
    miles = {entry.kind for entry in books.miles.get(cid, [])}
    effects = {
        "ReserveSeat": cid in books.seats_of,
        "AuthorizePayment": cid in books.payments,
        "AwardMiles": "AWARD" in miles,
        "AdjustMiles": "ADJUSTED" in miles,
        "ConfirmBooking": cid in books.bookings,
    }
    missing = [step for step, there in effects.items() if there and step not in recorded]
    if missing:
        return f"no record of {', '.join(missing)}"
    if any(seat.expires_at is None for seat in books.seats_of.get(cid, [])):
        return "its hold never expires, as only a saga's does"
    booking = books.bookings.get(cid)
    return "its booking has a price, as only a saga's has" if booking and booking.amount is not None else ""


def _is_settled(books: Books, cid: str, step: str) -> bool:
    """By an operator, after a restore to an earlier day: nothing of it is in effect."""
    in_effect = step in UNDOABLE and books.record[(cid, step)].state == "DONE"
    return (cid, step) in books.settled and not in_effect


def a_saga_is_never_called_directly(books: Books, find: Findings) -> None:
    for record in books.records["backend"]:
        text = f"{record.step} of a saga was called directly"
        find.expect(record.correlation_id not in books.sagas, text, record.correlation_id)


def the_sums_agree(books: Books, find: Findings) -> None:
    """Completed trips, live bookings and live payments are the same ones, over the same amounts."""
    by_hand = {saga.correlation_id for saga in books.sagas.values() if saga.settled_by_hand}
    counted = books.sagas.keys() - by_hand
    completed = [saga for saga in books.trips.values() if saga.status == "COMPLETED"]
    bookings = [one for cid, one in books.bookings.items() if cid in counted and one.status == "CONFIRMED"]
    money = {
        cid: books.live_money(cid) - books.kept(saga) for cid, saga in books.trips.items() if cid in counted
    }
    payments = [cents for cents in money.values() if cents]
    miles = sum(books.net_miles(trip) for trip in books.miles_of_trip if trip in counted)
    counts = (len(completed), len(bookings), len(payments))
    find.expect(
        len(set(counts)) == 1, "{} completed sagas, {} live bookings, {} live payments".format(*counts)
    )
    price = sum(saga.amount for saga in completed)
    booked, paid = sum(one.amount or 0 for one in bookings), sum(payments)
    text = f"in cents: prices {price}, bookings {booked}, payments without fees {paid}"
    find.expect(price == booked == paid, text)
    rule = sum(saga.miles for saga in completed)
    find.expect(miles == rule, f"{miles} miles, the rule says {rule}")
