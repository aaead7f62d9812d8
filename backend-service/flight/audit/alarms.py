"""The audit trail of sagas: the engine's alarms, what operators did, and what the auditor found."""

from datetime import datetime

import structlog
from django.conf import settings
from django_sagas.audit.rules import Finding
from service_kit.money import to_wire
from service_kit.security import audit
from service_kit.security.models import AuditEntry, AuditKind

log = structlog.get_logger("saga")


def raise_alarm(*, action: str, correlation_id: str, reason: str, now: datetime) -> None:
    audit.record(AuditKind.ALARM, action=action, correlation_id=correlation_id, reason=reason, now=now)


def fee_not_kept(
    correlation_id: str, *, cents: int, now: datetime, why: str = "the payment had expired"
) -> None:
    """Of a cancellation that was agreed with a fee, whose payment had expired, or was lost with a back-up."""
    missing = f"{to_wire(cents):.2f} {settings.CURRENCY}"
    log.error("fee_not_kept", correlation_id=correlation_id, missing=missing)
    reason = f"{missing} of the fee could not be kept: {why}"
    raise_alarm(action="fee-not-kept", correlation_id=correlation_id, reason=reason, now=now)


def leave_trail(
    *, action: str, correlation_id: str, actor: str, reason: str, evidence: str, now: datetime
) -> None:
    audit.record(
        AuditKind.OPERATOR,
        action=action,
        correlation_id=correlation_id,
        actor=actor,
        reason=reason,
        evidence=evidence,
        now=now,
    )


def report_finding(*, finding: Finding, now: datetime) -> None:
    """A row for each thing found, not for each run that finds it."""
    action = f"drift-{finding.about}"
    evidence = f"seen {finding.seen}; expected {finding.expected}"[:200]
    told = AuditEntry.objects.filter(correlation_id=finding.correlation_id, action=action, evidence=evidence)
    if not told.exists():
        audit.record(
            AuditKind.ALARM,
            action=action,
            correlation_id=finding.correlation_id,
            reason=f"{finding.about} is not what the saga log says",
            evidence=evidence,
            now=now,
        )
