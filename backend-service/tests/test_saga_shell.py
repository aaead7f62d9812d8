"""The booking saga by hand: `BookingOrchestrator().start_booking_saga(booking_data)` in `manage.py shell`."""

import json
from io import StringIO
from typing import Any

import pytest
from django.conf import LazySettings
from django.core.management import call_command
from service_kit.problems import Problem

from flight.saga_orchestrator_complete import BookingOrchestrator
from tests.invariants import rows
from tests.saga_participants import never_arrives
from tests.saga_world import Desk, World

OWN = ("correlation_id", "message", "booking_reference", "seat_numbers", "flights")


def test_it_answers_what_start_booking_answers(desk: Desk, world: World) -> None:
    by_hand = BookingOrchestrator().start_booking_saga(world.body())
    by_http = desk.book().json()
    assert (by_hand["success"], by_hand["status"]) == (True, "COMPLETED")
    assert by_hand.keys() == by_http.keys()
    alike = {**by_hand, "amount": float(by_hand["amount"])}
    assert [alike[name] for name in alike if name not in OWN] == [
        by_http[name] for name in alike if name not in OWN
    ]
    assert desk.status(by_hand["correlation_id"])["result"]["message"] == by_hand["message"]


@pytest.mark.parametrize("step", ["ReserveSeat", "AuthorizePayment", "AwardMiles", "ConfirmBooking"])
def test_a_failure_is_compensated_and_told(desk: Desk, world: World, step: str) -> None:
    switch = {f"simulate_{step.lower()}_fail": True}
    answer = BookingOrchestrator().start_booking_saga(world.body(**switch))
    told = (answer["success"], answer["status"], answer["failed_step"], answer["error_code"])
    assert told == (False, "COMPENSATED", step, "SIMULATED_FAILURE")


def test_an_unknown_outcome_is_shown_as_under_way(desk: Desk, world: World) -> None:
    world.participants.then("AuthorizePayment", never_arrives)
    answer = BookingOrchestrator().start_booking_saga(world.body())
    assert (answer["status"], "success" in answer) == ("RUNNING", False)


def test_what_start_booking_refuses_is_refused_here(desk: Desk, world: World, settings: LazySettings) -> None:
    with pytest.raises(Problem, match="passengers") as invalid:
        BookingOrchestrator().start_booking_saga(world.body(passengers=[]))
    assert invalid.value.status == 400
    with pytest.raises(Problem) as unknown:
        BookingOrchestrator().start_booking_saga(world.body(flight_id=999_999))
    assert unknown.value.status == 404
    settings.DEMO_MODE = False
    with pytest.raises(Problem) as forbidden:
        BookingOrchestrator().start_booking_saga(world.body(simulate_reserveseat_fail=True))
    assert forbidden.value.status == 403
    assert rows("SELECT 1 FROM sagas_saga") == []


def told(*words: str) -> list[Any]:
    out = StringIO()
    call_command("sagas", *words, "--json", stdout=out)
    return [json.loads(line) for line in out.getvalue().splitlines()]


def test_shell_tells_what_the_console_reads(desk: Desk, world: World) -> None:
    """The console shows these four answers."""
    cid = desk.book(simulate_confirmbooking_fail=True).json()["correlation_id"]

    def read(path: str) -> Any:
        return desk.client.get(f"/api/saga/{path}").json()

    assert told("list", "--limit", "5") == read("?limit=5")["results"]
    assert told("show", cid) == [read(f"status/{cid}/")]
    assert told("export", cid) == [read(f"{cid}/export/")]
    assert told("follow", cid) == read(f"events/{cid}/")["events"]
