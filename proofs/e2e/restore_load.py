"""What travellers do while the back-ups of the restore drill are made: book, change and cancel trips."""

import threading
from collections import Counter
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from decimal import Decimal
from itertools import count
from typing import Any

from proofs.e2e.desk import Answer, Body, Desk, wait
from proofs.e2e.settlements import flight_in

FAILING = {0: "simulate_awardmiles_fail", 1: "simulate_confirmbooking_fail"}
LOST = {"PAYMENT_NOT_FOUND", "TRIP_NOT_FOUND"}
"Why a saga waits until what its participant has forgotten is settled."
SOON = 3
"Days until the departure of trips whose cancellation costs a fee."


@dataclass
class Trip:
    reference: str
    correlation_id: str
    flight_id: int
    acts: list["Act"]


Act = Callable[[Trip], None]
TURNS = 8


class Load:
    """Clients in turn; each trip is one client's at a time."""

    def __init__(self, desk: Desk, bookings: int) -> None:
        self._desk, self._bookings = desk, bookings
        self._numbers, self._lock = count(), threading.Condition()
        self._made: list[Trip] = []
        self._asked, self._waits = 0, False
        self.did: Counter[str] = Counter()
        self._soon = flight_in(desk, SOON)

    def wait_for(self, number: int) -> None:
        with self._lock:
            assert self._lock.wait_for(lambda: self._asked >= number, timeout=300)

    @contextmanager
    def paused(self) -> Iterator[None]:
        """No client begins anything."""
        self._set_waiting(waits=True)
        try:
            yield
        finally:
            self._set_waiting(waits=False)

    def _set_waiting(self, *, waits: bool) -> None:
        with self._lock:
            self._waits = waits
            self._lock.notify_all()

    def client(self) -> None:
        while (number := next(self._numbers)) < self._bookings:
            with self._lock:
                self._lock.wait_for(lambda: not self._waits)
            self._book(number)
            if trip := self._ripe():
                trip.acts.pop(0)(trip)
                self._keep(trip)
            with self._lock:
                self._asked += 1
                self._lock.notify_all()

    def _ripe(self) -> Trip | None:
        """One that was booked a while ago: the back-ups lie between."""
        with self._lock:
            return self._made.pop(0) if len(self._made) > self._bookings // 12 else None

    def _keep(self, trip: Trip) -> None:
        with self._lock:
            self._made += [trip] if trip.acts else []

    def _book(self, number: int) -> None:
        asked, turn = booking(number), number % TURNS
        if turn == 2:
            asked["flight_id"] = self._soon
        answer = self._post("/api/saga/start-booking/", asked)
        cid = answer.body["correlation_id"]
        made = self._desk.ended(cid)["result"] if answer.status == 202 else answer.body
        if not (reference := made.get("booking_reference")):
            return
        trip = Trip(reference, cid, asked["flight_id"], acts=self._acts(turn))
        if turn == 3:  # Before its money is captured.
            self._cancel(trip)
        else:
            self._keep(trip)

    def _acts(self, turn: int) -> list[Act]:
        """What becomes of a trip, at some distance."""
        plans: dict[int, list[Act]] = {
            2: [self._cancel],
            4: [self._dearer, self._cancel],
            5: [self._dearer, self._cheaper],
            6: [self._other_seat, self._dearer],
            7: [self._cancel],
        }
        return plans.get(turn, [])

    def _cancel(self, trip: Trip) -> None:
        paid = self._desk.payment(trip.correlation_id)
        answer = self._post(f"/api/bookings/{trip.reference}/cancel/", {})
        self.did[
            "cancelled before its capture" if paid == "AUTHORIZED" else "cancelled after its capture"
        ] += 1
        self.did["cancelled with a fee"] += bool(answer.body.get("fee"))

    def _dearer(self, trip: Trip) -> None:
        self._change(trip, seat_class="business")

    def _cheaper(self, trip: Trip) -> None:
        self._change(trip, seat_class="economy")

    def _other_seat(self, trip: Trip) -> None:
        seats = self._desk.seats(trip.flight_id)
        free = [seat for seat, status in reversed(seats.items()) if status == "free"]
        self._change(trip, seat_class="economy", seat_numbers=free[:1])

    def _change(self, trip: Trip, **flight: Any) -> None:
        path = f"/api/bookings/{trip.reference}/change-quote/"
        quoted = self._post(path, {"flights": [{"flight_id": trip.flight_id, **flight}]}, refused=True)
        if quoted.status != 200:  # Such as without a free seat.
            self._count("not changed")
            return
        path = f"/api/bookings/{trip.reference}/change/"
        answer = self._post(path, {"quote_id": quoted.body["quote_id"]})
        cid = answer.body["correlation_id"]
        ended = self._desk.ended(cid)["result"] if answer.status == 202 else answer.body
        self._count(_kind(quoted.body["difference"]) if ended["success"] else "not changed")

    def _count(self, *kinds: str) -> None:
        with self._lock:
            self.did.update(kinds)

    def _post(self, path: str, body: Mapping[str, Any], *, refused: bool = False) -> Answer:
        answer = self._desk.post("backend", path, body)
        assert answer.status in (200, 202) or (refused and answer.status in (400, 409)), answer.text
        return answer


def _kind(difference: Decimal) -> str:
    if not difference:
        return "changed to an equal trip"
    return "changed to a dearer trip" if difference > 0 else "changed to a cheaper trip"


KINDS = (
    *map(_kind, (Decimal(-1), Decimal(0), Decimal(1))),
    "cancelled before its capture",
    "cancelled after its capture",
    "cancelled with a fee",
)
"What has to happen between the back-ups, for a drill to count."


def booking(number: int) -> Body:
    failing = FAILING.get(number % TURNS)
    return {
        "flight_id": number % 90 + 1,
        "user_id": f"user-{number % 20}",
        "passengers": [{"first_name": "Jane", "last_name": "Doe"}],
        "contact_info": {"email": "jane@example.com", "mobile": "+1234567890"},
        **({failing: True} if failing else {}),
    }


def wait_until_quiet(desk: Desk) -> None:
    """Nothing moves: what is open waits for money that payment has lost."""
    wait(lambda: all(map(_waits(desk), desk.open_sagas())), "only lost money is waited for", within=120)


def _waits(desk: Desk) -> Callable[[str], bool]:
    def waits(correlation_id: str) -> bool:
        status = desk.status(correlation_id)
        errors = {step.get("error_code") for step in status["steps"]}
        return status["definition"] in ("settle-trip", "change-trip") and bool(LOST & errors)

    return waits
