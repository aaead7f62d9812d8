"""Airports, flights, held and sold seats, bookings and tickets."""

from datetime import datetime, timedelta
from zoneinfo import ZoneInfo

from django.conf import settings
from django.db import models
from django.db.models import F, Q

from flight.aircraft import SeatClass

UNRANKED = 9999
MAX_PASSENGERS, MAX_FLIGHTS = 9, 6
"of one booking"


class Airport(models.Model):
    iata = models.CharField(max_length=3, primary_key=True)
    name = models.CharField(max_length=100)
    city = models.CharField(max_length=60)
    region = models.CharField(max_length=60, help_text="state or province; empty where there is none")
    country = models.CharField(max_length=2, help_text="ISO 3166-1")
    latitude = models.FloatField()
    longitude = models.FloatField()
    time_zone = models.CharField(max_length=40, help_text="IANA name")
    busy_rank = models.PositiveSmallIntegerField(help_text="1 is the busiest; 9999 for one not served")
    search_city = models.CharField(max_length=60, help_text="folded, as flight.search.folding does")
    search_words = models.CharField(max_length=180, help_text="folded code, city and name, spaces around")

    class Meta:
        db_table = "flight_airport"
        indexes = [models.Index(fields=["busy_rank", "name"], name="airport_by_rank")]

    def __str__(self) -> str:
        return f"{self.iata} {self.city}"

    @property
    def zone(self) -> ZoneInfo:
        return ZoneInfo(self.time_zone)

    @property
    def is_served(self) -> bool:
        return self.busy_rank < UNRANKED


class Flight(models.Model):
    """One dated flight. The columns origin_id and destination_id hold IATA codes, so a flight alone
    answers what a booking asks without a join."""

    flight_number = models.CharField(max_length=8)
    # The composite index below begins with the origin; no query uses the destination alone.
    origin = models.ForeignKey(Airport, on_delete=models.PROTECT, related_name="+", db_index=False)
    destination = models.ForeignKey(Airport, on_delete=models.PROTECT, related_name="+", db_index=False)
    departs_on = models.DateField(help_text="the local date at the origin, which travellers search by")
    departs_at = models.DateTimeField()
    arrives_at = models.DateTimeField()
    distance_miles = models.PositiveIntegerField()
    duration_minutes = models.PositiveIntegerField(help_text="from gate to gate")
    aircraft = models.CharField(max_length=10, help_text="a code of flight.aircraft")
    economy_fare = models.PositiveIntegerField(help_text="cents, one passenger")
    business_fare = models.PositiveIntegerField(help_text="cents, one passenger")
    first_fare = models.PositiveIntegerField(null=True, help_text="cents; null if it has no first class")

    class Meta:
        db_table = "flight_flight"
        constraints = [
            # An airline flies a number once on a local date, which implies once at a moment.
            models.UniqueConstraint(
                fields=["flight_number", "departs_on"], name="one_flight_per_number_and_day"
            ),
            models.CheckConstraint(condition=Q(arrives_at__gt=F("departs_at")), name="flight_arrives_later"),
            models.CheckConstraint(
                condition=Q(economy_fare__gt=0, business_fare__gt=0)
                & (Q(first_fare__isnull=True) | Q(first_fare__gt=0)),
                name="flight_fares_are_positive",
            ),
        ]
        indexes = [models.Index(fields=["origin", "destination", "departs_on"], name="flight_search")]

    def __str__(self) -> str:
        return f"{self.flight_number} {self.origin_id}-{self.destination_id} {self.departs_on}"

    def fare(self, seat_class: str) -> int | None:
        """Cents for one passenger; None if the flight does not sell that class."""
        fares = {
            SeatClass.ECONOMY: self.economy_fare,
            SeatClass.BUSINESS: self.business_fare,
            SeatClass.FIRST: self.first_fare,
        }
        return fares[SeatClass(seat_class)]

    @property
    def sale_closes_at(self) -> datetime:
        return self.departs_at - timedelta(minutes=settings.SALE_CLOSES_MINUTES)

    def is_on_sale(self, now: datetime) -> bool:
        return now < self.sale_closes_at

    def has_departed(self, now: datetime) -> bool:
        return now >= self.departs_at


class SeatState(models.TextChoices):
    HELD = "HELD", "reserved by a booking that is not confirmed yet"
    SOLD = "SOLD", "belongs to a confirmed booking"
    RELEASED = "RELEASED", "given back; kept as history, the seat is free again"


LIVE = (SeatState.HELD, SeatState.SOLD)


class Seat(models.Model):
    """A seat of a flight that a saga or a direct call owns or once owned; a free seat has no live row."""

    # The partial unique constraint below serves the look-up by flight.
    flight = models.ForeignKey(Flight, on_delete=models.PROTECT, related_name="+", db_index=False)
    seat_number = models.CharField(max_length=4)
    seat_class = models.CharField(max_length=8, choices=SeatClass)
    correlation_id = models.CharField(max_length=64)
    state = models.CharField(max_length=8, choices=SeatState)
    held_at = models.DateTimeField()
    expires_at = models.DateTimeField(null=True, help_text="null for a hold that a saga owns")
    released_at = models.DateTimeField(null=True)

    class Meta:
        db_table = "flight_seat"
        constraints = [
            models.UniqueConstraint(
                fields=["flight", "seat_number"], condition=Q(state__in=LIVE), name="one_live_owner_per_seat"
            ),
        ]
        indexes = [
            models.Index(fields=["correlation_id"], name="seat_by_correlation_id"),
            # For the sweeper. A saga's hold has no expiry and is not in this index.
            models.Index(
                fields=["expires_at"],
                name="seat_hold_expiry",
                condition=Q(state=SeatState.HELD, expires_at__isnull=False),
            ),
        ]

    def __str__(self) -> str:
        return f"{self.seat_number} of flight {self.flight_id}: {self.state}"


