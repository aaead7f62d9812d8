"""Queries on payments."""

from typing import Any

from service_kit.money import to_wire

from payment.models import EntryKind, LedgerEntry


def payment_of(correlation_id: str) -> LedgerEntry | None:
    """The latest entry of a saga's payment, which is its state."""
    return LedgerEntry.objects.filter(correlation_id=correlation_id).order_by("-id").first()


def describe(entry: LedgerEntry) -> dict[str, Any]:
    return {
        "correlation_id": entry.correlation_id,
        "authorization_id": entry.authorization_id,
        "amount": to_wire(entry.amount),
        "flight_fare": to_wire(entry.flight_fare),
        "other_charges": to_wire(entry.other_charges),
        "currency": entry.currency,
        "status": EntryKind(entry.kind).value,
    }
