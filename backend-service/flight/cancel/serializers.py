"""The wire forms of a cancellation and its quote, for the OpenAPI schema."""

from rest_framework import serializers
from service_kit import schema

from flight.saga_serializers import Compensation, Serializer


class CancelQuote(Serializer[None]):
    quote_id = serializers.UUIDField(help_text="for cancel/")
    booking_reference = serializers.CharField()
    correlation_id = schema.CorrelationId()
    amount = schema.Total(help_text="what the trip costs")
    paid = schema.Charges(
        help_text="what of it is held or taken, refund and fee together; what has expired is neither"
    )
    refund = schema.Charges(help_text="what a cancellation gives back")
    fee = schema.Charges(help_text="what it keeps")
    miles = serializers.IntegerField(help_text="what it takes back")
    currency = serializers.CharField()
    expires_at = serializers.DateTimeField(help_text="until when it holds")


class CancellationAnswer(Serializer[None]):
    success = serializers.BooleanField()
    correlation_id = schema.CorrelationId()
    status = serializers.CharField()
    reason = serializers.CharField(allow_null=True)
    booking_reference = serializers.CharField(allow_null=True)
    compensation_result = Compensation(many=True)
    refund = schema.Charges(required=False, help_text="of a booking's cancellation: what is given back")
    fee = schema.Charges(required=False, help_text="what is kept")
    miles = serializers.IntegerField(required=False, help_text="what is taken back")
