"""Alarms: what needs a person. Each goes to the function that `SAGA_ALARM` names."""

from collections.abc import Callable
from datetime import datetime

import structlog
from django.db import Error as DatabaseError
from django.utils.module_loading import import_string

from django_sagas.conf import conf

log = structlog.get_logger("saga")
NEEDS_ATTENTION, BREAKER_OPENED = "needs-attention", "breaker-opened"
Alarm = Callable[..., object]
"`alarm(action=, correlation_id=, reason=, now=)`"


def _raise(action: str, correlation_id: str, reason: str, now: datetime) -> None:
    if conf.SAGA_ALARM:
        alarm: Alarm = import_string(conf.SAGA_ALARM)
        alarm(action=action, correlation_id=correlation_id, reason=reason, now=now)


def needs_attention(correlation_id: str, why: str, *, now: datetime) -> None:
    """Raised in the commit that marks the saga."""
    _raise(NEEDS_ATTENTION, correlation_id, why, now)


def breaker_opened(participant: str, correlation_id: str, *, now: datetime) -> None:
    """A participant does not answer. Best effort: the saga continues if this cannot be written."""
    log.error("breaker_opened", participant=participant, correlation_id=correlation_id)
    try:
        _raise(BREAKER_OPENED, correlation_id, f"{participant} does not answer", now)
    except DatabaseError as error:
        log.error("alarm_lost", participant=participant, error=str(error))  # noqa: TRY400  as above
