"""The participants behind their breakers and bulkheads, and what readiness and metrics say of them."""

import threading
from collections.abc import Callable
from datetime import timedelta
from typing import Any

import pytest
import responses
from django.conf import LazySettings
from django_sagas import runtime
from django_sagas.breaker import Breaker, Slots
from django_sagas.client import Call, Participants
from django_sagas.clock import utc_now
from django_sagas.outcomes import Done, Outcome, Unknown

from tests.saga_participants import answers, never_arrives, refuses
from tests.saga_world import Desk, World, at_once, metric

PATIENCE = 20.0
CALL = Call("payment", "AuthorizePayment", "/api/saga/authorize-payment/", "cid-1", "{}")


# The breaker


def opened(at: float) -> Breaker:
    breaker = Breaker(limit=3, probe_seconds=1.0)
    for _ in range(3):
        assert breaker.admit(at)
        breaker.record(answered=False, now=at)
    return breaker


def test_a_breaker_opens_after_so_many_unknowns_in_a_row() -> None:
    breaker = Breaker(limit=3, probe_seconds=1.0)
    for answered in (False, False, True, False, False):
        breaker.record(answered=answered, now=0.0)
    assert not breaker.is_open
    breaker.record(answered=False, now=0.0)
    assert breaker.is_open is True


def test_an_open_breaker_lets_one_probe_a_second_through() -> None:
    breaker = opened(at=10.0)
    assert [breaker.admit(now) for now in (10.0, 10.9, 11.0, 11.1, 11.9, 12.0, 12.5)] == [
        *(False, False, True),
        *(False, False, True, False),
    ]


def test_a_probe_that_is_answered_closes_it_and_one_that_is_not_keeps_it_open() -> None:
    breaker = opened(at=10.0)
    assert breaker.admit(11.0)
    breaker.record(answered=False, now=11.5)
    assert not breaker.admit(11.9)
    assert breaker.admit(12.0)
    breaker.record(answered=True, now=12.1)
    assert all(breaker.admit(12.1) for _ in range(5))


def test_a_silent_card_gateway_is_no_silent_participant(
    desk: Desk, world: World, settings: LazySettings
) -> None:
    settings.SAGA_BREAKER_UNKNOWNS = 3
    runtime.orchestrator.cache_clear()
    problem = {"status": 503, "code": "GATEWAY_TIMEOUT", "detail": "The payment gateway does not answer."}
    world.participants.then("AuthorizePayment", *[answers(503, problem)] * 4)
    cids = [desk.book().json()["correlation_id"] for _ in range(4)]
    breaker = runtime.orchestrator().participants.breakers["payment"]
    assert not breaker.is_open and breaker.unknowns == 0
    assert {desk.status(cid)["status"] for cid in cids} == {"RUNNING"}
    assert desk.book().json()["status"] == "COMPLETED"


def test_those_turned_away_come_again_one_after_the_other_and_not_all_at_once() -> None:
    breaker = Breaker(limit=3, probe_seconds=1.0, appointments=50.0)
    waits = [breaker.turn_away(10.0) for _ in range(1000)]
    assert waits[:3] == pytest.approx([0.02, 0.04, 0.06])
    assert waits[-1] == pytest.approx(20.0)
    assert breaker.turn_away(25.0) == pytest.approx(5.02)


@pytest.mark.parametrize(("answered", "wait"), [(True, 0.02), (False, 9.04)])
def test_an_answer_makes_the_next_appointment_an_early_one(answered: bool, wait: float) -> None:
    breaker = Breaker(limit=3, probe_seconds=1.0, appointments=50.0)
    for _ in range(501):
        breaker.turn_away(10.0)
    breaker.record(answered=answered, now=11.0)
    assert breaker.turn_away(11.0) == pytest.approx(wait)


