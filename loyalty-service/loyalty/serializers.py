"""The answers of this service, for its OpenAPI schema."""

from rest_framework import serializers
from service_kit import schema


@schema.answered(
    awarded={
        "success": True,
        "correlation_id": "test-12345",
        "user_id": "1",
        "miles_awarded": 500,
        "original_balance": 0,
        "new_balance": 500,
    }
)
class Awarded(schema.StepDone):
    user_id = serializers.CharField()
    miles_awarded = serializers.IntegerField()
    original_balance = serializers.IntegerField()
    new_balance = serializers.IntegerField()


@schema.answered(
    reversed={
        "success": True,
        "correlation_id": "test-12345",
        "user_id": "1",
        "miles_reversed": 500,
        "new_balance": 0,
        "status": "REVERSED",
    },
    nothing={
        "success": True,
        "correlation_id": "test-12345",
        "miles_reversed": 0,
        "status": "REVERSED",
        "message": "There were no miles to reverse.",
    },
)
class Reversed(schema.StepDone):
    user_id = serializers.CharField(required=False)
    miles_reversed = serializers.IntegerField()
    new_balance = serializers.IntegerField(required=False)
    status = serializers.CharField()
    message = serializers.CharField(required=False)


@schema.answered(
    adjusted={
        "success": True,
        "correlation_id": "test-12346",
        "user_id": "1",
        "miles_adjusted": -120,
        "new_balance": 380,
    },
    nothing={
        "success": True,
        "correlation_id": "test-12346",
        "user_id": "1",
        "miles_adjusted": 0,
        "message": "The miles of this trip were taken back: there is nothing to adjust.",
    },
)
class Adjusted(schema.StepDone):
    user_id = serializers.CharField()
    miles_adjusted = serializers.IntegerField()
    new_balance = serializers.IntegerField(required=False)
    message = serializers.CharField(required=False)


class Entry(serializers.Serializer[None]):
    correlation_id = serializers.CharField()
    trip_id = serializers.CharField()
    kind = serializers.ChoiceField(["AWARD", "ADJUSTED", "REVERSAL"])
    miles = serializers.IntegerField()
    created_at = serializers.DateTimeField()


class NextTier(serializers.Serializer[None]):
    tier = serializers.CharField()
    miles_missing = serializers.IntegerField()


class Loyalty(serializers.Serializer[None]):
    user_id = serializers.CharField()
    balance = serializers.IntegerField()
    in_debt = serializers.BooleanField()
    tier = serializers.CharField()
    next_tier = NextTier(allow_null=True)
    entries = Entry(many=True)
    next = serializers.CharField(allow_null=True)
