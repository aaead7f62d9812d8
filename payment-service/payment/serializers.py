"""The wire forms of this service, for its OpenAPI schema."""

from rest_framework import serializers
from service_kit import schema


class AuthorizeBooking(serializers.Serializer[None]):
    user_id = schema.UserId()
    flight_fare = schema.Amount()
    payment = schema.CardToken(required=False)


class AuthorizeRequest(schema.StepRequest):
    booking_data = AuthorizeBooking()


class Authorized(schema.StepDone):
    authorization_id = serializers.CharField()
    amount = schema.Amount()
    flight_fare = schema.Amount()
    other_charges = schema.Amount()
    currency = serializers.CharField()
    status = serializers.CharField()


class Cancelled(schema.StepDone):
    authorization_id = serializers.CharField(required=False)
    amount = schema.Amount(required=False)
    status = serializers.CharField()
    message = serializers.CharField()


class Payment(serializers.Serializer[None]):
    correlation_id = serializers.CharField()
    authorization_id = serializers.CharField()
    amount = schema.Amount()
    flight_fare = schema.Amount()
    other_charges = schema.Amount()
    currency = serializers.CharField()
    status = serializers.ChoiceField(["AUTHORIZED", "CANCELLED"])
