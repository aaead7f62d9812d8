"""Sagas that an earlier release has left go on in the tables of the engine.

`data/sagas_before_the_engine.json` holds what release 0.9 wrote (revision 80a56c4): its tables with a process
that died after each commit, and what its status endpoint said of each saga.
"""

import json
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
from django.db import connection
from django.db.migrations.exceptions import IrreversibleError
from django.db.migrations.executor import MigrationExecutor
from django_sagas import answers, operators, saga_log
from django_sagas.audit import log
from django_sagas.database import db_time, execute
from django_sagas.models import ManualSettlement
from django_sagas.operators import Operator
from service_kit.security import audit
from service_kit.security.models import AuditEntry, AuditKind

from flight.models import Flight, Ticket
from flight.saga_booking import BookingSaga
from flight.saga_orchestrator_complete import BookingOrchestrator
from tests import invariants
from tests.saga_participants import FakeParticipants
from tests.saga_world import Clock, World

BEFORE = ("flight", "0005_manual_settlement")
WRITTEN: dict[str, Any] = json.loads(
    Path(__file__).parent.joinpath("data", "sagas_before_the_engine.json").read_text()
)
STORIES: dict[str, str] = WRITTEN["stories"]
OPEN = [name for name, cid in STORIES.items() if WRITTEN["shown"][cid]["finished_at"] is None]
COMPLETE = [name for name, cid in STORIES.items() if WRITTEN["shown"][cid]["status"] == "COMPLETED"]


def migrate(*targets: tuple[str, str]) -> None:
    executor = MigrationExecutor(connection)
    executor.migrate(list(targets) or executor.loader.graph.leaf_nodes())


def insert(table: str, rows: list[dict[str, Any]]) -> None:
    for row in rows:
        places = ", ".join(["%s"] * len(row))
        values = tuple(stored(column, value) for column, value in row.items())
        execute(f"INSERT INTO {table} ({', '.join(row)}) VALUES ({places})", values)  # noqa: S608


def stored(column: str, value: Any) -> Any:
    """A value of the file as this database stores it."""
    if value is not None and (column.endswith("_at") or column == "timestamp"):
        return db_time(datetime.fromisoformat(value).replace(tzinfo=UTC))
    return value


@dataclass
class Moved:
    participants: FakeParticipants
    clock: Clock

    def orchestrator(self) -> BookingOrchestrator:
        seam: Any = self.participants
        return BookingOrchestrator(seam, "new release", now=self.clock, jitter=lambda: 1.0)

    def row(self, name: str) -> BookingSaga:
        saga = saga_log.load(STORIES[name])
        assert isinstance(saga, BookingSaga)
        return saga

    def settle(self, name: str) -> BookingSaga:
        for _ in range(5):
            self.clock.advance(60)
            claimed = self.orchestrator().claim(STORIES[name])
            if claimed is not None:
                self.orchestrator().advance(claimed)
        return self.row(name)


@pytest.fixture
def moved(transactional_db: None, flight: Flight) -> Moved:
    migrate(BEFORE)
    try:
        for table, rows in WRITTEN["tables"].items():
            own = [row | {"flight_id": flight.id} if "flight_id" in row else row for row in rows]
            insert(table, own)
    finally:
        migrate()
    return Moved(FakeParticipants(), Clock())


def test_every_position_of_a_saga_is_among_those_written() -> None:
    """Each commit of the way forward, of the way back, and of a cancellation."""
    positions = {tuple(step["status"] for step in shown["steps"]) for shown in WRITTEN["shown"].values()}
    assert len(positions) >= 13
    assert (len(OPEN), len(COMPLETE)) == (12, 2)


def test_every_saga_is_shown_as_before(moved: Moved, flight: Flight) -> None:
    for name, cid in STORIES.items():
        before = {**WRITTEN["shown"][cid], "flight_id": flight.id}
        now = json.loads(json.dumps(answers.status(moved.row(name)), default=float))
        if (
            before["status"] != "COMPLETED"
        ):  # How it is told has changed since: no success that is taken back.
            before.pop("result", None)
        for step, told in zip(now["steps"], before["steps"], strict=True):
            assert told.items() <= step.items(), name
        del now["steps"], before["steps"]
        assert before.items() <= now.items(), name


def test_every_open_saga_goes_on_to_its_end(moved: Moved) -> None:
    for name in OPEN:
        before = moved.row(name)
        goes_back = before.status == "COMPENSATING" or bool(before.request.simulate)
        saga = moved.settle(name)
        assert saga.status == ("COMPENSATED" if goes_back else "COMPLETED")
        events = invariants.events_of(saga.correlation_id)
        (row,) = invariants.sagas(saga.correlation_id)
        invariants.events_have_no_gap(row, events)
        invariants.events_tell_the_row(row, events)
        assert row["secrets"] == ""
        told = [log.Event(each.sequence, each.type, each.data.get("step", "")) for each in events]
        assert log.broken(saga, told) == []


