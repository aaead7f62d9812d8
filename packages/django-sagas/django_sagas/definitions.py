"""Declares sagas: a class with a table of steps, checked when it is loaded.

class PlaceOrder(Saga):
    name, version = "place-order", 1
    steps = [
        local("ReserveStock", undo="ReleaseStock", run=reserve, back=release, refusals={"SOLD_OUT"}),
        remote("ChargeCard", undo="RefundCard", at="payment", sends=charge_data),
        remote("ShipOrder", at="warehouse", retriable=True, sends=parcel_data),
    ]
"""

import re
from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from functools import lru_cache
from typing import TYPE_CHECKING, Any, ClassVar, TypedDict, Unpack

from django_sagas.clock import iso_or_none
from django_sagas.conf import conf
from django_sagas.outcomes import SIMULATED, Outcome
from django_sagas.state import LOCAL, Kind, SagaState, SagaStatus, SagaStep, StepState, StepStatus

if TYPE_CHECKING:
    from django_sagas.audit.rules import Rule

KINDS = frozenset(Kind)
LONGEST_NAME, LONGEST_STEP = 64, 32
"Characters that the tables hold."
CAMEL_CASE = re.compile(r"([A-Z][a-z0-9]*)+")
"A step's name becomes its path: ChargeCard is served at charge-card/."


class DefinitionError(Exception):
    """A definition that cannot work; the message says what to change."""


class WriteConflict(Exception):
    """Another transaction took what a local step had chosen; the step is planned again from the start."""


def _nothing() -> None:
    """A refused step writes nothing."""


@dataclass(frozen=True)
class Planned:
    """A local step's outcome, and the write that makes it true in the saga's own commit."""

    outcome: Outcome
    write: Callable[[], object] = _nothing


Plan = Callable[[Any, datetime], Planned]
"Reads and decides; takes the saga and the time. Its write may raise WriteConflict."


def _no_data(saga: Any) -> Mapping[str, Any]:
    return {}


def _accepts(saga: Any, answer: Mapping[str, Any]) -> str:
    return ""


def always(data: Mapping[str, Any]) -> bool:
    return True


@dataclass(frozen=True)
class Words:
    """What people who wait for the saga are told of a step."""

    waiting: str
    working: str
    done: str
    refused: str
    undoing: str
    undone: str
    by_hand: str
    icon: str = ""

    def of(self, status: StepStatus) -> str:
        return {
            StepStatus.PENDING: self.waiting,
            StepStatus.STARTED: self.working,
            StepStatus.UNKNOWN: self.working,
            StepStatus.DONE: self.done,
            StepStatus.REFUSED: self.refused,
            StepStatus.UNDOING: self.undoing,
            StepStatus.UNDONE: self.undone,
            StepStatus.RESOLVED: self.by_hand,
        }[status]


@dataclass(frozen=True)
class Step:
    """One line of the table. Made by `local`, `remote` and `activity`."""

    name: str
    compensation: str
    participant: str
    kind: Kind
    refusals: frozenset[str]
    run: Plan | None = None
    back: Plan | None = None
    does: Callable[[Any], Outcome] | None = None
    sends: Callable[[Any], Mapping[str, Any]] = _no_data
    undo_sends: Callable[[Any], Mapping[str, Any]] = _no_data
    accepts: Callable[[Any, Mapping[str, Any]], str] = _accepts
    uses: tuple[str, ...] = ()
    reference: str = ""
    private: frozenset[str] = field(default_factory=frozenset)
    aliases: Mapping[str, str] = field(default_factory=dict)
    when: Callable[[Mapping[str, Any]], bool] = always
    words: Words | None = None

    @property
    def stored(self) -> StepState:
        """The step as a new saga stores it."""
        return StepState(
            self.name, compensation=self.compensation, participant=self.participant, kind=self.kind
        )

    def is_meant_by(self, step: SagaStep) -> bool:
        """Whether a row's step is this one, under its name of today or of before."""
        undone_by = self.compensation if step.name == self.name else self.aliases.get(step.name)
        return step.participant == self.participant and step.compensation == undone_by


