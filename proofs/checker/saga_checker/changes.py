"""Invariant 12: a changed trip is the old one or the new one, never both and never half."""

from saga_checker.books import Books
from saga_checker.findings import Findings
from saga_checker.rows import Saga, Seat

TAKEN = ("CAPTURED", "PARTLY_REFUNDED", "REFUNDED")


def a_booking_names_its_last_change(books: Books, find: Findings) -> None:
    for cid, booking in books.bookings.items():
        change = books.changed.get(cid)
        named = change.correlation_id if change else ""
        text = f"its booking was changed by {booking.changed_by or 'nobody'}, by the log {named or 'nobody'}"
        find.expect(booking.changed_by == named, text, cid)


def a_change_holds_new_seats_before_the_swap_and_old_ones_after_it(books: Books, find: Findings) -> None:
    for change in books.changes:
        cid, seats = change.correlation_id, books.live_seats(change.correlation_id)
        swapped = change.step["SwapTickets"]["status"] == "DONE"
        wrong = [seat.seat_number for seat in seats if _is_old(change, seat) != swapped]
        kind = "new seats after" if swapped else "old seats before"
        find.expect(not wrong, f"holds {kind} the swap: {', '.join(wrong)}", cid)


def _is_old(change: Saga, seat: Seat) -> bool:
    return any(
        each["flight_id"] == seat.flight_id and seat.seat_number in each["seat_numbers"]
        for each in change.booked["before"]
    )


def nobody_is_busy_with_a_booking(books: Books, find: Findings) -> None:
    """When nothing is running."""
    for cid, booking in books.bookings.items():
        find.expect(not booking.busy_with, f"{booking.busy_with} is still busy with this booking", cid)


def a_change_that_is_complete_has_moved_the_difference(books: Books, find: Findings) -> None:
    """When nothing is running. Of a trip that was cancelled first nothing was left to move."""
    for change in books.changes:
        cid, payment = change.correlation_id, books.standing.get(_paid_by(change))
        miles = [entry.miles for entry in books.miles.get(cid, [])]
        if change.status == "COMPLETED":
            difference = change.booked["difference"]
            taken = payment.amount if payment and payment.status in TAKEN else 0
            text = f"the difference is {difference} cents, its payment has taken {taken}"
            is_over = books.trips[change.booked["booking"]].status == "COMPENSATED"
            find.expect(taken == max(difference, 0) or (is_over and not taken), text, cid)
            earned = [change.booked["miles"]] if change.booked["miles"] else []
            as_promised = miles == earned or (is_over and not miles)
            find.expect(as_promised, f"adjusted {miles} miles, promised were {earned}", cid)
            find.expect(_was_told(books, change), "is complete, and its mail was not sent", cid)
        else:
            find.expect(not payment or payment.live == 0, "was called off, and has a live payment", cid)
            find.expect(not miles, f"was called off, and has adjusted {miles} miles", cid)


def _paid_by(change: Saga) -> str:
    """Its own payment, or the one that took the place of an expired one."""
    payment: str = change.fact.get("renewed", {}).get("payment_id", change.correlation_id)
    return payment


def _was_told(books: Books, change: Saga) -> bool:
    """A trip that was cancelled first gets no mail, nor does the change of an earlier release."""
    if "SendConfirmation" not in change.step or change.fact["SendConfirmation"].get("cancelled"):
        return True
    return change.correlation_id in books.mailed_changes