def test_a_saga_that_is_turned_away_waits_for_its_appointment(
    desk: Desk, world: World, settings: LazySettings
) -> None:
    settings.SAGA_BREAKER_UNKNOWNS, settings.SAGA_BREAKER_PROBE_SECONDS = 1, 3600.0
    settings.SAGA_BREAKER_APPOINTMENTS = 0.1
    runtime.orchestrator.cache_clear()
    world.participants.always("AuthorizePayment", never_arrives)
    desk.book()
    began = utc_now()
    row = world.row(desk.book().json()["correlation_id"])
    assert row.due_at is not None
    assert timedelta(seconds=10) <= row.due_at - began < timedelta(seconds=20)


def test_a_participant_that_does_not_answer_is_not_waited_for(
    desk: Desk, world: World, settings: LazySettings
) -> None:
    settings.SAGA_BREAKER_UNKNOWNS, settings.SAGA_BREAKER_PROBE_SECONDS = 3, 3600.0
    runtime.orchestrator.cache_clear()
    world.participants.always("AuthorizePayment", never_arrives)
    for _ in range(3):
        assert desk.book().status_code == 202
    cid = desk.book().json()["correlation_id"]
    assert len(world.participants.calls()) == 3
    error = "payment is not answering; waiting for a probe to succeed"
    assert desk.status(cid)["steps"][1]["error"] == error
    assert desk.get("/api/health/ready/")["participants"] == {"payment": "not answering", "loyalty": "ok"}


def test_a_refusal_is_an_answer_and_opens_no_breaker(
    desk: Desk, world: World, settings: LazySettings
) -> None:
    settings.SAGA_BREAKER_UNKNOWNS = 2
    runtime.orchestrator.cache_clear()
    world.participants.always("AuthorizePayment", refuses("PAYMENT_DECLINED"))
    for _ in range(4):
        assert desk.book().json()["error_code"] == "PAYMENT_DECLINED"
    assert len(world.participants.calls()) == 4


def test_only_the_participants_that_a_definition_names_are_connected(settings: LazySettings) -> None:
    settings.SAGA_PARTICIPANTS = {**settings.SAGA_PARTICIPANTS, "ui": "http://ui:8000"}
    assert set(Participants().breakers) == {"payment", "loyalty"}


# The bulkhead


def participants(settings: LazySettings, slots: int, wait: float) -> Participants:
    settings.SAGA_CALLS_PER_PARTICIPANT, settings.SAGA_SLOT_WAIT = slots, wait
    return Participants({"payment": settings.PAYMENT_URL, "loyalty": settings.LOYALTY_URL})


def test_a_slow_participant_keeps_only_its_share_of_the_threads(
    settings: LazySettings, transactional_db: None
) -> None:
    remote = participants(settings, slots=1, wait=0.01)
    inside, release = threading.Event(), threading.Event()

    def slow(request: Any) -> tuple[int, dict[str, str], str]:
        inside.set()
        assert release.wait(PATIENCE)
        return 200, {}, '{"correlation_id": "cid-1", "success": true}'

    def first() -> Outcome:
        return remote.call(CALL, timeout=PATIENCE)

    def second() -> Outcome:
        assert inside.wait(PATIENCE)
        try:
            return remote.call(CALL, timeout=PATIENCE)
        finally:
            release.set()

    with responses.RequestsMock() as edge:
        edge.add_callback(responses.POST, settings.PAYMENT_URL + CALL.path, callback=slow)
        done, turned_away = at_once(first, second)
    assert isinstance(done, Done)
    assert isinstance(turned_away, Unknown)
    assert turned_away.error == "too many calls are waiting for payment"
    assert turned_away.retry_after == pytest.approx(1 / settings.SAGA_BREAKER_APPOINTMENTS)
    assert not remote.breakers["payment"].is_open


def test_no_call_waits_for_a_slot_of_a_silent_participant() -> None:
    slots = Slots(1, patience=1.5)
    assert slots.enter(10.0, timeout=8.0)
    assert not slots.enter(11.5, timeout=PATIENCE), "which would take a second and a half"
    slots.leave(18.0, answered=False)
    assert slots.enter(18.0, timeout=8.0)