class Options(TypedDict, total=False):
    """What `local`, `remote` and `activity` take by name."""

    undo: str
    "The compensation's name. Only a retriable step, or a pivot that is final, has none."
    pivot: bool
    retriable: bool
    refusals: Collection[str]
    "The codes by which it may refuse; any other refusal violates the contract."
    uses: Collection[str]
    "Names of secrets; they are erased when the step has ended."
    reference: str
    "The field of its answer that becomes the saga's reference; an answer without it is wrong."
    private: Collection[str]
    "Fields of its answer that events do not carry."
    aliases: Mapping[str, str]
    "Earlier names, each with its compensation, for sagas that began before a renaming."
    when: Callable[[Mapping[str, Any]], bool]
    "Whether a saga with these data has the step."
    words: Words
    "What people who wait are told of it."


def local(name: str, *, run: Plan, back: Plan | None = None, **options: Unpack[Options]) -> Step:
    """A step in the orchestrator's own database, in the saga's commits: `run` plans it, `back` undoes it."""
    return _step(name, LOCAL, options, run=run, back=back)


def remote(
    name: str,
    *,
    at: str,
    sends: Callable[[Any], Mapping[str, Any]] = _no_data,
    undo_sends: Callable[[Any], Mapping[str, Any]] = _no_data,
    accepts: Callable[[Any, Mapping[str, Any]], str] = _accepts,
    **options: Unpack[Options],
) -> Step:
    """A step at the participant `at`, called with what `sends` returns for the saga.

    `undo_sends` is the same for the compensation, which needs no data of its own. Both use the saga's row
    alone, so that each repeat is the same call.
    `accepts` returns what is wrong with an answer, such as "PRICE_CHANGED: It is dearer.", or an empty text.
    """
    return _step(name, at, options, sends=sends, undo_sends=undo_sends, accepts=accepts)


def activity(name: str, *, does: Callable[[Any], Outcome], **options: Unpack[Options]) -> Step:
    """A retriable step in this process and outside the saga's transactions, such as sending a mail.

    Like a call it may run twice: `does` has to tell by itself what it has done already. An exception in it is
    an unknown outcome.
    """
    return _step(name, LOCAL, options, does=does)


def _step(name: str, participant: str, options: Options, **own: Any) -> Step:
    return Step(
        name,
        options.get("undo", ""),
        participant,
        _kind(pivot=options.get("pivot", False), retriable=options.get("retriable", False)),
        frozenset({*options.get("refusals", ()), SIMULATED.code}),
        uses=tuple(options.get("uses", ())),
        reference=options.get("reference", ""),
        private=frozenset(options.get("private", ())),
        aliases=options.get("aliases", {}),
        when=options.get("when", always),
        words=options.get("words"),
        **own,
    )


def _kind(*, pivot: bool, retriable: bool) -> Kind:
    if pivot and retriable:
        raise DefinitionError("A step is the pivot or retriable, not both.")
    return Kind.PIVOT if pivot else Kind.RETRIABLE if retriable else Kind.COMPENSATABLE


