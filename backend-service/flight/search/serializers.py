"""The wire forms of what a search finds, for the OpenAPI schema; a test holds them against the answers."""

from rest_framework import serializers
from service_kit import schema

from flight.aircraft import Position, SeatClass

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
