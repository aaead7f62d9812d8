"""The audit trail: rows that are never changed."""

from datetime import datetime

from service_kit.security.models import AuditEntry, AuditKind


def record(
    kind: AuditKind,
    *,
    action: str,
    now: datetime,
    actor: str = "",
    address: str = "",
    correlation_id: str = "",
    reason: str = "",
    evidence: str = "",
) -> None:
    AuditEntry.objects.create(
        created_at=now,
        kind=kind,
        actor=actor[:64],
        address=address,
        action=action[:120],
        correlation_id=correlation_id,
        reason=reason[:200],
        evidence=evidence[:200],
    )
