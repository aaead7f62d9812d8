"""Durable, orchestrated sagas for Django."""

from django_sagas.definitions import (
    DefinitionError,
    Planned,
    Saga,
    Step,
    Words,
    WriteConflict,
    activity,
    local,
    remote,
)
from django_sagas.outcomes import Done, Refused, Unknown
from django_sagas.state import Kind, SagaState, SagaStatus, StepStatus

__version__ = "1.0.0"
__all__ = [
    "DefinitionError",
    "Done",
    "Kind",
    "Planned",
    "Refused",
    "Saga",
    "SagaState",
    "SagaStatus",
    "Step",
    "StepStatus",
    "Unknown",
    "Words",
    "WriteConflict",
    "activity",
    "local",
    "remote",
]
