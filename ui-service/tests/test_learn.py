"""The stage: lessons make a real booking, break one thing for it alone, and show what the records say."""

from datetime import datetime, timedelta
from typing import Any

import pytest
from django.test import Client
from pytest_django import Settings

from scripts.paths import ROOT
from tests.desk import DEFINITIONS, PAYMENT, SAGA, Desk, Json, saga
from tests.lesson_events import ASKED, ASKED_AGAIN, BEGAN, BEGUN, DONE, FAULTS, LOST, PAID, PAY, after, learns
from ui.learn import stage
from ui.learn.lessons import BY_SLUG, LESSONS

STEPS = DEFINITIONS["results"][0]["steps"]
LATER = BEGAN + timedelta(minutes=5)


def drawn(slug: str, *events: Json, now: datetime = LATER) -> list[tuple[str, str, str]]:
    """Kind, way and words of each row."""
    rows = stage.rows(events, STEPS, BY_SLUG[slug], now=now)
    return [(row.kind, row.way, f"{row.name} {row.told}".strip()) for row in rows]


def test_a_lost_answer_is_drawn_lost_and_the_request_that_comes_twice_twice() -> None:
    told = drawn("lost-reply", BEGUN, ASKED, LOST, ASKED_AGAIN, PAID, DONE)
    assert [row[:2] for row in told] == [
        ("call", "to-right"),
        ("call", "to-right"),
        ("lost", "to-left"),
        ("call", "to-right"),
        ("reply", "to-left"),
        ("reply", "to-left"),
    ]
    assert told[3][2] == "AuthorizePayment The same request again, try 2."
    assert "IncompleteRead" not in told[2][2]


def test_an_answer_that_is_only_unknown_is_not_drawn_lost() -> None:
    answered = after(1.1, 3, "SAGA_STEP_UNKNOWN", **PAY, error="the participant answered 500")
    assert drawn("killed", BEGUN, ASKED, answered)[2] == (
        "reply",
        "to-left",
        "AuthorizePayment Unknown: the participant answered 500",
    )


def test_after_a_kill_the_answer_is_heard_by_nobody_and_another_process_asks_again() -> None:
    told = drawn("killed", BEGUN, ASKED, ASKED_AGAIN, PAID, DONE)
    assert told[1][2] == "AuthorizePayment Token 2, process 7."
    assert told[2][0] == "lost" and "is dead" in told[2][2]
    assert told[3][2].endswith("Token 3, process 8.")


@pytest.mark.parametrize(
    ("slug", "events"),
    [
        ("two-orchestrators", (BEGUN, ASKED, ASKED_AGAIN, PAID, DONE)),
        ("undo-first", (BEGUN, ASKED, after(3, 3, "SAGA_COMPENSATED"))),
    ],
)
def test_what_no_event_tells_is_told_once_its_fault_is_over(slug: str, events: tuple[Json, ...]) -> None:
    late = BY_SLUG[slug].late
    assert late is not None
    before = BEGAN + timedelta(seconds=1 + late.seconds - 0.1)
    assert len(drawn(slug, *events)) == len(drawn(slug, *events, now=before)) + 1
    assert str(late.told) in drawn(slug, *events)[-1][2]


@pytest.mark.parametrize("slug", ["two-orchestrators", "undo-first"])
def test_nothing_late_is_told_of_a_booking_whose_answer_was_heard(slug: str) -> None:
    assert len(drawn(slug, BEGUN, ASKED, PAID, DONE)) == 4


def test_a_saga_with_a_further_participant_has_a_lane_for_it() -> None:
    room = {"name": "ReserveRoom", "compensation": "CancelRoom", "participant": "hotel"}
    assert stage.lanes([*STEPS, room]) == ["ui", "backend", "payment", "loyalty", "hotel"]


@pytest.mark.parametrize("lesson", LESSONS, ids=lambda lesson: lesson.slug)
def test_a_lesson_sets_its_faults_for_its_own_booking_and_counts_what_arrives(
    client: Client, desk: Desk, lesson: Any
) -> None:
    learns(desk)
    desk.sells().starts()
    answer = client.post("/learn/run/", {"lesson": lesson.slug})
    assert answer["Location"] == f"/learn/{lesson.slug}/{SAGA}/"
    (started,) = desk.sent_to("/api/saga/start-booking/")
    assert desk.body(started)["payment"] == {"card_token": lesson.card}
    assert desk.body(started)["simulate_wait"] == 1, "time to set the faults"
    posted = [call for call in desk.sent_to(FAULTS) if call.method != "GET"]
    assert {call.method for call in posted} == {"POST"}, "those of others stay"
    sent = [fault for call in posted for fault in desk.body(call)["faults"]]
    assert {fault["correlation_id"] for fault in sent} == {SAGA}
    wanted = [{**fault, "correlation_id": SAGA} for fault in lesson.faults]
    counting = [fault for fault in sent if fault["kind"] == "delay" and fault["seconds"] == 0]
    own = [fault for fault in sent if fault not in counting]
    assert sorted(own, key=str) == sorted(wanted, key=str)
    assert {fault["step"] for fault in counting} == {
        *("AuthorizePayment", "CancelPayment", "AwardMiles", "ReverseMiles")
    }


