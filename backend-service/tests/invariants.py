"""The invariants of the saga, read from the backend's tables in plain SQL and from the participants' records.

Written against the tables and the events, not with the orchestrator's own code: this is the second opinion.
"""

import json
from collections import Counter
from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal
from typing import Any

from django.db import connection
from django_sagas import event_log
from django_sagas.testing.rules import Playback

from tests.saga_participants import UNDOES, FakeParticipants

CHANGE = "change-trip"
TERMINAL = ("COMPLETED", "COMPENSATED")
CAPACITY = {"economy": 144, "business": 12}
MOVES = {
    ("absent", "DONE"),
    ("absent", "REFUSED"),
    ("absent", "UNDONE"),
    ("DONE", "UNDONE"),
}
TABLES = (
    "sagas_saga",
    "sagas_event",
    "flight_booking",
    "flight_ticket",
    "flight_seat",
    "security_audit",
    "guard_step_record",
)


@dataclass(frozen=True)
class Event:
    sequence: int
    type: str
    data: dict[str, Any]


def rows(sql: str, *parameters: Any) -> list[dict[str, Any]]:
    with connection.cursor() as cursor:
        cursor.execute(sql, parameters)
        names = [column[0] for column in cursor.description]
        return [dict(zip(names, row, strict=True)) for row in cursor.fetchall()]


NO_BOOKING = ("settle-trip", "authorize-again", CHANGE)


def sagas(correlation_id: str | None = None, *, name: str = "") -> list[dict[str, Any]]:
    """Those that book, those of one definition, or the one of this id."""
    if correlation_id is None and name:
        found = rows("SELECT * FROM sagas_saga WHERE name = %s", name)
    elif correlation_id is None:
        found = rows("SELECT * FROM sagas_saga WHERE name NOT IN (%s, %s, %s)", *NO_BOOKING)
    else:
        found = rows("SELECT * FROM sagas_saga WHERE correlation_id = %s", correlation_id)
    for saga in found:
        saga["steps"] = {step["name"]: step for step in json.loads(saga["steps"])}
        saga |= json.loads(saga.pop("data"))
    return found


def every_saga() -> list[dict[str, Any]]:
    return [saga for row in rows("SELECT DISTINCT name FROM sagas_saga") for saga in sagas(name=row["name"])]


def open_sagas(*, waiting: bool = False) -> list[str]:
    """Without those that wait to begin at a later day, or with `waiting` these too."""
    found = rows("SELECT * FROM sagas_saga WHERE due_at IS NOT NULL")
    wait = ("settle-trip", "PENDING")
    return [one["correlation_id"] for one in found if waiting or (one["name"], one["status"]) != wait]


def events_of(correlation_id: str) -> list[Event]:
    found = event_log.events_of(correlation_id)
    return [Event(event.sequence, event.event_type, dict(event.data)) for event in found]


def stored() -> tuple[int, int]:
    """Sagas that book, and their events."""
    booked = sagas()
    return len(booked), sum(len(events_of(saga["correlation_id"])) for saga in booked)


def intent_is_durable(name: str, correlation_id: str) -> bool:
    """Whether a call may go out: its intent is committed, a compensation's only after COMPENSATING."""
    found = sagas(correlation_id)
    if not found:
        return False
    (saga,) = found
    step = saga["steps"][UNDOES.get(name, name)]
    if name in UNDOES:
        return saga["status"] in ("COMPENSATING", "COMPENSATED") and step["status"] in ("UNDOING", "UNDONE")
    return bool(step["status"] != "PENDING" and step.get("attempts", 0) > 0)


# At any time


def hold_at_any_time(participants: FakeParticipants, *, now: datetime) -> None:
    assert participants.breaches == []
    seats_have_one_owner()
    ledgers_hold_one_entry_of_a_kind(participants)
    records_move_only_forward(participants)
    for saga in every_saga():
        events = events_of(saga["correlation_id"])
        events_have_no_gap(saga, events)
        events_tell_the_row(saga, events)
        an_open_saga_is_due(saga)
        an_alarm_is_shown(saga, now)
        the_card_is_erased(saga)
    for saga in sagas():
        a_trip_has_seats_on_all_its_flights_or_on_none(saga)
    no_card_anywhere_else()


def seats_have_one_owner() -> None:
    """4"""
    live = "SELECT flight_id, seat_class, seat_number FROM flight_seat WHERE state IN ('HELD', 'SOLD')"
    owned = rows(live)
    places = Counter((seat["flight_id"], seat["seat_number"]) for seat in owned)
    assert [place for place, owners in places.items() if owners > 1] == []
    for (_, seat_class), count in Counter((one["flight_id"], one["seat_class"]) for one in owned).items():
        assert count <= CAPACITY[seat_class]


def a_trip_has_seats_on_all_its_flights_or_on_none(saga: dict[str, Any]) -> None:
    """12"""
    live = Counter(seat["flight_id"] for seat in _live_seats(saga["correlation_id"]))
    assert live in ({}, dict.fromkeys(flown(saga), len(saga["request"]["passengers"])))


