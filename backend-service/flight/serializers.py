"""The wire forms of the reads, for the OpenAPI schema; a test holds them against the answers."""

from rest_framework import serializers
from service_kit import schema

from flight.aircraft import Position, SeatClass
from flight.models import BookingStatus

Base = serializers.Serializer[None]


class Airport(Base):
    code = serializers.RegexField(r"^[A-Z]{3}$")
    name = serializers.CharField()
    city = serializers.CharField(allow_blank=True)
    city_code = serializers.CharField(
        allow_blank=True, help_text="of a city with several served airports, else empty"
    )
    region = serializers.CharField(allow_blank=True)
    country = serializers.CharField(help_text="ISO 3166-1")
    time_zone = serializers.CharField(help_text="IANA name")
    latitude = serializers.FloatField()
    longitude = serializers.FloatField()


class Place(Airport):
    served = serializers.BooleanField(help_text="whether the timetable has flights from here")


class City(Base):
    code = serializers.CharField(help_text="IATA's metropolitan code, which a search of flights takes")
    name = serializers.CharField()
    country = serializers.CharField(help_text="ISO 3166-1")
    airports = serializers.ListField(child=serializers.CharField(), help_text="codes, the busiest first")


class Places(Base):
    results = Place(many=True)


class FoundPlaces(Places):
    cities = City(many=True, help_text="of several served airports, whose name begins as typed")
    similar = serializers.BooleanField(help_text="whether no place is called as typed, and these nearly are")


class Flight(Base):
    id = serializers.IntegerField()
    flight_number = serializers.CharField()
    origin = Airport()
    destination = Airport()
    departs_at = serializers.DateTimeField(help_text="UTC")
    departs_local = serializers.DateTimeField(help_text="with the origin's offset")
    arrives_at = serializers.DateTimeField(help_text="UTC")
    arrives_local = serializers.DateTimeField(help_text="with the destination's offset")
    arrives_day_offset = serializers.IntegerField(help_text="calendar days later, -1 to 2")
    distance_miles = serializers.IntegerField()
    duration_minutes = serializers.IntegerField()
    aircraft = serializers.CharField()
    aircraft_name = serializers.CharField()


class ClassOffer(Base):
    seat_class = serializers.ChoiceField(SeatClass.choices)
    fare = schema.Amount(help_text="one passenger, before charges")
    total = schema.Total(help_text="what a booking for the asked passengers costs, charges included")
    seats = serializers.IntegerField()
    seats_left = serializers.IntegerField()


class FlightOffer(Flight):
    seat_classes = ClassOffer(many=True)
    other_charges = schema.Charges(help_text="of a booking, whatever the number of passengers")
    currency = serializers.CharField()
    sale_closes_at = serializers.DateTimeField()
    bookable = serializers.BooleanField()


class Layover(Base):
    airport = Airport()
    minutes = serializers.IntegerField()


class ConnectionClass(Base):
    seat_class = serializers.ChoiceField(SeatClass.choices)
    fare = schema.Amount(help_text="one passenger on all flights, before charges")
    total = schema.Total(help_text="what one booking of all flights costs, charges included")
    seats_left = serializers.IntegerField(help_text="of the fullest flight")


class Connection(Base):
    flights = FlightOffer(many=True, help_text="two or three, in the order flown")
    duration_minutes = serializers.IntegerField(help_text="from the first departure to the last arrival")
    layovers = Layover(many=True, help_text="one for each change")
    seat_classes = ConnectionClass(many=True, help_text="those with seats for all passengers")
    other_charges = schema.Charges(help_text="of a booking, whatever the number of flights")
    currency = serializers.CharField()


class FlightResults(Base):
    results = FlightOffer(many=True)
    connections = Connection(
        many=True,
        help_text="at most 50 journeys with a change, the shortest first; only if no result is bookable",
    )
    nearest_dates = serializers.ListField(
        child=serializers.DateField(),
        help_text="days with flights on sale; only if no result is on sale",
    )


