"""The answers of this service, for its OpenAPI schema."""

from rest_framework import serializers
from service_kit import schema


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
    message = serializers.CharField()


class Payment(serializers.Serializer[None]):
    correlation_id = serializers.CharField()
    authorization_id = serializers.CharField()
    amount = schema.Total()
    flight_fare = schema.Amount()
    other_charges = schema.Charges()
    currency = serializers.CharField()
    status = serializers.ChoiceField(["AUTHORIZED", "CANCELLED"])