class Saga:
    """A saga's definition. A subclass registers itself by its name; it has no instances."""

    name: ClassVar[str]
    version: ClassVar[int] = 1
    "Raise it with the table, so that operators can tell old sagas from new ones."
    steps: ClassVar[Sequence[Step]] = ()
    retired: ClassVar[Sequence[Step]] = ()
    "Steps that new sagas do not get, and that older ones may still run or undo."
    is_load: ClassVar[bool] = True
    """False for one that only finishes another's work. Its sagas do not count against SAGA_MAX_RUNNING, and a
    list has them where the definition, the id or only open sagas are asked for."""
    state: ClassVar[type[SagaState]] = SagaState
    "A subclass whose properties read `data`, for the functions of the steps."
    audits: ClassVar[Sequence["Rule"]] = ()
    "What the auditor compares with the owners of the steps' effects; without a rule only the saga's log."

    def __init_subclass__(cls) -> None:
        super().__init_subclass__()
        check(cls)
        SAGAS[cls.name] = cls

    @classmethod
    def first_steps(cls, data: Mapping[str, Any]) -> tuple[StepState, ...]:
        """The steps that a new saga with these data stores."""
        return tuple(step.stored for step in cls.steps if step.when(data))

    @classmethod
    def key_scope(cls, subject: str) -> str:
        """Where an idempotency key is unique: among this subject's sagas of this definition."""
        return f"{cls.name}:{subject}"

    @classmethod
    def new(
        cls,
        data: Mapping[str, Any],
        *,
        correlation_id: str,
        now: datetime,
        subject: str = "",
        secrets: Mapping[str, Any] | None = None,
        scope: str | None = None,
        key: str | None = None,
        fingerprint: str = "",
        reversible_until: datetime | None = None,
        context: Any = None,
    ) -> Any:
        """A saga that has not begun, of this definition's `state`. Nothing is stored."""
        return cls.state(
            correlation_id=correlation_id,
            name=cls.name,
            version=cls.version,
            status=SagaStatus.PENDING,
            subject=subject,
            data=data,
            secrets=secrets or {},
            steps=cls.first_steps(data),
            created_at=now,
            due_at=now + timedelta(seconds=conf.SAGA_LEASE),
            reversible_until=reversible_until,
            idempotency_scope=scope,
            idempotency_key=key,
            request_fingerprint=fingerprint,
            context=context,
        )

    @classmethod
    @lru_cache(maxsize=256)
    def find(cls, stored: SagaStep) -> Step | None:
        """This release's step for a row's step; None if it knows none."""
        return next((step for step in cls.known_steps() if step.is_meant_by(stored)), None)

    @classmethod
    def known_steps(cls) -> tuple[Step, ...]:
        """The steps of new sagas and those that only older ones have."""
        return (*cls.steps, *cls.retired)

    # What a definition may say about its sagas; each is a pure function of the saga.

    @classmethod
    def started(cls, saga: Any) -> Mapping[str, Any]:
        """Data of the event that the saga was accepted."""
        return {}

    @classmethod
    def described(cls, saga: Any) -> Mapping[str, Any]:
        """Fields of its own that the saga's status shows."""
        return {}

    @classmethod
    def shown_result(cls, saga: Any) -> Mapping[str, Any] | None:
        """The result as it is shown now; None while there is none."""
        return saga.result  # type: ignore[no-any-return]

    @classmethod
    def cancelled(cls, saga: Any) -> Mapping[str, Any]:
        """Fields of its own that the answer to a cancellation shows."""
        return {}

    @classmethod
    def instead_of_cancelling(cls, saga: Any) -> Mapping[str, Any]:
        """Why an operator does not cancel a complete saga: `detail`, and further fields of that answer."""
        return {"detail": "The saga is complete."}

    @classmethod
    def simulated(cls, saga: Any) -> Collection[str]:
        """Names of steps that are to fail, for demonstrations."""
        return ()

    @classmethod
    def plan(cls, step: Step, saga: Any, now: datetime, *, undo: bool) -> Planned:
        """Plan a local step. Overridden to inject faults."""
        plan = step.back if undo else step.run
        assert plan is not None, "checked when the definition was loaded"
        return plan(saga, now)

    @classmethod
    def after_refusal(cls, saga: Any, code: str, now: datetime) -> Sequence[Callable[[], object]]:
        """Further writes in the commit that records a refusal."""
        return ()

    @classmethod
    def after_undo(cls, saga: Any, compensation: str, now: datetime) -> Sequence[Callable[[], object]]:
        """Further writes in the commit that records a compensation, whose answer is among the facts."""
        return ()

    @classmethod
    def result(cls, saga: Any) -> dict[str, Any]:
        """The answer to who started the saga, made and stored when it ends."""
        return {
            "correlation_id": saga.correlation_id,
            "status": saga.status.value,
            "reference": saga.reference or None,
            "failed_step": saga.failed_step or None,
            "error": saga.error or None,
            "error_code": saga.error_code or None,
            "finished_at": iso_or_none(saga.finished_at),
        }


SAGAS: dict[str, type[Saga]] = {}
"Every definition of this process, by name."


def finishing() -> list[str]:
    """The names of definitions that only finish the work of others."""
    return [name for name, saga in SAGAS.items() if not saga.is_load]


def definition_of(name: str) -> type[Saga]:
    """The definition of that name; for a name that this release does not know `Saga`, which knows no step."""
    return SAGAS.get(name, Saga)


def participants() -> frozenset[str]:
    """Where the steps of every definition run, but for the orchestrator itself."""
    steps = (step for saga in SAGAS.values() for step in saga.known_steps())
    return frozenset(step.participant for step in steps if step.participant != LOCAL)


