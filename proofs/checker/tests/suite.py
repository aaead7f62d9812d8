"""The three databases as tests fill them: in SQL, with the values that the services would write."""

import json
import sqlite3
from collections.abc import Mapping
from pathlib import Path
from typing import Any
from uuid import uuid4

from saga_checker.books import Books, Told
from saga_checker.invariants import check

FARE, CHARGES, FEE = 19_950, 5_000, 4_000
MILES = 199
ADJUSTED = -40
"by a direct call, of a trip that direct calls made"
DEARER, MORE_MILES = 1_050, 11
"by a change of a trip: a fare of 210.00 instead of 199.50"
FLIGHT, RETURN = 7, 8
AT = "2026-03-01 10:00:{:02d}.000000"
STEPS = ("ReserveSeat", "AuthorizePayment", "AwardMiles", "ConfirmBooking")
UNDO = {
    "ReserveSeat": "CancelSeat",
    "AuthorizePayment": "CancelPayment",
    "AwardMiles": "ReverseMiles",
    "ConfirmBooking": "CancelBooking",
}
AT_THE_BANK = {"AUTHORIZED": "HOLD", "CAPTURED": "CAPTURE", "REFUNDED": "REFUND", "CANCELLED": "RELEASE"}
PARTICIPANT = {
    "ReserveSeat": "",
    "AuthorizePayment": "payment",
    "AwardMiles": "loyalty",
    "ConfirmBooking": "",
}
Happened = tuple[str, dict[str, Any]]


