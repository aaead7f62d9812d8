"""Invariant 12: what is booked is settled once, and by the money that it was booked with."""

from saga_checker.books import Books
from saga_checker.findings import Findings


def a_booking_has_one_settlement(books: Books, find: Findings) -> None:
    for cid, settlements in books.settlements.items():
        text = f"{len(settlements)} settlements of this booking"
        find.expect(len(settlements) == 1 and cid in books.trips, text, cid)
        told = books.trips[cid].fact.get("ConfirmBooking", {}) if cid in books.trips else {}
        its_own = told.get("settlement") == settlements[0].correlation_id
        find.expect(its_own, "the booking names another settlement", cid)
    for cid, saga in books.trips.items():
        named = saga.fact.get("ConfirmBooking", {}).get("settlement")
        find.expect(named is None or cid in books.settlements, f"settlement {named} is in no row", cid)


def a_settled_booking_is_captured_and_confirmed(books: Books, find: Findings) -> None:
    """When nothing is running."""
    for cid, settlements in books.settlements.items():
        booking, trip = books.bookings.get(cid), books.trips.get(cid)
        if booking is None or trip is None or any(one.status != "COMPLETED" for one in settlements):
            continue
        held = [one.status for one in books.payments_of_trip.get(cid, []) if one.status == "AUTHORIZED"]
        find.expect(not held, "is settled, and its money is only held", cid)
        mail = books.confirmations.get(booking.reference)
        if trip.status == "COMPLETED":
            sent = mail is not None and mail.ended_at is not None
            find.expect(sent, "is settled, and its confirmation was not sent", cid)
