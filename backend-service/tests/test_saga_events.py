"""Events are rows that are kept for good and read in order."""

from typing import Any

import pytest
from django.conf import LazySettings
from django_sagas import event_log
from django_sagas.clock import utc_now
from django_sagas.events import EventType
from django_sagas.models import SagaEventRow
from django_sagas.transition import Transition
from service_kit.testing import callers
from structlog.testing import capture_logs

from tests.booking_events import FORWARD
from tests.saga_participants import answers, never_arrives
from tests.saga_world import Desk, World


def events(desk: Desk, cid: str, query: str = "") -> list[dict[str, Any]]:
    answer = desk.get(f"/api/saga/events/{cid}/{query}")
    assert answer["correlation_id"] == cid
    found: list[dict[str, Any]] = answer["events"]
    return found


def test_events_are_read_in_order_each_once(desk: Desk, world: World) -> None:
    cid = desk.book().json()["correlation_id"]
    every = events(desk, cid)
    assert [one["sequence"] for one in every] == list(range(1, len(FORWARD) + 1))
    assert {one["correlation_id"] for one in every} == {cid}
    assert len({one["event_id"] for one in every}) == len(every)
    assert {frozenset(one) for one in every} == {
        frozenset(("event_id", "event_type", "correlation_id", "data", "timestamp", "sequence"))
    }
    pieces = [piece for after in range(0, 12, 3) for piece in events(desk, cid, f"?after={after}")[:3]]
    assert pieces == every


def test_events_after_the_last_one_are_none(desk: Desk) -> None:
    cid = desk.book().json()["correlation_id"]
    assert events(desk, cid, f"?after={len(FORWARD)}") == []
    assert events(desk, cid, "?after=2147483647") == []


def test_more_events_than_a_page_holds_are_all_read_by_following_next(desk: Desk) -> None:
    cid = desk.book().json()["correlation_id"]
    last, many = len(FORWARD), 2100
    rows = [
        SagaEventRow(
            correlation_id=cid,
            sequence=number,
            event_id=f"event-{number}",
            event_type="SAGA_COMPENSATION_FAILED",
            data="{}",
            timestamp=utc_now(),
        )
        for number in range(last + 1, many + 1)
    ]
    SagaEventRow.objects.bulk_create(rows)
    path, found, pages = f"/api/saga/events/{cid}/", [], 0
    while path:
        page = desk.get(path)
        found += [one["sequence"] for one in page["events"]]
        path, pages = page["next"], pages + 1
    assert (found, pages) == (list(range(1, many + 1)), 3)
    SagaEventRow.objects.filter(correlation_id=cid, sequence__gt=last).delete()


def test_every_event_type_is_one_that_the_list_names(desk: Desk, world: World) -> None:
    """`EventType` is what emits, describes and is compared with the pages."""
    world.participants.then("AuthorizePayment", never_arrives)
    desk.book(simulate_confirmbooking_fail=True)
    desk.book(simulate_awardmiles_fail=True)
    world.settle()
    found = {event.event_type for event in event_log.unfold(SagaEventRow.objects.all())}
    assert found <= set(EventType)
    with pytest.raises(AttributeError):
        Transition(world.new_saga(), owner="", now=world.clock()).emit("SAGA_MADE_UP")  # type: ignore[arg-type]


STEP_LINES = {
    "simulate_confirmbooking_fail": [
        ("ReserveSeat", None, "DONE", None),
        ("AuthorizePayment", None, "DONE", None),
        ("AwardMiles", None, "DONE", None),
        ("ConfirmBooking", None, "REFUSED", "SIMULATED_FAILURE"),
        ("AwardMiles", "ReverseMiles", "UNDONE", None),
        ("AuthorizePayment", "CancelPayment", "UNDONE", None),
        ("ReserveSeat", "CancelSeat", "UNDONE", None),
    ],
    "simulate_authorizepayment_fail": [
        ("ReserveSeat", None, "DONE", None),
        ("AuthorizePayment", None, "REFUSED", "SIMULATED_FAILURE"),
        ("ReserveSeat", "CancelSeat", "UNDONE", None),
    ],
}


def lines_of(logged: Any, cid: str) -> list[tuple[str, str | None, str, str | None]]:
    return [
        (line["step"], line.get("compensation"), line["outcome"], line.get("error_code"))
        for line in logged
        if line["event"] == "saga_step" and line["correlation_id"] == cid
    ]


@pytest.mark.parametrize("switch", STEP_LINES)
def test_every_step_failure_and_compensation_is_a_line_in_the_log(desk: Desk, switch: str) -> None:
    with capture_logs() as logged:
        cid = desk.book(**{switch: True}).json()["correlation_id"]
    assert lines_of(logged, cid) == STEP_LINES[switch]


def test_an_unknown_try_and_a_failed_compensation_are_lines_in_the_log(desk: Desk, world: World) -> None:
    world.participants.then("AwardMiles", answers(503))
    world.participants.then("CancelPayment", answers(400, {"code": "INVALID", "detail": "Bad."}))
    with capture_logs() as logged:
        cid = desk.book(simulate_awardmiles_fail=True).json()["correlation_id"]
        desk.recover()
    told = lines_of(logged, cid)
    assert ("AwardMiles", None, "UNKNOWN", "UNKNOWN") in told
    assert ("AuthorizePayment", "CancelPayment", "NOT_UNDONE", "INVALID") in told


@pytest.mark.parametrize("after", ["-1", "x", "1.5", "", "2147483648", "99999999999999", "٣"])
def test_after_must_be_a_sequence_number(desk: Desk, after: str) -> None:
    cid = desk.book().json()["correlation_id"]
    answer = desk.client.get(f"/api/saga/events/{cid}/", {"after": after})
    assert (answer.status_code, list(answer.json()["errors"])) == (400, ["after"])


@pytest.mark.parametrize("what", ["status", "events"])
def test_no_such_saga_is_404(desk: Desk, what: str) -> None:
    assert desk.client.get(f"/api/saga/{what}/no-such-saga/").status_code == 404


@pytest.mark.parametrize("what", ["status", "events"])
def test_another_users_saga_is_the_same_404(desk: Desk, settings: LazySettings, what: str) -> None:
    cid = desk.book().json()["correlation_id"]
    settings.DEMO_MODE = False

    def by(user_id: str, role: str, which: str = cid) -> Any:
        token = callers.user_token(user_id=user_id, role=role, audience="backend")
        path = f"/api/saga/{what}/{which}/"
        return desk.client.get(path, headers={"Authorization": f"Bearer {token}"})

    assert by("1", "traveller").status_code == 200
    assert by("9", "operator").status_code == 200
    foreign, missing = by("2", "traveller"), by("2", "traveller", "no-such-saga")
    assert (foreign.status_code, foreign.json()) == (404, missing.json())
    settings.DEMO_MODE = True