def ledgers_hold_one_entry_of_a_kind(participants: FakeParticipants) -> None:
    """5"""
    kinds = Counter((entry.correlation_id, entry.kind) for entry in participants.ledger)
    assert [key for key, count in kinds.items() if count > 1] == []
    assert all(type(entry.amount) is Decimal for entry in participants.ledger)


def records_move_only_forward(participants: FakeParticipants) -> None:
    """6"""
    assert {(before, after) for _, _, before, after in participants.moves} <= MOVES
    assert [key for key, bodies in participants.successes.items() if len(bodies) > 1] == []


def events_have_no_gap(saga: dict[str, Any], events: list[Event]) -> None:
    """8"""
    assert [event.sequence for event in events] == list(range(1, saga["last_sequence"] + 1))


def events_tell_the_row(saga: dict[str, Any], events: list[Event]) -> None:
    """7 and 8: played back, the events go through allowed states only and end where the row stands."""
    told = Playback({name: step["compensation"] for name, step in saga["steps"].items()})
    for event in events:
        told.play(event.type, event.data)
    assert told.status == saga["status"]
    assert told.steps == {name: step["status"] for name, step in saga["steps"].items()}


def an_open_saga_is_due(saga: dict[str, Any]) -> None:
    """9"""
    is_open = saga["status"] not in TERMINAL
    assert is_open == (saga["due_at"] is not None)
    assert is_open or saga["owner"] == ""
    assert saga["epoch"] >= 1


def an_alarm_is_shown(saga: dict[str, Any], now: datetime) -> None:
    """9: past its alarm time an open saga shows it; a terminal one shows none."""
    if saga["status"] in TERMINAL:
        assert saga["attention"] == ""
        return
    for step in saga["steps"].values():
        tries = step.get("undo_attempts", 0)
        if step["status"] == "UNDOING" and saga["owner"] == "" and tries >= 10:
            assert saga["attention"] != ""


def the_card_is_erased(saga: dict[str, Any]) -> None:
    """11: the token stands in its row while AuthorizePayment is open, and no longer."""
    is_open = saga["status"] in ("PENDING", "RUNNING") and not saga["failed_step"]
    payment = saga["steps"].get("AuthorizePayment", {"status": "none"})
    waits = payment["status"] in ("PENDING", "STARTED", "UNKNOWN")
    assert saga["secrets"] == "" or (is_open and waits)


def no_card_anywhere_else() -> None:
    """11"""
    for table in TABLES:
        for row in rows(f"SELECT * FROM {table}"):  # noqa: S608  a constant of this file
            row.pop("secrets", None)
            assert "tok_" not in str(row)


# When nothing is running


def hold_when_quiet(participants: FakeParticipants) -> None:
    found = sagas()
    for saga in found:
        assert saga["status"] in TERMINAL
        if saga["status"] == "COMPLETED":
            completed_means_everything(saga, participants)
        else:
            compensated_means_nothing(saga, participants)
    for change in sagas(name=CHANGE):
        an_ended_change_holds_nothing(change, participants)
    for settlement in sagas(name="settle-trip"):
        settled_means_captured_or_cancelled(settlement, participants)
    no_orphans(every_saga(), participants)
    sums_agree(found, participants)


def _live_seats(correlation_id: str) -> list[dict[str, Any]]:
    sql = "SELECT * FROM flight_seat WHERE correlation_id = %s AND state IN ('HELD', 'SOLD')"
    return rows(sql, correlation_id)


def completed_means_everything(saga: dict[str, Any], participants: FakeParticipants) -> None:
    """2"""
    cid = saga["correlation_id"]
    fare, charges = fare_of(saga), saga["charges"]
    if "AuthorizePayment" in saga["steps"]:
        assert participants.money_of(cid) == Decimal(fare + charges) / 100
    if "AwardMiles" in saga["steps"]:
        assert participants.miles_of(cid) == fare // 100
    (booking,) = rows("SELECT * FROM flight_booking WHERE correlation_id = %s", cid)
    assert (booking["status"], booking["amount"], booking["busy_with"]) == ("CONFIRMED", fare + charges, "")
    tickets = rows("SELECT * FROM flight_ticket WHERE booking_id = %s", booking["reference"])
    people = [(one["first_name"], one["last_name"]) for one in saga["request"]["passengers"]]
    segments = list(enumerate(flown(saga), start=1))
    assert {(ticket["segment"], ticket["flight_id"]) for ticket in tickets} == {*segments}
    for segment, _ in segments:
        of_flight = sorted((one for one in tickets if one["segment"] == segment), key=_passenger)
        assert [(one["first_name"], one["last_name"]) for one in of_flight] == people
    seats = _live_seats(cid)
    assert {seat["state"] for seat in seats} == {"SOLD"}
    places = sorted((seat["flight_id"], seat["seat_number"]) for seat in seats)
    assert places == sorted((ticket["flight_id"], ticket["seat_number"]) for ticket in tickets)
    assert len(set(places)) == len(people) * len(segments)


def _passenger(ticket: dict[str, Any]) -> int:
    place: int = ticket["passenger"]
    return place


