from datetime import UTC, datetime, timedelta
from decimal import Decimal
from typing import Any

import pytest
from django.db import IntegrityError
from django.test import Client
from django_sagas.clock import utc_now
from django_sagas.json_text import load_stored
from pytest_django import DjangoAssertNumQueries, Settings
from service_kit.limits import Limit
from service_kit.security import throttle
from service_kit.security.models import AuditEntry
from service_kit.testing import callers

from flight.models import Flight, Ticket
from flight.views import PAGE
from tests.conftest import MakeBooking, MakeFlight
from tests.saga_world import Desk

pytestmark = pytest.mark.django_db
MAY = datetime(2027, 5, 3, 14, 0, tzinfo=UTC)


def user_tickets(client: Client, user_id: str = "1") -> dict[str, Any]:
    answer = client.get(f"/api/tickets/user/{user_id}/")
    assert answer.status_code == 200
    found: dict[str, Any] = answer.json()
    return found


def bearer(user_id: str, role: str = "traveller") -> dict[str, str]:
    token = callers.user_token(user_id=user_id, role=role, audience="backend")
    return {"Authorization": f"Bearer {token}"}


def test_tickets_stood_in_a_random_order_and_stand_by_their_seats(client: Client, desk: Desk) -> None:
    names = [{"first_name": name, "last_name": "Doe"} for name in ("Ada", "Bob", "Cy", "Di")]
    seats = ["12A", "4B", "9C", "9A"]
    made = desk.book(passengers=names, seat_numbers=seats).json()
    found = client.get(f"/api/bookings/{made['booking_reference']}/").json()["tickets"]
    assert [(one["first_name"], one["seat_number"]) for one in found] == [
        ("Bob", "4B"),
        ("Di", "9A"),
        ("Cy", "9C"),
        ("Ada", "12A"),
    ]


def test_booking_is_shown_with_flight_and_tickets(
    client: Client, flight: Flight, make_booking: MakeBooking
) -> None:
    make_booking(seats=("12A", "12B"), amount=45050, created_at=MAY)
    found = load_stored(client.get("/api/bookings/ABC234/").content.decode())
    assert found["flight"].pop("origin")["code"] == "DFW"
    shown = found.pop("flight")
    assert shown["id"] == flight.id
    (flown,) = found.pop("flights")
    assert flown.pop("origin")["code"] == "DFW"
    assert (flown.pop("seat_class"), flown.pop("seat_numbers")) == ("economy", ["12A", "12B"])
    assert flown.pop("tickets") == found["tickets"]
    assert flown == shown
    assert found == {
        "booking_reference": "ABC234",
        "correlation_id": "cid-ABC234",
        "user_id": "1",
        "status": "CONFIRMED",
        "amount": Decimal("450.50"),
        "flight_fare": None,
        "other_charges": None,
        "currency": "USD",
        "contact_info": {"email": "john@example.com", "mobile": "+1234567890"},
        "created_at": "2027-05-03T14:00:00.000000Z",
        "cancelled_at": None,
        "tickets": [
            {
                "ticket_number": f"973-ABC234000{place}",
                "flight_id": flight.id,
                "flight_number": "ZZ101",
                "passenger": f"John Doe {seat}",
                "passenger_number": place + 1,
                "first_name": "John",
                "last_name": f"Doe {seat}",
                "gender": "male",
                "seat_number": seat,
                "seat_class": "economy",
            }
            for place, seat in enumerate(("12A", "12B"))
        ],
    }


def test_cancelled_booking_says_so_and_when(client: Client, make_booking: MakeBooking) -> None:
    make_booking(cancelled_at=MAY)
    found = client.get("/api/bookings/ABC234/").json()
    assert (found["status"], found["cancelled_at"]) == ("CANCELLED", "2027-05-03T14:00:00.000000Z")


def test_booking_made_by_direct_calls_has_no_amount(client: Client, make_booking: MakeBooking) -> None:
    make_booking(amount=None)
    assert client.get("/api/bookings/ABC234/").json()["amount"] is None


