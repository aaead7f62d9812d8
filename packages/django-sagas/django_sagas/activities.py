"""Runs activities: steps in this process, outside the saga's transactions."""

import time
from collections.abc import Callable
from functools import cache

import structlog

from django_sagas.breaker import Slots
from django_sagas.conf import conf
from django_sagas.outcomes import Outcome, Unknown, has_answered

log = structlog.get_logger("saga.activity")


@cache
def _slots_of(name: str) -> Slots:
    """A slow mail server must not keep all threads, as a slow participant must not."""
    return Slots(conf.SAGA_CALLS_PER_PARTICIPANT, conf.SAGA_SLOT_WAIT)


def run(name: str, does: Callable[[], Outcome], *, timeout: float) -> Outcome:
    """One attempt; `timeout` bounds only the wait for a slot. An exception makes its outcome unknown."""
    slots = _slots_of(name)
    if not slots.enter(time.monotonic(), timeout=timeout):
        return Unknown(f"too many are waiting for {name}", retry_after=conf.SAGA_SLOT_WAIT)
    answered = False
    try:
        outcome = does()
        answered = has_answered(outcome)
    except Exception as error:
        log.exception("activity_failed", activity=name)
        outcome = Unknown(f"{type(error).__name__}: {error}")
    finally:
        slots.leave(time.monotonic(), answered=answered)
    return outcome
