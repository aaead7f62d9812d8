"""The wire forms of bookings and people, for the OpenAPI schema; a test holds them against the answers."""

from rest_framework import serializers
from service_kit import schema

from flight.aircraft import SeatClass
from flight.models import BookingStatus
from flight.search.serializers import Base, Flight


class Contact(Base):
    email = serializers.CharField()
    mobile = serializers.CharField()


class Ticket(Base):
    ticket_number = serializers.CharField()
    flight_id = serializers.IntegerField()
    flight_number = serializers.CharField()
    passenger = serializers.CharField()
    passenger_number = serializers.IntegerField(help_text="their place in the booking, from 1")
    first_name = serializers.CharField()
    last_name = serializers.CharField()
    gender = serializers.CharField()
    seat_number = serializers.CharField()
    seat_class = serializers.ChoiceField(SeatClass.choices)


class BookedFlight(Flight):
    seat_class = serializers.ChoiceField(SeatClass.choices)
    seat_numbers = serializers.ListField(child=serializers.CharField())
    tickets = Ticket(many=True)


class Booking(Base):
    booking_reference = serializers.CharField()
    correlation_id = schema.CorrelationId()
    user_id = serializers.CharField()
    status = serializers.ChoiceField(BookingStatus.choices)
    amount = schema.Total(allow_null=True, help_text="with charges; null for one made by direct calls")
    flight_fare = schema.Amount(allow_null=True, help_text="of the amount")
    other_charges = schema.Charges(allow_null=True, help_text="of the amount")
    currency = serializers.CharField()
    contact_info = Contact()
    created_at = serializers.DateTimeField()
    cancelled_at = serializers.DateTimeField(allow_null=True)
    flight = Flight(help_text="the first of the trip")
    flights = BookedFlight(many=True, help_text="in the order flown")
    tickets = Ticket(many=True, help_text="of all flights")


class Bookings(Base):
    user_id = serializers.CharField()
    results = Booking(many=True)
    next = serializers.CharField(allow_null=True, help_text="the address of the following page")


class TripCounts(Base):
    upcoming = serializers.IntegerField()
    past = serializers.IntegerField()
    cancelled = serializers.IntegerField()


class Trips(Bookings):
    counts = TripCounts()


class PersonTicket(Base):
    ticket_number = serializers.CharField()
    first_name = serializers.CharField()
    last_name = serializers.CharField()
    gender = serializers.CharField(allow_blank=True)
    seat_number = serializers.CharField()
    seat_class = serializers.ChoiceField(SeatClass.choices)


class PersonBooking(Base):
    booking_reference = serializers.CharField()
    correlation_id = serializers.CharField()
    status = serializers.CharField(help_text="CONFIRMED or CANCELLED")
    email = serializers.CharField()
    mobile = serializers.CharField()
    created_at = serializers.DateTimeField()
    tickets = PersonTicket(many=True)


class PersonSaga(Base):
    correlation_id = serializers.CharField()
    definition = serializers.CharField()
    status = serializers.CharField()
    created_at = serializers.DateTimeField()
    asked = serializers.JSONField(help_text="what it was asked for")


class Person(Base):
    user_id = serializers.CharField()
    bookings = PersonBooking(many=True)
    sagas = PersonSaga(many=True)


class ErasedPerson(Base):
    success = serializers.BooleanField()
    bookings = serializers.IntegerField(help_text="that have lost names and contacts")
    sagas = serializers.IntegerField(help_text="that have lost names, contacts and addresses")
