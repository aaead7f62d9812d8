from typing import Any

from rest_framework import serializers


class Passenger(serializers.Serializer[Any]):
    first_name = serializers.CharField(max_length=100)
    last_name = serializers.CharField(max_length=100)
    gender = serializers.CharField(required=False)


class Contact(serializers.Serializer[Any]):
    email = serializers.EmailField()
    mobile = serializers.CharField(max_length=30)


class Booking(serializers.Serializer[Any]):
    flight_id = serializers.IntegerField(min_value=1)
    user_id = serializers.CharField(max_length=64)
    passengers = Passenger(many=True)
    contact_info = Contact()


class Step(serializers.Serializer[Any]):
    correlation_id = serializers.CharField(max_length=64)
    user_id = serializers.CharField(max_length=64)
    flight_fare = serializers.DecimalField(max_digits=12, decimal_places=2)
