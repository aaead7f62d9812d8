from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from typing import Any

import pytest
from django.conf import LazySettings
from django.test import Client
from django_sagas.json_text import load_stored
from pytest_django import DjangoAssertNumQueries

from flight.aircraft import SeatClass
from flight.models import Flight, SeatState
from flight.search import connections
from flight.search.connections import Connection, Offer
from tests.conftest import MakeFlight, OwnSeats

pytestmark = pytest.mark.django_db
# DFW-ORD takes 140 minutes; far enough ahead that it never passes, since the views ask the clock.
MORNING = datetime(2090, 5, 3, 14, 0, tzinfo=UTC)
ARRIVAL = MORNING + timedelta(minutes=140)
BUSINESS_SEATS = tuple(f"{row}{letter}" for row in (1, 2, 3) for letter in "ACDF")

Onward = Callable[..., Flight]


@pytest.fixture
def onward(make_flight: MakeFlight) -> Onward:
    """DFW-ORD in the morning; makes ORD-LHR so many minutes after its arrival."""
    make_flight(number="ZZ101", departs_at=MORNING)

    def make(minutes: int, number: str = "ZZ201", **changes: Any) -> Flight:
        departs_at = ARRIVAL + timedelta(minutes=minutes)
        return make_flight(number=number, route="ORD-LHR", departs_at=departs_at, **changes)

    return make


def search(client: Client, **parameters: Any) -> list[dict[str, Any]]:
    asked = {"origin": "DFW", "destination": "LHR", "depart_date": "2090-05-03", **parameters}
    answer = client.get("/api/flights/search/", asked)
    assert answer.status_code == 200, answer.content
    found: list[dict[str, Any]] = load_stored(answer.content.decode())["connections"]
    return found


def numbers(found: list[dict[str, Any]]) -> list[list[str]]:
    return [[flight["flight_number"] for flight in each["flights"]] for each in found]


def test_connection_tells_flights_layover_price_and_seats(
    client: Client, onward: Onward, own_seats: OwnSeats
) -> None:
    own_seats(onward(90, fares=(30050, 90000, None)), "4A", "4B", state=SeatState.SOLD)
    (found,) = search(client, passengers=2)
    assert [flight["flight_number"] for flight in found["flights"]] == ["ZZ101", "ZZ201"]
    assert [flight["bookable"] for flight in found["flights"]] == [True, True]
    assert found["duration_minutes"] == 140 + 90 + found["flights"][1]["duration_minutes"]
    assert [(each["airport"]["code"], each["minutes"]) for each in found["layovers"]] == [("ORD", 90)]
    assert found["seat_classes"] == [
        {"seat_class": name, "fare": Decimal(fare), "total": Decimal(total), "seats_left": left}
        for name, fare, total, left in (
            ("economy", "500.50", "1051.00", 142),
            ("business", "1500.00", "3050.00", 12),
        )
    ]
    assert (found["other_charges"], found["currency"]) == (Decimal("50.00"), "USD")


@pytest.mark.parametrize(("minutes", "possible"), [(44, False), (45, True), (24 * 60, True), (1441, False)])
def test_layover_lasts_from_45_minutes_to_a_day(
    client: Client, onward: Onward, minutes: int, possible: bool
) -> None:
    onward(minutes)
    assert bool(search(client)) is possible


def test_layovers_are_settings(client: Client, onward: Onward, settings: LazySettings) -> None:
    settings.CONNECTION_MINUTES, settings.CONNECTION_MAX_HOURS = 91, 2
    onward(90)
    onward(91, "ZZ202")
    onward(121, "ZZ203")
    assert numbers(search(client)) == [["ZZ101", "ZZ202"]]


def test_connection_may_go_on_the_next_day(client: Client, onward: Onward) -> None:
    onward(16 * 60)
    (found,) = search(client)
    assert [flight["departs_local"][:10] for flight in found["flights"]] == ["2090-05-03", "2090-05-04"]


def test_first_flight_leaves_on_the_asked_local_day(client: Client, onward: Onward) -> None:
    onward(90)
    assert search(client, depart_date="2090-05-02") == search(client, depart_date="2090-05-04") == []


def test_connection_over_the_date_line_is_found(client: Client, make_flight: MakeFlight) -> None:
    first = make_flight(route="AKL-HNL", departs_at=datetime(2090, 5, 2, 21, tzinfo=UTC), aircraft="787-9")
    make_flight(route="HNL-LAX", number="ZZ201", departs_at=first.arrives_at + timedelta(hours=1))
    (found,) = search(client, origin="AKL", destination="LAX")
    assert [flight["departs_local"][:10] for flight in found["flights"]] == ["2090-05-03", "2090-05-02"]


def test_one_changes_at_one_airport_and_never_at_an_end(client: Client, make_flight: MakeFlight) -> None:
    make_flight(number="ZZ101", route="JFK-LGW", departs_at=MORNING, aircraft="787-9")
    make_flight(number="ZZ102", route="LHR-SYD", departs_at=MORNING + timedelta(hours=12), aircraft="787-9")
    make_flight(number="ZZ103", route="LGW-JFK", departs_at=MORNING + timedelta(hours=12), aircraft="787-9")
    assert search(client, origin="JFK", destination="SYD") == []


def test_direct_flight_that_can_be_booked_leaves_no_connections(
    client: Client, onward: Onward, make_flight: MakeFlight
) -> None:
    onward(90)
    make_flight(number="ZZ301", route="DFW-LHR", departs_at=MORNING, aircraft="787-9")
    assert search(client) == []
    assert numbers(search(client, seat_class="economy", passengers=9)) == []


