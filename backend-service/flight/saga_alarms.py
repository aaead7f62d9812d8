"""Alarms: a log line and an audit row for what needs a person."""

from datetime import datetime

import structlog
from django.db import Error as DatabaseError
from service_kit.security import audit
from service_kit.security.models import AuditKind

log = structlog.get_logger("saga")


def needs_attention(correlation_id: str, why: str, *, now: datetime) -> None:
    """Written in the commit that raises the alarm."""
    audit.record(
        AuditKind.ALARM, action="needs-attention", correlation_id=correlation_id, reason=why, now=now
    )


def breaker_opened(participant: str, correlation_id: str, *, now: datetime) -> None:
    """A participant does not answer. Best effort: the saga continues if this cannot be written."""
    log.error("breaker_opened", participant=participant, correlation_id=correlation_id)
    try:
        audit.record(
            AuditKind.ALARM,
            action="breaker-opened",
            correlation_id=correlation_id,
            reason=f"{participant} does not answer",
            now=now,
        )
    except DatabaseError as error:
        log.error("audit_row_lost", participant=participant, error=str(error))  # noqa: TRY400  as above
