"""Writes of payments: authorise, and its compensation cancel."""

from collections.abc import Mapping
from datetime import datetime
from typing import Any
from uuid import UUID

from django_sagas.database import db_time, execute
from django_sagas.guard.barrier import Done
from django_sagas.outcomes import Refused
from service_kit.money import to_wire

from payment.gateway import Decision, gateway
from payment.inputs import Authorize
from payment.models import EntryKind

CURRENCY = "USD"
COLUMNS = """correlation_id, kind, authorization_id, user_id,
    amount, flight_fare, other_charges, currency, created_at"""
INSERT_AUTHORIZATION = f"INSERT INTO payment_ledger ({COLUMNS}) VALUES (%s, %s, %s, %s, %s, %s, %s, %s, %s)"
# The opposite entry is made from the first one, so that their amounts are equal.
INSERT_CANCELLATION = f"""
    INSERT INTO payment_ledger ({COLUMNS})
    SELECT correlation_id, %s, authorization_id, user_id,
           amount, flight_fare, other_charges, currency, %s
    FROM payment_ledger WHERE correlation_id = %s AND kind = %s"""


def ask_gateway(command: Authorize) -> Decision:
    return gateway.authorize(card_token=command.payment.card_token, amount=command.total)


def authorize_payment(
    *, correlation_id: str, command: Authorize, decision: Decision, authorization_id: UUID, now: datetime
) -> Done | Refused:
    """The outcome of the gateway's decision; the guard's transaction writes the entry."""
    if decision is not Decision.APPROVED:
        return Refused("PAYMENT_DECLINED", decision.value)
    reference = f"auth-{authorization_id}"
    entry = (
        correlation_id,
        EntryKind.AUTHORIZED,
        reference,
        command.user_id,
        command.total,
        command.flight_fare,
        command.other_charges,
        CURRENCY,
        db_time(now),
    )
    fields = {
        "authorization_id": reference,
        "amount": to_wire(command.total),
        "flight_fare": to_wire(command.flight_fare),
        "other_charges": to_wire(command.other_charges),
        "currency": CURRENCY,
        "status": EntryKind.AUTHORIZED,
    }
    return Done(fields, write=lambda: execute(INSERT_AUTHORIZATION, entry))


def cancel_payment(*, correlation_id: str, authorized: Mapping[str, Any], now: datetime) -> dict[str, Any]:
    """Cancel the authorisation; `authorized` is authorize_payment's answer."""
    execute(INSERT_CANCELLATION, (EntryKind.CANCELLED, db_time(now), correlation_id, EntryKind.AUTHORIZED))
    return {
        "authorization_id": authorized["authorization_id"],
        "amount": authorized["amount"],
        "status": EntryKind.CANCELLED,
        "message": "The authorisation was cancelled; nothing is charged.",
    }
