"""The change of a trip through the engine's crash test, `pytest --saga-crash`."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from decimal import Decimal
from typing import Any
from uuid import uuid4

import pytest
from django.core import mail
from django_sagas.client import Call
from django_sagas.http import Reply
from django_sagas.orchestrator import Orchestrator
from django_sagas.testing import CrashTest, Ending, Story
from django_sagas.testing.participants import Participant

from flight.change import quotes as change_quotes
from flight.change.change_trip import ChangeTrip
from flight.inputs import ChangeQuote
from flight.models import Booking, ChangeConfirmation, Flight, Seat, SeatState, Ticket
from flight.saga_booking import BookingSaga
from tests.saga_participants import Entry, FakeParticipants, Record
from tests.saga_world import World

OK, DECLINED = {"card_token": "tok_ok"}, {"card_token": "tok_declined"}
OLD = [("ZZ101", "7A"), ("ZZ101", "7B")]
NEW = {
    "dearer": [("ZZ201", "9C"), ("ZZ201", "9D")],
    "cheaper": [("ZZ202", "9C"), ("ZZ202", "9D")],
    "equal": [("ZZ101", "7B"), ("ZZ101", "9C")],
}
FARES = {"dearer": 50010, "cheaper": 30000, "equal": 40000}
CHARGES = 5000


@dataclass
class Books:
    """Payment or loyalty, where the booking has been paid and has earned its miles."""

    booking: str
    fake: FakeParticipants = field(default_factory=FakeParticipants)

    def __post_init__(self) -> None:
        self.fake.ledger += [
            Entry(self.booking, "AUTHORIZED", "1", Decimal(450), self.booking),
            Entry(self.booking, "AWARD", "1", Decimal(400), self.booking),
        ]

        paid = Record("DONE", answer={"amount": Decimal(450)})
        self.fake.records[self.booking, "AuthorizePayment"] = paid

    def answer(self, call: Call) -> Reply:
        return self.fake.take(call.name, call.body)


class TestChangeTrip(CrashTest):
    saga = ChangeTrip
    stories = (
        Story("dearer", secrets=OK),
        Story("cheaper"),
        Story("equal"),
        Story("declined", {"to": "dearer"}, secrets=DECLINED, ends="COMPENSATED"),
        Story("seat lost", {"to": "dearer", "lost": "9D"}, secrets=OK, ends="COMPENSATED"),
        Story("booking cancelled", {"to": "dearer", "cancelled": True}, secrets=OK, ends="COMPENSATED"),
    )

    @pytest.fixture(autouse=True)
    def _booked(self, transactional_db: None, flight: Flight, make_flight: Any) -> None:
        flights = {
            "dearer": make_flight(number="ZZ201", fares=(25005, 60000, None)),
            "cheaper": make_flight(number="ZZ202", fares=(15000, 45000, None)),
            "equal": flight,
        }
        booked = World(flight).completed(seat_numbers=["7A", "7B"])
        assert isinstance(booked, BookingSaga)
        self.booking, self.flights = booked.correlation_id, flights
        self.asked = {
            name: self.quoted(booked, {"flight_id": each.id, "seat_numbers": [seat for _, seat in NEW[name]]})
            for name, each in flights.items()
        }

    def quoted(self, booked: BookingSaga, asked: dict[str, Any]) -> Mapping[str, Any]:
        """What the saga stores of a quote."""
        booking = Booking.objects.get()
        flights = ChangeQuote.read({"flights": [asked]}).flights
        now, quote_id = booking.created_at, str(uuid4())
        change_quotes.quote_change(booking, booked, flights, now=now, new_id=lambda: quote_id)
        return change_quotes.quoted_change(booking, booked, quote_id, now=now).to_json()

    def begin(self, story: Story, orchestrator: Orchestrator) -> object:
        mail.outbox.clear()
        name = story.data.get("to", story.name)
        if story.data.get("cancelled"):
            Booking.objects.update(status="CANCELLED", cancelled_at=orchestrator.now())
        if lost := story.data.get("lost"):
            taken = {"seat_class": "economy", "correlation_id": "other", "held_at": orchestrator.now()}
            Seat.objects.create(flight=self.flights[name], seat_number=lost, state=SeatState.SOLD, **taken)
        saga = ChangeTrip.new(
            self.asked[name],
            correlation_id=orchestrator.new_id(),
            now=orchestrator.now(),
            subject="1",
            secrets=story.secrets,
        )
        return orchestrator.start(saga, deadline=None)

    def participant(self, name: str, story: Story) -> Participant:
        return Books(self.booking)

    def always(self) -> None:
        """Old or new, never both and never half."""
        assert self.seats("SOLD", self.booking) in (OLD, *NEW.values())
        assert self.seats("SOLD", self.booking) == self.tickets()

    def invariants(self, ending: Ending) -> None:
        self.always()
        name = ending.story.data.get("to", ending.story.name)
        booking = Booking.objects.get()
        seats, fare = (NEW[name], FARES[name]) if ending.completed else (OLD, 40000)
        assert (self.tickets(), booking.amount, booking.busy_with) == (seats, fare + CHARGES, "")
        assert bool(booking.changed_by) == ending.completed
        mine = Seat.objects.filter(state__in=("HELD", "SOLD")).exclude(correlation_id="other")
        assert {*mine.values_list("correlation_id", flat=True)} == {self.booking}
        assert mine.count() == len(OLD)
        # A participant that was not called has what it had.
        payment, loyalty = (ending.participants.get(one) for one in ("payment", "loyalty"))
        assert isinstance(payment, Books | None) and isinstance(loyalty, Books | None)
        if payment:
            assert payment.fake.money_of(self.booking) * 100 == booking.amount
        if loyalty:
            assert loyalty.fake.miles_of(self.booking) == fare // 100
        told = [sent for sent in mail.outbox if "is changed" in sent.subject]
        mails = {sent.extra_headers["Message-ID"] for sent in told}
        assert len(mails) == ChangeConfirmation.objects.exclude(ended_at=None).count() == ending.completed
        called = {call.name for call in ending.calls if call.correlation_id != self.booking}
        moved = {"CapturePayment", "AdjustMiles"} if fare != 40000 else set()
        assert not ending.completed or moved <= called

    def seats(self, state: str, owner: str) -> list[tuple[str, str]]:
        found = Seat.objects.filter(state=state, correlation_id=owner)
        return sorted(found.values_list("flight__flight_number", "seat_number"))

    def tickets(self) -> list[tuple[str, str]]:
        return sorted(Ticket.objects.values_list("flight__flight_number", "seat_number"))
