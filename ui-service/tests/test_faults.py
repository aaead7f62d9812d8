"""The fault console of demo mode."""

import re

from django.test import Client
from pytest_django import Settings

from tests.desk import BACKEND, COMPLETED, DEFINITIONS, LOYALTY, PAYMENT, RUNNING, SAGA, Desk

KINDS = {"refuse": "say no", "delay": "answer late"}
ACTIVE = {
    "id": 1,
    "step": "AuthorizePayment",
    "kind": "delay",
    "correlation_id": "",
    "remaining": 2,
    "seconds": 3.0,
    "fired": 1,
}
PATH = "/api/demo/faults/"


def has_faults(desk: Desk, *payment: object) -> None:
    desk.answers("/api/saga/", {"results": [], "next": None})
    desk.answers("/api/saga/definitions/", DEFINITIONS)
    for base in (BACKEND, LOYALTY, PAYMENT):
        found = list(payment) if base == PAYMENT else []
        for method in ("GET", "POST", "DELETE"):
            desk.answers(PATH, {"faults": found, "kinds": KINDS, "steps": []}, base=base, method=method)


def changes(desk: Desk) -> list[tuple[str, object]]:
    """Method and faults of each change, by service's port."""
    return [
        (f"{call.method} {str(call.url)[17:21]}", desk.body(call).get("faults"))
        for call in desk.sent_to(PATH)
        if call.method != "GET"
    ]


def test_faults_that_are_set_are_shown_with_how_often_they_fired(client: Client, desk: Desk) -> None:
    has_faults(desk, ACTIVE)
    text = client.get("/faults/").content.decode()
    assert "delay by 3.0 s" in text and "2 more; fired once" in text and "Remove all" in text


def test_faults_of_a_lesson_are_left_to_the_lesson(client: Client, desk: Desk) -> None:
    has_faults(desk, {**ACTIVE, "correlation_id": SAGA})
    text = client.get("/faults/").content.decode()
    assert "No fault is set" in text and "delay by" not in text


def test_service_that_is_away_is_told(client: Client, desk: Desk) -> None:
    has_faults(desk)
    desk.answers(PATH, {}, status=503, base=LOYALTY)
    assert "loyalty is away" in client.get("/faults/").content.decode()


def test_new_fault_is_set_beside_those_that_are(client: Client, desk: Desk) -> None:
    has_faults(desk, ACTIVE)
    form = {"step": "CancelPayment", "kind": "refuse", "times": "1", "seconds": "x"}
    client.post("/faults/", form)
    new = {"step": "CancelPayment", "kind": "refuse", "times": 1}
    assert changes(desk) == [("POST 8003", [new])]


def test_steps_of_the_backend_itself_can_fail_too(client: Client, desk: Desk) -> None:
    has_faults(desk)
    text = client.get("/faults/").content.decode()
    places = [text.index(name) for name in (">ConfirmBooking<", ">CancelBooking<", ">CancelSeat<")]
    assert places == sorted(places)
    client.post("/faults/", {"step": "ConfirmBooking", "kind": "fail", "times": "3", "seconds": "3"})
    assert changes(desk) == [
        ("POST 8001", [{"step": "ConfirmBooking", "kind": "fail", "seconds": 3, "times": 3}])
    ]


def test_steps_of_other_sagas_follow_each_named_once(client: Client, desk: Desk) -> None:
    has_faults(desk)
    (booking,) = DEFINITIONS["results"]
    paid, first = booking["steps"][1], booking["steps"][0]
    named = [{**first, "name": "HoldSeats", "compensation": "ReleaseSeats"}, paid]
    alone = {**first, "name": "SwapTickets", "compensation": ""}
    change = {"name": "change-trip", "version": 1, "steps": [*named, alone]}
    desk.answers("/api/saga/definitions/", {"results": [change, booking]})
    text = client.get("/faults/").content.decode()
    lanes = re.findall(r'<optgroup label="(.*?)">(.*?)</optgroup>', text)
    found = {label: re.findall(r'value="(.*?)"', options) for label, options in lanes}
    assert list(found) == ["Forward", "Back", "change-trip"]
    assert found["change-trip"] == ["HoldSeats", "SwapTickets", "ReleaseSeats"]
    client.post("/faults/", {"step": "SwapTickets", "kind": "fail", "times": "1"})
    assert changes(desk) == [("POST 8001", [{"step": "SwapTickets", "kind": "fail", "times": 1}])]


def test_step_of_the_backend_has_no_reply_to_be_lost(client: Client, desk: Desk) -> None:
    has_faults(desk)
    form = {"step": "ReserveSeat", "kind": "lose_reply", "times": "1", "seconds": "3"}
    assert "no reply to be lost" in client.post("/faults/", form, follow=True).content.decode()
    assert changes(desk) == []


def test_newest_saga_stands_beside_with_its_steps(client: Client, desk: Desk) -> None:
    has_faults(desk)
    desk.lists(RUNNING, {**COMPLETED, "correlation_id": "older"})
    text = client.get("/faults/").content.decode()
    assert '<p class="title">AuthorizePayment</p>' in text and 'href="/console/older/"' in text


def test_clearing_removes_the_faults_of_every_service(client: Client, desk: Desk) -> None:
    has_faults(desk, ACTIVE)
    client.post("/faults/", {"clear": "1"})
    assert [what for what, _ in changes(desk)] == ["DELETE 8001", "DELETE 8003", "DELETE 8002"]


def test_refused_fault_says_why(client: Client, desk: Desk) -> None:
    has_faults(desk)
    desk.refuses(PATH, 400, "INVALID", "kind: must be one of refuse")
    desk.answers(PATH, {"code": "INVALID", "detail": "kind: wrong"}, status=400, base=PAYMENT, method="POST")
    form = {"step": "CancelPayment", "kind": "explode", "times": "1", "seconds": "3"}
    assert "kind: wrong" in client.post("/faults/", form, follow=True).content.decode()


def test_a_participant_that_only_the_definition_names_has_its_faults_here(
    client: Client, desk: Desk, settings: Settings
) -> None:
    has_faults(desk)
    hotel = "http://127.0.0.1:8004"
    settings.FURTHER_URLS = {"hotel": hotel}
    (definition,) = DEFINITIONS["results"]
    named = {"name": "ReserveRoom", "compensation": "CancelRoom", "participant": "hotel"}
    steps = [*definition["steps"], {**definition["steps"][0], **named}]
    desk.answers("/api/saga/definitions/", {"results": [{**definition, "steps": steps}]})
    for method in ("GET", "POST"):
        desk.answers(PATH, {"faults": [], "kinds": KINDS, "steps": []}, base=hotel, method=method)
    client.post("/faults/", {"step": "ReserveRoom", "kind": "refuse", "times": "1"})
    assert changes(desk) == [("POST 8004", [{"step": "ReserveRoom", "kind": "refuse", "times": 1}])]
