"""The wire forms of the steps' answers and of start-booking's, for the OpenAPI schema."""

from rest_framework import serializers
from service_kit import schema

from flight.aircraft import SeatClass

Serializer = serializers.Serializer


class Route(Serializer[None]):
    flight_number = serializers.CharField()
    origin = serializers.CharField()
    destination = serializers.CharField()


class FlightBrief(Route):
    id = serializers.IntegerField()


class HeldFlight(Route):
    flight_id = serializers.IntegerField()
    seat_class = serializers.ChoiceField(SeatClass.choices)
    seat_numbers = serializers.ListField(child=serializers.CharField())


HELD = {
    "flight_id": 1,
    "flight_number": "TW101",
    "origin": "DFW",
    "destination": "ORD",
    "seat_class": "economy",
    "seat_numbers": ["12A"],
}


@schema.answered(
    reserved={
        "success": True,
        "correlation_id": "test-12345",
        "reservation_id": "res-test-12345",
        "seats_reserved": 1,
        "seat_numbers": ["12A"],
        "expires_at": "2026-11-23T12:15:00Z",
        "flight": {"id": 1, "flight_number": "TW101", "origin": "DFW", "destination": "ORD"},
        "flights": [HELD],
    }
)
class Reserved(schema.StepDone):
    reservation_id = serializers.CharField()
    seats_reserved = serializers.IntegerField()
    seat_numbers = serializers.ListField(child=serializers.CharField())
    expires_at = serializers.DateTimeField()
    flight = FlightBrief(help_text="the first")
    flights = HeldFlight(many=True)


@schema.answered(
    cancelled={
        "success": True,
        "correlation_id": "test-12345",
        "seats_released": 1,
        "status": "CANCELLED",
    }
)
class SeatCancelled(schema.StepDone):
    seats_released = serializers.IntegerField()
    status = serializers.CharField()
    message = serializers.CharField(required=False)


class ConfirmedTicket(Serializer[None]):
    ticket_number = serializers.CharField()
    passenger = serializers.CharField()
    seat_number = serializers.CharField()
    flight_id = serializers.IntegerField()
    flight_number = serializers.CharField()


TICKET = {
    "ticket_number": "973-2400000001",
    "passenger": "John Doe",
    "seat_number": "12A",
    "flight_id": 1,
    "flight_number": "TW101",
}


@schema.answered(
    confirmed={
        "success": True,
        "correlation_id": "test-12345",
        "booking_reference": "K7PQ2M",
        "tickets": [TICKET],
        "status": "CONFIRMED",
    }
)
class Confirmed(schema.StepDone):
    booking_reference = serializers.CharField()
    tickets = ConfirmedTicket(many=True)
    status = serializers.CharField()


@schema.answered(
    cancelled={
        "success": True,
        "correlation_id": "test-12345",
        "booking_reference": "K7PQ2M",
        "status": "CANCELLED",
    }
)
class BookingCancelled(schema.StepDone):
    booking_reference = serializers.CharField(required=False)
    status = serializers.CharField()
    message = serializers.CharField(required=False)


class Compensation(Serializer[None]):
    step = serializers.CharField()
    compensation = serializers.CharField()
    success = serializers.BooleanField()
    settled_by_hand = serializers.BooleanField(required=False)


@schema.answered(
    completed={
        "success": True,
        "correlation_id": "2f1c9f0e-4d0b-4a53-8a55-0f7f6f1f1c55",
        "status": "COMPLETED",
        "message": "The booking is confirmed.",
        "steps_completed": 4,
        "booking_reference": "K7PQ2M",
        "seats_reserved": 1,
        "seat_numbers": ["12A"],
        "flights": [HELD],
        "amount": 250.0,
        "miles_awarded": 200,
    },
    compensated={
        "success": False,
        "correlation_id": "2f1c9f0e-4d0b-4a53-8a55-0f7f6f1f1c55",
        "status": "COMPENSATED",
        "message": "The booking failed and everything was undone.",
        "steps_completed": 1,
        "failed_step": "AuthorizePayment",
        "error": "The card was declined.",
        "error_code": "PAYMENT_DECLINED",
        "compensation_result": [{"step": "ReserveSeat", "compensation": "CancelSeat", "success": True}],
    },
    cancelled={
        "success": False,
        "correlation_id": "2f1c9f0e-4d0b-4a53-8a55-0f7f6f1f1c55",
        "status": "COMPENSATED",
        "message": "Booking K7PQ2M was cancelled and everything was undone; nothing is charged.",
        "steps_completed": 4,
        "booking_reference": "K7PQ2M",
        "failed_step": None,
        "error": "The booking was cancelled.",
        "error_code": "CANCELLED_BY_USER",
        "compensation_result": [
            {"step": "ConfirmBooking", "compensation": "CancelBooking", "success": True},
            {"step": "AwardMiles", "compensation": "ReverseMiles", "success": True},
            {"step": "AuthorizePayment", "compensation": "CancelPayment", "success": True},
            {"step": "ReserveSeat", "compensation": "CancelSeat", "success": True},
        ],
    },
)
class BookingResult(Serializer[None]):
    success = serializers.BooleanField()
    correlation_id = schema.CorrelationId()
    status = serializers.CharField()
    message = serializers.CharField()
    steps_completed = serializers.IntegerField(required=False)
    booking_reference = serializers.CharField(required=False)
    seats_reserved = serializers.IntegerField(required=False)
    seat_numbers = serializers.ListField(child=serializers.CharField(), required=False)
    flights = HeldFlight(many=True, required=False)
    amount = schema.Total(required=False)
    miles_awarded = serializers.IntegerField(required=False)
    failed_step = serializers.CharField(required=False, allow_null=True)
    error = serializers.CharField(required=False)
    error_code = serializers.CharField(required=False)
    compensation_result = Compensation(many=True, required=False)
    not_needed = serializers.BooleanField(required=False, help_text="of a settlement")
    confirmation_sent = serializers.BooleanField(required=False, help_text="of a settlement")
    refund = schema.Charges(required=False, help_text="of a cancelled booking: what is given back")
    fee = schema.Charges(required=False, help_text="of a cancelled booking: what is kept")
    miles = serializers.IntegerField(required=False, help_text="of a cancelled booking: what is taken back")


@schema.answered(
    running={
        "correlation_id": "2f1c9f0e-4d0b-4a53-8a55-0f7f6f1f1c55",
        "status": "RUNNING",
        "message": "The booking is being worked on; see its status.",
    }
)
class BookingAccepted(Serializer[None]):
    correlation_id = schema.CorrelationId()
    status = serializers.CharField()
    message = serializers.CharField()
