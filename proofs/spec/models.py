"""What is checked: sagas of different shapes, and the faults that are planted in the specification."""

from collections.abc import Iterable
from dataclasses import dataclass, replace
from typing import Any

SAFETY = ("EpochsGrow", "TerminalIsFinal", "RecordsAreFinal", "NoWayBackUnasked")
# What travellers, banks and books would notice.
HARM = (
    "OneEffect",
    "CompletedMeansAll",
    "CompensatedMeansNone",
    "PivotMeansAllBefore",
    "Reversed",
    "OnlyForwardAfterPivot",
    "RefusedIsWithoutEffect",
)
ENDS: dict[str, Any] = {"invariants": (), "properties": ("EverySagaEnds",)}


@dataclass(frozen=True)
class Model:
    """The constants of Saga.tla. Steps are numbered from 1."""

    name: str
    last: int
    local: frozenset[int]
    pivot: int
    has_undo: frozenset[int]
    may_refuse: frozenset[int]
    trouble: int
    "crashes, lost leases, cancellations and deploys in one run"
    renewed: frozenset[int] = frozenset()
    "steps that the other release does not know"
    orchestrators: int = 2
    bug: str = ""
    invariants: tuple[str, ...] = (*HARM, "Discipline")
    properties: tuple[str, ...] = SAFETY

    @property
    def text(self) -> str:
        """A configuration for TLC."""
        owners = (f"o{number}" for number in range(1, self.orchestrators + 1))
        lines = [
            "SPECIFICATION Spec",
            "CONSTANTS",
            f"  Orchestrators = {_set(owners)}",
            f"  Last = {self.last}",
            f"  Local = {_set(self.local)}",
            f"  Pivot = {self.pivot}",
            f"  HasUndo = {_set(self.has_undo)}",
            f"  MayRefuse = {_set(self.may_refuse)}",
            f"  Renewed = {_set(self.renewed)}",
            f"  Trouble = {self.trouble}",
            f'  Bug = "{self.bug}"',
        ]
        lines += [f"INVARIANTS {' '.join(self.invariants)}"] if self.invariants else []
        lines += [f"PROPERTIES {' '.join(self.properties)}"] if self.properties else []
        return "\n".join(lines) + "\n"


def _set(values: Iterable[object]) -> str:
    return "{" + ", ".join(sorted(map(str, values))) + "}"


ALL = frozenset({1, 2, 3, 4})
# ReserveSeat, AuthorizePayment, AwardMiles, ConfirmBooking.
BOOKING = Model("booking", 4, frozenset({1, 4}), 4, ALL, ALL, trouble=4)
# Two steps that can be undone, a pivot that cannot, and one that is only repeated.
CHANGE = Model("change", 4, frozenset({1, 3}), 3, frozenset({1, 2}), frozenset({1, 2, 3}), trouble=5)
# The last word is a remote participant's.
REMOTE_PIVOT = Model("remote pivot", 3, frozenset({1}), 3, frozenset({1, 2}), frozenset({1, 2, 3}), trouble=5)
# Nothing may be refused: only repeated.
RETRIABLE = Model("settlement", 2, frozenset({2}), 1, frozenset(), frozenset(), trouble=6)

MODELS = (
    BOOKING,
    CHANGE,
    REMOTE_PIVOT,
    RETRIABLE,
    replace(BOOKING, name="deploys", renewed=frozenset({2, 4}), trouble=3),
    replace(BOOKING, name="three orchestrators", orchestrators=3, trouble=2),
    # Either of these two rules holds without the other; without both, a cancellation is no take-over.
    replace(BOOKING, name="no status in a write", bug="a write without its status", trouble=2),
    replace(BOOKING, name="no new epoch by a cancellation", bug="a cancellation keeps the epoch", trouble=2),
    *(
        replace(model, name=f"{model.name} ends", trouble=1, **ENDS)
        for model in (replace(BOOKING, renewed=frozenset({3})), CHANGE, REMOTE_PIVOT, RETRIABLE)
    ),
)


@dataclass(frozen=True)
class Fault:
    """One planted fault, the model that shows it, and where the code has the rule."""

    name: str
    model: Model
    rule: str


def _faults(model: Model, rules: dict[str, str]) -> tuple[Fault, ...]:
    return tuple(Fault(name, replace(model, bug=name, trouble=2), rule) for name, rule in rules.items())


FAULTS = (
    *_faults(
        BOOKING,
        {
            "only what is done is undone": "state.MAY_HAVE_HAPPENED",
            "undone in the order of doing": "SagaState.to_undo",
            "a write without its epoch": "saga_log.save",
            "a claim keeps the epoch": "saga_log.claim",
            "a cancellation is no take-over": "saga_log.take_over and saga_log.save",
            "sent without an intent": "Orchestrator._record_intent",
            "undone before it is decided": "Orchestrator._first_undo",
            "unknown counts as refused": "outcomes.classify",
            "a refusal is forgotten": "barrier.perform",
            "a repeat takes effect again": "barrier.perform",
            "a late action revives": "barrier.replay",
            "no tombstone": "barrier.compensate",
            "an undo without effect": "barrier.compensate",
        },
    ),
    *_faults(
        CHANGE,
        {
            "cancelled after the pivot": "SagaState.can_go_back",
            "a retriable step is given up": "decision.goes_only_forward",
        },
    ),
    *_faults(
        replace(BOOKING, renewed=frozenset({3})),
        {"the release's table decides": "decision.find_step"},
    ),
    # These end in no wrong state: in none.
    Fault(
        "a retriable step is not repeated",
        replace(CHANGE, bug="a retriable step is not repeated", trouble=1, **ENDS),
        "transition._must_be_tried_again",
    ),
    Fault(
        "a compensation is not repeated",
        replace(BOOKING, bug="a compensation is not repeated", trouble=1, **ENDS),
        "decision._decide_back",
    ),
)