def test_a_place_is_waited_for_while_others_are_answered() -> None:
    slots, free = Slots(2, patience=PATIENCE), threading.Event()
    assert slots.enter(10.0, timeout=8.0) and slots.enter(10.0, timeout=8.0)

    def answer_one() -> None:
        assert free.wait(PATIENCE)
        slots.leave(10.5, answered=True)

    def wait_for_place() -> bool:
        free.set()
        return slots.enter(10.1, timeout=PATIENCE)

    assert at_once(answer_one, wait_for_place) == [None, True]
    slots.leave(11.0, answered=False)
    assert slots.enter(11.0, timeout=0.0)


def test_a_slot_is_released_after_every_outcome(settings: LazySettings, transactional_db: None) -> None:
    remote = participants(settings, slots=1, wait=0.01)
    with responses.RequestsMock() as edge:
        address = settings.PAYMENT_URL + CALL.path
        edge.add(responses.POST, address, body=ConnectionResetError("gone"))
        edge.add(responses.POST, address, body="<html>", status=502)
        edge.add(responses.POST, address, json={"correlation_id": "cid-1", "success": True})
        outcomes = [remote.call(CALL, timeout=1.0) for _ in range(3)]
    assert [type(outcome) for outcome in outcomes] == [Unknown, Unknown, Done]


def test_a_refused_connection_is_unknown(settings: LazySettings, transactional_db: None) -> None:
    settings.PAYMENT_URL = "http://127.0.0.1:9"
    outcome = participants(settings, slots=1, wait=1.0).call(CALL, timeout=1.0)
    assert isinstance(outcome, Unknown) and "refused" in outcome.error


# What others see


@pytest.fixture
def metrics(desk: Desk) -> Callable[[], str]:
    def read() -> str:
        answer = desk.client.get("/metrics")
        assert answer.status_code == 200
        return answer.content.decode() if not answer.streaming else b"".join(answer).decode()

    return read


def test_metrics_show_open_stuck_and_overdue_sagas(
    desk: Desk, world: World, metrics: Callable[[], str]
) -> None:
    assert metric(metrics(), "saga_oldest_open_seconds") == 0
    desk.book()
    desk.book(headers={"Prefer": "respond-async"})
    world.participants.always("CancelPayment", answers(400, {"code": "X", "detail": "?"}))
    desk.book(simulate_awardmiles_fail=True)
    text = metrics()
    assert metric(text, 'sagas_open{definition="book-trip",status="PENDING"}') == 1
    assert metric(text, 'sagas_open{definition="book-trip",status="RUNNING"}') == 0
    assert metric(text, 'sagas_open{definition="book-trip",status="COMPENSATING"}') == 1
    assert metric(text, 'sagas_open{definition="settle-trip",status="PENDING"}') == 1
    assert metric(text, "sagas_needing_attention") == 1
    assert metric(text, "saga_oldest_open_seconds") > 0
    assert metric(text, "saga_log_readable") == 1


def test_a_call_is_measured_by_participant_and_outcome(
    desk: Desk, world: World, metrics: Callable[[], str]
) -> None:
    name = 'saga_call_seconds_count{call="AwardMiles",outcome="Refused",participant="loyalty"}'
    before = metric(metrics(), name) if name in metrics() else 0.0
    world.participants.then("AwardMiles", refuses("ACCOUNT_CLOSED"))
    desk.book()
    assert metric(metrics(), name) == before + 1


def test_a_call_is_signed_for_its_participant_and_carries_the_sagas_id(desk: Desk, world: World) -> None:
    cid = desk.book().json()["correlation_id"]
    calls = [call.request.headers for call in desk.edge.calls]
    assert [headers["X-Correlation-ID"] for headers in calls] == [cid, cid]
    assert all(headers["Authorization"].startswith("Bearer ") for headers in calls)
    assert len({headers["Authorization"] for headers in calls}) == 2
    assert {headers["Content-Type"] for headers in calls} == {"application/json"}
