"""Settles what the services disagree about after a restore, from what the auditor finds.

The saga log decides: what it tells of is done again at a participant that has forgotten it, and what it does
not know is undone. A trip whose money the payments do not have is cancelled.
"""

from collections import defaultdict
from collections.abc import Callable, Iterator
from dataclasses import asdict, dataclass
from datetime import datetime
from functools import partial

from django.conf import settings
from django_sagas import json_text, saga_log, settlements
from django_sagas.audit import auditor
from django_sagas.audit.auditor import Audited
from django_sagas.audit.rules import Finding
from django_sagas.client import Call, make_call, named_addresses
from django_sagas.clock import utc_now
from django_sagas.definitions import SAGAS, Step, find_step
from django_sagas.operators import Operator
from django_sagas.outcomes import Done
from django_sagas.problems import Problem
from django_sagas.runtime import orchestrator
from django_sagas.state import SagaState, SagaStatus
from django_sagas.wire import path_of
from service_kit.money import to_cents

from flight.fare_rules import Refund
from flight.models import Booking
from flight.saga_audit_reads import payment_by
from flight.saga_booking import CANCELLATION, BookingSaga, SettlementSaga
from flight.saga_cancel_views import claim_booking, run_cancellation
from flight.saga_change_state import changes_of

REMOTE = ("AuthorizePayment", "AwardMiles")
LIVE_MONEY = ("AUTHORIZED", "CAPTURED")


@dataclass(frozen=True)
class Repair:
    """What settles one disagreement. `run` returns why it did not, or nothing."""

    verb: str
    correlation_id: str
    what: str
    run: Callable[[Operator], str] | None = None
    "None: a person has to look"

    def __str__(self) -> str:
        return f"{self.verb} {self.correlation_id} {self.what}"


def repairs(*, since: datetime, before: datetime, most: int, audited: Audited) -> Iterator[Repair]:
    """For each disagreement that one run of the auditor finds."""
    now = utc_now()
    found: dict[str, list[Finding]] = defaultdict(list)
    for page in auditor.run(since=since, before=before, most=most, now=now, audited=audited):
        for finding in page:
            found[finding.correlation_id].append(finding)
    for correlation_id, findings in found.items():
        yield from _of_saga(correlation_id, findings)
    for finding in auditor.lost(since=since, now=now, audited=audited):
        yield _of_lost(finding)


# -- calls that no saga of this log made


def _of_lost(finding: Finding) -> Repair:
    cid, name = finding.correlation_id, finding.about
    if finding.seen != "DONE":
        return Repair("NOTE", cid, f"{name} is {finding.seen}", partial(_note, cid, name, finding.seen))
    if step := next((one for one in _remote_steps() if one.name == name and one.compensation), None):
        return Repair("UNDO", cid, name, partial(_undo, cid, step))
    if name == "CapturePayment":
        # Its money is that of an authorisation, which is undone or audited for itself.
        return Repair("NOTE", cid, f"{name} is DONE", partial(_note, cid, name, "it has no undo of its own"))
    return Repair("PERSON", cid, f"{name} is {finding.seen}, and the saga log has no such saga")


def _remote_steps() -> Iterator[Step]:
    for definition in SAGAS.values():
        yield from (step for step in definition.known_steps() if step.participant in named_addresses())


def _undo(correlation_id: str, step: Step, by: Operator) -> str:
    body = json_text.dumps({"correlation_id": correlation_id})
    call = Call(step.participant, step.compensation, path_of(step.compensation), correlation_id, body)
    return _call(call) or _note(correlation_id, step.name, f"{step.compensation} succeeded", by)


def _note(correlation_id: str, step: str, evidence: str, by: Operator) -> str:
    now, told = utc_now(), Operator(by.actor, by.reason, evidence)
    told.leave_trail("settle-lost", correlation_id, now)
    settlements.remember_lost(correlation_id, step, now=now, **vars(told))
    return ""


# -- sagas that their participants contradict


def _of_saga(correlation_id: str, findings: list[Finding]) -> Iterator[Repair]:
    saga, steps = saga_log.load(correlation_id), [finding.about for finding in findings]
    if isinstance(saga, BookingSaga) and not changes_of(correlation_id):
        yield from _of_booking(saga, steps)
    elif isinstance(saga, SettlementSaga) and steps == ["CapturePayment"]:
        yield _again(saga, "CapturePayment", undo=False)
    else:
        yield Repair("PERSON", correlation_id, "; ".join(map(str, findings)))


def _of_booking(saga: BookingSaga, steps: list[str]) -> Iterator[Repair]:
    remote = [step for step in steps if step in REMOTE]
    if saga.status == SagaStatus.COMPENSATED and remote:
        # Also of a step that this course of the saga never came to: undoing what is not there is safe.
        yield from (_again(saga, step, undo=True) for step in reversed(remote))
        return
    if saga.status == SagaStatus.COMPENSATED or not remote:
        yield Repair("PERSON", saga.correlation_id, f"{', '.join(steps)} of a {saga.status} trip")
        return
    payment = payment_by(saga.correlation_id)
    has_money = payment is not None and payment["status"] in LIVE_MONEY and not payment["returned"]
    if has_money and steps == ["AwardMiles"]:
        yield Repair("AGAIN", saga.correlation_id, "AwardMiles", partial(_award_or_cancel, saga))
    else:
        kept = to_cents(payment["amount"] - payment["returned"]) if payment and payment["returned"] else 0
        what = f"trip {saga.reference}, whose effects are not all there"
        yield Repair("CANCEL", saga.correlation_id, what, partial(_cancel, saga, kept))


def _award_or_cancel(saga: BookingSaga, by: Operator) -> str:
    """Miles that were taken back cannot be awarded again: the trip was cancelled."""
    return _repeat(saga, "AwardMiles", by, undo=False) and _cancel(saga, 0, by)


def _again(saga: SagaState, step: str, *, undo: bool) -> Repair:
    name = saga.step(step).compensation if undo else step
    return Repair("AGAIN", saga.correlation_id, name, partial(_repeat, saga, step, undo=undo))


def _repeat(saga: SagaState, name: str, by: Operator, *, undo: bool) -> str:
    """The same call as before: it derives from the saga's row alone."""
    stored = saga.step(name)
    step = find_step(saga.name, stored.step)
    if step is None:
        return f"This release does not know {name}."
    failed = _call(make_call(saga, step, stored, undo=undo))
    if not failed:
        by.leave_trail("repeat-call", saga.correlation_id, utc_now())
    return failed


def _cancel(saga: BookingSaga, kept: int, by: Operator) -> str:
    """Without a fee, but for what the payments say is kept already."""
    booking = Booking.objects.get(correlation_id=saga.correlation_id)
    leave_trail = partial(by.leave_trail, "cancel-booking", saga.correlation_id, utc_now())
    refund = Refund(amount=saga.amount - kept, fee=kept, miles=saga.flight_fare // 100)
    try:
        turned = run_cancellation(
            saga.correlation_id,
            reason="CANCELLED_BY_OPERATOR",
            at_once=True,
            facts={CANCELLATION: asdict(refund)},
            also=partial(claim_booking, booking, leave_trail),
        )
    except Problem as problem:
        return problem.detail
    return "" if turned and turned.is_terminal else "It is not undone yet; recovery goes on with it."


def _call(call: Call) -> str:
    outcome = orchestrator().participants.call(call, timeout=settings.SAGA_CALL_TIMEOUT)
    return "" if isinstance(outcome, Done) else f"{call.name} was answered with {outcome}"
