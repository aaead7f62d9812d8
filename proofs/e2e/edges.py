"""What surrounds bookings: reads, bad input, headers, health."""

import json
from typing import Any

from proofs.e2e.desk import Answer, Body, Desk, booking, new_id
from proofs.e2e.scenario import Group
from proofs.e2e.steps import PAIRS

edges = Group("Reads, bad input, headers, health")

SERVICES = ("backend", "loyalty", "payment", "ui")
NOBODY = "nobody-knows-this-one"
MISSING = (
    ("backend", f"/api/saga/status/{NOBODY}/"),
    ("backend", f"/api/saga/events/{NOBODY}/"),
    ("backend", "/api/bookings/ZZZZZZ/"),
    ("backend", "/api/flights/999999999/"),
    ("backend", "/api/flights/999999999/seats/"),
    ("backend", "/api/no/such/path/"),
    ("payment", f"/api/payments/{NOBODY}/"),
    ("loyalty", f"/api/loyalty/{NOBODY}/"),
)
ENDPOINTS = ("start-booking", *(name for pair in PAIRS for name in pair))
NOT_JSON = (
    b"",
    b"{",
    b"[]",
    b'"text"',
    b"1",
    b"null",
    b"\xff\xfe{}",
    b'{"correlation_id": NaN}',
    b'{"correlation_id": "a", "correlation_id": "b"}',
    b'{"correlation_id": ' + b"[" * 5_000 + b"]" * 5_000 + b"}",
    b'{"correlation_id": ' + b"9" * 5_000 + b"}",
    b'{"correlation_id": "\\ud800"}',
    b'{"correlation_id": "\\u0000"}',
)
BAD_BOOKINGS: tuple[tuple[str, Body], ...] = (
    ("flight_id", {"flight_id": "1"}),
    ("flight_id", {"flight_id": True}),
    ("user_id", {"user_id": "not a user"}),
    ("passengers", {"passengers": []}),
    ("passengers", {"passengers": [{"first_name": "A", "last_name": "B"}] * 10}),
    ("passengers[0].first_name", {"passengers": [{"first_name": "", "last_name": "B"}]}),
    ("contact_info.email", {"contact_info": {"email": "nobody", "mobile": "12345"}}),
    ("contact_info.mobile", {"contact_info": {"email": "a@example.com", "mobile": "call me"}}),
    ("seat_class", {"seat_class": "cargo"}),
    ("seat_numbers[0]", {"seat_numbers": ["window"]}),
    ("payment.card_token", {"payment": {"card_token": "4111111111111111"}}),
    ("expected_amount", {"expected_amount": "500.00"}),
    ("simulate_awardmiles_fail", {"simulate_awardmiles_fail": "yes"}),
)


def path_of(endpoint: str) -> tuple[str, str]:
    service = {"authorize-payment": "payment", "cancel-payment": "payment"}.get(endpoint, "backend")
    service = "loyalty" if endpoint.endswith("-miles") else service
    return service, f"/api/saga/{endpoint}/"


@edges.cases(*[(name,) for name in SERVICES])
def service_is_alive_and_ready(desk: Desk, service: str) -> None:
    assert desk.get(service, "/api/health/").status == 200
    assert desk.get(service, "/api/health/ready/").status == 200
    assert desk.get(service, "/metrics").status == 200


@edges.cases(*[(name,) for name in SERVICES[:3]])
def service_describes_itself(desk: Desk, service: str) -> None:
    assert desk.get(service, "/api/schema/").status == 200
    assert desk.get(service, "/api/docs/").status == 200


@edges
def search_page_is_open_to_everybody(desk: Desk) -> None:
    page = desk.get("ui", "/")
    assert page.status == 200 and "text/html" in page.headers["Content-Type"]