def test_reference_is_read_in_any_case(client: Client, make_booking: MakeBooking) -> None:
    make_booking()
    assert client.get("/api/bookings/abc234/").status_code == 200


@pytest.mark.parametrize("reference", ["ABC235", "ABC23", "ABC2345", "ABC%00%00%00", "%F0%9F%92%BA"])
def test_unknown_booking_is_not_found(client: Client, make_booking: MakeBooking, reference: str) -> None:
    make_booking()
    answer = client.get(f"/api/bookings/{reference}/")
    assert (answer.status_code, answer.json()["code"]) == (404, "NOT_FOUND")


def test_tickets_of_a_user_come_newest_first(client: Client, make_booking: MakeBooking) -> None:
    for days, reference in enumerate(("AAAAA2", "BBBBB2", "CCCCC2")):
        make_booking(reference, created_at=MAY + timedelta(days=days))
    make_booking("DDDDD2", user_id="2")
    found = user_tickets(client)
    assert [booking["booking_reference"] for booking in found["results"]] == ["CCCCC2", "BBBBB2", "AAAAA2"]
    assert found["results"][0]["tickets"][0]["seat_number"] == "12A"
    assert found["results"][0]["flight"]["flight_number"] == "ZZ101"
    assert (found["user_id"], found["next"]) == ("1", None)


def test_user_without_bookings_has_an_empty_list(client: Client) -> None:
    assert user_tickets(client, "nobody@example.com") == {
        "user_id": "nobody@example.com",
        "results": [],
        "next": None,
    }


def test_pages_hold_every_booking_once(client: Client, make_booking: MakeBooking) -> None:
    references = [f"{chr(65 + number // 7)}AAAA{2 + number % 7}" for number in range(PAGE + 5)]
    for reference in references:
        make_booking(reference, created_at=MAY)
    first = user_tickets(client)
    second = client.get(first["next"]).json()
    shown = [booking["booking_reference"] for page in (first, second) for booking in page["results"]]
    assert shown == sorted(references, reverse=True)
    assert (len(first["results"]), second["next"]) == (PAGE, None)


@pytest.mark.parametrize("before", ["", "nothing", "ZZZZZ9", "DDDDD2", "%00"])
def test_page_before_what_is_not_the_users_booking_is_refused(
    client: Client, make_booking: MakeBooking, before: str
) -> None:
    make_booking("DDDDD2", user_id="2")
    answer = client.get(f"/api/tickets/user/1/?before={before}")
    assert (answer.status_code, list(answer.json()["errors"])) == (400, ["before"])


@pytest.mark.parametrize("user_id", ["a%20b", "%00", "x" * 65, "%E2%80%AE"])
def test_what_is_no_user_id_is_not_found(client: Client, user_id: str) -> None:
    assert client.get(f"/api/tickets/user/{user_id}/").status_code == 404


def test_reads_take_two_queries_however_many_bookings(
    client: Client, make_booking: MakeBooking, django_assert_num_queries: DjangoAssertNumQueries
) -> None:
    for reference in ("ABC234", "ABC235", "ABC236"):
        make_booking(reference, seats=("12A", "12B", "12C"))
    with django_assert_num_queries(2):
        client.get("/api/bookings/ABC234/")
    with django_assert_num_queries(2):
        user_tickets(client)


@pytest.mark.parametrize(
    "path", ["/api/bookings/ABC234/", "/api/tickets/user/1/", "/api/tickets/user/1/trips/"]
)
@pytest.mark.parametrize(
    ("caller", "status"),
    [
        ({}, 404),
        ({"user_id": "2"}, 404),
        ({"user_id": "1"}, 200),
        ({"user_id": "9", "role": "operator"}, 200),
    ],
)
def test_outside_demo_mode_only_the_owner_and_operators_see_a_booking(
    client: Client,
    make_booking: MakeBooking,
    settings: Settings,
    path: str,
    caller: dict[str, str],
    status: int,
) -> None:
    make_booking()
    settings.DEMO_MODE = False
    assert client.get(path, headers=bearer(**caller) if caller else {}).status_code == status


