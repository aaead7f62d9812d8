"""A pair of steps as small as they get, and views that fail in every way."""

from collections.abc import Callable, Mapping
from dataclasses import asdict, dataclass
from datetime import datetime
from typing import Any

from django.db import connection
from django.http import HttpRequest, HttpResponse
from django_sagas.guard.barrier import Done, Refused
from rest_framework.request import Request
from service_kit.api import ServiceView, json_response, read_json
from service_kit.authentication import caller_of
from service_kit.fields import Fields
from service_kit.saga_steps import ActionView, Call, CompensationView

from tests.participant.models import Entry

UNLUCKY_CENTS = 1300
FAILURES: dict[str, Callable[[], object]] = {}


@dataclass(frozen=True)
class Add:
    user_id: str
    amount: int

    def used(self) -> dict[str, Any]:
        return asdict(self)


class AddEntry(ActionView):
    name = step = "AddEntry"

    def read(self, booking: Fields) -> Add:
        return Add(user_id=booking.user_id(), amount=booking.amount("flight_fare"))

    def effect(self, call: Call, command: Add, now: datetime) -> Done | Refused:
        if command.amount == UNLUCKY_CENTS:
            return Refused("LIMIT_EXCEEDED", "Thirteen is too much.")
        Entry.objects.create(correlation_id=call.correlation_id, amount=command.amount)
        return Done({"amount": command.amount})


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
