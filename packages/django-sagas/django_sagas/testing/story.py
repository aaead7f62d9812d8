"""What the user says of a saga, and what the user's invariants are given."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from django_sagas.client import Call
from django_sagas.state import SagaState, SagaStatus
from django_sagas.testing.participants import FakeParticipant, Participant


@dataclass(frozen=True)
class Story:
    """One saga from its start to its end, when nothing goes wrong on the way."""

    name: str
    data: Mapping[str, Any] = field(default_factory=dict)
    ends: str = "COMPLETED"
    "or COMPENSATED"
    subject: str = ""
    secrets: Mapping[str, Any] = field(default_factory=dict)
    refuses: Mapping[str, str] = field(default_factory=dict)
    "steps that a fake participant refuses, each with its code"
    cancelled: bool = False
    "the saga is cancelled once it is complete"


@dataclass(frozen=True)
class Ending:
    """How a run ended."""

    story: Story
    saga: SagaState | None
    "None: the process died before the saga was stored"
    participants: Mapping[str, Participant]
    "those that were called, by name"
    calls: Sequence[Call]

    @property
    def completed(self) -> bool:
        """Everything must have taken effect, once. Otherwise nothing must be left."""
        return self.saga is not None and self.saga.status == SagaStatus.COMPLETED

    def is_live(self, step: str) -> bool:
        """Whether a fake participant has the effect of this step, and has not undone it."""
        if self.saga is None:
            return False
        fake = self.participants.get(self.saga.step(step).participant)
        return isinstance(fake, FakeParticipant) and fake.is_live(self.saga.correlation_id, step)