def test_the_verdict_is_what_payment_has_counted_and_charged(client: Client, desk: Desk) -> None:
    learns(desk)
    fired = [{"correlation_id": SAGA, **PAY, "fired": 1}, {"correlation_id": SAGA, **PAY, "fired": 1}]
    others = {"correlation_id": "other", **PAY, "fired": 7}
    desk.answers(FAULTS, {"faults": [*fired, others]}, base=PAYMENT)
    desk.answers(f"/api/payments/{SAGA}/", {"status": "CAPTURED", "amount": 211.41}, base=PAYMENT)
    text = client.get(f"/learn/lost-reply/{SAGA}/").content.decode()
    assert "2 requests, 1 charge</h2>" in text and "one charge of $211.41: captured" in text
    assert "guard/barrier.py" in text


def test_nothing_is_claimed_while_payment_does_not_say(client: Client, desk: Desk) -> None:
    learns(desk)
    desk.answers(FAULTS, {}, status=503, base=PAYMENT)
    text = client.get(f"/learn/lost-reply/{SAGA}/").content.decode()
    assert "nothing is claimed" in text and "1 charge" not in text


STARTED = saga("RUNNING", "DONE STARTED PENDING PENDING", finished_at=None)


@pytest.mark.parametrize(
    ("slug", "where", "body"),
    [
        ("undo-first", f"/api/saga/{SAGA}/cancel/", {"reason": "A lesson."}),
        (
            "killed",
            FAULTS,
            {"faults": [{"step": "Orchestrator", "kind": "fail", "times": 1, "correlation_id": SAGA}]},
        ),
    ],
)
def test_the_act_of_a_lesson_is_offered_while_a_call_is_waited_for_and_concerns_that_booking(
    client: Client, desk: Desk, slug: str, where: str, body: Json
) -> None:
    learns(desk, STARTED, BEGUN, ASKED)
    desk.answers(f"/api/saga/{SAGA}/cancel/", STARTED, status=202, method="POST")
    page = f"/learn/{slug}/{SAGA}/"
    assert f"{page}act/" in client.get(page).content.decode()
    assert client.post(f"{page}act/")["Location"] == page
    (sent,) = [call for call in desk.sent_to(where) if call.method == "POST"]
    assert desk.body(sent) == body


def test_no_act_is_offered_when_it_is_too_late(client: Client, desk: Desk) -> None:
    learns(desk)
    page = f"/learn/killed/{SAGA}/"
    assert f"{page}act/" not in client.get(page).content.decode()
    client.post(f"{page}act/")
    assert [call for call in desk.sent_to(FAULTS) if call.method == "POST"] == []


def test_a_booking_of_somebody_else_is_no_lesson(client: Client, desk: Desk) -> None:
    learns(desk)
    desk.tells(STARTED, [BEGUN, ASKED])
    for page in (f"/learn/killed/{SAGA}/", f"/learn/killed/{SAGA}/part/"):
        assert client.get(page).status_code == 404
    assert client.post(f"/learn/killed/{SAGA}/act/").status_code == 404
    assert [call for call in desk.sent_to(FAULTS) if call.method == "POST"] == []


def test_outside_demo_mode_lessons_are_read_and_not_run(
    client: Client, desk: Desk, settings: Settings
) -> None:
    settings.DEMO_MODE = False
    learns(desk)
    text = client.get("/learn/").content.decode()
    assert "Two orchestrators" in text and '<button name="lesson"' not in text and "/learn/run/" not in text
    page = f"/learn/killed/{SAGA}/"
    assert [client.get(page).status_code, client.get(f"{page}part/").status_code] == [404, 404]
    for address in ("/learn/run/", f"{page}act/"):
        assert client.post(address, {"lesson": "killed"}).status_code == 404
    assert desk.calls == []


def test_a_lesson_without_a_flight_says_so(client: Client, desk: Desk) -> None:
    learns(desk)
    desk.answers("/api/flights/search/", {"results": [], "nearest_dates": ["2099-12-07"]})
    text = client.post("/learn/run/", {"lesson": "success"}, follow=True).content.decode()
    assert "There is no flight for a lesson." in text


def test_the_earlier_address_leads_to_the_lessons(client: Client, desk: Desk) -> None:
    assert client.get("/try/")["Location"] == "/learn/"


def test_every_file_that_a_lesson_names_is_there() -> None:
    named = [path for lesson in LESSONS for path, _ in lesson.code]
    assert [path for path in named if not (ROOT / path).exists()] == []
    assert all(lesson.code and lesson.point for lesson in LESSONS)
