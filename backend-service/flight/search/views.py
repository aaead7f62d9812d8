"""Reads of places, flights, fares and seats."""

from typing import Any

from django.http import HttpResponse
from django_sagas.clock import utc_now
from drf_spectacular.utils import extend_schema
from rest_framework.request import Request
from service_kit import schema
from service_kit.api import ServiceView, json_response
from service_kit.problems import not_found

from flight.models import Flight
from flight.search import cities, connections, descriptions, queries, selectors, serializers
from flight.search.connections import Wanted


class PlaceSearch(ServiceView):
    @schema.reading(queries.Places, serializers.FoundPlaces)
    def get(self, request: Request) -> HttpResponse:
        """Airports by code, city or name; the busiest ones for an empty search.

        If none is called so, served ones whose name begins nearly so. Beside them cities with several served
        airports, whose code a search of flights takes too.
        """
        search = queries.Places.read(request.query_params.dict())
        found = selectors.find_places(search.q, limit=search.limit)
        similar = [] if found else selectors.similar_places(search.q, limit=search.limit)
        named = cities.matching(search.q) or cities.named({each.search_city for each in similar})
        return json_response(descriptions.places(found or similar, named, similar=bool(similar)))


class Destinations(ServiceView):
    @schema.reading(queries.Departure, serializers.Places)
    def get(self, request: Request) -> HttpResponse:
        """Where flights on sale go from an airport, the busiest airports first."""
        asked = queries.Departure.read(request.query_params.dict())
        (origins,) = queries.airports(origin=asked.origin)
        found = selectors.destinations(origins, now=utc_now())
        return json_response({"results": [descriptions.place(each) for each in found]})


class FlightSearch(ServiceView):
    @schema.reading(queries.Search, serializers.FlightResults)
    def get(self, request: Request) -> HttpResponse:
        """The flights of one local day at the origin, earliest first.

        With none on sale also the nearest days; if none can be booked, connections: with one change, or if
        there is none with two.
        """
        search, now = queries.Search.read(request.query_params.dict()), utc_now()
        route, day = queries.route(search), search.depart_date
        flights = selectors.flights_on(route=route, day=day, seat_class=search.seat_class)
        live = selectors.live_seats([flight.id for flight in flights])
        offers = [
            descriptions.flight_offer(
                flight, live, now=now, seat_class=search.seat_class, passengers=search.passengers
            )
            for flight in flights
        ]
        nearest = (
            []
            if any(flight.is_on_sale(now) for flight in flights)
            else selectors.nearest_days(route=route, day=day, now=now, seat_class=search.seat_class)
        )
        changing: list[dict[str, Any]] = []
        if not any(offer["bookable"] for offer in offers):
            wanted = Wanted(route, day, search.seat_class, search.passengers)
            changing = descriptions.connections(connections.find(wanted, now=now), wanted, now=now)
        return json_response(
            {
                "results": offers,
                "connections": changing,
                "nearest_dates": [each.isoformat() for each in nearest],
            }
        )


class FareSearch(ServiceView):
    @schema.reading(queries.Fares, serializers.FareStrip)
    def get(self, request: Request) -> HttpResponse:
        """The lowest fare of each day."""
        search = queries.Fares.read(request.query_params.dict())
        fares = selectors.lowest_fares(
            route=queries.route(search),
            first=search.first,
            last=search.last,
            seat_class=search.seat_class,
            now=utc_now(),
        )
        return json_response(descriptions.fare_strip(search, fares))


class LowestFares(ServiceView):
    @schema.reading(queries.Lowest, serializers.LowestFares)
    def get(self, request: Request) -> HttpResponse:
        """The lowest fare of each of some routes, and the first day that has it."""
        asked = queries.Lowest.read(request.query_params.dict())
        found = selectors.lowest_of_routes(
            asked.routes, first=asked.first, last=asked.last, seat_class=asked.seat_class, now=utc_now()
        )
        return json_response(descriptions.lowest_fares(found))


class FlightDetail(ServiceView):
    @extend_schema(responses=schema.read(serializers.FlightOffer))
    def get(self, request: Request, flight_id: int) -> HttpResponse:
        """One flight with its prices and the seats left."""
        flight = _found(selectors.flight_with_airports(flight_id))
        live = selectors.live_seats([flight.id])
        return json_response(descriptions.flight_offer(flight, live, now=utc_now()))


class FlightSeats(ServiceView):
    @extend_schema(responses=schema.read(serializers.SeatMap))
    def get(self, request: Request, flight_id: int) -> HttpResponse:
        """The seat map with what is free, held and sold now."""
        flight = _found(selectors.flight_by_id(flight_id))
        return json_response(descriptions.seat_map(flight, selectors.seat_states(flight.id)))


def _found(flight: Flight | None) -> Flight:
    if flight is None:
        raise not_found("flight")
    return flight
