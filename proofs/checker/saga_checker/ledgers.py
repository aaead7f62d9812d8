"""Invariant 5: the ledgers add up, and money is never a float."""

from collections import Counter
from collections.abc import Sequence

from saga_checker.books import Books
from saga_checker.findings import Findings
from saga_checker.rows import Miles, Payment, Standing

WHOLE = ("AUTHORIZED", "CANCELLED", "EXPIRED")
"Entries over the whole authorised amount."


def a_balance_is_the_sum_of_its_entries(books: Books, find: Findings) -> None:
    sums: Counter[str] = Counter()
    for entries in books.miles.values():
        for entry in entries:
            sums[entry.user_id] += entry.miles
    for account in books.accounts:
        total = sums.pop(account.user_id, 0)
        text = f"the balance of {account.user_id} is {account.balance}, its entries make {total}"
        find.expect(account.balance == total, text)
    for user_id in sums:
        find.broken(f"miles entries of {user_id}, who has no account")


def one_entry_of_a_kind(books: Books, find: Findings) -> None:
    ledgers: Sequence[dict[str, list[Payment]] | dict[str, list[Miles]]] = (books.payments, books.miles)
    for ledger in ledgers:
        for cid, entries in ledger.items():
            kinds = Counter((entry.kind, getattr(entry, "number", 1)) for entry in entries)
            twice = [kind for (kind, _), count in kinds.items() if count > 1]
            find.expect(not twice, f"more than one entry {', '.join(twice)}", cid)


def an_opposite_entry_mirrors_the_first(books: Books, find: Findings) -> None:
    for cid, payments in books.payments.items():
        facts = {
            (one.authorization_id, one.user_id, one.flight_fare, one.other_charges, one.currency)
            for one in payments
        }
        find.expect(len(facts) == 1, "its payment entries disagree", cid)
        whole = [one for one in payments if one.kind in WHOLE]
        find.expect(any(one.kind == "AUTHORIZED" for one in whole), "an entry without an authorisation", cid)
        summed = all(one.amount == one.flight_fare + one.other_charges for one in whole)
        find.expect(summed, "an amount is not fare and charges", cid)
    for trip, entries in books.miles_of_trip.items():
        by_kind = {one.kind: one for one in entries}
        award, reversal = by_kind.get("AWARD"), by_kind.get("REVERSAL")
        find.expect(award is not None and award.miles >= 0, "no award, or a negative one", trip)
        find.expect(len({one.user_id for one in entries}) == 1, "its miles belong to several users", trip)
        own = all(one.correlation_id == trip for one in (award, reversal) if one)
        find.expect(own, "its award or reversal is of another correlation id", trip)
        earned = sum(one.miles for one in entries if one is not reversal)
        find.expect(earned >= 0, f"has earned {earned} miles", trip)
        if reversal:
            find.expect(reversal.miles == -earned, f"earned {earned} miles, reversed {reversal.miles}", trip)


def a_payment_is_the_sum_of_its_entries(books: Books, find: Findings) -> None:
    """12"""
    for cid in books.payments.keys() | books.standing.keys():
        one, entries = books.standing.get(cid), books.payments.get(cid, [])
        if one is None or not entries:
            find.broken("has a payment without entries, or entries without a payment", cid)
            continue
        held, captured, refunded = (
            sum(entry.amount for entry in entries if entry.kind == kind)
            for kind in ("AUTHORIZED", "CAPTURED", "REFUNDED")
        )
        entered, stands = (held, captured, refunded), (one.amount, one.captured, one.refunded)
        find.expect(entered == stands, f"held, captured, refunded: {stands}; by its entries {entered}", cid)
        text = f"{refunded} cents are refunded, {captured} captured, {held} held"
        find.expect(0 <= refunded <= captured <= held, text, cid)
        kinds = {entry.kind for entry in entries}
        find.expect(
            one.status == _status(one, kinds), f"is {one.status}, its entries are {sorted(kinds)}", cid
        )


def _status(one: Standing, kinds: set[str]) -> str:
    if one.captured:
        left = one.captured - one.refunded
        return "REFUNDED" if left == 0 else "PARTLY_REFUNDED" if one.refunded else "CAPTURED"
    ended = sorted(kinds & {"CANCELLED", "EXPIRED"})
    return ended[0] if ended else "AUTHORIZED"


def money_is_whole_cents(books: Books, find: Findings) -> None:
    def whole(amounts: Sequence[object], where: str, cid: str = "") -> None:
        find.expect(all(type(one) is int for one in amounts), f"{where} is no integer: {amounts}", cid)

    for cid, payments in books.payments.items():
        for one in payments:
            whole((one.amount, one.flight_fare, one.other_charges), f"the {one.kind} entry", cid)
    for cid, entries in books.miles.items():
        whole([entry.miles for entry in entries], "a miles entry", cid)
    whole([account.balance for account in books.accounts], "a balance")
    for saga in books.trips.values():
        whole((saga.flight_fare, saga.charges), "a saga's price", saga.correlation_id)
    for booking in books.bookings.values():
        whole([booking.amount or 0], "a booking's amount", booking.correlation_id)
    for flight in books.flights.values():
        fares = (flight.economy_fare, flight.business_fare, flight.first_fare or 0)
        whole(fares, f"a fare of flight {flight.id}")


def a_saga_has_a_price(books: Books, find: Findings) -> None:
    """The saga log holds it in JSON, which no constraint of the database reads."""
    for saga in books.trips.values():
        text = f"its fare is {saga.flight_fare}, its charges are {saga.charges}"
        find.expect(saga.flight_fare > 0 and saga.charges >= 0, text, saga.correlation_id)
        fares = [each["fare"] for each in saga.flights.values() if "fare" in each]
        text = f"its fare is {saga.flight_fare}, those of its flights are {fares}"
        find.expect(not fares or sum(fares) == saga.flight_fare, text, saga.correlation_id)
