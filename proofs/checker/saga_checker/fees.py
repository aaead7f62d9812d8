"""Invariant 12: a cancellation says what its payments have kept, and no fee is lost in silence."""

from saga_checker.books import Books
from saga_checker.findings import Findings

NOT_KEPT = "fee-not-kept"


def a_cancellation_says_what_it_kept(books: Books, find: Findings) -> None:
    """When nothing is running. An earlier release did not note what payment answered."""
    for cid, trip in books.trips.items():
        is_lost = (cid, "AuthorizePayment") in books.settled  # After a restore, which its client is not told.
        if trip.status != "COMPENSATED" or trip.told_kept is None or is_lost:
            continue
        live = books.live_money(cid)
        find.expect(trip.told_kept == live, f"says that it kept {trip.told_kept} cents, and kept {live}", cid)
        alarms = sum(entry.action == NOT_KEPT for entry in books.audit_trail.get(cid, []))
        text = f"{trip.told_kept} cents of a fee of {trip.fee} are kept, with {alarms} alarms"
        find.expect(alarms == (trip.told_kept < trip.fee), text, cid)
