from datetime import UTC, datetime, timedelta
from decimal import Decimal
from typing import Any

import pytest
from django.test import Client
from django_sagas.json_text import load_stored
from pytest_django import DjangoAssertNumQueries

from flight.models import Flight, SeatState
from tests.conftest import MakeFlight, OwnSeats

pytestmark = pytest.mark.django_db
# Far enough ahead that it never passes, since the views ask the clock.
MORNING = datetime(2090, 5, 3, 14, 0, tzinfo=UTC)


def search(client: Client, **parameters: Any) -> dict[str, Any]:
    asked = {"origin": "DFW", "destination": "ORD", "depart_date": "2090-05-03", **parameters}
    answer = client.get("/api/flights/search/", asked)
    assert answer.status_code == 200, answer.content
    found: dict[str, Any] = load_stored(answer.content.decode())
    return found


def fares(client: Client, **parameters: Any) -> Any:
    asked = {"origin": "DFW", "destination": "ORD", "from": "2090-05-02", "to": "2090-05-04", **parameters}
    return client.get("/api/flights/fares/", asked)


def offer_of(result: dict[str, Any], seat_class: str) -> dict[str, Any]:
    return next(offer for offer in result["seat_classes"] if offer["seat_class"] == seat_class)


def test_flights_of_the_day_come_earliest_first(client: Client, make_flight: MakeFlight) -> None:
    make_flight(number="ZZ103", departs_at=MORNING + timedelta(hours=4))
    make_flight(number="ZZ101", departs_at=MORNING)
    make_flight(number="ZZ102", departs_at=MORNING, route="ORD-DFW")
    make_flight(number="ZZ101", departs_at=MORNING + timedelta(days=1))
    found = search(client, origin="dfw", destination="ord")
    assert [result["flight_number"] for result in found["results"]] == ["ZZ101", "ZZ103"]
    assert found["nearest_dates"] == []


def test_day_is_the_local_day_of_the_origin(client: Client, make_flight: MakeFlight) -> None:
    make_flight(departs_at=datetime(2090, 5, 4, 3, 30, tzinfo=UTC))  # 22:30 on the 3rd in Dallas
    assert len(search(client, depart_date="2090-05-03")["results"]) == 1
    assert search(client, depart_date="2090-05-04")["results"] == []


def test_result_carries_times_fares_and_seats(client: Client, make_flight: MakeFlight) -> None:
    flight = make_flight(departs_at=MORNING, fares=(16259, 51273, None))
    result = search(client)["results"][0]
    assert result == {
        "id": flight.id,
        "flight_number": "ZZ101",
        "origin": {
            "code": "DFW",
            "name": "Dallas-Fort Worth International Airport",
            "city": "Dallas-Fort Worth",
            "city_code": "",
            "region": "Texas",
            "country": "US",
            "time_zone": "America/Chicago",
            "latitude": Decimal("32.897233"),
            "longitude": Decimal("-97.037695"),
        },
        "destination": {
            "code": "ORD",
            "name": "Chicago O'Hare International Airport",
            "city": "Chicago",
            "city_code": "",
            "region": "Illinois",
            "country": "US",
            "time_zone": "America/Chicago",
            "latitude": Decimal("41.97694"),
            "longitude": Decimal("-87.90815"),
        },
        "departs_at": "2090-05-03T14:00:00.000000Z",
        "departs_local": "2090-05-03T09:00:00-05:00",
        "arrives_at": "2090-05-03T16:20:00.000000Z",
        "arrives_local": "2090-05-03T11:20:00-05:00",
        "arrives_day_offset": 0,
        "distance_miles": 802,
        "duration_minutes": 140,
        "aircraft": "A320-200",
        "aircraft_name": "Airbus A320",
        "seat_classes": [
            {
                "seat_class": seat_class,
                "fare": Decimal(fare),
                "total": Decimal(total),
                "seats": seats,
                "seats_left": seats,
            }
            for seat_class, fare, total, seats in (
                ("economy", "162.59", "212.59", 144),
                ("business", "512.73", "562.73", 12),
            )
        ],
        "other_charges": Decimal("50.00"),
        "currency": "USD",
        "sale_closes_at": "2090-05-03T13:00:00.000000Z",
        "bookable": True,
    }


