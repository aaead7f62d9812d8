"""What a definition lets its auditor compare: a rule for each step, `Saga.audits`."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

from django_sagas.state import SagaState, StepStatus

NOTHING = "nothing"
"Seen where no effect is found, and expected of steps that a saga does not have."


class Unreadable(Exception):
    """An owner could not be asked: whether it agrees is unknown."""


@dataclass(frozen=True)
class Rule:
    """What the owner of a step's effect has to show of an ended saga. Both sides are one line of text.

    `expected(saga)` returns the permitted states; `seen(saga)` asks the owner, and raises Unreadable if it
    cannot.
    """

    step: str
    expected: Callable[[Any], Sequence[str]]
    seen: Callable[[Any], str]


@dataclass(frozen=True)
class Finding:
    """A saga that is not as it has to be."""

    correlation_id: str
    about: str
    "a step, or a part of the saga's log"
    expected: str
    seen: str

    def __str__(self) -> str:
        return f"{self.correlation_id} {self.about}: expected {self.expected}; seen {self.seen}"


def compare(rule: Rule, saga: SagaState) -> tuple[str, Finding | None]:
    """What the owner shows, and the finding if that is not permitted. Raises Unreadable."""
    is_own = any(step.name == rule.step for step in saga.steps)
    expected, seen = rule.expected(saga) if is_own else (NOTHING,), rule.seen(saga)
    if seen in expected:
        return seen, None
    return seen, Finding(saga.correlation_id, rule.step, " or ".join(expected), seen)


def broken(rules: Sequence[Rule], saga: SagaState) -> list[Finding]:
    """What the owners contradict, except for steps resolved by hand. Raises Unreadable."""
    by_hand = {step.name for step in saga.steps if step.status == StepStatus.RESOLVED}
    found = [compare(rule, saga)[1] for rule in rules if rule.step not in by_hand]
    return [finding for finding in found if finding]


def steps_without_rule(rules: Sequence[Rule], saga: SagaState) -> list[str]:
    """Steps of the row that no rule looks up, such as one that this release does not know."""
    looked_up = {rule.step for rule in rules}
    return [step.name for step in saga.steps if step.name not in looked_up]
