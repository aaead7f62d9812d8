"""All sagas in numbers: exact, bounded, and for those who may see them."""

import re
from datetime import timedelta
from typing import Any

import pytest
from django.conf import LazySettings
from django.db import connection
from django.test.utils import CaptureQueriesContext
from django_sagas import overview as engine
from django_sagas.overview import Totals
from django_sagas.recovery import Recovery

from flight.models import Flight
from flight.operations.overview import overview as counted_now
from flight.operations.serializers import Overview
from tests.conftest import OwnSeats
from tests.described_fields import differences
from tests.invariants import rows
from tests.saga_participants import answers, never_arrives
from tests.saga_world import Desk, World

URL = "/api/saga/overview/"
MOST_QUERIES = 20


def overview(world: World) -> Any:
    """As a process sees it that has counted nothing before."""
    return counted_now(world.clock(), counted=Totals())


def test_nothing_is_counted_where_nothing_was_booked(world: World) -> None:
    found = overview(world)
    assert found["counts"] == {
        "PENDING": 0,
        "RUNNING": 0,
        "COMPENSATING": 0,
        "COMPLETED": 0,
        "COMPENSATED": 0,
    }
    assert found["oldest_open"] is None
    assert (found["failures"]["ended"], found["failures"]["failed"]) == (0, 0)
    assert {"name": "book-trip", "version": 1, "open": 0} in found["definitions"]


def test_each_saga_is_counted_under_its_state(world: World) -> None:
    settlement = world.completed().facts["ConfirmBooking"]["settlement"]
    world.start(simulate_awardmiles_fail=True)
    world.participants.always("AuthorizePayment", never_arrives)
    waiting = world.start().correlation_id
    found = overview(world)
    assert {name: count for name, count in found["counts"].items() if count} == {
        "PENDING": 1,
        "COMPLETED": 1,
        "COMPENSATED": 1,
        "RUNNING": 1,
    }
    assert [each["correlation_id"] for each in found["next_tries"]] == [waiting, settlement]
    assert found["seats_held"]["by_sagas"] == 2
    assert found["oldest_open"]["correlation_id"] in (waiting, settlement)
    for name in ("book-trip", "settle-trip"):
        assert {"name": name, "version": 1, "open": 1} in found["definitions"]


def test_a_cancellation_that_was_asked_for_is_no_failure(desk: Desk, world: World) -> None:
    booked = desk.book().json()
    world.start(simulate_awardmiles_fail=True)
    desk.post(f"/api/bookings/{booked['booking_reference']}/cancel/")
    found = overview(world)
    assert found["counts"]["COMPENSATED"] == 2
    assert (found["failures"]["ended"], found["failures"]["failed"]) == (2, 1)


def test_failures_of_the_day_before_yesterday_do_not_count(world: World) -> None:
    world.start(simulate_awardmiles_fail=True)
    world.clock.advance(engine.WINDOW.total_seconds() + 1)
    assert overview(world)["failures"]["failed"] == 0


def test_settlements_do_not_dilute_the_failure_rate(world: World, settings: LazySettings) -> None:
    settings.SETTLE_AFTER_SECONDS = 0
    world.completed()
    world.start(simulate_awardmiles_fail=True)
    assert world.recover() == 1
    failures = overview(world)["failures"]
    assert (failures["ended"], failures["failed"]) == (2, 1)


def test_the_failure_rate_looks_at_so_many_sagas_only(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    world.start(simulate_awardmiles_fail=True)
    world.clock.advance(1)
    for _ in range(2):
        world.completed()
        world.clock.advance(1)
    monkeypatch.setattr(engine, "NEWEST", 2)
    failures = overview(world)["failures"]
    assert (failures["ended"], failures["failed"]) == (2, 0)


def test_stuck_sagas_are_grouped_by_what_is_wrong(world: World) -> None:
    world.participants.always("CancelPayment", answers(503))
    ids = [world.start(simulate_awardmiles_fail=True).correlation_id for _ in range(2)]
    for _ in range(12):
        world.recover()
    found = overview(world)
    assert found["needs_attention"] == 2
    assert sum(each["count"] for each in found["incidents"]) == 2
    assert {cid for each in found["incidents"] for cid in each["sagas"]} == set(ids)


def test_workers_are_those_that_gave_a_sign_of_life_lately(world: World) -> None:
    for name, age in (("alive", timedelta(seconds=1)), ("dead", timedelta(minutes=5))):
        Recovery(world.orchestrator(name), threads=1).beat(world.clock() - age)
    engine = overview(world)["engine"]
    assert [each["name"] for each in engine["workers"]] == ["alive"]


def test_holds_of_direct_calls_and_their_expiry_are_told(
    world: World, flight: Flight, own_seats: OwnSeats
) -> None:
    (seat,) = own_seats(flight, "12A")
    seat.expires_at = world.clock() + timedelta(minutes=10)
    seat.save()
    held = overview(world)["seats_held"]
    assert (held["by_sagas"], held["by_direct_calls"]) == (0, 1)
    assert held["next_expiry"] is not None


def test_sagas_counted_before_are_not_counted_again_and_new_ones_are(world: World) -> None:
    counted = Totals()
    for expected in (1, 2, 3):
        world.start(simulate_reserveseat_fail=True)
        assert counted.begun(world.clock()) == expected
        world.clock.advance(90)
    world.clock.advance(-1000)
    assert counted.begun(world.clock()) == 3


def test_the_number_of_queries_does_not_grow_with_the_sagas(world: World) -> None:
    world.participants.always("AuthorizePayment", never_arrives)
    numbers = []
    for _ in range(2):
        for _ in range(4):
            world.start()
        with CaptureQueriesContext(connection) as asked:
            overview(world)
        numbers.append(len(asked))
    assert numbers[0] == numbers[1] <= MOST_QUERIES


def test_no_query_walks_all_of_history(world: World) -> None:
    """SQLite says SCAN where it reads from end to end; it then names the index, if it reads only that."""
    if connection.vendor != "sqlite":
        pytest.skip("PostgreSQL plans a small table otherwise")
    with CaptureQueriesContext(connection) as asked:
        overview(world)
    for query in asked.captured_queries:
        for step in rows(f"EXPLAIN QUERY PLAN {query['sql']}"):
            walked = (
                re.match(r"SCAN (flight_s|sagas_(saga|event)|U\d)", step["detail"])
                and "COVERING INDEX" not in step["detail"]
            )
            assert not walked, (query["sql"], step["detail"])


def test_the_answer_has_the_fields_of_its_schema(desk: Desk, world: World) -> None:
    world.participants.always("AuthorizePayment", never_arrives)
    world.start()
    assert differences(Overview(), desk.get(URL)) == []


def test_only_operators_and_auditors_see_it_outside_demo_mode(desk: Desk, settings: LazySettings) -> None:
    settings.DEMO_MODE = False
    assert desk.client.get(URL).status_code == 401