def step_names() -> frozenset[str]:
    """Of every definition."""
    return frozenset(step.name for saga in SAGAS.values() for step in saga.known_steps())


def find_step(saga: str, step: SagaStep) -> Step | None:
    """This release's implementation of a row's step; None if it has none: then the saga waits."""
    return definition_of(saga).find(step) if step.kind in KINDS else None


def check(saga: type[Saga]) -> None:
    """Raises DefinitionError."""
    if not getattr(saga, "name", "") or not saga.steps:
        raise DefinitionError(f"{saga.__name__} needs a name and at least one step.")
    other = SAGAS.get(saga.name)
    if other is not None and _path(other) != _path(saga):
        both = f"{_path(other)} and {_path(saga)}"
        raise DefinitionError(f"{both} are both named {saga.name!r}; give one another name.")
    for problem in _problems(saga):
        raise DefinitionError(f"{saga.name}: {problem}")


def _path(saga: type[Saga]) -> str:
    return f"{saga.__module__}.{saga.__qualname__}"


def _problems(saga: type[Saga]) -> Sequence[str]:
    found = [*_names(saga.known_steps()), *_order(saga.steps)]
    if len(saga.name) > LONGEST_NAME:
        found.append(f"its name is longer than {LONGEST_NAME} characters; shorten it.")
    for step in saga.known_steps():
        found += _of_one(step)
    return found


def _names(steps: Sequence[Step]) -> list[str]:
    names = [name for step in steps for name in (step.name, step.compensation, *step.aliases) if name]
    twice = sorted({name for name in names if names.count(name) > 1})
    found = [f"{name} stands twice; every step and compensation needs a name of its own." for name in twice]
    for name in names:
        if not CAMEL_CASE.fullmatch(name):
            found.append(f"{name!r} is not in CamelCase; write it like ReserveStock.")
        if len(name) > LONGEST_STEP:
            found.append(f"{name} is longer than {LONGEST_STEP} characters; shorten it.")
    return found


def _order(steps: Sequence[Step]) -> list[str]:
    kinds = [step.kind for step in steps]
    if kinds.count(Kind.PIVOT) > 1:
        pivots = ", ".join(step.name for step in steps if step.kind == Kind.PIVOT)
        return [f"{pivots} are all pivots; a saga has one at most."]
    # Without a pivot, the first retriable step is what cannot be taken back.
    decided = next((n for n, kind in enumerate(kinds) if kind != Kind.COMPENSATABLE), len(kinds))
    late = [step.name for step in steps[decided + 1 :] if step.kind == Kind.COMPENSATABLE]
    found = [f"{name} comes after the pivot; move it before, or make it retriable." for name in late]
    if Kind.PIVOT in kinds and Kind.RETRIABLE in kinds[: kinds.index(Kind.PIVOT)]:
        found.append("a retriable step comes before the pivot; move it behind.")
    return found


def _of_one(step: Step) -> list[str]:
    if step.does and (step.kind != Kind.RETRIABLE or step.compensation):
        return [f"{step.name} is an activity; make it retriable, without an undo=."]
    found = []
    if step.kind == Kind.COMPENSATABLE and not step.compensation:
        found.append(f"{step.name} is compensatable and has no compensation; name one with undo=.")
    if step.kind == Kind.RETRIABLE and step.refusals != {SIMULATED.code}:
        found.append(f"{step.name} is retriable and must not refuse; take its refusals out.")
    if step.participant == LOCAL and step.run is None and step.does is None:
        found.append(f"{step.name} is local and has no run=.")
    if step.participant == LOCAL and step.compensation and step.back is None:
        found.append(f"{step.compensation} has no implementation; give {step.name} a back=.")
    if step.participant == LOCAL and step.back is not None and not step.compensation:
        found.append(f"{step.name} has a back= and no name for it; give it an undo=.")
    if step.undo_sends is not _no_data and not step.compensation:
        found.append(f"{step.name} has undo_sends= and no compensation; give it an undo=.")
    if step.participant == LOCAL and step.back is None and any(step.aliases.values()):
        found.append(
            f"{step.name} has no back= for the compensation of its alias; put the old step into retired."
        )
    return found