@pytest.mark.parametrize(
    ("route", "departs_at", "departs_local", "arrives_local", "days"),
    [
        ("JFK-LHR", "2090-01-11T00:00+00:00", "2090-01-10T19:00:00-05:00", "2090-01-11T07:10:00+00:00", 1),
        ("AKL-HNL", "2090-01-10T21:00+00:00", "2090-01-11T10:00:00+13:00", "2090-01-10T20:00:00-10:00", -1),
        ("LAX-SYD", "2090-01-11T06:00+00:00", "2090-01-10T22:00:00-08:00", "2090-01-12T07:50:00+11:00", 2),
    ],
)
def test_local_times_over_zones_and_the_date_line(
    client: Client,
    make_flight: MakeFlight,
    route: str,
    departs_at: str,
    departs_local: str,
    arrives_local: str,
    days: int,
) -> None:
    make_flight(route=route, departs_at=datetime.fromisoformat(departs_at), aircraft="787-9")
    origin, destination = route.split("-")
    result = search(client, origin=origin, destination=destination, depart_date=departs_local[:10])[
        "results"
    ][0]
    assert (result["departs_local"], result["arrives_local"]) == (departs_local, arrives_local)
    assert result["arrives_day_offset"] == days


def test_held_and_sold_seats_are_not_left_and_released_ones_are(
    client: Client, make_flight: MakeFlight, own_seats: OwnSeats
) -> None:
    flight = make_flight(departs_at=MORNING)
    own_seats(flight, "4A", "4B")
    own_seats(flight, "5A", "1A", state=SeatState.SOLD)
    own_seats(flight, "6A", state=SeatState.RELEASED)
    result = search(client)["results"][0]
    assert offer_of(result, "economy")["seats_left"] == 141
    assert offer_of(result, "business")["seats_left"] == 11


def test_flight_is_not_bookable_when_the_asked_class_has_too_few_seats(
    client: Client, make_flight: MakeFlight, own_seats: OwnSeats
) -> None:
    flight = make_flight(departs_at=MORNING)
    own_seats(flight, *(f"{row}{letter}" for row in (1, 2) for letter in "ACDF"), "3A", "3C")
    assert search(client, seat_class="business", passengers=2)["results"][0]["bookable"] is True
    assert search(client, seat_class="business", passengers=3)["results"][0]["bookable"] is False
    assert search(client, passengers=3)["results"][0]["bookable"] is True


def test_search_for_first_class_shows_only_flights_that_have_it(
    client: Client, make_flight: MakeFlight
) -> None:
    make_flight(number="ZZ101", departs_at=MORNING)
    make_flight(number="ZZ103", departs_at=MORNING, aircraft="A350-900", fares=(20000, 60000, 95000))
    results = search(client, seat_class="first")["results"]
    assert [result["flight_number"] for result in results] == ["ZZ103"]
    assert offer_of(results[0], "first") == {
        "seat_class": "first",
        "fare": Decimal("950.00"),
        "total": Decimal("1000.00"),
        "seats": 4,
        "seats_left": 4,
    }


@pytest.mark.parametrize(("minutes", "bookable"), [(59, False), (61, True)])
def test_sale_closes_an_hour_before_departure(
    client: Client, make_flight: MakeFlight, now: datetime, minutes: int, bookable: bool
) -> None:
    flight = make_flight(departs_at=now + timedelta(minutes=minutes))
    assert search(client, depart_date=flight.departs_on)["results"][0]["bookable"] is bookable


def test_empty_result_names_the_nearest_days_on_sale(
    client: Client, make_flight: MakeFlight, now: datetime
) -> None:
    for days in (-5, -4, -2, -1, 2, 3, 9, 20):
        make_flight(departs_at=MORNING + timedelta(days=days))
    make_flight(departs_at=now - timedelta(days=1))
    found = search(client)
    assert found["results"] == []
    assert found["nearest_dates"] == [
        *("2090-04-29", "2090-05-01", "2090-05-02"),
        *("2090-05-05", "2090-05-06", "2090-05-12"),
    ]


def test_nearest_days_have_the_class_asked_for(client: Client, make_flight: MakeFlight) -> None:
    make_flight(departs_at=MORNING + timedelta(days=1))
    make_flight(departs_at=MORNING + timedelta(days=2), fares=(20000, 60000, 90000))
    assert search(client, seat_class="first")["nearest_dates"] == ["2090-05-05"]


def test_day_whose_flights_are_all_closed_names_the_nearest_days_on_sale(
    client: Client, make_flight: MakeFlight
) -> None:
    make_flight(number="ZZ101", departs_at=datetime(2021, 5, 3, 14, tzinfo=UTC))
    make_flight(number="ZZ102", departs_at=MORNING)
    found = search(client, depart_date="2021-05-03")
    assert len(found["results"]) == 1 and found["nearest_dates"] == ["2090-05-03"]


