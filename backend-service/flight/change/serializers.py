"""The wire forms of a change and its quote, for the OpenAPI schema."""

from django_sagas.state import SagaStatus
from rest_framework import serializers
from service_kit import schema

from flight.aircraft import SeatClass
from flight.saga_serializers import HELD, Compensation, HeldFlight, Serializer


class QuotedFlight(Serializer[None]):
    flight_id = serializers.IntegerField()
    seat_class = serializers.ChoiceField(SeatClass.choices)
    seat_numbers = serializers.ListField(
        child=serializers.CharField(), help_text="empty: seats are assigned by the change"
    )
    fare = schema.Amount(help_text="of all passengers")


class ChangeQuote(Serializer[None]):
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


@schema.answered(
    changed={
        "success": True,
        "correlation_id": "0f2b8a2e-6d54-4a37-9d56-0a4c54c2a1c5",
        "status": "COMPLETED",
        "message": "The trip of booking K7PQ2M was changed.",
        "steps_completed": 6,
        "booking_reference": "K7PQ2M",
        "seats_reserved": 1,
        "seat_numbers": ["12A"],
        "flights": [HELD],
        "amount": 270.0,
        "difference": 20.0,
        "miles": 20,
    },
    refused={
        "success": False,
        "correlation_id": "0f2b8a2e-6d54-4a37-9d56-0a4c54c2a1c5",
        "status": "COMPENSATED",
        "message": "The trip of booking K7PQ2M is as it was; nothing is charged.",
        "steps_completed": 1,
        "booking_reference": "K7PQ2M",
        "failed_step": "AuthorizePayment",
        "error": "The card was declined.",
        "error_code": "PAYMENT_DECLINED",
        "compensation_result": [{"step": "HoldSeats", "compensation": "ReleaseSeats", "success": True}],
    },
)
class ChangeResult(Serializer[None]):
    """A repeat of the quote returns the same one."""

    success = serializers.BooleanField()
    correlation_id = schema.CorrelationId(help_text="of the change's own saga")
    status = serializers.ChoiceField(SagaStatus.choices)
    message = serializers.CharField()
    steps_completed = serializers.IntegerField()
    booking_reference = serializers.CharField()
    seats_reserved = serializers.IntegerField(required=False)
    seat_numbers = serializers.ListField(child=serializers.CharField(), required=False)
    flights = HeldFlight(many=True, required=False, help_text="the whole trip as it is now")
    amount = schema.Total(required=False, help_text="what the trip costs now")
    difference = schema.Signed(required=False, help_text="what was paid, or below 0 given back")
    miles = serializers.IntegerField(required=False, help_text="what was added, or below 0 taken back")
    not_needed = serializers.BooleanField(
        required=False, help_text="the booking was cancelled before its change was paid"
    )
    failed_step = serializers.CharField(required=False, allow_null=True)
    error = serializers.CharField(required=False)
    error_code = serializers.CharField(required=False)
    compensation_result = Compensation(many=True, required=False)


class ChangeAccepted(Serializer[None]):
    correlation_id = schema.CorrelationId()
    status = serializers.ChoiceField(SagaStatus.choices)
    message = serializers.CharField()
    booking_reference = serializers.CharField()