class Suite:
    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.databases = {
            name: sqlite3.connect(folder / f"{name}.sqlite3", isolation_level=None)
            for name in ("backend", "payment", "loyalty")
        }
        for database in self.databases.values():
            database.execute("PRAGMA synchronous = OFF")
            # What no service can do to its ledger, a test can.
            for (trigger,) in database.execute(
                "SELECT name FROM sqlite_master WHERE type = 'trigger'"
            ).fetchall():
                database.execute(f"DROP TRIGGER {trigger}")

    def close(self) -> None:
        for database in self.databases.values():
            database.close()

    def run(self, service: str, sql: str, *values: Any) -> int:
        """How many rows it changed."""
        return self.databases[service].execute(sql, values).rowcount

    def add(self, service: str, table: str, **values: Any) -> None:
        names, places = ", ".join(values), ", ".join("?" * len(values))
        self.run(service, f"INSERT INTO {table} ({names}) VALUES ({places})", *values.values())

    def drop_constraints(self, service: str, table: str) -> None:
        """What a program cannot break it must be allowed to break first: the table without constraints."""
        database = self.databases[service]
        names = [row[1] for row in database.execute(f"PRAGMA table_info({table})")]
        database.execute(f"CREATE TABLE bare AS SELECT {', '.join(names)} FROM {table}")
        database.execute(f"DROP TABLE {table}")
        database.execute(f"ALTER TABLE bare RENAME TO {table}")

    def violations(self, *, snapshot: bool = False, **told: Any) -> dict[int, list[str]]:
        """By the invariant's number."""
        addresses = {name: str(self.folder / f"{name}.sqlite3") for name in self.databases}
        found: dict[int, list[str]] = {}
        with Books(addresses, Told(**told)) as books:
            for result in check(books, snapshot=snapshot):
                texts = [one.text for one in result.findings.violations]
                found.setdefault(result.invariant.number, []).extend(texts)
        return {number: texts for number, texts in found.items() if texts}

    # -- sagas

    def saga(
        self, cid: str, status: str, steps: Mapping[str, str], events: list[Happened], **more: Any
    ) -> None:
        facts = {
            name: self.answer(cid, name) for name, state in steps.items() if _was_done(name, state, events)
        }
        row: dict[str, Any] = {
            "correlation_id": cid,
            "name": "book-trip",
            "version": 1,
            "status": status,
            "reason": "",
            "attention": "",
            "epoch": 1,
            "owner": "",
            "due_at": None if status in ("COMPLETED", "COMPENSATED") else AT.format(59),
            "claims": 0,
            "last_sequence": len(events),
            "subject": "ada",
            "reference": "",
            "data": json.dumps(data_for(FLIGHT)),
            "secrets": "",
            "steps": json.dumps([step_of(name, steps.get(name, "PENDING")) for name in STEPS]),
            "facts": json.dumps(facts),
            "result": "",
            "failed_step": "",
            "error": "",
            "error_code": "",
            "request_fingerprint": "f" * 64,
            "created_at": AT.format(0),
            "finished_at": None,
        }
        self.add("backend", "sagas_saga", **(row | more))
        for sequence, (event_type, data) in enumerate(events, start=1):
            self.event(cid, sequence, event_type, **data)

    def has_steps(self, cid: str, steps: list[dict[str, Any]]) -> None:
        change = "UPDATE sagas_saga SET steps = ? WHERE correlation_id = ?"
        self.run("backend", change, json.dumps(steps), cid)

    def event(self, cid: str, sequence: int, event_type: str, **data: Any) -> None:
        self.add(
            "backend",
            "sagas_event",
            correlation_id=cid,
            sequence=sequence,
            event_id=str(uuid4()),
            event_type=f"SAGA_{event_type}",
            data=json.dumps(data),
            timestamp=AT.format(sequence),
            following="",
        )

    def has_all_of_a_booking(self, cid: str, number: str, reference: str) -> None:
        self.seat(cid, number, "SOLD")
        self.booking(cid, reference, number)
        self.record("payment", cid, "AuthorizePayment", "DONE")
        self.payment(cid)
        self.record("loyalty", cid, "AwardMiles", "DONE")
        self.miles(cid)

    def seat(self, cid: str, number: str, state: str, **more: Any) -> None:
        row = {
            "flight_id": FLIGHT,
            "seat_number": number,
            "seat_class": "economy",
            "correlation_id": cid,
            "state": state,
            "held_at": AT.format(1),
            "released_at": AT.format(20) if state == "RELEASED" else None,
        }
        self.add("backend", "flight_seat", **(row | more))

    def booking(self, cid: str, reference: str, number: str, status: str = "CONFIRMED", **more: Any) -> None:
        row = {
            "reference": reference,
            "correlation_id": cid,
            "flight_id": FLIGHT,
            "user_id": "ada",
            "status": status,
            "email": "ada@example.com",
            "mobile": "+44 20 7946 0000",
            "amount": FARE + CHARGES,
            "currency": "USD",
            "created_at": AT.format(8),
            "cancelled_at": None if status == "CONFIRMED" else AT.format(18),
        }
        self.add("backend", "flight_booking", **(row | more))
        self.ticket(reference, number)

    def ticket(self, reference: str, number: str, **more: Any) -> None:
        row = {
            "ticket_number": f"973-{reference}",
            "booking_id": reference,
            "flight_id": FLIGHT,
            "segment": 1,
            "passenger": 1,
            "first_name": "Ada",
            "last_name": "Lovelace",
            "gender": "female",
            "seat_number": number,
            "seat_class": "economy",
        }
        self.add("backend", "flight_ticket", **(row | more))

    # -- participants

    def answer(self, cid: str, step: str) -> dict[str, Any]:
        if step == "AuthorizePayment":
            return {"authorization_id": f"auth-{cid}", "amount": (FARE + CHARGES) / 100}
        if step == "AdjustMiles":
            return {"miles_adjusted": ADJUSTED}
        return {"miles_awarded": MILES} if step == "AwardMiles" else {"seats_reserved": 1}

    def record(
        self, service: str, cid: str, step: str, state: str, *, tombstone: bool = False, caller: str = ""
    ) -> None:
        done = {"success": True, "correlation_id": cid, **self.answer(cid, step)}
        refused = {"success": False, "correlation_id": cid, "error": "No.", "error_code": "PAYMENT_DECLINED"}
        undone = {"success": True, "correlation_id": cid}
        self.add(
            service,
            "guard_step_record",
            correlation_id=cid,
            step=step,
            state=state,
            fingerprint="" if tombstone else "a" * 64,
            answer="" if tombstone else json.dumps(refused if state == "REFUSED" else done),
            undo_answer=json.dumps(undone) if state == "UNDONE" else "",
            created_at=AT.format(2),
            changed_at=AT.format(2),
            caller=caller,
        )

    def payment(self, cid: str, kind: str = "AUTHORIZED", *, trip: str = "", **more: Any) -> None:
        """An entry of the ledger, the payment as it stands then, and the bank's line."""
        self.entry(cid, kind, **more)
        amount = more.get("amount", FARE + CHARGES)
        if kind in AT_THE_BANK:
            self.movement(cid, AT_THE_BANK[kind], amount)
        if kind == "AUTHORIZED":
            self._authorized(cid, trip or cid)
        elif kind == "CAPTURED":
            self.stands(cid, "status = 'CAPTURED', captured = ?", amount)
        elif kind == "REFUNDED":
            status = "CASE WHEN refunded + ? = captured THEN 'REFUNDED' ELSE 'PARTLY_REFUNDED' END"
            self.stands(cid, f"refunded = refunded + ?, status = {status}", amount, amount)
        else:
            self.stands(cid, "status = ?", kind)

    def movement(self, cid: str, kind: str, amount: int = FARE + CHARGES, *, key: str = "") -> None:
        line = {"hold": f"ref-{cid}", "currency": "USD", "text": "", "created_at": AT.format(4)}
        self.add("payment", "bank_movement", key=key or str(uuid4()), kind=kind, amount=amount, **line)

    def attempt(self, cid: str, key: str, *, state: str = "OPEN", payment: str = "") -> None:
        self.add(
            "payment",
            "payment_attempt",
            key=key,
            correlation_id=cid,
            step="AuthorizePayment",
            action="AUTHORIZE",
            payment=payment or cid,
            amount=FARE + CHARGES,
            state=state,
            provider="simulated",
            reference="",
            fingerprint="",
            created_at=AT.format(4),
            busy_until=AT.format(6),
        )

    def entry(self, cid: str, kind: str = "AUTHORIZED", **more: Any) -> None:
        row = {
            "correlation_id": cid,
            "kind": kind,
            "number": 1,
            "authorization_id": f"auth-{cid}",
            "user_id": "ada",
            "amount": FARE + CHARGES,
            "flight_fare": FARE,
            "other_charges": CHARGES,
            "currency": "USD",
            "created_at": AT.format(4),
        }
        self.add("payment", "payment_ledger", **(row | more))

    def _authorized(self, cid: str, trip: str) -> None:
        self.add(
            "payment",
            "payment_payment",
            correlation_id=cid,
            trip_id=trip,
            user_id="ada",
            amount=FARE + CHARGES,
            flight_fare=FARE,
            other_charges=CHARGES,
            currency="USD",
            captured=0,
            refunded=0,
            status="AUTHORIZED",
            provider="simulated",
            provider_reference=f"ref-{cid}",
            authorization_id=f"auth-{cid}",
            authorized_at=AT.format(4),
            capture_before=AT.format(59),
        )

    def confirmation(self, reference: str) -> None:
        sent = {"begun_at": AT.format(30), "ended_at": AT.format(31), "error": ""}
        self.add("backend", "flight_confirmation", booking_id=reference, **sent)

    def stands(self, cid: str, change: str, *values: Any) -> None:
        self.run("payment", f"UPDATE payment_payment SET {change} WHERE correlation_id = ?", *values, cid)

    def miles(self, cid: str, miles: int = MILES, *, user_id: str = "ada", trip: str = "") -> None:
        """An award or a reversal; with `trip` an adjustment of that trip."""
        kind = "ADJUSTED" if trip else "AWARD" if miles >= 0 else "REVERSAL"
        row = {"correlation_id": cid, "kind": kind, "user_id": user_id, "created_at": AT.format(6)}
        self.add("loyalty", "loyalty_ledger", miles=miles, trip_id=trip or cid, **row)
        self.run(
            "loyalty", "UPDATE loyalty_account SET balance = balance + ? WHERE user_id = ?", miles, user_id
        )


