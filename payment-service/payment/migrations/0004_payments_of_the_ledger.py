"""A payment for each authorisation of earlier releases, and what the bank's books would say about it."""

from datetime import timedelta
from typing import Any

from django.conf import settings
from django.db import migrations

PAGE = 1000
SIMULATED = "simulated"


def fill(apps: Any, schema_editor: Any) -> None:
    entries = apps.get_model("payment", "LedgerEntry").objects
    payments = apps.get_model("payment", "Payment").objects
    movements = apps.get_model("bank", "Movement").objects
    last = 0
    while page := list(entries.filter(id__gt=last, kind="AUTHORIZED").order_by("id")[:PAGE]):
        last = page[-1].id
        ids = [entry.correlation_id for entry in page]
        cancelled = {one.correlation_id: one for one in entries.filter(kind="CANCELLED", correlation_id__in=ids)}
        made = [payment(entry, entry.correlation_id in cancelled, payments.model) for entry in page]
        payments.bulk_create(made)
        lines = [movement("HOLD", entry, movements.model) for entry in page]
        lines += [movement("RELEASE", entry, movements.model) for entry in cancelled.values()]
        # The bank keeps its books when this migration is taken back, and knows these keys the next time.
        movements.bulk_create(lines, ignore_conflicts=True)


def payment(entry: Any, is_cancelled: bool, model: Any) -> Any:
    return model(
        correlation_id=entry.correlation_id,
        trip_id=entry.correlation_id,
        user_id=entry.user_id,
        amount=entry.amount,
        flight_fare=entry.flight_fare,
        other_charges=entry.other_charges,
        currency=entry.currency,
        status="CANCELLED" if is_cancelled else "AUTHORIZED",
        provider=SIMULATED,
        provider_reference=entry.authorization_id,
        authorization_id=entry.authorization_id,
        authorized_at=entry.created_at,
        capture_before=entry.created_at + timedelta(days=settings.AUTHORIZATION_DAYS),
    )


def movement(kind: str, entry: Any, model: Any) -> Any:
    return model(
        key=f"{kind}:{entry.authorization_id}",
        kind=kind,
        hold=entry.authorization_id,
        amount=entry.amount,
        currency=entry.currency,
        text="",
        created_at=entry.created_at,
    )


class Migration(migrations.Migration):
    dependencies = [("payment", "0003_payments_and_attempts"), ("bank", "0001_initial")]

    operations = [migrations.RunPython(fill, migrations.RunPython.noop)]
