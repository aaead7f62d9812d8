"""Reads of bookings. A booking is shown to its owner, and by `BookingFind` to a service."""

from django.http import HttpResponse
from django_sagas.clock import utc_now
from drf_spectacular.utils import extend_schema
from rest_framework.request import Request
from service_kit import schema
from service_kit.api import ServiceView, json_response, read_body
from service_kit.permissions import Owner, ServicesOnly
from service_kit.problems import Problem, hidden, invalid, missing, not_found
from service_kit.rules import USER_ID

from flight import descriptions, queries, selectors, serializers
from flight.inputs import FindBooking
from flight.models import Booking
from flight.search.folding import same_name

PAGE = 50


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
        asked = read_body(request, FindBooking)
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