def data_for(*flights: int) -> dict[str, Any]:
    """What a saga stores of a trip of these flights, at the price of one."""
    asked = [
        {"flight_id": flight, "seat_class": "economy", "seat_numbers": [], "fare": FARE // len(flights)}
        for flight in flights
    ]
    return {"flights": asked, "request": _request(), "flight_fare": FARE, "charges": CHARGES}


def data_of_an_earlier_release() -> dict[str, Any]:
    request = {**_request(), "seat_class": "economy", "seat_numbers": []}
    return {"flight_id": FLIGHT, "request": request, "flight_fare": FARE, "charges": CHARGES}


def _request(passengers: int = 1) -> dict[str, Any]:
    people = [{"first_name": "Ada", "last_name": "Lovelace", "gender": "female"}] * passengers
    return {
        "passengers": people,
        "email": "ada@example.com",
        "mobile": "4111 1111 1111 1111",
        "expected_amount": None,
        "simulate": [],
    }


def step_of(name: str, state: str) -> dict[str, Any]:
    definition = {"name": name, "compensation": UNDO[name], "participant": PARTICIPANT[name]}
    return {**definition, "status": state, "attempts": 0 if state == "PENDING" else 1, "undo_attempts": 0}


def _was_done(name: str, state: str, events: list[Happened]) -> bool:
    return ("STEP_COMPLETED", {"step": name}) in events
