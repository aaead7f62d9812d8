"""How flights make up a trip: its ways, what each flight is called, and whether it can be flown."""

import json
from datetime import timedelta

import pytest
from django_sagas import json_text

from tests.desk import Json, airport, flight, onward, turned
from ui.view_models import travel

HOME = turned(3, origin=airport("JFK", "New York"))
NAMES: list[tuple[list[Json], list[str]]] = [
    ([flight(1)], [""]),
    ([flight(1), turned(2)], ["outbound", "return"]),
    ([flight(1), onward(2)], ["flight 1 of 2", "flight 2 of 2"]),
    ([flight(1), onward(2), HOME], ["outbound, flight 1 of 2", "outbound, flight 2 of 2", "return"]),
]


def flights_of(told: list[Json]) -> list[travel.Flight]:
    """As they come over the wire, where amounts keep their digits."""
    return [travel.flight_from(json_text.load_stored(json.dumps(each))) for each in told]


@pytest.mark.parametrize(("told", "names"), NAMES)
def test_flights_are_called_by_their_way_and_place(told: list[Json], names: list[str]) -> None:
    assert travel.leg_names(flights_of(told)) == names
    assert travel.why_no_trip(flights_of(told)) == ""


def test_trip_without_flights_has_no_ways() -> None:
    assert travel.ways([]) == []


def test_way_back_begins_after_the_longest_stay() -> None:
    there, back = travel.ways(flights_of([flight(1), onward(2), HOME]))
    assert (there.ids, back.ids) == ([1, 2], [3])
    assert [(each.place.code, each.minutes) for each in there.layovers] == [("ORD", 95)]


@pytest.mark.parametrize(("minutes", "possible"), [(44, False), (45, True)])
def test_a_change_takes_45_minutes(minutes: int, possible: bool) -> None:
    first, second = flights_of([flight(1), onward(2)])
    leaves = (first.arrives + timedelta(minutes=minutes)).isoformat()
    second = travel.flight_from(onward(2, departs_local=leaves))
    assert (travel.why_no_trip([first, second]) == "") == possible


def test_journey_costs_the_sum_of_its_fares_and_the_charges_once() -> None:
    journey = travel.Journey(tuple(flights_of([flight(1), onward(2)])), "economy", 2)
    assert (str(journey.quote.base), str(journey.quote.total)) == ("645.64", "695.64")
    assert (journey.minutes, journey.day_mark, journey.numbers) == (365, "+1", "ZZ101 and ZZ102")


def test_journey_has_a_cabin_only_where_each_of_its_flights_has_it() -> None:
    some = onward(2, seat_classes=[{"seat_class": "economy", "fare": 100, "seats": 9, "seats_left": 9}])
    journey = travel.Journey(tuple(flights_of([flight(1), some])), "business", 1)
    assert journey.fare is None and not journey.bookable
