"""Marks unclaimed sagas, and makes sagas due that a clock put back left waiting."""

from datetime import datetime, timedelta

import structlog
from django.db.models import Q

from django_sagas.alarms import needs_attention
from django_sagas.conf import conf
from django_sagas.database import write_transaction
from django_sagas.models import SagaRow
from django_sagas.orchestrator import RELEASE_PAUSE
from django_sagas.state import SagaStatus

log = structlog.get_logger("saga.watchdog")
BATCH = 100
UNCLAIMED = "It is due, and nobody has claimed it: is recovery running, and does it keep up?"


def latest_due(now: datetime) -> datetime:
    """Twice the longest time that a saga waits."""
    seconds = (
        conf.SAGA_LEASE,
        conf.SAGA_FORWARD_BACKOFF[1],
        conf.SAGA_FORBIDDEN_BACKOFF[1],
        conf.SAGA_COMPENSATION_BACKOFF[1],
        conf.SAGA_MAX_RETRY_AFTER,
        RELEASE_PAUSE.total_seconds(),
    )
    return now + timedelta(seconds=2 * max(seconds))


def due_too_late(now: datetime) -> Q:
    """Sagas whose due time is further ahead than any wait; one that was accepted before now may have been
    told to begin so late."""
    told_to_wait = Q(status=SagaStatus.PENDING, created_at__lte=now)
    return Q(due_at__gt=latest_due(now)) & ~told_to_wait


def bring_forward(now: datetime) -> int:
    """Make sagas due that a clock which was put back left waiting.

    If their owner is alive after all, the next claim fences it off, as after any lease.
    """
    brought = SagaRow.objects.filter(due_too_late(now)).update(due_at=now)
    if brought:
        log.warning("due_times_ahead", sagas=brought)
    return brought


def mark_unclaimed(now: datetime) -> int:
    """Alarm for sagas that have been due for longer than SAGA_UNCLAIMED_SECONDS; how many were new."""
    late = now - timedelta(seconds=conf.SAGA_UNCLAIMED_SECONDS)
    unclaimed = SagaRow.objects.filter(due_at__lt=late, attention="").order_by("due_at")
    with write_transaction():
        # A saga that is being claimed at this moment is left out; one that was claimed is due later.
        rows = unclaimed.select_for_update(skip_locked=True)[:BATCH]
        marked = list(rows.values_list("correlation_id", flat=True))
        SagaRow.objects.filter(pk__in=marked).update(attention=UNCLAIMED)
        for correlation_id in marked:
            needs_attention(correlation_id, UNCLAIMED, now=now)
    for correlation_id in marked:
        log.error("saga_needs_attention", correlation_id=correlation_id, why=UNCLAIMED)
    return len(marked)
