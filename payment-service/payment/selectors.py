"""Queries on payments."""

from datetime import datetime
from typing import Any

from django.db.models import Q
from django_sagas.clock import iso
from service_kit.money import to_wire

from payment.models import Attempt, EntryKind, Payment, PaymentStatus


def payment_of(correlation_id: str) -> Payment | None:
    return Payment.objects.filter(correlation_id=correlation_id).first()


def trip(trip_id: str) -> Q:
    """The payments of a trip, or one further payment of a trip by its own id."""
    return Q(trip_id=trip_id) | Q(correlation_id=trip_id)


def locked(payments: Q) -> list[Payment]:
    """Newest first, within a transaction. All callers lock in one order."""
    found = Payment.objects.select_for_update().filter(payments).order_by("id")
    return list(reversed(found))


def entries_by(correlation_id: str, step: str) -> list[tuple[str, int, int]]:
    """(kind, its amount, the payment's amount) of what one call of a step has moved."""
    keys = Attempt.objects.filter(correlation_id=correlation_id, step=step).values("key")
    entries = Payment.objects.filter(entries__attempt__in=keys)
    return list(entries.values_list("entries__kind", "entries__amount", "amount"))


def returned_by(correlation_id: str, step: str) -> int:
    """Cents that one call of a step gave back. Of a hold that was captured in part it is the rest."""
    entries = entries_by(correlation_id, step)
    return sum(held - amount if kind == EntryKind.CAPTURED else amount for kind, amount, held in entries)


def kinds_by(correlation_id: str, step: str) -> set[str]:
    return {kind for kind, _, _ in entries_by(correlation_id, step)}


def describe(payment: Payment, now: datetime) -> dict[str, Any]:
    lapsed = payment.has_lapsed(now)
    status, live = (PaymentStatus.EXPIRED, 0) if lapsed else (payment.status, payment.live)
    return {
        "correlation_id": payment.correlation_id,
        "trip_id": payment.trip_id,
        "authorization_id": payment.authorization_id,
        "amount": to_wire(payment.amount),
        "flight_fare": to_wire(payment.flight_fare),
        "other_charges": to_wire(payment.other_charges),
        "currency": payment.currency,
        "status": PaymentStatus(status).value,
        "captured": to_wire(payment.captured),
        "refunded": to_wire(payment.refunded),
        "returned": to_wire(payment.amount - live),
        "capture_before": iso(payment.capture_before),
    }
