"""The wire forms of what a search finds: plain dictionaries, money as Decimal."""

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import asdict
from datetime import date, datetime
from typing import Any

from django.conf import settings
from django_sagas.clock import iso
from service_kit.money import to_wire

from flight.aircraft import AIRCRAFT, Cabin, SeatClass
from flight.models import Airport, Flight, SeatState
from flight.search.cities import City, city_code
from flight.search.connections import Found, Wanted
from flight.search.queries import Fares
from flight.search.selectors import DayFare, RouteFare

SEAT_STATUS = {SeatState.HELD: "held", SeatState.SOLD: "sold"}


def airport(found: Airport) -> dict[str, Any]:
    return {
        "code": found.iata,
        "name": found.name,
        "city": found.city,
        "city_code": city_code(found.iata),
        "region": found.region,
        "country": found.country,
        "time_zone": found.time_zone,
        "latitude": found.latitude,
        "longitude": found.longitude,
    }


def place(found: Airport) -> dict[str, Any]:
    return {**airport(found), "served": found.is_served}


def places(found: Sequence[Airport], cities: Sequence[City], *, similar: bool) -> dict[str, Any]:
    return {
        "results": [place(each) for each in found],
        "cities": [asdict(city) for city in cities],
        "similar": similar,
    }


def flight(found: Flight) -> dict[str, Any]:
    """The fields of a flight that never change; needs its airports."""
    departs = found.departs_at.astimezone(found.origin.zone)
    arrives = found.arrives_at.astimezone(found.destination.zone)
    return {
        "id": found.id,
        "flight_number": found.flight_number,
        "origin": airport(found.origin),
        "destination": airport(found.destination),
        "departs_at": iso(found.departs_at),
        "departs_local": departs.isoformat(),
        "arrives_at": iso(found.arrives_at),
        "arrives_local": arrives.isoformat(),
        "arrives_day_offset": (arrives.date() - departs.date()).days,
        "distance_miles": found.distance_miles,
        "duration_minutes": found.duration_minutes,
        "aircraft": found.aircraft,
        "aircraft_name": AIRCRAFT[found.aircraft].name,
    }


def flight_offer(
    found: Flight,
    live: Counter[tuple[int, str]],
    *,
    now: datetime,
    seat_class: SeatClass | None = None,
    passengers: int = 1,
) -> dict[str, Any]:
    """A flight with its prices and the seats left; bookable if all passengers find a seat in the class."""
    classes = [_class_offer(found, each, live, passengers) for each in AIRCRAFT[found.aircraft].classes]
    asked = [offer for offer in classes if seat_class in (None, offer["seat_class"])]
    return {
        **flight(found),
        "seat_classes": classes,
        "other_charges": to_wire(settings.OTHER_CHARGES_CENTS),
        "currency": settings.CURRENCY,
        "sale_closes_at": iso(found.sale_closes_at),
        "bookable": found.is_on_sale(now) and any(offer["seats_left"] >= passengers for offer in asked),
    }


def _class_offer(
    found: Flight, seat_class: SeatClass, live: Counter[tuple[int, str]], passengers: int
) -> dict[str, Any]:
    fare, seats = found.fare(seat_class), AIRCRAFT[found.aircraft].capacity[seat_class]
    return {
        "seat_class": seat_class.value,
        "fare": None if fare is None else to_wire(fare),
        "total": None if fare is None else to_wire(fare * passengers + settings.OTHER_CHARGES_CENTS),
        "seats": seats,
        "seats_left": seats - live[found.id, seat_class],
    }


def connections(found: Found, wanted: Wanted, *, now: datetime) -> list[dict[str, Any]]:
    """Each with its flights as a search shows them, and the classes in which it can be booked."""
    legs = {leg.id: leg for each in found.connections for leg in each.flights}
    told = {
        number: flight_offer(
            leg, found.live, now=now, seat_class=wanted.seat_class, passengers=wanted.passengers
        )
        for number, leg in legs.items()
    }
    return [
        {
            "flights": [told[leg.id] for leg in each.flights],
            "duration_minutes": each.minutes,
            "layovers": [{"airport": airport(where), "minutes": minutes} for where, minutes in each.layovers],
            "seat_classes": [
                {
                    "seat_class": name.value,
                    "fare": to_wire(offer.fare),
                    "total": to_wire(offer.fare * wanted.passengers + settings.OTHER_CHARGES_CENTS),
                    "seats_left": offer.seats_left,
                }
                for name, offer in each.offers.items()
            ],
            "other_charges": to_wire(settings.OTHER_CHARGES_CENTS),
            "currency": settings.CURRENCY,
        }
        for each in found.connections
    ]


def seat_map(found: Flight, states: Mapping[str, str]) -> dict[str, Any]:
    kind = AIRCRAFT[found.aircraft]
    seats, counts = [], {each.value: {"free": 0, "held": 0, "sold": 0} for each in kind.classes}
    for seat in kind.seats.values():
        status = SEAT_STATUS[SeatState(states[seat.number])] if seat.number in states else "free"
        counts[seat.seat_class][status] += 1
        seats.append(
            {
                "seat_number": seat.number,
                "seat_class": seat.seat_class.value,
                "status": status,
                "row": seat.row,
                "letter": seat.letter,
                "position": seat.position.value,
                "exit_row": seat.exit_row,
            }
        )
    return {
        "flight_id": found.id,
        "aircraft": kind.code,
        "aircraft_name": kind.name,
        "seats": seats,
        "counts": counts,
        "cabins": [_cabin(cabin) for cabin in kind.cabins],
    }


def _cabin(cabin: Cabin) -> dict[str, Any]:
    return {
        "seat_class": cabin.seat_class.value,
        "rows": list(cabin.rows),
        "letters": list(cabin.letters),
        "groups": cabin.groups,
        "aisles_after": [group[-1] for group in cabin.groups[:-1]],
        "exit_rows": list(cabin.exit_rows),
    }


def fare_strip(search: Fares, fares: Mapping[date, DayFare]) -> dict[str, Any]:
    return {
        "origin": search.origin,
        "destination": search.destination,
        "seat_class": search.seat_class.value,
        "other_charges": to_wire(settings.OTHER_CHARGES_CENTS),
        "currency": settings.CURRENCY,
        "days": [_day_fare(day, fares.get(day)) for day in search.days],
    }


def _day_fare(day: date, fare: DayFare | None) -> dict[str, Any]:
    return {
        "date": day.isoformat(),
        "lowest_fare": to_wire(fare.lowest) if fare else None,
        "lowest_total": to_wire(fare.lowest + settings.OTHER_CHARGES_CENTS) if fare else None,
        "flights": fare.flights if fare else 0,
    }


def lowest_fares(found: Sequence[RouteFare]) -> dict[str, Any]:
    return {
        "results": [
            {
                "origin": each.origin,
                "destination": each.destination,
                "date": each.day.isoformat(),
                "lowest_fare": to_wire(each.lowest),
                "lowest_total": to_wire(each.lowest + settings.OTHER_CHARGES_CENTS),
            }
            for each in found
        ],
        "other_charges": to_wire(settings.OTHER_CHARGES_CENTS),
        "currency": settings.CURRENCY,
    }