def test_another_users_booking_looks_like_none_at_all(
    client: Client, make_booking: MakeBooking, settings: Settings
) -> None:
    make_booking()
    settings.DEMO_MODE = False
    others, none = (
        client.get(f"/api/bookings/{reference}/", headers=bearer("2")) for reference in ("ABC234", "ABC235")
    )
    assert (others.status_code, others.content) == (none.status_code, none.content)


def test_amount_of_nothing_is_impossible(make_booking: MakeBooking) -> None:
    with pytest.raises(IntegrityError):
        make_booking(amount=0)


# By reference and last name


def find(client: Client, reference: str = "ABC234", surname: str = "Doe 12A", **headers: str) -> Any:
    body = {"booking_reference": reference, "surname": surname}
    sent = {name.replace("_", "-"): value for name, value in headers.items()}
    return client.post("/api/bookings/find/", body, content_type="application/json", headers=sent)


@pytest.mark.parametrize("surname", ["Doe 12A", "doe 12a", " DOE  12A ", "D\u00f6e\u201312\uff21"])
def test_booking_is_found_by_its_reference_and_a_passengers_last_name(
    client: Client, make_booking: MakeBooking, surname: str
) -> None:
    make_booking()
    for reference in ("ABC234", "abc234"):
        assert find(client, reference, surname).content == client.get("/api/bookings/ABC234/").content


@pytest.mark.parametrize(
    ("reference", "surname"), [("ABC234", "Doe"), ("ABC235", "Doe 12A"), ("ABC235", "Doe")]
)
def test_wrong_last_name_and_wrong_reference_get_one_answer_by_the_same_statements(
    client: Client,
    make_booking: MakeBooking,
    django_assert_num_queries: DjangoAssertNumQueries,
    reference: str,
    surname: str,
) -> None:
    make_booking()
    with django_assert_num_queries(2):
        answer = find(client, reference, surname)
    assert (answer.status_code, answer.json()["detail"]) == (404, "There is no such booking.")
    (refused,) = AuditEntry.objects.all()
    assert refused.reason == ("NOT_THE_OWNER" if reference == "ABC234" else "NOTHING_THERE")


@pytest.mark.parametrize("owner", ["1", None])
def test_booking_of_another_and_none_are_refused_by_the_same_statements(
    client: Client,
    make_booking: MakeBooking,
    settings: Settings,
    django_assert_num_queries: DjangoAssertNumQueries,
    owner: str | None,
) -> None:
    if owner:
        make_booking()
    settings.DEMO_MODE = False
    settings.LIMITS = {name: Limit(0, 0) for name in settings.LIMITS}
    throttle.forget_now_and_then(utc_now())  # Its turn comes once a minute, and is no part of a read.
    with django_assert_num_queries(2):
        assert client.get("/api/bookings/ABC234/", headers=bearer("2")).status_code == 404


def test_outside_demo_mode_only_a_service_finds_bookings_by_a_last_name(
    client: Client, make_booking: MakeBooking, settings: Settings
) -> None:
    make_booking()
    settings.DEMO_MODE = False
    service = callers.service_bearer(caller="ui", audience="backend")
    assert find(client).status_code == 401
    assert find(client, **bearer("1")).status_code == 401
    assert find(client, **bearer("9", "operator")).status_code == 401
    assert find(client, Authorization=service).status_code == 200


@pytest.mark.parametrize(
    ("reference", "surname", "wrong"),
    [
        ("ABC23", "Doe", "booking_reference"),
        ("ABC23!", "Doe", "booking_reference"),
        ("ABC234", "", "surname"),
    ],
)
def test_malformed_reference_or_name_is_400_and_named(
    client: Client, reference: str, surname: str, wrong: str
) -> None:
    answer = find(client, reference, surname)
    assert (answer.status_code, list(answer.json()["errors"])) == (400, [wrong])


def test_answer_is_kept_by_no_cache(client: Client, make_booking: MakeBooking) -> None:
    make_booking()
    assert client.get("/api/bookings/ABC234/")["Cache-Control"] == "no-store"