class BookingStatus(models.TextChoices):
    CONFIRMED = "CONFIRMED", "its tickets are good to fly"
    CANCELLED = "CANCELLED", "undone by its saga's compensations; final"


class Booking(models.Model):
    reference = models.CharField(max_length=6, primary_key=True, help_text="airline style: A-Z 2-9")
    correlation_id = models.CharField(max_length=64, unique=True)
    # No query reads the bookings of a flight, and an index would cost a write per booking.
    flight = models.ForeignKey(
        Flight, on_delete=models.PROTECT, related_name="+", db_index=False, help_text="the first of the trip"
    )
    user_id = models.CharField(max_length=64)
    status = models.CharField(max_length=9, choices=BookingStatus)
    email = models.CharField(max_length=200)
    mobile = models.CharField(max_length=30)
    amount = models.BigIntegerField(null=True, help_text="cents, with charges; null for a direct call")
    currency = models.CharField(max_length=3)
    created_at = models.DateTimeField()
    cancelled_at = models.DateTimeField(null=True)
    busy_with = models.CharField(
        max_length=64, db_default="", help_text="the saga that changes or cancels it now; one at a time"
    )
    changed_by = models.CharField(
        max_length=64, db_default="", help_text="the last saga that changed it, whose row has the fares"
    )
    saga_data: str | None
    "selectors read it from the saga's row, which fixed the parts of the price"

    class Meta:
        db_table = "flight_booking"
        constraints = [
            models.CheckConstraint(
                condition=Q(amount__isnull=True) | Q(amount__gt=0), name="booking_amount_is_positive"
            ),
            models.CheckConstraint(
                condition=Q(status=BookingStatus.CONFIRMED, cancelled_at__isnull=True)
                | Q(status=BookingStatus.CANCELLED, cancelled_at__isnull=False),
                name="a_cancelled_booking_says_when",
            ),
        ]
        indexes = [models.Index(fields=["user_id", "-created_at", "-reference"], name="booking_of_user")]

    def __str__(self) -> str:
        return f"{self.reference}: {self.status}"


class Ticket(models.Model):
    """One passenger's seat on one flight. It is valid while its booking is."""

    ticket_number = models.CharField(max_length=16, primary_key=True)
    # The unique constraint below begins with the booking.
    booking = models.ForeignKey(Booking, on_delete=models.PROTECT, related_name="tickets", db_index=False)
    # No query reads the tickets of a flight.
    flight = models.ForeignKey(Flight, on_delete=models.PROTECT, related_name="+", db_index=False)
    segment = models.PositiveSmallIntegerField(help_text="the flight's place in the trip, from 1")
    passenger = models.PositiveSmallIntegerField(help_text="the passenger's place in the booking, from 1")
    first_name = models.CharField(max_length=100)
    last_name = models.CharField(max_length=100)
    gender = models.CharField(max_length=11)
    seat_number = models.CharField(max_length=4)
    seat_class = models.CharField(max_length=8, choices=SeatClass)

    class Meta:
        db_table = "flight_ticket"
        constraints = [
            models.UniqueConstraint(
                fields=["booking", "segment", "passenger"], name="one_ticket_per_passenger_and_flight"
            ),
            models.CheckConstraint(
                condition=Q(segment__range=(1, MAX_FLIGHTS), passenger__range=(1, MAX_PASSENGERS)),
                name="ticket_has_a_place",
            ),
        ]

    def __str__(self) -> str:
        return f"{self.ticket_number} {self.seat_number}"


class QuoteKind(models.TextChoices):
    CANCEL = "cancel", "what a cancellation gives back"
    CHANGE = "change", "what other flights or seats cost"


class Quote(models.Model):
    """What an action on a booking was said to cost or give back."""

    id = models.UUIDField(primary_key=True)
    booking = models.ForeignKey(Booking, on_delete=models.PROTECT, related_name="quotes")
    kind = models.CharField(max_length=6, choices=QuoteKind)
    content = models.TextField(help_text="JSON")
    created_at = models.DateTimeField()
    expires_at = models.DateTimeField(db_index=True)

    class Meta:
        db_table = "flight_quote"
        constraints = [
            models.CheckConstraint(
                condition=Q(expires_at__gt=F("created_at")), name="a_quote_expires_after_it_was_made"
            ),
        ]

    def __str__(self) -> str:
        return f"{self.kind} {self.booking_id} until {self.expires_at}"


class Mail(models.Model):
    """Written before the mail is sent, ended when the mail server has it."""

    begun_at = models.DateTimeField()
    ended_at = models.DateTimeField(null=True)
    error = models.CharField(max_length=100, help_text="why it can never be delivered; empty if it was")

    class Meta:
        abstract = True


class Confirmation(Mail):
    """The mail that confirms a booking."""

    booking = models.OneToOneField(Booking, on_delete=models.PROTECT, primary_key=True, related_name="+")

    class Meta:
        db_table = "flight_confirmation"

    def __str__(self) -> str:
        return f"{self.booking_id}: {self.error or self.ended_at}"


class ChangeConfirmation(Mail):
    """The mail that tells of a changed trip, one for each change."""

    change = models.CharField(max_length=64, primary_key=True, help_text="correlation id of its saga")
    booking = models.ForeignKey(Booking, on_delete=models.PROTECT, related_name="+", db_index=False)

    class Meta:
        db_table = "flight_change_confirmation"

    def __str__(self) -> str:
        return f"{self.change}: {self.error or self.ended_at}"
