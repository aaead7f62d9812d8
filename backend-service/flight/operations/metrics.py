"""Metrics read from the database at each scrape: the engine's, and the seats that are held."""

from collections.abc import Iterator

from django.db import Error as DatabaseError
from django_sagas.metrics import SagaCollector
from prometheus_client.core import GaugeMetricFamily
from prometheus_client.metrics_core import Metric
from service_kit.metrics import FROM_ROWS

from flight.operations import overview


class BookingCollector(SagaCollector):
    def collect(self) -> Iterator[Metric]:
        yield from super().collect()
        held = GaugeMetricFamily("seats_held", "Seats reserved and not confirmed yet.", labels=["by"])
        try:
            seats = overview.seats_held()
        except DatabaseError:
            return  # `saga_log_readable` says so.
        held.add_metric(["saga"], seats["by_sagas"])
        held.add_metric(["direct_call"], seats["by_direct_calls"])
        yield held


def register() -> None:
    FROM_ROWS.register(BookingCollector())
