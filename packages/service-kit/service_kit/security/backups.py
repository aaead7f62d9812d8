"""How old the newest back-up of this service's database is, for its metrics."""

from collections.abc import Iterator
from datetime import datetime

from django.conf import settings
from django.db import Error as DatabaseError
from django.db import transaction
from django.db.migrations.recorder import MigrationRecorder
from django_sagas.clock import utc_now
from prometheus_client.core import GaugeMetricFamily
from prometheus_client.metrics_core import Metric

from service_kit.metrics import FROM_ROWS
from service_kit.security.models import NewestBackup

THE_ROW = 1
HOUR = 3600


def note(made_at: datetime) -> None:
    """An older one than is known changes nothing."""
    with transaction.atomic():
        row, is_new = NewestBackup.objects.select_for_update().get_or_create(
            pk=THE_ROW, defaults={"made_at": made_at}
        )
        if not is_new and row.made_at < made_at:
            row.made_at = made_at
            row.save()


def age_hours(now: datetime) -> float | None:
    """Without a back-up the age of the database; None in demo mode, which needs none."""
    row = NewestBackup.objects.filter(pk=THE_ROW).first()
    if row is None and settings.DEMO_MODE:
        return None
    since = row.made_at if row else _first_migration()
    return (now - since).total_seconds() / HOUR if since else None


def _first_migration() -> datetime | None:
    applied = MigrationRecorder.Migration.objects.order_by("applied").values_list("applied", flat=True)
    return applied.first()


class BackupCollector:
    def collect(self) -> Iterator[Metric]:
        try:
            age = age_hours(utc_now())
        except DatabaseError:
            return  # The readiness of the service says so.
        if age is not None:
            said = "Hours since the newest back-up of this service's database was made."
            yield GaugeMetricFamily("backup_age_hours", said, value=age)


def register() -> None:
    FROM_ROWS.register(BackupCollector())