class DayFare(Base):
    date = serializers.DateField()
    lowest_fare = schema.Amount(allow_null=True, help_text="null on a day without flights on sale")
    lowest_total = schema.Total(allow_null=True, help_text="for one passenger, charges included")
    flights = serializers.IntegerField()


class FareStrip(Base):
    origin = serializers.CharField()
    destination = serializers.CharField()
    seat_class = serializers.ChoiceField(SeatClass.choices)
    other_charges = schema.Charges(help_text="of a booking, whatever the number of passengers")
    currency = serializers.CharField()
    days = DayFare(many=True)


class RouteFare(Base):
    origin = serializers.CharField()
    destination = serializers.CharField()
    date = serializers.DateField(help_text="the first day with this fare")
    lowest_fare = schema.Amount()
    lowest_total = schema.Total(help_text="for one passenger, charges included")


class LowestFares(Base):
    results = RouteFare(many=True, help_text="the cheapest first; none of a route without flights")
    other_charges = schema.Charges(help_text="of a booking, whatever the number of passengers")
    currency = serializers.CharField()


class Seat(Base):
    seat_number = serializers.CharField()
    seat_class = serializers.ChoiceField(SeatClass.choices)
    status = serializers.ChoiceField(["free", "held", "sold"])
    row = serializers.IntegerField()
    letter = serializers.CharField()
    position = serializers.ChoiceField([each.value for each in Position])
    exit_row = serializers.BooleanField()


class Cabin(Base):
    seat_class = serializers.ChoiceField(SeatClass.choices)
    rows = serializers.ListField(child=serializers.IntegerField())
    letters = serializers.ListField(child=serializers.CharField())
    groups = serializers.ListField(child=serializers.CharField(), help_text="letters between the aisles")
    aisles_after = serializers.ListField(child=serializers.CharField())
    exit_rows = serializers.ListField(child=serializers.IntegerField())


class SeatCounts(Base):
    free = serializers.IntegerField()
    held = serializers.IntegerField()
    sold = serializers.IntegerField()


class SeatMap(Base):
    flight_id = serializers.IntegerField()
    aircraft = serializers.CharField()
    aircraft_name = serializers.CharField()
    seats = Seat(many=True)
    counts = serializers.DictField(child=SeatCounts(), help_text="by class")
    cabins = Cabin(many=True)


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


class CancelQuote(Base):
    quote_id = serializers.UUIDField(help_text="for cancel/")
    booking_reference = serializers.CharField()
    correlation_id = schema.CorrelationId()
    amount = schema.Total(help_text="what was paid; refund and fee together")
    refund = schema.Charges(help_text="what a cancellation gives back")
    fee = schema.Charges(help_text="what it keeps")
    miles = serializers.IntegerField(help_text="what it takes back")
    currency = serializers.CharField()
    expires_at = serializers.DateTimeField(help_text="until when it holds")


class QuotedFlight(Base):
    flight_id = serializers.IntegerField()
    seat_class = serializers.ChoiceField(SeatClass.choices)
    seat_numbers = serializers.ListField(
        child=serializers.CharField(), help_text="empty: seats are assigned by the change"
    )
    fare = schema.Amount(help_text="of all passengers")


class ChangeQuote(Base):
    quote_id = serializers.UUIDField(help_text="for change/")
    booking_reference = serializers.CharField()
    correlation_id = schema.CorrelationId()
    flights = QuotedFlight(many=True, help_text="the whole trip as it is to be")
    paid = schema.Total(help_text="what the trip costs now")
    amount = schema.Total(help_text="what it costs after the change")
    difference = schema.Signed(help_text="what is to be paid, or below 0 given back")
    miles = serializers.IntegerField(help_text="what is added, or below 0 taken back")
    currency = serializers.CharField()
    expires_at = serializers.DateTimeField(help_text="until when it holds")


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
