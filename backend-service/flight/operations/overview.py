"""How all sagas stand: the engine's numbers, and the seats that they hold."""

from datetime import datetime
from typing import Any

from django.db.models import Count, Min, OuterRef, Subquery, Sum
from django_sagas import overview as engine
from django_sagas.clock import iso_or_none
from django_sagas.models import SagaRow

from flight.models import Seat, SeatState


def overview(now: datetime, *, counted: engine.Totals = engine.totals) -> dict[str, Any]:
    return engine.overview(now, counted=counted) | {"seats_held": seats_held()}


def seats_held() -> dict[str, Any]:
    held = Seat.objects.filter(state=SeatState.HELD)
    # One look-up a saga: with a join a planner may read every seat that was ever held.
    of_saga = held.filter(correlation_id=OuterRef("pk")).values("correlation_id").annotate(number=Count("*"))
    by_sagas = SagaRow.objects.open().aggregate(seats=Sum(Subquery(of_saga.values("number"))))
    direct = held.filter(expires_at__isnull=False).aggregate(seats=Count("*"), expiry=Min("expires_at"))
    return {
        "by_sagas": by_sagas["seats"] or 0,
        "by_direct_calls": direct["seats"],
        "next_expiry": iso_or_none(direct["expiry"]),
    }
