"""The checker's input: the rows of the databases, and the caller's facts about them."""

from collections import defaultdict
from collections.abc import Hashable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from functools import cached_property
from operator import attrgetter
from pathlib import Path
from types import TracebackType
from typing import Any, TypeVar

from saga_checker.database import Database
from saga_checker.rows import (
    BOOKING,
    CHANGE,
    ORCHESTRATOR,
    SETTLEMENT,
    Account,
    Attempt,
    AuditEntry,
    Booking,
    ChangeConfirmation,
    Confirmation,
    Event,
    Flight,
    Miles,
    Movement,
    Payment,
    Record,
    Saga,
    Seat,
    Settled,
    Standing,
    Ticket,
)

# Effects before their causes. A participant does only what the backend has committed the intent of, so
# whatever the earlier snapshot of a participant holds, the later one of the backend explains; the other
# way round a call in between would look like an effect without a cause. For the same reason loyalty, which
# is called after payment, is read before it, and any further participant, which is called later, before both.
READING_ORDER = ("loyalty", "payment", "backend")

Row = TypeVar("Row")


@dataclass(frozen=True)
class Told:
    """What the databases cannot say by themselves."""

    clients: Sequence[str] = ()
    "correlation ids that clients were given by start-booking"
    direct_calls: bool = True
    "whether steps may have been called directly, with ids that are in no saga"
    logs: Sequence[Path] = ()
    before: Mapping[str, Any] = field(default_factory=dict)
    "what an earlier run remembered"


