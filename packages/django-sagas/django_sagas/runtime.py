"""This process's orchestrator: the start of sagas, and their admission."""

import threading
import time
from collections.abc import Callable, Mapping
from datetime import datetime
from functools import cache
from typing import Any

from django.utils.module_loading import import_string

from django_sagas import json_text, saga_log
from django_sagas.conf import conf
from django_sagas.definitions import Saga
from django_sagas.orchestrator import Orchestrator, within_a_saga
from django_sagas.problems import Problem, try_again
from django_sagas.state import SagaState

COUNT_SECONDS = 1.0


@cache
def orchestrator() -> Orchestrator:
    made: Orchestrator = import_string(conf.SAGA_ORCHESTRATOR)()
    return made


def start(
    definition: type[Saga],
    data: Mapping[str, Any],
    *,
    subject: str = "",
    secrets: Mapping[str, Any] | None = None,
    key: str | None = None,
    reversible_until: datetime | None = None,
    due_at: datetime | None = None,
    correlation_id: str | None = None,
    also: Callable[[str], object] = lambda correlation_id: None,
) -> SagaState:
    """Store a new saga in the caller's transaction; recovery runs it once that is committed.

    - `subject`: whose saga it is; with `key`, a repeat returns the saga that the first one began.
    - `reversible_until`: once complete, it is not cancelled after this time; None: no limit.
    - `due_at`: it does not run before this time; None: at once.
    - `correlation_id`: a fresh one, where the caller has to know it before; None: one is made.
    - `also`: gets the correlation id, and writes in the same transaction.

    Raises Problem 422 for a key that came before with other data, 503 while too many sagas are open; a saga
    that a step starts is never turned away, because the step's own saga could not end then.
    """
    from django_sagas.engines import engine  # The engines import this module.

    if not within_a_saga.get():
        admission.check()
    driver, scope = orchestrator(), definition.key_scope(subject) if key else None
    saga: SagaState = definition.new(
        data,
        correlation_id=correlation_id or driver.new_id(),
        now=driver.now(),
        subject=subject,
        secrets=secrets,
        scope=scope,
        key=key,
        reversible_until=reversible_until,
        fingerprint=json_text.fingerprint({"data": data, "secrets": secrets or {}}),
    )

    def submit(correlation_id: str) -> None:
        if due_at is None:  # Later ones are found by their due time.
            engine().submit(correlation_id)
        also(correlation_id)

    accepted = driver.accept(saga, due_at=due_at, also=submit)
    return accepted or _known(saga)


def _known(saga: SagaState) -> SagaState:
    assert saga.idempotency_scope and saga.idempotency_key, "only a key can be taken"
    known = saga_log.load_by_key(saga.idempotency_scope, saga.idempotency_key)
    assert known is not None, "sagas are never deleted"
    if known.request_fingerprint != saga.request_fingerprint:
        detail = "This idempotency key came before with other data."
        raise Problem(422, "IDEMPOTENCY_KEY_REUSED", detail, correlation_id=known.correlation_id)
    return known


class Admission:
    """Refuses new sagas while too many are open; counts them at most once a second."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._counted_at = float("-inf")
        self._running = 0

    def check(self) -> None:
        """Raise 503 before anything is written."""
        if self._is_time_to_count():  # Outside the lock: a slow database must not queue all requests.
            self._running = saga_log.count_running(orchestrator().now())
        if self._running >= conf.SAGA_MAX_RUNNING:
            raise try_again("Too many sagas are under way.", code="OVERLOADED")

    def _is_time_to_count(self) -> bool:
        with self._lock:
            if time.monotonic() - self._counted_at < COUNT_SECONDS:
                return False
            self._counted_at = time.monotonic()
            return True


admission = Admission()
