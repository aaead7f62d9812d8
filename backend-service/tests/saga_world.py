"""A backend with its database, two participants in memory, and a clock that only moves when told."""

import json
import threading
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from typing import Any
from uuid import uuid4

import pytest
import responses
from django.conf import LazySettings
from django.db import connection, connections
from django.test import Client
from django_sagas import runtime, saga_log
from django_sagas.clock import utc_now
from django_sagas.database import fetch_all
from django_sagas.events import SagaEvent
from django_sagas.recovery import Recovery
from django_sagas.state import SagaState

from flight import saga_requests
from flight.models import Flight
from flight.saga_orchestrator_complete import BookingOrchestrator
from tests import invariants
from tests.saga_participants import PATHS, FakeParticipants, Received

START = "/api/saga/start-booking/"
KEY = {"Idempotency-Key": "first-try"}
LEASE = 10.0
SETTLE_AFTER = 86_400.0
"Seconds; a settlement begins after every test, which ends with it."
LONG = 30.0
"seconds; longer than any lease or pause between two tries"


@dataclass
class Clock:
    """The wall clock's start, and then only what the test adds."""

    at: datetime = field(default_factory=utc_now)

    def __call__(self) -> datetime:
        return self.at

    def advance(self, seconds: float) -> None:
        self.at += timedelta(seconds=seconds)


class Died(BaseException):
    """The process is gone: nothing of it runs any more."""


class DiesAfterCommit:
    """Publishing comes right after a commit; so does this death."""

    def __init__(self, place: int) -> None:
        self.left = place

    def __call__(self, events: Sequence[SagaEvent]) -> None:
        self.left -= 1
        if self.left < 0:
            raise Died


@dataclass
class World:
    flight: Flight
    participants: FakeParticipants = field(default_factory=FakeParticipants)
    clock: Clock = field(default_factory=Clock)
    published: list[SagaEvent] = field(default_factory=list)
    epochs: dict[str, int] = field(default_factory=dict)

    def orchestrator(self, owner: str = "one", **seams: Any) -> BookingOrchestrator:
        given = {"now": self.clock, "jitter": lambda: 1.0, "publish": self.published.extend, **seams}
        given["publisher"] = given.pop("publish")
        return BookingOrchestrator(given.pop("participants", self.participants), owner, **given)

    def body(self, **changes: Any) -> dict[str, Any]:
        """What a client posts to start-booking: two economy seats, 400.00 and 50.00 charges."""
        people = [("John", "Doe"), ("Jane", "Doe")]
        return {
            "flight_id": self.flight.id,
            "user_id": "1",
            "passengers": [{"first_name": first, "last_name": last} for first, last in people],
            "contact_info": {"email": "john@example.com", "mobile": "+1234567890"},
            "payment": {"card_token": "tok_ok"},
        } | changes

    def trip_body(self, *flights: Flight | dict[str, Any], **changes: Any) -> dict[str, Any]:
        """The same for several flights, each by itself or as its part of the body."""
        body = self.body()
        del body["flight_id"]
        asked = [each if isinstance(each, dict) else {"flight_id": each.id} for each in flights]
        return body | {"flights": asked} | changes

    def new_saga(self, *flights: Flight, **changes: Any) -> SagaState:
        """Of the world's flight, or of the trip of these."""
        body = self.trip_body(*flights, **changes) if flights else self.body(**changes)
        command = saga_requests.START_BOOKING.read(json.loads(json.dumps(body)))
        return saga_requests.new_saga(
            command,
            correlation_id=str(uuid4()),
            flights=saga_requests.find_flights_of(command),
            scope=None,
            key=None,
            now=self.clock(),
        )

    def start(self, orchestrator: BookingOrchestrator | None = None, **changes: Any) -> SagaState:
        """Book with an orchestrator of one's own, as far as one request goes."""
        started = (orchestrator or self.orchestrator()).start(self.new_saga(**changes), deadline=None)
        assert started is not None
        return started

    def completed(self, **changes: Any) -> SagaState:
        saga = self.start(**changes)
        assert saga.status == "COMPLETED"
        return saga

    def recover(self, *, after: float = LONG, owner: str = "recovery", **seams: Any) -> int:
        """Later, another process looks for what is due."""
        self.clock.advance(after)
        return Recovery(self.orchestrator(owner, **seams), threads=8).run_due()

    def settle(self, *, waiting: bool = False) -> None:
        """Everything works again: recovery goes on until nothing is left to do, or with `waiting` until the
        day has come and gone of what waits for one."""
        self.participants.heal()
        if waiting:
            self.clock.advance(2 * SETTLE_AFTER)
        for _ in range(20):
            if not invariants.open_sagas(waiting=waiting):
                return
            self.recover()
            self.check_always()
        raise AssertionError(f"still open: {invariants.open_sagas(waiting=waiting)}")

    # Looking

    def row(self, correlation_id: str) -> SagaState:
        saga = saga_log.load(correlation_id)
        assert saga is not None
        return saga

    def statuses(self, correlation_id: str) -> list[str]:
        return [step.status.value for step in self.row(correlation_id).steps]

    def events(self, correlation_id: str) -> list[str]:
        """Types in order; with the step's or the compensation's name where there is one."""
        return [_title(event.type, event.data) for event in invariants.events_of(correlation_id)]

    def seats(self, correlation_id: str) -> list[tuple[str, str]]:
        sql = "SELECT seat_number, state FROM flight_seat WHERE correlation_id = %s ORDER BY seat_number"
        return fetch_all(sql, (correlation_id,))

    def check_always(self) -> None:
        invariants.hold_at_any_time(self.participants, now=self.clock())
        for correlation_id, epoch in fetch_all("SELECT correlation_id, epoch FROM sagas_saga"):
            assert epoch >= self.epochs.get(correlation_id, 0), "an epoch only grows"
            self.epochs[correlation_id] = epoch

    def check_quiet(self) -> None:
        self.check_always()
        invariants.hold_when_quiet(self.participants)