def test_every_complete_saga_can_be_cancelled(moved: Moved) -> None:
    for name in COMPLETE:
        cancelled = moved.orchestrator().cancel(STORIES[name], completed=True, reason="CANCELLED_BY_USER")
        assert cancelled is not None
        assert moved.orchestrator().advance(cancelled).status == "COMPENSATED"
        assert moved.participants.calls(STORIES[name]) == ["ReverseMiles", "CancelPayment"]


def test_a_stuck_saga_can_be_resolved_by_hand(moved: Moved) -> None:
    operators.resolve(
        STORIES["stuck"], step="AuthorizePayment", by=Operator("ops", "the bank did it", "4711")
    )
    saga = moved.settle("stuck")
    assert saga.status == "COMPENSATED"
    (entry,) = AuditEntry.objects.filter(correlation_id=saga.correlation_id, action="resolve", actor="ops")
    assert (entry.reason, entry.evidence) == ("the bank did it", "4711")
    assert saga.step("AuthorizePayment").status == "RESOLVED"


def test_who_resolved_a_compensation_is_taken_from_the_audit_trail(moved: Moved) -> None:
    migrate(("flight", "0006_sagas_of_the_engine"))
    cid = STORIES["failed"]
    steps = "REPLACE(steps, 'UNDONE', 'RESOLVED')"
    execute(f"UPDATE sagas_saga SET steps = {steps} WHERE correlation_id = %s", (cid,))  # noqa: S608
    by, now = {"actor": "ops", "reason": "the bank did it", "evidence": "4711"}, moved.clock()
    try:
        audit.record(AuditKind.OPERATOR, action="resolve", correlation_id=cid, now=now, **by)
    finally:
        migrate()
    resolved = [step.name for step in moved.row("failed").steps if step.status == "RESOLVED"]
    settled = ManualSettlement.objects.filter(correlation_id=cid).order_by("id")
    assert [each.step for each in settled] == resolved and resolved
    assert {(each.actor, each.reason, each.evidence) for each in settled} == {tuple(by.values())}


def test_a_repeat_finds_its_saga(moved: Moved) -> None:
    rows = {row["correlation_id"]: row for row in WRITTEN["tables"]["flight_saga"]}
    for name, cid in STORIES.items():
        saga = moved.row(name)
        stored = (saga.idempotency_scope, saga.idempotency_key, saga.request_fingerprint)
        row = rows[cid]
        assert stored == (row["idempotency_scope"], row["idempotency_key"], row["request_fingerprint"])


def test_every_ticket_knows_its_flight_and_its_passengers_place(moved: Moved, flight: Flight) -> None:
    placed = {
        (ticket["ticket_number"], place)
        for row in WRITTEN["tables"]["flight_saga"]
        for place, ticket in enumerate(
            json.loads(row["facts"]).get("ConfirmBooking", {}).get("tickets", ()), start=1
        )
    }
    tickets = Ticket.objects.values_list("ticket_number", "passenger", "flight_id", "segment")
    assert {(number, place) for number, place, _, _ in tickets} == placed
    assert {(flown, segment) for _, _, flown, segment in tickets} == {(flight.id, 1)}


def test_a_saga_of_before_is_answered_with_its_flight(moved: Moved, flight: Flight) -> None:
    saga = moved.settle("forward, dead after commit 1")
    assert saga.result is not None
    (flown,) = saga.result["flights"]
    assert (flown["flight_id"], flown["flight_number"]) == (flight.id, flight.flight_number)
    assert flown["seat_numbers"] == saga.result["seat_numbers"] == saga.facts["ReserveSeat"]["seat_numbers"]
    assert [segment.fare for segment in saga.segments] == [saga.flight_fare]


@pytest.fixture
def forward_again() -> Iterator[None]:
    yield
    migrate()


def test_the_way_back_is_closed_where_there_are_sagas(moved: Moved, forward_again: None) -> None:
    with pytest.raises(IrreversibleError, match="22 sagas would be lost"):
        migrate(BEFORE)


def test_the_way_back_is_closed_where_a_saga_holds_its_flights(world: World, forward_again: None) -> None:
    world.completed()
    with pytest.raises(IrreversibleError, match="1 sagas could not be read"):
        migrate(("flight", "0008_quotes"))