def trips_of(client: Client, address: str = "/api/tickets/user/1/trips/") -> dict[str, Any]:
    answer = client.get(address)
    assert answer.status_code == 200
    found: dict[str, Any] = answer.json()
    return found


def references(found: dict[str, Any]) -> list[str]:
    return [booking["booking_reference"] for booking in found["results"]]


@pytest.fixture
def trips(make_booking: MakeBooking, make_flight: MakeFlight) -> None:
    """Upcoming, past and cancelled ones, booked in another order than they are flown."""
    for number, (reference, year, status) in enumerate(
        [
            ("LATE22", 2091, "CONFIRMED"),
            ("SXXN22", 2090, "CONFIRMED"),
            ("XLD222", 2020, "CONFIRMED"),
            ("RECENT", 2021, "CONFIRMED"),
            ("GXNE22", 2090, "CANCELLED"),
        ]
    ):
        flight = make_flight(number=f"ZZ2{number}", departs_at=datetime(year, 5, 3, 14, tzinfo=UTC))
        make_booking(reference, flown=flight, cancelled_at=MAY if status == "CANCELLED" else None)


@pytest.mark.usefixtures("trips")
def test_trips_come_soonest_first_then_what_is_past_and_cancelled_latest_first(client: Client) -> None:
    found = trips_of(client)
    assert references(found) == ["SXXN22", "LATE22", "RECENT", "XLD222", "GXNE22"]
    assert found["counts"] == {"upcoming": 2, "past": 2, "cancelled": 1}
    assert references(trips_of(client, "/api/tickets/user/1/trips/?time=past")) == ["RECENT", "XLD222"]


def test_trip_is_upcoming_until_its_last_flight_has_left(
    client: Client, make_booking: MakeBooking, make_flight: MakeFlight, now: datetime
) -> None:
    out = make_flight(number="ZZ301", departs_at=now - timedelta(days=1))
    back = make_flight(number="ZZ302", route="ORD-DFW", departs_at=now + timedelta(days=1))
    trip = make_booking(flown=out, seats=("12A", "12B"))
    assert trips_of(client)["counts"] == {"upcoming": 0, "past": 1, "cancelled": 0}
    Ticket.objects.filter(booking=trip, seat_number="12B").update(flight=back, segment=2, passenger=1)
    found = trips_of(client)
    assert found["counts"] == {"upcoming": 1, "past": 0, "cancelled": 0}
    assert references(trips_of(client, "/api/tickets/user/1/trips/?time=upcoming")) == ["ABC234"]


@pytest.mark.usefixtures("trips")
@pytest.mark.parametrize("last", range(5))
def test_page_of_trips_goes_on_after_any_of_them(client: Client, last: int) -> None:
    every = references(trips_of(client))
    following = trips_of(client, f"/api/tickets/user/1/trips/?after={every[last]}")
    assert references(following) == every[last + 1 :]


def test_soonest_trip_is_on_the_first_page_however_many_there_are(
    client: Client, make_booking: MakeBooking, make_flight: MakeFlight
) -> None:
    soonest = make_flight(number="ZZ300", departs_at=datetime(2090, 1, 1, 14, tzinfo=UTC))
    make_booking("SXXN22", flown=soonest, created_at=MAY - timedelta(days=1))
    late = make_flight(number="ZZ301", departs_at=datetime(2091, 1, 1, 14, tzinfo=UTC))
    for number in range(PAGE):
        make_booking(f"{chr(65 + number // 7)}AAAA{2 + number % 7}", flown=late)
    found = trips_of(client)
    assert references(found)[0] == "SXXN22" and len(found["results"]) == PAGE
    assert len(trips_of(client, found["next"])["results"]) == 1


@pytest.mark.parametrize(
    ("query", "field"), [("time=soon", "time"), ("after=ZZZZZ9", "after"), ("after=", "after")]
)
def test_bad_parameter_of_trips_is_named(client: Client, query: str, field: str) -> None:
    answer = client.get(f"/api/tickets/user/1/trips/?{query}")
    assert (answer.status_code, list(answer.json()["errors"])) == (400, [field])
