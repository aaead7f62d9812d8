"""The orchestrator and the participants: `save()` and a commit per transition, `requests.post` per call."""

import uuid
from decimal import Decimal
from typing import Any

import requests
from django.conf import settings
from django.db import transaction
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.views import APIView

from bench.baselines.textbook import serializers
from bench.baselines.textbook.models import Award, Event, Payment, Saga, Seat, Ticket

FARE, CHARGES = Decimal(500), Decimal(50)
TIMEOUT = 10


class StartBooking(APIView):
    def post(self, request: Request) -> Response:
        booking = serializers.Booking(data=request.data)
        booking.is_valid(raise_exception=True)
        data = dict(booking.validated_data)
        with transaction.atomic():
            saga = Saga.objects.create(correlation_id=str(uuid.uuid4()), status="RUNNING", request=data)
            Event.objects.create(saga=saga, event_type="SAGA_STARTED", data={})
        for name, step in STEPS.items():
            move(saga, name, "STARTED")
            answer = step(saga)
            saga.answers[name] = answer
            move(saga, name, "COMPLETED" if name != "ConfirmBooking" else "SAGA_COMPLETED")
        return Response({"success": True, "correlation_id": saga.correlation_id, **saga.answers})


def move(saga: Saga, step: str, status: str) -> None:
    with transaction.atomic():
        saga.step, saga.status = step, status
        saga.save()
        Event.objects.create(saga=saga, event_type=status, data={"step": step})


def reserve_seat(saga: Saga) -> dict[str, Any]:
    flight = saga.request["flight_id"]
    seat = Seat.objects.create(flight_id=flight, correlation_id=saga.correlation_id, status="HELD")
    return {"seat": seat.pk}


def authorize_payment(saga: Saga) -> dict[str, Any]:
    return call(f"{settings.PAYMENT_URL}/authorize-payment/", saga)


def award_miles(saga: Saga) -> dict[str, Any]:
    return call(f"{settings.LOYALTY_URL}/award-miles/", saga)


def confirm_booking(saga: Saga) -> dict[str, Any]:
    reference = uuid.uuid4().hex[:6]
    with transaction.atomic():
        seat = Seat.objects.get(correlation_id=saga.correlation_id)
        seat.status = "SOLD"
        seat.save()
        for passenger in saga.request["passengers"]:
            name = f"{passenger['first_name']} {passenger['last_name']}"
            Ticket.objects.create(
                reference=reference, correlation_id=saga.correlation_id, passenger=name, seat=seat
            )
    return {"booking_reference": reference}


def call(url: str, saga: Saga) -> dict[str, Any]:
    body = {
        "correlation_id": saga.correlation_id,
        "user_id": saga.request["user_id"],
        "flight_fare": str(FARE),
    }
    reply = requests.post(url, json=body, timeout=TIMEOUT)
    reply.raise_for_status()
    answer: dict[str, Any] = reply.json()
    return answer


STEPS = {
    "ReserveSeat": reserve_seat,
    "AuthorizePayment": authorize_payment,
    "AwardMiles": award_miles,
    "ConfirmBooking": confirm_booking,
}


class AuthorizePayment(APIView):
    def post(self, request: Request) -> Response:
        step = serializers.Step(data=request.data)
        step.is_valid(raise_exception=True)
        known = step.validated_data
        with transaction.atomic():
            payment = Payment.objects.filter(correlation_id=known["correlation_id"]).first()
            if payment is None:
                payment = Payment.objects.create(
                    correlation_id=known["correlation_id"],
                    user_id=known["user_id"],
                    amount=known["flight_fare"] + CHARGES,
                    status="AUTHORIZED",
                )
        return Response({"success": True, "authorization_id": payment.pk, "amount": payment.amount})


class AwardMiles(APIView):
    def post(self, request: Request) -> Response:
        step = serializers.Step(data=request.data)
        step.is_valid(raise_exception=True)
        known = step.validated_data
        with transaction.atomic():
            award = Award.objects.filter(correlation_id=known["correlation_id"]).first()
            if award is None:
                award = Award.objects.create(
                    correlation_id=known["correlation_id"],
                    user_id=known["user_id"],
                    miles=int(known["flight_fare"]),
                )
        return Response({"success": True, "miles_awarded": award.miles})


class Ready(APIView):
    def get(self, request: Request) -> Response:
        return Response({"status": "ready"})