def _title(event_type: str, data: dict[str, Any]) -> str:
    name = data.get("compensation") or data.get("step")
    return f"{event_type.removeprefix('SAGA_')} {name}" if name else event_type


@pytest.fixture
def world(transactional_db: None, flight: Flight, settings: LazySettings) -> Iterator[World]:
    """Whatever a test does to it: in the end it heals, every saga ends, every booking is settled, and every
    invariant holds."""
    settings.SETTLE_AFTER_SECONDS = SETTLE_AFTER
    world = World(flight)
    world.participants.watch = lambda received: _watch(world, received)
    yield world
    world.check_always()
    world.settle()
    world.check_quiet()
    world.settle(waiting=True)
    world.check_quiet()


def _watch(world: World, received: Received) -> None:
    """What has to be durable when a call goes out."""
    if connection.in_atomic_block:
        world.participants.breaches.append(f"{received.name} was sent inside a transaction")
    if not invariants.intent_is_durable(received.name, received.correlation_id):
        world.participants.breaches.append(f"{received.name} was sent without its intent")


@dataclass
class Desk:
    """The backend behind its URLs; payment and loyalty stand at the HTTP edge."""

    world: World
    client: Client = field(default_factory=Client)
    edge: Any = None
    "what stands at the addresses of payment and loyalty"

    def book(self, *, headers: Any = None, **changes: Any) -> Any:
        return self.post(START, self.world.body(**changes), headers=headers)

    def book_trip(self, *flights: Flight | dict[str, Any], headers: Any = None, **changes: Any) -> Any:
        return self.post(START, self.world.trip_body(*flights, **changes), headers=headers)

    def post(
        self, path: str, body: dict[str, Any] | None = None, *, headers: dict[str, str] | None = None
    ) -> Any:
        return self.client.post(path, body or {}, content_type="application/json", headers=headers or {})

    def get(self, path: str) -> Any:
        answer = self.client.get(path)
        assert answer.status_code == 200, answer.content
        return answer.json()

    def status(self, correlation_id: str) -> Any:
        return self.get(f"/api/saga/status/{correlation_id}/")

    def recover(self, *, after: float = LONG) -> int:
        """Recovery with the process's own orchestrator, at a later time."""
        self.world.clock.at = max(self.world.clock.at, utc_now())
        self.world.clock.advance(after)
        driver = replace(runtime.orchestrator(), owner="recovery", now=self.world.clock, jitter=lambda: 1.0)
        return Recovery(driver, threads=8).run_due()


@pytest.fixture
def desk(world: World, settings: LazySettings) -> Iterator[Desk]:
    runtime.orchestrator.cache_clear()  # Breakers, like everything in it, last as long as a process.
    with responses.RequestsMock(assert_all_requests_are_fired=False) as edge:
        for name, path in PATHS.items():
            address = settings.PAYMENT_URL if "Payment" in name else settings.LOYALTY_URL
            edge.add_callback(responses.POST, address + path, callback=world.participants.http)
        yield Desk(world, edge=edge)


def desk_of(world: World) -> Desk:
    """Another client of the same backend."""
    return Desk(world, Client())


def metric(text: str, name: str) -> float:
    (line,) = [line for line in text.splitlines() if line.startswith(name + " ")]
    return float(line.rsplit(" ", 1)[1])


def at_once(*works: Callable[[], Any]) -> list[Any]:
    """Every piece of work in a thread of its own, begun together; what they returned."""
    barrier = threading.Barrier(len(works))
    results: list[Any] = [None] * len(works)

    def run(place: int, work: Callable[[], Any]) -> None:
        try:
            barrier.wait()
            results[place] = work()
        except Exception as error:  # Handed to the test's own thread.
            results[place] = error
        finally:
            connections.close_all()

    threads = [threading.Thread(target=run, args=(place, work)) for place, work in enumerate(works)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    for result in results:
        if isinstance(result, Exception):
            raise result
    return results


Hook = Callable[[str], None]


@contextmanager
def around_statements(*, before: Hook = lambda sql: None, after: Hook = lambda sql: None) -> Iterator[None]:
    """Something happens before or after each statement of this thread's connection."""

    def wrap(execute: Any, sql: str, params: Any, many: bool, context: Any) -> Any:
        before(sql)
        result = execute(sql, params, many, context)
        after(sql)
        return result

    with connection.execute_wrapper(wrap):
        yield


def when(fragment: str, error: BaseException, *, times: int = 1) -> Hook:
    """Raise at the first statements that hold `fragment`."""
    left = [times]

    def hook(sql: str) -> None:
        if fragment in sql and left[0] > 0:
            left[0] -= 1
            raise error

    return hook


__all__ = [
    "Desk",
    "Died",
    "DiesAfterCommit",
    "World",
    "around_statements",
    "at_once",
    "desk",
    "desk_of",
    "metric",
    "when",
    "world",
]