def flown(saga: dict[str, Any]) -> list[int]:
    """The ids of the trip's flights as it is now; an earlier release stored the only one."""
    if change := last_change(saga):
        return [each["flight_id"] for each in change["after"]]
    if "flights" in saga:
        return [each["flight_id"] for each in saga["flights"]]
    return [saga["flight_id"]]


def fare_of(saga: dict[str, Any]) -> int:
    """Of the trip as it is now, in cents."""
    change = last_change(saga)
    fare: int = sum(each["fare"] for each in change["after"]) if change else saga["flight_fare"]
    return fare


def last_change(saga: dict[str, Any]) -> dict[str, Any] | None:
    sql = "SELECT changed_by FROM flight_booking WHERE correlation_id = %s AND changed_by <> ''"
    for row in rows(sql, saga["correlation_id"]):
        (change,) = sagas(row["changed_by"])
        return change
    return None


def an_ended_change_holds_nothing(saga: dict[str, Any], participants: FakeParticipants) -> None:
    """What it took belongs to the trip, or was given back."""
    cid = saga["correlation_id"]
    assert _live_seats(cid) == []
    assert rows("SELECT 1 FROM flight_booking WHERE busy_with = %s", cid) == []
    if saga["status"] == "COMPENSATED":
        assert participants.money_of(cid) == participants.miles_of(cid) == 0


def compensated_means_nothing(saga: dict[str, Any], participants: FakeParticipants) -> None:
    """3; what was settled by hand is a person's word."""
    cid = saga["correlation_id"]
    assert _live_seats(cid) == []
    bookings = rows("SELECT status FROM flight_booking WHERE correlation_id = %s", cid)
    assert [booking["status"] for booking in bookings] in ([], ["CANCELLED"])
    states = participants.states(cid)
    for name, step in saga["steps"].items():
        if step["status"] == "RESOLVED":
            continue
        assert states.get(name) in (None, "UNDONE", "REFUSED")
        assert step["status"] in ("PENDING", "REFUSED", "UNDONE")
    if not any(step["status"] == "RESOLVED" for step in saga["steps"].values()):
        assert participants.money_of(cid) * 100 == kept_of(saga)
        assert participants.miles_of(cid) == 0


def kept_of(saga: dict[str, Any]) -> int:
    """The fee of a cancellation, in cents: as agreed, or less with an alarm, and its client is told."""
    facts = json.loads(saga["facts"])
    agreed = facts.get("cancellation", {}).get("fee", 0)
    kept = int(Decimal(str(facts["CancelPayment"]["kept"])) * 100) if agreed else 0
    alarms = "SELECT 1 FROM security_audit WHERE action = 'fee-not-kept' AND correlation_id = %s"
    assert kept <= agreed
    lost = "SELECT 1 FROM sagas_settlement WHERE step = 'AuthorizePayment' AND correlation_id = %s"
    if agreed and rows(lost, saga["correlation_id"]):
        kept = 0  # With an older back-up of payment.
    assert len(rows(alarms, saga["correlation_id"])) == (kept < agreed)
    return kept


def settled_means_captured_or_cancelled(saga: dict[str, Any], participants: FakeParticipants) -> None:
    """12; the mail went out where money was captured from a live booking."""
    if saga["status"] == "PENDING":  # Its day has not come.
        return
    assert saga["status"] == "COMPLETED"
    (booking,) = rows("SELECT * FROM flight_booking WHERE correlation_id = %s", saga["booking"])
    facts = json.loads(saga["facts"])
    payment = facts.get("renewed", {}).get("payment_id", saga["booking"])
    was_captured = payment in participants.captured
    assert was_captured or booking["status"] == "CANCELLED"
    sent = rows("SELECT * FROM flight_confirmation WHERE booking_id = %s", booking["reference"])
    assert len(sent) <= was_captured
    assert sent or booking["status"] == "CANCELLED"


def no_orphans(found: list[dict[str, Any]], participants: FakeParticipants) -> None:
    """10"""
    known = {saga["correlation_id"] for saga in found}
    assert {cid for cid, _ in participants.records} <= known
    assert {row["correlation_id"] for row in rows("SELECT correlation_id FROM flight_booking")} <= known
    saga_seats = rows("SELECT correlation_id FROM flight_seat WHERE expires_at IS NULL")
    assert {row["correlation_id"] for row in saga_seats} - {"other"} <= known


def sums_agree(found: list[dict[str, Any]], participants: FakeParticipants) -> None:
    """10"""
    settled = {
        saga["correlation_id"]
        for saga in found
        if any(step["status"] == "RESOLVED" for step in saga["steps"].values())
    }
    done = [saga for saga in found if saga["status"] == "COMPLETED"]
    live = rows("SELECT amount FROM flight_booking WHERE status = 'CONFIRMED'")
    trips = {entry.trip for entry in participants.ledger if entry.trip not in settled}
    total = sum((participants.money_of(trip) for trip in trips), Decimal(0))
    fees = sum(
        kept_of(saga)
        for saga in found
        if saga["status"] == "COMPENSATED" and saga["correlation_id"] not in settled
    )
    assert len(done) == len(live)
    assert total * 100 == sum(booking["amount"] for booking in live) + fees
