"""`manage.py run_recovery` of the backend: announces itself and serves its metrics."""

from django.conf import settings
from django_sagas.management.commands import run_recovery
from service_kit import metrics, startup


class Command(run_recovery.Command):
    def begin(self) -> None:
        startup.announce()
        if settings.METRICS_PORT:
            metrics.serve(settings.METRICS_PORT, settings.METRICS_ADDRESS)
