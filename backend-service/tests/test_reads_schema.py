from datetime import timedelta

import pytest
from django.test import Client
from rest_framework.serializers import BaseSerializer

from flight import serializers
from flight.models import Flight
from flight.search import serializers as search
from tests.conftest import MakeBooking, MakeFlight, OwnSeats
from tests.described_fields import differences

pytestmark = pytest.mark.django_db
ROUTE = "origin=DFW&destination=ORD"


@pytest.mark.parametrize(
    ("path", "serializer"),
    [
        ("/api/places/search/?q=london", search.FoundPlaces),
        ("/api/places/destinations/?origin=DFW", search.Places),
        ("/api/flights/search/?{route}&depart_date={day}", search.FlightResults),
        ("/api/flights/search/?{route}&depart_date=2020-01-01", search.FlightResults),
        ("/api/flights/search/?origin=DFW&destination=LHR&depart_date={day}", search.FlightResults),
        ("/api/flights/fares/?{route}&from={day}&to={day}", search.FareStrip),
        ("/api/flights/lowest/?routes=DFW&from={day}&to={day}", search.LowestFares),
        ("/api/flights/{id}/", search.FlightOffer),
        ("/api/flights/{id}/seats/", search.SeatMap),
        ("/api/bookings/ABC234/", serializers.Booking),
        ("/api/tickets/user/1/", serializers.Bookings),
        ("/api/tickets/user/1/trips/", serializers.Trips),
    ],
)
def test_answer_has_the_fields_of_its_schema(
    client: Client,
    flight: Flight,
    make_flight: MakeFlight,
    make_booking: MakeBooking,
    own_seats: OwnSeats,
    path: str,
    serializer: type[BaseSerializer[None]],
) -> None:
    make_booking()
    own_seats(flight, "12A")
    make_flight(number="ZZ201", route="ORD-LHR", departs_at=flight.arrives_at + timedelta(hours=2))
    answer = client.get(path.format(route=ROUTE, day=flight.departs_on, id=flight.id))
    assert answer.status_code == 200
    assert differences(serializer(), answer.json()) == []


def test_schema_lists_the_reads_with_their_parameters(client: Client) -> None:
    schema = client.get("/api/schema/?format=json").content.decode()
    for text in ("/api/places/search/", "/api/flights/fares/", "depart_date", "FlightResults", "SeatMap"):
        assert text in schema
