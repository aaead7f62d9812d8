"""Faults of the process that runs a saga: it dies, or it stands still between an answer and its record.

Set at /api/demo/faults/ like those of a step, for one saga each. Demo mode only.
"""

import os
import time
from datetime import datetime

import structlog
from django_sagas import client
from django_sagas.client import Call
from django_sagas.guard.models import Fault, FaultKind
from django_sagas.models import SagaRow
from django_sagas.orchestrator import process_name
from django_sagas.outcomes import Outcome
from service_kit import faults

log = structlog.get_logger("saga")
ORCHESTRATOR = "Orchestrator"
"In the place of a step's name."
KILLED = 137
"A shell's exit code of what SIGKILL has ended."


class Participants(client.Participants):
    def call(self, call: Call, *, timeout: float) -> Outcome:
        outcome = super().call(call, timeout=timeout)
        if fault := faults.take(ORCHESTRATOR, call.correlation_id):
            _meet(fault)
        return outcome


def die_if_asked(now: datetime) -> None:
    """End this process if it runs a saga whose orchestrator is to die; its supervisor starts it again."""
    for correlation_id in faults.waiting(ORCHESTRATOR, FaultKind.FAIL):
        here = SagaRow.objects.open().filter(pk=correlation_id, owner=process_name())
        if here.exists() and (fault := faults.take(ORCHESTRATOR, correlation_id)):
            _meet(fault)


def _meet(fault: Fault) -> None:
    log.warning("orchestrator_fault", correlation_id=fault.correlation_id, kind=fault.kind)
    if fault.kind == FaultKind.DELAY:
        time.sleep(fault.seconds)  # The fault itself: this orchestrator stands still.
    elif fault.kind == FaultKind.FAIL:
        # As sudden as SIGKILL, which the first process of a container cannot send to itself.
        os._exit(KILLED)
