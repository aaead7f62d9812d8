"""The answers of this service, for its OpenAPI schema."""

from rest_framework import serializers
from service_kit import schema


@schema.answered(
    reserved={"success": True, "correlation_id": "test-12345", "room": "standard", "price": 90.0},
)
class Reserved(schema.StepDone):
    room = serializers.CharField()
    price = schema.Amount()


@schema.answered(
    cancelled={"success": True, "correlation_id": "test-12345", "room": "standard", "status": "CANCELLED"},
    nothing={
        "success": True,
        "correlation_id": "test-12345",
        "status": "CANCELLED",
        "message": "There was no room to cancel.",
    },
)
class Cancelled(schema.StepDone):
    room = serializers.CharField(required=False)
    status = serializers.CharField()
    message = serializers.CharField(required=False)
