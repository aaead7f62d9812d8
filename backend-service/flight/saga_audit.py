"""The auditor: compares every ended saga with the state at its participants. It repairs nothing."""

from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import datetime, timedelta

import structlog
from django.conf import settings
from django.db.models import QuerySet
from django_sagas import saga_log, settlements
from django_sagas.database import by_pages
from django_sagas.models import AuditRun, SagaRow
from django_sagas.state import SagaStatus, StepStatus
from service_kit.money import CENTS_PER_UNIT, to_wire
from service_kit.security import audit
from service_kit.security.models import AuditEntry, AuditKind

from flight.saga_audit_reads import LOOK_UPS, NOTHING, Owners, Unreadable, booking
from flight.saga_booking import BookingSaga, as_booking
from flight.saga_orchestrator_complete import BookTrip

log = structlog.get_logger("saga.audit")
PAGE = 200
DRIFT = "drift"


@dataclass(frozen=True)
class Drift:
    correlation_id: str
    step: str
    expected: str
    seen: str

    def __str__(self) -> str:
        return f"{self.correlation_id} {self.step}: expected {self.expected}; seen {self.seen}"


@dataclass
class Audited:
    """The results of one run so far. Keeps only as much drift as it shows."""

    checked: int = 0
    moved: int = 0
    "cancelled during the run: left to the next run"
    drifted: int = 0
    unverified: dict[str, int] = field(default_factory=dict)

    def cannot_tell(self, why: str) -> None:
        self.unverified[why] = self.unverified.get(why, 0) + 1


def acceptable(saga: BookingSaga) -> dict[str, tuple[str, ...]]:
    """By step, the permitted states at the participant of an ended saga; none for steps it lacks."""
    own = {step.name for step in saga.steps}
    return {name: told if name in own else (NOTHING,) for name, told in _of_every_step(saga).items()}


def _of_every_step(saga: BookingSaga) -> dict[str, tuple[str, ...]]:
    miles, price = saga.flight_fare // CENTS_PER_UNIT, to_wire(saga.amount)
    people, reference = len(saga.request.passengers), saga.booking_reference
    if saga.status == SagaStatus.COMPLETED:
        sold = [f"{seat} SOLD" for seat in sorted(saga.facts["ReserveSeat"]["seat_numbers"])]
        assert len(sold) == people, "ReserveSeat holds a seat a passenger"
        return {
            "ReserveSeat": (", ".join(sold),),
            "AuthorizePayment": (f"AUTHORIZED {price:.2f} {settings.CURRENCY}",),
            "AwardMiles": (f"AWARD {miles}",),
            "ConfirmBooking": (booking(reference, "CONFIRMED", saga.amount, people),),
        }
    cancelled = (booking(reference, "CANCELLED", saga.amount, people),) if reference else ()
    return {
        "ReserveSeat": (NOTHING,),
        "AuthorizePayment": (NOTHING, f"CANCELLED {price:.2f} {settings.CURRENCY}"),
        "AwardMiles": (NOTHING, f"AWARD {miles}, REVERSAL {-miles}"),
        "ConfirmBooking": cancelled or (NOTHING,),
    }


def compare(saga: BookingSaga, seen: dict[str, str]) -> list[Drift]:
    """The steps whose participant disagrees, except those resolved by hand."""
    by_hand = {step.name for step in saga.steps if step.status == StepStatus.RESOLVED}
    return [
        Drift(saga.correlation_id, step, " or ".join(expected), seen[step])
        for step, expected in acceptable(saga).items()
        if seen[step] not in expected and step not in by_hand
    ]


def unreadable_steps(saga: BookingSaga) -> list[str]:
    """Steps of the row that this release cannot look up."""
    return [step.name for step in saga.steps if step.name not in LOOK_UPS]


def ended(*, since: datetime, before: datetime, most: int) -> Iterator[list[BookingSaga]]:
    """Sagas accepted since then that had ended `before`, oldest first, in pages."""
    rows = SagaRow.objects.filter(name=BookTrip.name, due_at=None, finished_at__lt=before).order_by(
        "created_at", "correlation_id"
    )
    created_at, correlation_id = since, ""
    while most > 0:
        # The first condition is for the index, the second skips rows already read.
        following = rows.filter(created_at__gte=created_at).exclude(
            created_at=created_at, correlation_id__lte=correlation_id
        )
        page = _bookings(following[: min(PAGE, most)])
        if not page:
            return
        yield page
        created_at, correlation_id = page[-1].created_at, page[-1].correlation_id
        most -= len(page)


