"""Loyalty's step endpoints."""

from collections.abc import Mapping
from datetime import datetime
from typing import Any

from django_sagas.guard.barrier import Done
from django_sagas.outcomes import Refused
from drf_spectacular.utils import extend_schema
from service_kit import schema
from service_kit.saga_steps import ActionView, Call, CompensationView, RetriableView

from loyalty import serializers, services
from loyalty.inputs import Adjustment, AdjustRequest, Award, AwardRequest


@extend_schema(responses=schema.step(serializers.Awarded))
class AwardMiles(ActionView):
    """Add the miles that a booking earns."""

    name = step = "AwardMiles"
    takes = AwardRequest

    def effect(self, call: Call, command: Award, now: datetime) -> Done | Refused:
        return services.award_miles(correlation_id=call.correlation_id, command=command, now=now)


@extend_schema(responses=schema.step(serializers.Reversed))
class ReverseMiles(CompensationView):
    """Take back what a trip has earned: its award, and what changes of it have added or taken."""

    name, step = "ReverseMiles", "AwardMiles"
    nothing = {"miles_reversed": 0, "status": "REVERSED", "message": "There were no miles to reverse."}

    def undo(self, call: Call, answer: Mapping[str, Any], now: datetime) -> Mapping[str, Any]:
        return services.reverse_miles(correlation_id=call.correlation_id, awarded=answer, now=now)


@extend_schema(responses=schema.step(serializers.Adjusted))
class AdjustMiles(RetriableView):
    """Add the difference that the change of a trip makes. Nothing undoes it but reverse-miles of the trip."""

    name = step = "AdjustMiles"
    takes = AdjustRequest

    def decide(self, call: Call, command: Adjustment, now: datetime) -> Refused | None:
        return services.refuse_unknown_trip(command)

    def effect(self, call: Call, command: Adjustment, now: datetime) -> Done | Refused:
        return services.adjust_miles(correlation_id=call.correlation_id, command=command, now=now)
