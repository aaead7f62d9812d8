from datetime import UTC, date, datetime, time, timedelta
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from flight.aircraft import AIRCRAFT, SeatClass
from flight.schedule import timetable
from flight.schedule.airports import places
from flight.schedule.network import AIRLINE, BUSIEST, ROUTES
from flight.schedule.timetable import Line

LINES = timetable.lines(places())
DAYS = st.dates(date(2024, 1, 1), date(2035, 12, 31))
TODAY = date(2026, 11, 23)


def line_of(route: str) -> Line:
    origin, destination = route.split("-")
    return next(line for line in LINES if (line.origin.iata, line.destination.iata) == (origin, destination))


def local(moment: datetime, code: str) -> datetime:
    return moment.astimezone(ZoneInfo(places()[code].time_zone))


def test_at_least_forty_of_the_busiest_airports_are_served() -> None:
    served = {line.origin.iata for line in LINES}
    assert served == set(BUSIEST) and len(served) >= 40


def test_every_route_stands_once() -> None:
    pairs = [frozenset(route[:2]) for route in ROUTES]
    assert len(set(pairs)) == len(pairs)


def test_dfw_ord_is_flown_several_times_a_day_in_both_directions() -> None:
    for route in (("DFW", "ORD"), ("ORD", "DFW")):
        lines = [line for line in LINES if (line.origin.iata, line.destination.iata) == route]
        assert len(lines) >= 3 and len({line.departs for line in lines}) == len(lines)


def test_flight_numbers_are_unique_and_of_our_own_airline() -> None:
    numbers = {line.flight_number for line in LINES}
    assert len(numbers) == len(LINES)
    assert all(number.startswith(AIRLINE) and number.removeprefix(AIRLINE).isdigit() for number in numbers)


def test_timetable_is_the_same_every_time() -> None:
    assert timetable.lines(places()) == LINES


@pytest.mark.parametrize(
    ("a", "b", "miles"),
    [("DFW", "ORD", 802), ("JFK", "LHR", 3451), ("SYD", "LAX", 7488), ("AKL", "HNL", 4393)],
)
def test_great_circle_distance_agrees_with_published_figures(a: str, b: str, miles: int) -> None:
    assert timetable.great_circle_miles(places()[a], places()[b]) == pytest.approx(miles, rel=0.005)


def test_no_flight_is_beyond_the_range_of_its_aircraft() -> None:
    assert [line for line in LINES if line.distance_miles > line.aircraft.range_miles] == []


def test_block_time_follows_distance_and_speed_in_steps_of_five_minutes() -> None:
    assert timetable.block_minutes(802, AIRCRAFT["A320-200"]) == 140
    assert timetable.block_minutes(3442, AIRCRAFT["787-9"]) == 430


def test_every_line_leaves_and_arrives_at_sensible_local_hours() -> None:
    for line in LINES:
        arrives = local(timetable.fly(line, timetable.REFERENCE_DAY).arrives_at, line.destination.iata)
        assert time(6) <= line.departs <= time(22, 30), line
        assert time(5, 30) <= arrives.time() <= time(23, 30), line


@given(day=DAYS, line=st.sampled_from(LINES))
@settings(max_examples=200, deadline=None)
def test_a_flight_leaves_at_its_lines_local_time_on_its_local_date(day: date, line: Line) -> None:
    flight = timetable.fly(line, day)
    departs = local(flight.departs_at, flight.origin_id)
    assert (departs.date(), departs.time()) == (day, line.departs)
    assert flight.departs_at.tzinfo is UTC
    assert flight.arrives_at - flight.departs_at == timedelta(minutes=line.duration_minutes)


def test_clock_change_moves_the_utc_departure_and_not_the_local_one() -> None:
    line = line_of("DFW-ORD")
    before, after = (timetable.fly(line, day).departs_at for day in (date(2027, 3, 13), date(2027, 3, 14)))
    assert after - before == timedelta(hours=23)


def test_date_line_is_crossed_backwards_in_local_time() -> None:
    flight = timetable.fly(line_of("SYD-LAX"), date(2026, 12, 1))
    departs, arrives = local(flight.departs_at, "SYD"), local(flight.arrives_at, "LAX")
    assert flight.arrives_at > flight.departs_at
    assert arrives.replace(tzinfo=None) < departs.replace(tzinfo=None)


@given(day=DAYS, line=st.sampled_from(LINES))
@settings(max_examples=200, deadline=None)
def test_fares_are_positive_cents_and_rise_with_the_cabin(day: date, line: Line) -> None:
    flight = timetable.fly(line, day)
    assert 0 < flight.economy_fare < flight.business_fare
    assert (flight.first_fare is not None) == (SeatClass.FIRST in line.aircraft.capacity)
    assert flight.first_fare is None or flight.first_fare > flight.business_fare


def test_fare_is_worked_out_exactly_to_the_cent() -> None:
    # 45 + 500 x 0.16 + 302 x 0.10 = 155.20, on a Wednesday x 0.92, at a peak hour x 1.08.
    line = line_of("DFW-ORD")
    assert line.departs == time(7, 15)
    flight = timetable.fly(line, date(2026, 12, 2))
    assert (flight.economy_fare, flight.business_fare) == (15421, 49095)


def test_a_longer_flight_costs_more_on_the_same_day() -> None:
    by_distance = sorted(LINES, key=lambda line: line.distance_miles)
    short, long = (timetable.fly(line, TODAY).economy_fare for line in (by_distance[0], by_distance[-1]))
    assert long > 3 * short


def test_creation_order_holds_every_line_on_every_day_once() -> None:
    order = [(line.flight_number, day) for line, day in timetable.creation_order(LINES, TODAY, 60)]
    assert len(set(order)) == len(order) == len(LINES) * 61
    assert 15_000 <= len(order) <= 30_000
    assert TODAY + timedelta(days=1) in {day for _, day in order}


@given(today=DAYS)
@settings(max_examples=25, deadline=None)
def test_first_hundred_depart_seven_to_sixty_days_ahead_at_any_hour_of_today(today: date) -> None:
    order = timetable.creation_order(LINES, today, 60)
    flights = [timetable.fly(line, day) for _, (line, day) in zip(range(100), order, strict=False)]
    midnight = datetime.combine(today, time(0), tzinfo=UTC)
    assert (flights[0].origin_id, flights[0].destination_id) == ("DFW", "ORD")
    assert min(flight.departs_at for flight in flights) >= midnight + timedelta(days=1 + 7)
    assert max(flight.departs_at for flight in flights) <= midnight + timedelta(days=60)


def test_a_short_horizon_is_not_exceeded_by_the_first_hundred() -> None:
    days = {day for _, day in timetable.creation_order(LINES, TODAY, 3)}
    assert days == {TODAY + timedelta(days=offset) for offset in range(4)}