def _bookings(rows: QuerySet[SagaRow]) -> list[BookingSaga]:
    return [saga for saga in saga_log.states(rows) if isinstance(saga, BookingSaga)]


def examine(saga: BookingSaga, owners: Owners, audited: Audited) -> list[Drift]:
    """The drift of one saga; none if it changed meanwhile or a participant could not be asked."""
    if strange := unreadable_steps(saga):
        audited.cannot_tell(f"there is no look-up for {', '.join(strange)}")
    try:
        drifts = compare(saga, owners.look(saga))
    except Unreadable as error:
        audited.cannot_tell(str(error))
        return []
    if drifts and saga_log.epoch(saga.correlation_id) != saga.epoch:
        audited.moved += 1
        return []
    audited.checked += 1
    audited.drifted += bool(drifts)
    return drifts


def report(drift: Drift, *, now: datetime) -> None:
    """A log line each time, an audit row once."""
    log.error("saga_drift", **vars(drift))
    evidence = f"seen {drift.seen}; expected {drift.expected}"[:200]
    action = f"{DRIFT}-{drift.step}"
    told = AuditEntry.objects.filter(correlation_id=drift.correlation_id, action=action, evidence=evidence)
    if not told.exists():
        audit.record(
            AuditKind.ALARM,
            action=action,
            correlation_id=drift.correlation_id,
            reason=f"{drift.step} is not what the saga log says",
            evidence=evidence,
            now=now,
        )


def run(
    *, since: datetime, most: int, settled: timedelta, owners: Owners, now: datetime, audited: Audited
) -> Iterator[list[Drift]]:
    """Examine page by page; drift is recorded before it is yielded."""
    for page in ended(since=since, before=now - settled, most=most):
        found = [drift for saga in page for drift in examine(saga, owners, audited)]
        for drift in found:
            report(drift, now=now)
        yield found


def remember(audited: Audited, *, since: datetime, began: datetime, now: datetime) -> None:
    """Store the run for the metrics."""
    AuditRun.objects.create(
        began_at=began,
        ended_at=now,
        since=since,
        checked=audited.checked,
        drifted=audited.drifted,
        unverified=sum(audited.unverified.values()),
    )


def lost(*, since: datetime, owners: Owners, now: datetime, audited: Audited) -> Iterator[Drift]:
    """Calls of the orchestrator without a saga in this log: it was restored to an earlier day."""
    for participant in owners.clients:
        try:
            for page in owners.recorded(participant, since=since):
                known = saga_log.known({each["correlation_id"] for each in page})
                for each in (one for one in page if one["correlation_id"] not in known):
                    drift = Drift(each["correlation_id"], each["step"], "a saga in the log", each["state"])
                    audited.drifted += 1
                    report(drift, now=now)
                    yield drift
        except Unreadable as error:
            audited.cannot_tell(str(error))


def review_settlements(*, owners: Owners, now: datetime, audited: Audited) -> Iterator[Drift]:
    """Ask the participants of compensations resolved by hand; those with which they disagree."""
    for each in settled_by_hand():
        saga = as_booking(saga_log.load(each.correlation_id))
        for step in saga.steps if saga else ():
            if step.status == StepStatus.RESOLVED:
                settlements.remember(each.correlation_id, step.name, now=each.created_at)
    for settlement in settlements.every():
        saga = as_booking(saga_log.load(settlement.correlation_id))
        if saga is None or settlement.step not in LOOK_UPS:
            continue
        try:
            seen = owners.look(saga)[settlement.step]
        except Unreadable as error:
            audited.cannot_tell(str(error))
            continue
        expected = acceptable(saga)[settlement.step]
        settlements.saw(settlement, seen, agrees=seen in expected, now=now)
        if seen not in expected:
            yield Drift(saga.correlation_id, settlement.step, " or ".join(expected), seen)


def settled_by_hand() -> Iterator[AuditEntry]:
    """Every compensation ever resolved by hand, oldest first."""
    return by_pages(AuditEntry.objects.filter(kind=AuditKind.OPERATOR, action="resolve"))
