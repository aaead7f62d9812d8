"""Baseline: one Celery task does the steps, in a worker of its own; Redis carries it and its result."""

import os

from celery import Celery

from bench.baselines.saga import TIMEOUT, Booking, run_saga, serve

REDIS = os.environ["REDIS_URL"]
app = Celery("bench", broker=REDIS, backend=REDIS)
app.conf.broker_connection_retry_on_startup = True
task = app.task(run_saga, name="saga")


def book(correlation_id: str, booking: Booking) -> bool:
    result = task.apply_async((correlation_id, booking), task_id=correlation_id)
    return bool(result.get(timeout=3 * TIMEOUT))


application = serve(book)