def test_direct_flight_without_a_seat_leaves_the_connections(
    client: Client, onward: Onward, make_flight: MakeFlight, own_seats: OwnSeats
) -> None:
    onward(90)
    full = make_flight(number="ZZ301", route="DFW-LHR", departs_at=MORNING)
    own_seats(full, *BUSINESS_SEATS)
    assert numbers(search(client, seat_class="business")) == [["ZZ101", "ZZ201"]]


def test_connection_whose_first_flight_is_closed_for_sale_is_not_offered(
    client: Client, make_flight: MakeFlight, now: datetime
) -> None:
    first = make_flight(departs_at=now + timedelta(minutes=59))
    make_flight(number="ZZ201", route="ORD-LHR", departs_at=first.arrives_at + timedelta(hours=1))
    assert search(client, depart_date=first.departs_on) == []


@pytest.mark.parametrize("taken", [0, 1])
def test_each_flight_needs_a_seat_of_the_class_for_every_passenger(
    client: Client, onward: Onward, own_seats: OwnSeats, taken: int
) -> None:
    flights = [onward(90), Flight.objects.get(flight_number="ZZ101")]
    own_seats(flights[taken], *BUSINESS_SEATS[:-1])
    assert len(search(client, seat_class="business", passengers=1)) == 1
    assert search(client, seat_class="business", passengers=2) == []
    (found,) = search(client, passengers=2)
    assert [each["seat_class"] for each in found["seat_classes"]] == ["economy"]


def test_both_flights_have_the_class(client: Client, onward: Onward, make_flight: MakeFlight) -> None:
    onward(90, aircraft="A350-900", fares=(20000, 60000, 95000))
    assert search(client, seat_class="first") == []
    make_flight(number="ZZ103", departs_at=MORNING, aircraft="A350-900", fares=(20000, 60000, 95000))
    assert numbers(search(client, seat_class="first")) == [["ZZ103", "ZZ201"]]


def test_two_changes_are_offered_only_where_one_does_not_do(client: Client, make_flight: MakeFlight) -> None:
    times = [MORNING + timedelta(hours=5 * n) for n in range(3)]
    routes = ("DFW-ORD", "ORD-JFK", "JFK-LGW")
    for n, (route, departs_at) in enumerate(zip(routes, times, strict=True), start=1):
        make_flight(number=f"ZZ10{n}", route=route, departs_at=departs_at)
    (found,) = search(client, destination="LGW")
    assert [flight["flight_number"] for flight in found["flights"]] == ["ZZ101", "ZZ102", "ZZ103"]
    assert [each["airport"]["code"] for each in found["layovers"]] == ["ORD", "JFK"]
    assert found["seat_classes"][0]["fare"] == Decimal("600.00")
    make_flight(number="ZZ201", route="ORD-LGW", departs_at=times[1], aircraft="787-9")
    assert numbers(search(client, destination="LGW")) == [["ZZ101", "ZZ201"]]


def test_search_for_connections_takes_few_queries_however_many_flights(
    client: Client, onward: Onward, make_flight: MakeFlight, django_assert_num_queries: DjangoAssertNumQueries
) -> None:
    for n in range(8):
        onward(90 + n, f"ZZ30{n}")
        make_flight(number=f"ZZ40{n}", departs_at=MORNING - timedelta(minutes=n))
    with django_assert_num_queries(7):
        assert len(search(client)) == 50
    make_flight(number="ZZ501", route="ORD-JFK", departs_at=ARRIVAL + timedelta(hours=1))
    make_flight(number="ZZ502", route="JFK-LGW", departs_at=ARRIVAL + timedelta(hours=9))
    with django_assert_num_queries(8):
        assert len(search(client, destination="LGW")) == 9


def connection(number: int, *, minutes: int, arrives: int, fare: int) -> Connection:
    """The shortest things of which `best` knows."""
    arrives_at = MORNING + timedelta(minutes=arrives)
    middle = arrives_at - timedelta(minutes=minutes // 2)
    departs_at = arrives_at - timedelta(minutes=minutes)
    flights = (
        Flight(id=number, departs_at=departs_at, arrives_at=middle),
        Flight(id=-number, departs_at=middle, arrives_at=arrives_at),
    )
    return Connection(flights, {SeatClass.ECONOMY: Offer(fare, 9)})


def ids(found: list[Connection]) -> list[int]:
    return [each.flights[0].id for each in found]


def test_best_connections_hold_the_earliest_the_shortest_and_the_cheapest() -> None:
    common = [connection(n, minutes=500 + n, arrives=2000 + n, fare=50000 + n) for n in range(100, 200)]
    earliest = connection(1, minutes=900, arrives=1000, fare=90000)
    shortest = connection(2, minutes=400, arrives=3000, fare=90000)
    cheapest = connection(3, minutes=900, arrives=3000, fare=10000)
    kept = connections.best([*common, earliest, shortest, cheapest])
    assert len(kept) == 50
    assert {1, 2, 3} < set(ids(kept))
    assert ids(kept)[0] == 2 and [each.minutes for each in kept] == sorted(each.minutes for each in kept)


def test_best_connections_are_the_same_in_any_order() -> None:
    found = [connection(n, minutes=500, arrives=2000, fare=50000) for n in range(1, 90)]
    assert ids(connections.best(found)) == ids(connections.best(found[::-1])) == list(range(1, 51))
