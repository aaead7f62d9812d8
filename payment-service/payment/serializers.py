"""The answers of this service, for its OpenAPI schema."""

from rest_framework import serializers
from service_kit import schema

from payment.models import PaymentStatus


@schema.answered(
    authorized={
        "success": True,
        "correlation_id": "test-12345",
        "authorization_id": "auth-7e3c2a52-6a53-4b44-9d5c-1f2a9c6f0b1e",
        "amount": 550.0,
        "flight_fare": 500.0,
        "other_charges": 50.0,
        "currency": "USD",
        "status": "AUTHORIZED",
    }
)
class Authorized(schema.StepDone):
    authorization_id = serializers.CharField()
    amount = schema.Total()
    flight_fare = schema.Amount()
    other_charges = schema.Charges()
    currency = serializers.CharField()
    status = serializers.CharField()


@schema.answered(
    cancelled={
        "success": True,
        "correlation_id": "test-12345",
        "authorization_id": "auth-7e3c2a52-6a53-4b44-9d5c-1f2a9c6f0b1e",
        "amount": 550.0,
        "status": "CANCELLED",
        "returned": 550.0,
        "kept": 0.0,
        "message": "The authorisation was cancelled; nothing is charged.",
    },
    nothing={
        "success": True,
        "correlation_id": "test-12345",
        "status": "CANCELLED",
        "message": "There was nothing to cancel.",
    },
)
class Cancelled(schema.StepDone):
    authorization_id = serializers.CharField(required=False)
    amount = schema.Total(required=False)
    status = serializers.CharField()
    returned = schema.Sum(required=False, help_text="given back by this call, of all payments of the trip")
    kept = schema.Sum(required=False, help_text="what the trip still costs: the fee")
    message = serializers.CharField()


@schema.answered(
    captured={
        "success": True,
        "correlation_id": "test-12345",
        "authorization_id": "auth-7e3c2a52-6a53-4b44-9d5c-1f2a9c6f0b1e",
        "amount": 550.0,
        "captured": 550.0,
        "status": "CAPTURED",
        "capture_before": "2026-03-08T10:00:00.000000Z",
        "message": "The amount was captured.",
    }
)
class Captured(schema.StepDone):
    authorization_id = serializers.CharField()
    amount = schema.Total()
    captured = schema.Sum()
    status = serializers.ChoiceField(PaymentStatus.choices)
    capture_before = serializers.DateTimeField()
    message = serializers.CharField()


@schema.answered(
    refunded={
        "success": True,
        "correlation_id": "test-12345",
        "authorization_id": "auth-7e3c2a52-6a53-4b44-9d5c-1f2a9c6f0b1e",
        "amount": 10.0,
        "refunded": 10.0,
        "status": "PARTLY_REFUNDED",
        "message": "The amount was given back.",
    }
)
class Refunded(schema.StepDone):
    authorization_id = serializers.CharField()
    amount = schema.Total(help_text="what was asked for")
    refunded = schema.Sum(help_text="given back by this call")
    status = serializers.ChoiceField(PaymentStatus.choices)
    message = serializers.CharField()


class Payment(serializers.Serializer[None]):
    correlation_id = serializers.CharField()
    trip_id = serializers.CharField(help_text="correlation id of the booking")
    authorization_id = serializers.CharField()
    amount = schema.Total()
    flight_fare = schema.Amount()
    other_charges = schema.Charges()
    currency = serializers.CharField()
    status = serializers.ChoiceField(PaymentStatus.choices)
    captured = schema.Sum()
    refunded = schema.Sum(help_text="of what was captured")
    returned = schema.Sum(help_text="of the amount, what is no longer held or was given back")
    capture_before = serializers.DateTimeField(help_text="when the authorisation expires")
