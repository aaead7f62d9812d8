"""The two step endpoints."""

from collections.abc import Mapping
from datetime import datetime
from typing import Any

from django_sagas.guard.barrier import Done
from django_sagas.outcomes import Refused
from drf_spectacular.utils import extend_schema
from service_kit import schema
from service_kit.saga_steps import ActionView, Call, CompensationView

from hotel import serializers, services
from hotel.inputs import Reservation, ReserveRequest


@extend_schema(responses=schema.step(serializers.Reserved))
class ReserveRoom(ActionView):
    """Take a room off the stock."""

    name = step = "ReserveRoom"
    takes = ReserveRequest

    def effect(self, call: Call, command: Reservation, now: datetime) -> Done | Refused:
        return services.reserve_room(correlation_id=call.correlation_id, command=command, now=now)


@extend_schema(responses=schema.step(serializers.Cancelled))
class CancelRoom(CompensationView):
    """Give a room back."""

    name, step = "CancelRoom", "ReserveRoom"
    nothing = {"status": "CANCELLED", "message": "There was no room to cancel."}

    def undo(self, call: Call, answer: Mapping[str, Any], now: datetime) -> Mapping[str, Any]:
        return services.cancel_room(correlation_id=call.correlation_id, now=now)
