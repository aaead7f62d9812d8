"""The effect of each movement: the payment's row and the ledger's entry, in the caller's transaction."""

from datetime import datetime

from payment.models import Action, EntryKind, LedgerEntry, Payment, PaymentStatus

KINDS = {
    Action.CAPTURE: EntryKind.CAPTURED,
    Action.CANCEL: EntryKind.CANCELLED,
    Action.REFUND: EntryKind.REFUNDED,
}


def move(payment: Payment, action: Action, amount: int, *, attempt: str | None, now: datetime) -> None:
    """`payment` is locked, and changed here too. No attempt: the call that did it is forgotten."""
    number = 1
    match action:
        case Action.CAPTURE:
            payment.captured, payment.status = amount, PaymentStatus.CAPTURED
        case Action.CANCEL:
            payment.status = PaymentStatus.CANCELLED
        case Action.REFUND:
            payment.refunded += amount
            whole = payment.refunded == payment.captured
            payment.status = PaymentStatus.REFUNDED if whole else PaymentStatus.PARTLY_REFUNDED
            number += payment.entries.filter(kind=EntryKind.REFUNDED).count()
    payment.save(update_fields=["captured", "refunded", "status"])
    _enter(payment, KINDS[action], amount, number=number, attempt=attempt, now=now)


def expire(payment: Payment, now: datetime) -> None:
    payment.status = PaymentStatus.EXPIRED
    payment.save(update_fields=["status"])
    _enter(payment, EntryKind.EXPIRED, payment.amount, number=1, attempt=None, now=now)


def _enter(
    payment: Payment, kind: EntryKind, amount: int, *, number: int, attempt: str | None, now: datetime
) -> None:
    LedgerEntry.objects.create(
        payment=payment,
        kind=kind,
        number=number,
        authorization_id=payment.authorization_id,
        user_id=payment.user_id,
        amount=amount,
        flight_fare=payment.flight_fare,
        other_charges=payment.other_charges,
        currency=payment.currency,
        created_at=now,
        attempt=attempt,
    )
