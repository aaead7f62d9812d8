"""A pair of steps as small as they get, and views that fail in every way."""

from collections.abc import Callable, Mapping
from dataclasses import asdict
from datetime import datetime
from typing import Any

from django.db import connection
from django.http import HttpRequest, HttpResponse
from django_sagas.guard.barrier import Done
from django_sagas.outcomes import Refused
from rest_framework.request import Request
from service_kit import schema
from service_kit.api import ServiceView, json_response, read_json
from service_kit.authentication import caller_of
from service_kit.booking_data import Amount, BookingData
from service_kit.inputs import UserId
from service_kit.saga_steps import ActionView, Call, CompensationView, StepRequest

from tests.participant.models import Entry

UNLUCKY_CENTS = 1300
FAILURES: dict[str, Callable[[], object]] = {}


class Add(BookingData):
    user_id: UserId
    flight_fare: Amount


@schema.asked({"correlation_id": "test-12345", "booking_data": {"user_id": 1, "flight_fare": 500.0}})
class AddRequest(StepRequest):
    booking_data: Add


class AddEntry(ActionView):
    name = step = "AddEntry"
    takes = AddRequest

    def effect(self, call: Call, command: Add, now: datetime) -> Done | Refused:
        if command.flight_fare == UNLUCKY_CENTS:
            return Refused("LIMIT_EXCEEDED", "Thirteen is too much.")
        Entry.objects.create(correlation_id=call.correlation_id, amount=command.flight_fare)
        return Done({"amount": command.flight_fare})


class RemoveEntry(CompensationView):
    name, step = "RemoveEntry", "AddEntry"
    nothing = {"message": "There was nothing to remove."}

    def undo(self, call: Call, answer: Mapping[str, Any], now: datetime) -> Mapping[str, Any]:
        Entry.objects.create(correlation_id=call.correlation_id, amount=-answer["amount"])
        return {"removed": answer["amount"]}


class Fail(ServiceView):
    """Raises what the test put into FAILURES."""

    def get(self, request: Request, name: str) -> HttpResponse:
        FAILURES[name]()
        return json_response({"failed": False})


class Echo(ServiceView):
    def post(self, request: Request) -> HttpResponse:
        return json_response(read_json(request))


class WhoAmI(ServiceView):
    def get(self, request: Request) -> HttpResponse:
        return json_response(asdict(caller_of(request)))


def fail_outside_rest_framework(request: HttpRequest, name: str) -> HttpResponse:
    FAILURES[name]()
    return HttpResponse(connection.vendor)
