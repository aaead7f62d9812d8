"""Compensations resolved by hand: listed until their participants are found to agree."""

from collections.abc import Iterator
from datetime import datetime
from typing import Any

from django_sagas.clock import iso
from django_sagas.database import by_pages
from django_sagas.models import ManualSettlement

SHOWN = 20


def remember(
    correlation_id: str, step: str, *, actor: str, reason: str, evidence: str, now: datetime
) -> None:
    """Nothing happens when it is remembered already."""
    settlement = ManualSettlement(
        correlation_id=correlation_id,
        step=step,
        settled_at=now,
        seen="",
        actor=actor[:64],
        reason=reason[:200],
        evidence=evidence[:200],
    )
    ManualSettlement.objects.bulk_create([settlement], ignore_conflicts=True)


def remember_lost(
    correlation_id: str, step: str, *, actor: str, reason: str, evidence: str, now: datetime
) -> None:
    """Of a call that no saga of this log made: its participant has nothing left of it."""
    remember(correlation_id, step, actor=actor, reason=reason, evidence=evidence, now=now)
    ManualSettlement.objects.filter(correlation_id=correlation_id, step=step).update(
        seen=evidence[:200], agreed_at=now
    )


def has_lost(correlation_id: str, step: str) -> bool:
    """Whether a lost call was settled."""
    return ManualSettlement.objects.filter(correlation_id=correlation_id, step=step).exists()


def every() -> Iterator[ManualSettlement]:
    return by_pages(ManualSettlement.objects.all())


def saw(settlement: ManualSettlement, seen: str, *, agrees: bool, now: datetime) -> None:
    found = ManualSettlement.objects.filter(pk=settlement.pk)
    found.update(seen=seen[:200], agreed_at=now if agrees else None)


def count_open() -> int:
    return ManualSettlement.objects.filter(agreed_at=None).count()


def still_open() -> dict[str, Any]:
    """Those whose participants disagree or were not asked yet, oldest first."""
    oldest = ManualSettlement.objects.filter(agreed_at=None).order_by("id")[:SHOWN]
    return {
        "count": count_open(),
        "oldest": [
            {
                "correlation_id": each.correlation_id,
                "step": each.step,
                "settled_at": iso(each.settled_at),
                "seen": each.seen or None,
            }
            for each in oldest
        ],
    }
