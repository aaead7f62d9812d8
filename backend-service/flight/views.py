"""The reads. A booking is shown to its owner, and by `BookingFind` to a service."""

from typing import Any

from django.http import HttpResponse
from django_sagas.clock import utc_now
from drf_spectacular.utils import extend_schema
from rest_framework.request import Request
from service_kit import schema
from service_kit.api import ServiceView, json_response, read_json
from service_kit.permissions import Owner, ServicesOnly
from service_kit.problems import Problem, hidden, invalid, missing, not_found
from service_kit.rules import USER_ID

from flight import cities, connections, descriptions, queries, selectors, serializers
from flight.connections import Wanted
from flight.folding import same_name
from flight.inputs import FindBooking
from flight.models import Booking, Flight

PAGE = 50


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


class BookingDetail(ServiceView):
    permission_classes = [Owner]
    subject = "booking"

    @extend_schema(responses=schema.read(serializers.Booking))
    def get(self, request: Request, reference: str) -> HttpResponse:
        """A booking with its flight and tickets."""
        code = reference.upper()
        booking = selectors.booking(code) if queries.REFERENCE.fullmatch(code) else None
        self.check_object_permissions(request, booking.user_id if booking else None)
        assert booking is not None, "Owner raises for None"
        return json_response(descriptions.booking(selectors.with_tickets(booking)))


class BookingFind(ServiceView):
    permission_classes = [ServicesOnly]

    @extend_schema(
        request=FindBooking,
        responses={
            200: serializers.Booking,
            **schema.problem(400, 401, 403, 404, 405, 413, 415, 429, 503),
        },
    )
    def post(self, request: Request) -> HttpResponse:
        """A booking by its reference and a passenger's last name, for a service that has a guest before it.

        A wrong name and a wrong reference take the same statements and get the same answer.
        """
        asked = FindBooking.read(read_json(request))
        names = selectors.last_names(asked.booking_reference)
        if not any(same_name(asked.surname, name) for name in names):
            raise hidden("booking") if names else missing("booking")
        return json_response(descriptions.booking(_found_booking(asked.booking_reference)))


class UserView(ServiceView):
    permission_classes = [Owner]
    subject = "user"

    def check_user(self, request: Request, user_id: str) -> None:
        if not USER_ID.fullmatch(user_id):
            raise not_found("user")
        self.check_object_permissions(request, user_id)


class UserTickets(UserView):
    @schema.reading(queries.Tickets, serializers.Bookings)
    def get(self, request: Request, user_id: str) -> HttpResponse:
        """A user's bookings with their tickets, newest first, page by page."""
        self.check_user(request, user_id)
        after = _cursor(user_id, queries.Tickets.read(request.query_params.dict()).before)
        found = selectors.bookings_of(user_id, after=after, limit=PAGE + 1)
        more = f"{request.path}?before={found[PAGE - 1].reference}" if len(found) > PAGE else None
        return json_response(descriptions.bookings(found[:PAGE], user_id=user_id, more=more))


class UserTrips(UserView):
    @schema.reading(queries.Trips, serializers.Trips)
    def get(self, request: Request, user_id: str) -> HttpResponse:
        """A user's bookings, the soonest trip first; then past and cancelled ones, the latest first."""
        self.check_user(request, user_id)
        asked, now = queries.Trips.read(request.query_params.dict()), utc_now()
        found = selectors.trips_of(user_id, time=asked.time, after=asked.after, limit=PAGE + 1, now=now)
        if found is None:
            raise _no_cursor("after")
        more = f"{request.path}?time={asked.time}&after={found[PAGE - 1].reference}" if found[PAGE:] else None
        shown = descriptions.bookings(found[:PAGE], user_id=user_id, more=more)
        return json_response({**shown, "counts": selectors.counts_of(user_id, now=now)})


def _found(flight: Flight | None) -> Flight:
    if flight is None:
        raise not_found("flight")
    return flight


def _found_booking(reference: str) -> Booking:
    booking = selectors.booking(reference)
    assert booking is not None, "bookings are never deleted"
    return selectors.with_tickets(booking)


def _cursor(user_id: str, reference: str | None) -> Booking | None:
    if reference is None:
        return None
    if booking := selectors.booking_of(user_id, reference):
        return booking
    raise _no_cursor("before")


def _no_cursor(name: str) -> Problem:
    return invalid({name: queries.A_BOOKING.must})
