"""The audit trail of sagas: the engine's alarms, and what operators did."""

from collections.abc import Callable
from datetime import datetime
from functools import partial

from service_kit.security import audit
from service_kit.security.models import AuditKind


def raise_alarm(*, action: str, correlation_id: str, reason: str, now: datetime) -> None:
    audit.record(AuditKind.ALARM, action=action, correlation_id=correlation_id, reason=reason, now=now)


def told(correlation_id: str, *, action: str, now: datetime, **what: str) -> Callable[[], object]:
    """Writes the row of an operator's action: `actor`, `reason` and `evidence`."""
    record = partial(audit.record, AuditKind.OPERATOR)
    return partial(record, correlation_id=correlation_id, action=action, now=now, **what)