def test_route_without_flights_has_no_nearest_days(client: Client, flight: Flight) -> None:
    assert search(client, destination="YXU") == {"results": [], "connections": [], "nearest_dates": []}


def test_empty_seat_class_means_any(client: Client, flight: Flight) -> None:
    assert search(client, seat_class="") == search(client)


@pytest.mark.parametrize(
    ("parameters", "fields"),
    [
        ({"origin": ""}, {"origin"}),
        ({"origin": "DF"}, {"origin"}),
        ({"origin": "DFW'"}, {"origin"}),
        ({"origin": "QQQ"}, {"origin"}),
        ({"origin": "QQQ", "destination": "QQZ"}, {"origin", "destination"}),
        ({"destination": "DFW"}, {"destination"}),
        ({"depart_date": "2090-02-30"}, {"depart_date"}),
        ({"depart_date": "03.05.2090"}, {"depart_date"}),
        ({"depart_date": "٢٠٢٧-05-03"}, {"depart_date"}),
        ({"depart_date": "0001-01-01"}, {"depart_date"}),
        ({"seat_class": "cargo"}, {"seat_class"}),
        ({"passengers": "0"}, {"passengers"}),
        ({"passengers": "10"}, {"passengers"}),
        (
            {"origin": "\0\0\0", "depart_date": "x", "seat_class": "x"},
            {"origin", "depart_date", "seat_class"},
        ),
    ],
)
def test_bad_parameters_are_all_named(
    client: Client, flight: Flight, parameters: dict[str, str], fields: set[str]
) -> None:
    asked = {"origin": "DFW", "destination": "ORD", "depart_date": "2090-05-03", **parameters}
    answer = client.get("/api/flights/search/", asked)
    assert (answer.status_code, answer["Content-Type"]) == (400, "application/problem+json")
    assert set(answer.json()["errors"]) == fields


def test_missing_parameters_are_all_named(client: Client) -> None:
    errors = client.get("/api/flights/search/").json()["errors"]
    assert errors == dict.fromkeys(("origin", "destination", "depart_date"), "is required")


def test_search_takes_three_queries_however_many_flights(
    client: Client,
    make_flight: MakeFlight,
    own_seats: OwnSeats,
    django_assert_num_queries: DjangoAssertNumQueries,
) -> None:
    for number in range(101, 109):
        own_seats(make_flight(number=f"ZZ{number}", departs_at=MORNING), "4A")
    with django_assert_num_queries(3):
        assert len(search(client)["results"]) == 8
    with django_assert_num_queries(5):
        search(client, depart_date="2090-06-03")


def test_fare_strip_has_every_day_with_its_lowest_fare(client: Client, make_flight: MakeFlight) -> None:
    make_flight(number="ZZ101", departs_at=MORNING, fares=(20050, 60000, None))
    make_flight(number="ZZ103", departs_at=MORNING, fares=(15025, 65000, None))
    make_flight(number="ZZ101", departs_at=MORNING + timedelta(days=1), fares=(30000, 90000, None))
    assert load_stored(fares(client).content.decode()) == {
        "origin": "DFW",
        "destination": "ORD",
        "seat_class": "economy",
        "other_charges": Decimal("50.00"),
        "currency": "USD",
        "days": [
            {"date": "2090-05-02", "lowest_fare": None, "lowest_total": None, "flights": 0},
            {
                "date": "2090-05-03",
                "lowest_fare": Decimal("150.25"),
                "lowest_total": Decimal("200.25"),
                "flights": 2,
            },
            {
                "date": "2090-05-04",
                "lowest_fare": Decimal("300.00"),
                "lowest_total": Decimal("350.00"),
                "flights": 1,
            },
        ],
    }


@pytest.mark.parametrize(("seat_class", "lowest"), [("business", 600), ("first", None)])
def test_fare_strip_is_of_the_asked_class(
    client: Client, make_flight: MakeFlight, seat_class: str, lowest: int | None
) -> None:
    make_flight(departs_at=MORNING)
    assert fares(client, seat_class=seat_class).json()["days"][1]["lowest_fare"] == lowest


def test_fare_strip_leaves_out_flights_closed_for_sale(
    client: Client, make_flight: MakeFlight, now: datetime
) -> None:
    day = make_flight(departs_at=now + timedelta(minutes=30)).departs_on
    assert fares(client, **{"from": day, "to": day}).json()["days"][0]["flights"] == 0