@edges
def places_and_flights_are_found(desk: Desk) -> None:
    places = desk.get("backend", "/api/places/search/?q=chicago").expect(200)
    assert "ORD" in str(places)
    offer = desk.search("economy")[0]
    flight = desk.get("backend", f"/api/flights/{offer['id']}/").expect(200)
    assert (flight["origin"]["code"], flight["destination"]["code"]) == ("DFW", "ORD")
    seats = desk.get("backend", f"/api/flights/{offer['id']}/seats/").expect(200)
    assert set(seats["counts"]["economy"]) == {"free", "held", "sold"}
    assert sum(seats["counts"]["economy"].values()) >= 100


@edges.cases(*[(path, service) for service, path in MISSING])
def what_does_not_exist_is_404(desk: Desk, path: str, service: str) -> None:
    desk.get(service, path).expect(404)


@edges
def booking_of_no_flight_starts_no_saga(desk: Desk) -> None:
    asked = booking(999_999_999)
    desk.start(asked).expect(404)
    found = desk.get("backend", f"/api/saga/?user_id={asked['user_id']}").expect(200)
    assert found["results"] == []


@edges.cases(*[(name,) for name in ENDPOINTS])
def wrong_method_is_405_and_wrong_type_415(desk: Desk, endpoint: str) -> None:
    service, path = path_of(endpoint)
    answer = desk.get(service, path)
    answer.expect(405)
    assert "POST" in answer.headers["Allow"]
    headers = {"Content-Type": "text/plain"}
    desk.call("POST", service, path, data=b"{}", headers=headers).expect(415)


@edges.cases(*[(name,) for name in ENDPOINTS])
def what_is_no_json_object_is_400(desk: Desk, endpoint: str) -> None:
    service, path = path_of(endpoint)
    for body in NOT_JSON:
        _send(desk, service, path, body).expect(400)
    # A server may close a connection whose body it did not read to the end.
    _send(desk, service, path, b'{"x": "' + b"x" * 70_000 + b'"}', Connection="close").expect(413)


@edges.cases(*[(f"{name} = {json.dumps(bad)[:60]}", name, bad) for name, bad in BAD_BOOKINGS])
def bad_field_is_named(desk: Desk, what: str, name: str, bad: Body) -> None:
    answer = desk.start(booking(desk.flight()) | bad)
    assert name in str(answer.expect(400)), answer.text
    assert "4111111111111111" not in answer.text


@edges.cases(
    ("0", 0), ("-1", -1), ("1000000.01", 1_000_000.01), ("0.001", 0.001), ("text", "5"), ("true", True)
)
def fare_that_is_no_amount_is_400(desk: Desk, what: str, fare: Any) -> None:
    data = booking(desk.flight()) | {"flight_fare": fare}
    for endpoint in ("authorize-payment", "award-miles"):
        cid = new_id()
        assert "flight_fare" in str(desk.step(endpoint, cid, data).expect(400))
        assert desk.payment(cid) == ""


@edges
def texts_of_all_kinds_are_kept_as_data(desk: Desk) -> None:
    names = ["<script>alert(1)</script>", "'; DROP TABLE sagas_saga; --", "{{7*7}}", "محمد 🛫", "O'Brien"]
    people = [{"first_name": name, "last_name": "X"} for name in names]
    made = desk.book(booking(desk.flight(), passengers=people))
    read = desk.get("backend", f"/api/bookings/{made['booking_reference']}/").expect(200)
    assert sorted(ticket["first_name"] for ticket in read["tickets"]) == sorted(names)


@edges
def correlation_id_comes_back_in_every_answer(desk: Desk) -> None:
    mine = new_id()
    for service in SERVICES:
        answer = desk.call("GET", service, "/api/health/", headers={"X-Correlation-ID": mine})
        assert answer.headers["X-Correlation-ID"] == mine
        assert desk.get(service, "/api/health/").headers["X-Correlation-ID"]
    started = desk.start(booking(desk.flight()), **{"X-Correlation-ID": mine})
    cid = started.expect(200)["correlation_id"]
    assert started.headers["X-Correlation-ID"] == cid != mine


def _send(desk: Desk, service: str, path: str, body: bytes, **headers: str) -> Answer:
    headers["Content-Type"] = "application/json"
    return desk.call("POST", service, path, data=body, headers=headers)