class Books:
    """Reads lazily, always from the transactions that were begun at the start."""

    def __init__(self, addresses: Mapping[str, str], told: Told) -> None:
        self.told = told
        self.databases: dict[str, Database] = {}
        try:
            for name in (*(addresses.keys() - {*READING_ORDER}), *READING_ORDER):
                self.databases[name] = Database(name, addresses[name])
        except BaseException:
            self.close()
            raise

    def close(self) -> None:
        for database in self.databases.values():
            database.close()

    def __enter__(self) -> "Books":
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    # -- the backend

    @cached_property
    def sagas(self) -> dict[str, Saga]:
        return {saga.correlation_id: saga for saga in self._backend(Saga)}

    @cached_property
    def trips(self) -> dict[str, Saga]:
        """Those that book a trip, each with the trip as its last change has left it; other sagas settle one
        or change it."""
        booked = {cid: saga for cid, saga in self.sagas.items() if saga.name == BOOKING}
        return {
            cid: saga.after(self.changed[cid]) if cid in self.changed else saga
            for cid, saga in booked.items()
        }

    @cached_property
    def changes(self) -> list[Saga]:
        return [saga for saga in self.sagas.values() if saga.name == CHANGE]

    @cached_property
    def changed(self) -> dict[str, Saga]:
        """The last change of each trip that took effect, by the correlation id of the booking."""
        swapped = [saga for saga in self.changes if saga.step["SwapTickets"]["status"] == "DONE"]
        return {str(saga.booked["booking"]): saga for saga in sorted(swapped, key=self._swapped_at)}

    def _swapped_at(self, change: Saga) -> datetime:
        return max(
            event.timestamp
            for event in self.events[change.correlation_id]
            if event.event_type == "SAGA_STEP_COMPLETED" and event.told.get("step") == "SwapTickets"
        )

    @cached_property
    def settlements(self) -> dict[str, list[Saga]]:
        """By the correlation id of the booking."""
        found: dict[str, list[Saga]] = defaultdict(list)
        for saga in self.sagas.values():
            if saga.name == SETTLEMENT:
                found[str(saga.booked["booking"])].append(saga)
        return found

    @cached_property
    def events(self) -> dict[str, list[Event]]:
        events = [event for row in self._backend(Event) for event in row.of_its_commit]
        return _grouped(sorted(events, key=attrgetter("sequence")), "correlation_id")

    @cached_property
    def audit_trail(self) -> dict[str, list[AuditEntry]]:
        return _grouped(self._backend(AuditEntry), "correlation_id")

    @cached_property
    def settled(self) -> set[tuple[str, str]]:
        """Correlation id and step of what was settled by hand, such as after a restore."""
        return {(one.correlation_id, one.step) for one in self._backend(Settled)}

    @cached_property
    def flights(self) -> dict[int, Flight]:
        return {flight.id: flight for flight in self._backend(Flight)}

    @cached_property
    def seats(self) -> list[Seat]:
        return self._backend(Seat)

    @cached_property
    def seats_of(self) -> dict[str, list[Seat]]:
        return _grouped(self.seats, "correlation_id")

    @cached_property
    def bookings(self) -> dict[str, Booking]:
        return {booking.correlation_id: booking for booking in self._backend(Booking)}

    @cached_property
    def tickets(self) -> dict[str, list[Ticket]]:
        """By booking reference."""
        return _grouped(self._backend(Ticket), "booking_id")

    # -- the participants

    @cached_property
    def payments(self) -> dict[str, list[Payment]]:
        return _grouped(self.databases["payment"].rows(Payment), "correlation_id")

    @cached_property
    def standing(self) -> dict[str, Standing]:
        return {one.correlation_id: one for one in self.databases["payment"].rows(Standing)}

    @cached_property
    def payments_of_trip(self) -> dict[str, list[Standing]]:
        """By the correlation id of the booking."""
        return _grouped(self.standing.values(), "trip_id")

    @cached_property
    def open_attempts(self) -> list[Attempt]:
        """Calls to the payment provider whose outcome is not written down yet."""
        return [one for one in self.databases["payment"].rows(Attempt) if one.state == "OPEN"]

    @cached_property
    def movements(self) -> dict[str, list[Movement]]:
        """The simulated bank's, by hold; what was declined or given up has none."""
        return _grouped((one for one in self.databases["payment"].rows(Movement) if one.hold), "hold")

    @cached_property
    def confirmations(self) -> dict[str, Confirmation]:
        """By booking reference."""
        return {one.booking_id: one for one in self._backend(Confirmation)}

    @cached_property
    def mailed_changes(self) -> set[str]:
        """Correlation ids of changes whose mail the mail server has."""
        return {one.change for one in self._backend(ChangeConfirmation) if one.ended_at}

    @cached_property
    def accounts(self) -> list[Account]:
        return self.databases["loyalty"].rows(Account)

    @cached_property
    def miles(self) -> dict[str, list[Miles]]:
        return _grouped(self.databases["loyalty"].rows(Miles), "correlation_id")

    @cached_property
    def miles_of_trip(self) -> dict[str, list[Miles]]:
        """By the correlation id of the booking: its award, the adjustments of its changes, its reversal."""
        return _grouped((entry for entries in self.miles.values() for entry in entries), "trip_id")

    @cached_property
    def records(self) -> dict[str, list[Record]]:
        """By service."""
        return {name: database.rows(Record) for name, database in self.databases.items()}

    @cached_property
    def record(self) -> dict[tuple[str, str], Record]:
        """By correlation id and step."""
        every = (record for records in self.records.values() for record in records)
        return {(record.correlation_id, record.step): record for record in every}

    @cached_property
    def recorded_by_orchestrator(self) -> dict[str, set[str]]:
        """The steps that it called, by correlation id."""
        called: dict[str, set[str]] = defaultdict(set)
        for (cid, step), record in self.record.items():
            if record.caller == ORCHESTRATOR:
                called[cid].add(step)
        return called

    def _backend(self, kind: type[Row]) -> list[Row]:
        return self.databases["backend"].rows(kind)

    # -- what several invariants ask

    def live_seats(self, correlation_id: str) -> list[Seat]:
        return [seat for seat in self.seats_of.get(correlation_id, []) if seat.is_live]

    def live_money(self, trip: str) -> int:
        """Cents that are held or taken for a trip, by all its payments."""
        return sum(payment.live for payment in self.payments_of_trip.get(trip, []))

    def kept(self, trip: Saga) -> int:
        """Cents that its cancellation keeps: the fee, or where an authorisation had expired what was left of
        it; nothing without a capture. What an operator has noted as lost is what is left."""
        if trip.fee and (trip.correlation_id, "AuthorizePayment") in self.settled:
            return self.live_money(trip.correlation_id)
        payments = self.payments_of_trip.get(trip.correlation_id, [])
        if not any(payment.status == "EXPIRED" for payment in payments):
            return trip.fee
        if not any(payment.captured for payment in payments):
            return 0
        return trip.fee if trip.told_kept is None else min(trip.fee, trip.told_kept)

    def net_miles(self, correlation_id: str) -> int:
        """Of a trip."""
        return sum(entry.miles for entry in self.miles_of_trip.get(correlation_id, []))

    def has_live_booking(self, correlation_id: str) -> bool:
        booking = self.bookings.get(correlation_id)
        return booking is not None and booking.status == "CONFIRMED"


def _grouped(rows: Iterable[Row], name: str) -> dict[Any, list[Row]]:
    groups: dict[Hashable, list[Row]] = defaultdict(list)
    key = attrgetter(name)
    for row in rows:
        groups[key(row)].append(row)
    return groups
