"""Writes: reserve, and its compensation cancel. Both run inside the guard's transaction."""

from collections.abc import Mapping
from datetime import datetime
from typing import Any

from django.db.models import F
from django_sagas.guard.barrier import Done
from django_sagas.outcomes import Refused
from service_kit.money import to_wire

from hotel.inputs import Reservation
from hotel.models import EntryKind, LedgerEntry, Stock


def reserve_room(*, correlation_id: str, command: Reservation, now: datetime) -> Done | Refused:
    # One conditional update: of two callers for the last room, one is refused.
    if not Stock.objects.filter(room=command.room, free__gt=0).update(free=F("free") - 1):
        return Refused("ROOM_UNAVAILABLE", "No such room is free.")
    _enter(EntryKind.RESERVED, correlation_id, command.room, command.price, now)
    return Done({"room": command.room, "price": to_wire(command.price)})


def cancel_room(*, correlation_id: str, now: datetime) -> Mapping[str, Any]:
    reserved = LedgerEntry.objects.get(correlation_id=correlation_id, kind=EntryKind.RESERVED)
    Stock.objects.filter(room=reserved.room).update(free=F("free") + 1)
    _enter(EntryKind.CANCELLED, correlation_id, reserved.room, reserved.price, now)
    return {"room": reserved.room, "status": "CANCELLED"}


def _enter(kind: EntryKind, correlation_id: str, room: str, price: int, now: datetime) -> None:
    LedgerEntry.objects.create(
        correlation_id=correlation_id, kind=kind, room=room, price=price, created_at=now
    )
