"""Invariant 12: our ledger against the books of the simulated bank.

Both stand in one database, and a call to the bank has a row that is written before it and closed with its
effect. So at any moment they agree on every payment without an open call.
"""

from collections.abc import Iterable

from saga_checker.books import Books
from saga_checker.findings import Findings
from saga_checker.rows import Movement

SIMULATED = "simulated"
ENDED = ("CANCELLED", "EXPIRED")


def _sum(movements: Iterable[Movement], kind: str) -> int:
    return sum(one.amount for one in movements if one.kind == kind)


def the_bank_moves_what_it_holds(books: Books, find: Findings) -> None:
    for hold, movements in books.movements.items():
        kinds = [one.kind for one in movements]
        find.expect(kinds.count("HOLD") == 1, f"the bank has {kinds.count('HOLD')} holds {hold}")
        ends = kinds.count("CAPTURE") + kinds.count("RELEASE")
        find.expect(ends <= 1, f"the bank's hold {hold} ended {ends} times")
        held, captured, refunded = (_sum(movements, kind) for kind in ("HOLD", "CAPTURE", "REFUND"))
        text = f"of hold {hold} the bank refunded {refunded} cents, captured {captured}, held {held}"
        find.expect(refunded <= captured <= held, text)


def the_ledger_is_what_the_bank_says(books: Books, find: Findings) -> None:
    under_way = {attempt.payment for attempt in books.open_attempts}
    for cid, payment in books.standing.items():
        if payment.provider != SIMULATED or cid in under_way:
            continue
        movements = books.movements.get(payment.provider_reference, [])
        ours = (payment.amount, payment.captured, payment.refunded)
        theirs = tuple(_sum(movements, kind) for kind in ("HOLD", "CAPTURE", "REFUND"))
        if payment.status in ENDED and theirs[1] == theirs[2] and (theirs[1] or not movements):
            continue  # As an operator has settled it: neither has any money.
        find.expect(ours == theirs, f"held, captured, refunded: {ours}; the bank says {theirs}", cid)
        released = any(one.kind == "RELEASE" for one in movements)
        text = f"is {payment.status}, and the bank has {'' if released else 'not '}released its hold"
        # The bank releases no expired hold: it has no claim by then.
        find.expect(released == (payment.status == "CANCELLED") or payment.status == "EXPIRED", text, cid)


def a_hold_belongs_to_a_payment(books: Books, find: Findings) -> None:
    """Or was given back, or is being made."""
    named = {payment.provider_reference for payment in books.standing.values()}
    under_way = {attempt.key for attempt in books.open_attempts}
    for hold, movements in books.movements.items():
        made = [one.key for one in movements if one.kind == "HOLD"]
        known = hold in named or any(key in under_way for key in made)
        taken, given = _sum(movements, "CAPTURE"), _sum(movements, "REFUND")
        released = any(one.kind == "RELEASE" for one in movements) or 0 < taken == given
        find.expect(known or released, f"the bank holds money as {hold}, which no payment names")


def no_call_to_the_bank_is_open(books: Books, find: Findings) -> None:
    """When nothing is running. A direct call may have died, and nobody comes back to it."""
    for attempt in books.open_attempts:
        if attempt.correlation_id in books.sagas:
            find.broken(f"its call {attempt.key} to the payment provider is open", attempt.correlation_id)
        else:
            find.notes.append(f"the call {attempt.key} to the payment provider is open")
