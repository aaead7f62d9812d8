"""Invariant 6: a participant's records move only forward, and each agrees with its effect."""

import json
from collections.abc import Callable, Mapping
from typing import Any

from saga_checker.books import READING_ORDER, Books
from saga_checker.findings import Findings
from saga_checker.rows import Record

REFUSALS = {
    "SEAT_UNAVAILABLE",
    "FLIGHT_NOT_FOUND",
    "FLIGHT_CLOSED",
    "PRICE_CHANGED",
    "PAYMENT_DECLINED",
    "ACCOUNT_CLOSED",
    "SEAT_NOT_HELD",
    "LIMIT_EXCEEDED",
    "NOT_CAPTURABLE",
    "REFUND_TOO_HIGH",
    "SIMULATED_FAILURE",
}
ALLOWED_MOVES = {("DONE", "UNDONE")}
NOTHING: frozenset[str] = frozenset()
ENDS = {"CANCELLED", "CAPTURED", "EXPIRED"}
"Entries that end the hold on the card."
# Of each step the ledger's entries while it stands, and after it was undone.
LEDGERS = {
    "loyalty": {
        "AwardMiles": (frozenset({"AWARD"}), frozenset({"AWARD", "REVERSAL"})),
        "AdjustMiles": (frozenset({"ADJUSTED"}), NOTHING),
    },
}


def a_record_fits_its_state(books: Books, find: Findings) -> None:
    for service, records in books.records.items():
        for record in records:
            problem = _problem(record, may_refuse=_known if service in READING_ORDER else bool)
            find.expect(not problem, f"its record of {record.step} {problem}", record.correlation_id)


def _known(code: Any) -> bool:
    return code in REFUSALS


def _problem(record: Record, *, may_refuse: Callable[[Any], bool]) -> str:
    """A further participant's refusals are its own."""
    answer, undo = _read(record.answer), _read(record.undo_answer)
    if any(body and body.get("correlation_id") != record.correlation_id for body in (answer, undo)):
        return "answers for another correlation id"
    match record.state:
        case "DONE":
            good = answer.get("success") is True and not undo
        case "REFUSED":
            good = answer.get("success") is False and may_refuse(answer.get("error_code")) and not undo
        case "UNDONE":
            good = undo.get("success") is True and (not answer or answer.get("success") is True)
        case _:
            return f"is in no known state: {record.state}"
    return "" if good else f"is {record.state}, and its stored answers say something else"


def _read(text: str) -> dict[str, Any]:
    try:
        body = json.loads(text) if text else {}
    except ValueError:
        return {"success": "not JSON"}
    return body if isinstance(body, dict) else {"success": "no object"}


def a_record_has_its_entries_and_no_others(books: Books, find: Findings) -> None:
    _payments_fit(books, find)
    for service, steps in LEDGERS.items():
        entries = _kinds(books)
        cids = entries.keys() | {record.correlation_id for record in books.records[service]}
        for cid in cids:
            records = {step: books.record.get((cid, step)) for step in steps}
            expected = NOTHING.union(*(_expected(records[step], *steps[step]) for step in steps))
            kinds = entries.get(cid, NOTHING)
            states = [f"{step} is {record.state}" for step, record in records.items() if record]
            text = (
                f"{', '.join(states) or 'nothing is recorded'}, and {service}'s entries are {sorted(kinds)}"
            )
            find.expect(kinds == expected, text, cid)


def _payments_fit(books: Books, find: Findings) -> None:
    """An authorisation that was undone has an end; that of a further payment may end with its trip."""
    for cid in books.payments.keys() | {record.correlation_id for record in books.records["payment"]}:
        record = books.record.get((cid, "AuthorizePayment"))
        kinds = {entry.kind for entry in books.payments.get(cid, [])}
        if record is None or record.state == "REFUSED" or record.is_tombstone:
            fits = not kinds
        elif record.state == "UNDONE":
            fits = "AUTHORIZED" in kinds and bool(kinds & ENDS)
        else:
            further = cid in books.standing and books.standing[cid].trip_id != cid
            fits = "AUTHORIZED" in kinds and ("CANCELLED" not in kinds or further)
        state = f"AuthorizePayment is {record.state}" if record else "nothing is recorded"
        find.expect(fits, f"{state}, and payment's entries are {sorted(kinds)}", cid)


def _kinds(books: Books) -> Mapping[str, frozenset[str]]:
    return {cid: frozenset(one.kind for one in entries) for cid, entries in books.miles.items()}


def _expected(record: Record | None, standing: frozenset[str], undone: frozenset[str]) -> frozenset[str]:
    if record is None or record.state == "REFUSED" or record.is_tombstone or _changed_nothing(record):
        return NOTHING
    return undone if record.state == "UNDONE" else standing


def _changed_nothing(record: Record) -> bool:
    """An adjustment of miles that were taken back."""
    return _read(record.answer).get("miles_adjusted") == 0


def a_direct_call_has_its_seats(books: Books, find: Findings) -> None:
    """The same for the backend's own step endpoints, whose effects are seats and a booking."""
    for record in books.records["backend"]:
        cid, done = record.correlation_id, record.state == "DONE"
        if record.step == "ReserveSeat":
            text = f"ReserveSeat is {record.state}, live seats: {len(books.live_seats(cid))}"
            find.expect(bool(books.live_seats(cid)) == done, text, cid)
        if record.step == "ConfirmBooking":
            text = f"ConfirmBooking is {record.state}, and its booking is {'' if done else 'not '}live"
            find.expect(books.has_live_booking(cid) == done, text, cid)


def the_saga_knows_the_stored_answer(books: Books, find: Findings) -> None:
    """Every successful answer to a step is the same body: what the saga noted is what the record holds."""
    for saga in books.sagas.values():
        for name, facts in saga.fact.items():
            record = books.record.get((saga.correlation_id, name))
            # A record that is younger than the participant's snapshot is not there yet.
            if record is not None and record.answer:
                answer = _read(record.answer)
                stored = {key: answer.get(key) for key in facts}
                text = f"the saga's facts of {name} are not what was answered"
                find.expect(answer.get("success") is True and stored == facts, text, saga.correlation_id)


def a_record_moves_only_forward(books: Books, find: Findings) -> None:
    """Against what an earlier run remembered."""
    for key, before in books.told.before.get("records", {}).items():
        cid, step = key.split(" ")
        record = books.record.get((cid, step))
        now = record.state if record else "gone"
        text = f"the record of {step} was {before} and is {now}"
        find.expect(now == before or (before, now) in ALLOWED_MOVES, text, cid)
