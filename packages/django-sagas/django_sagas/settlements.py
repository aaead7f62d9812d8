"""Compensations resolved by hand: listed until their participants are found to agree."""

from collections.abc import Iterator
from datetime import datetime
from typing import Any

from django.db.models import QuerySet

from django_sagas.clock import iso
from django_sagas.database import by_pages
from django_sagas.models import ManualSettlement

SHOWN, MOST = 20, 200


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
    return {"count": count_open(), "oldest": [_brief(each) for each in _open(SHOWN)]}


def listed() -> list[dict[str, Any]]:
    """The same with who settled it and on what evidence, the oldest MOST of them."""
    told = ("actor", "reason", "evidence")
    return [_brief(each) | {name: getattr(each, name) for name in told} for each in _open(MOST)]


def _open(most: int) -> QuerySet[ManualSettlement]:
    return ManualSettlement.objects.filter(agreed_at=None).order_by("id")[:most]


def _brief(settlement: ManualSettlement) -> dict[str, Any]:
    return {
        "correlation_id": settlement.correlation_id,
        "step": settlement.step,
        "settled_at": iso(settlement.settled_at),
        "seen": settlement.seen or None,
    }