@pytest.mark.parametrize(
    ("first", "last", "field"),
    [
        ("2090-05-02", "2090-05-01", "to"),
        ("2090-05-02", "2090-07-03", "to"),
        ("", "2090-05-01", "from"),
        ("2090-05-02", "tomorrow", "to"),
    ],
)
def test_fare_strip_over_a_bad_span_is_refused(client: Client, first: str, last: str, field: str) -> None:
    answer = fares(client, **{"from": first, "to": last})
    assert (answer.status_code, list(answer.json()["errors"])) == (400, [field])


def test_longest_fare_strip_takes_two_queries(
    client: Client, flight: Flight, django_assert_num_queries: DjangoAssertNumQueries
) -> None:
    with django_assert_num_queries(2):
        answer = fares(client, **{"from": "2090-05-02", "to": "2090-07-02"})
    assert len(answer.json()["days"]) == 62


def test_city_stands_for_each_of_its_airports(client: Client, make_flight: MakeFlight) -> None:
    make_flight(number="ZZ101", route="LHR-ORD", departs_at=MORNING)
    make_flight(
        number="ZZ103", route="LGW-ORD", departs_at=MORNING + timedelta(hours=1), fares=(9000, 60000, None)
    )
    make_flight(number="ZZ102", route="ORD-LGW", departs_at=MORNING)
    found = search(client, origin="LON", destination="ORD")["results"]
    assert [each["origin"]["code"] for each in found] == ["LHR", "LGW"]
    assert {each["origin"]["city_code"] for each in found} == {"LON"}
    assert [each["flight_number"] for each in search(client, origin="ORD", destination="LON")["results"]] == [
        "ZZ102"
    ]
    asked = {"origin": "LON", "destination": "ORD", "from": "2090-05-03", "to": "2090-05-03"}
    (day,) = fares(client, **asked).json()["days"]
    assert (day["lowest_fare"], day["flights"]) == (90, 2)


def test_airport_of_the_same_city_is_no_destination(client: Client, make_flight: MakeFlight) -> None:
    make_flight(departs_at=MORNING)
    asked = {"origin": "LON", "destination": "LHR", "depart_date": "2090-05-03"}
    answer = client.get("/api/flights/search/", asked)
    assert (answer.status_code, answer.json()["errors"]) == (400, {"destination": "must not be the origin"})


LOWEST = "/api/flights/lowest/?from=2090-05-03&to=2090-05-05&routes="


def test_lowest_fare_of_each_route_comes_with_its_first_day(client: Client, make_flight: MakeFlight) -> None:
    for days, number, route, fare in [
        (0, "ZZ101", "DFW-ORD", 20000),
        (1, "ZZ101", "DFW-ORD", 15000),
        (2, "ZZ101", "DFW-ORD", 15000),
        (3, "ZZ101", "DFW-ORD", 100),
        (0, "ZZ103", "DFW-JFK", 12000),
        (0, "ZZ105", "LHR-JFK", 30000),
    ]:
        departs_at = MORNING + timedelta(days=days)
        make_flight(number=number, route=route, departs_at=departs_at, fares=(fare, 60000, None))

    def lowest(routes: str) -> list[tuple[str, str, str, float]]:
        found = client.get(LOWEST + routes).json()["results"]
        return [(each["origin"], each["destination"], each["date"], each["lowest_total"]) for each in found]

    chicago, new_york = ("DFW", "ORD", "2090-05-04", 200), ("DFW", "JFK", "2090-05-03", 170)
    assert lowest("dfw-ord") == [chicago]
    assert lowest("DFW-ORD,LHR-JFK,ORD-DFW") == [chicago, ("LHR", "JFK", "2090-05-03", 350)]
    assert lowest("DFW") == [new_york, chicago]


@pytest.mark.parametrize("routes", ["", "DFW-", "DFWORD", "DFW-ORD,", ",".join(["DFW-ORD"] * 13)])
def test_bad_routes_are_refused(client: Client, routes: str) -> None:
    answer = client.get(LOWEST + routes)
    assert (answer.status_code, list(answer.json()["errors"])) == (400, ["routes"])


def test_lowest_fares_take_one_query(
    client: Client, make_flight: MakeFlight, django_assert_num_queries: DjangoAssertNumQueries
) -> None:
    make_flight(departs_at=MORNING)
    with django_assert_num_queries(1):
        assert len(client.get(f"{LOWEST}DFW,LHR-JFK").json()["results"]) == 1
