"""Settles what payment and loyalty have otherwise than the log of a trip and of its changes.

What needs no card is called again; a trip whose money the payments do not have is cancelled.
"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import asdict
from functools import partial

from django_sagas import saga_log
from django_sagas.audit import rules
from django_sagas.clock import utc_now
from django_sagas.definitions import definition_of, find_step
from django_sagas.operators import Operator
from django_sagas.problems import Problem
from django_sagas.state import SagaState, SagaStatus, StepStatus
from service_kit.money import to_cents

from flight.audit import alarms
from flight.audit.reads import is_cancelled_at_payment, money_of, payment_by
from flight.cancel.fare_rules import Refund
from flight.cancel.quotes import miles_earned
from flight.cancel.views import claim_booking, run_cancellation
from flight.models import Booking
from flight.operations.repair import Repair, note, repeat, undo
from flight.saga_answers import terms
from flight.saga_booking import CANCEL_PAYMENT, CANCELLATION, CAPTURE, BookingSaga
from flight.saga_change_state import ChangeSaga, changes_of

AUTHORIZE, AWARD, REFUND, ADJUST = "AuthorizePayment", "AwardMiles", "RefundPayment", "AdjustMiles"
REMOTE = (AUTHORIZE, AWARD, CAPTURE, REFUND, ADJUST)
AFTER_THE_SWAP = (CAPTURE, REFUND, ADJUST)
"What a change does once its tickets are swapped: none of it needs a card."

INSTEAD = "the trip was cancelled instead"

Found = Mapping[str, Sequence[str]]
"Steps that the auditor names, by the correlation id of the trip or of its change."


def of_trip(saga: BookingSaga, found: Found) -> Iterator[Repair]:
    strange = {cid: steps for cid, steps in found.items() if not set(steps) & {*REMOTE}}
    if strange:
        for cid, steps in strange.items():
            yield Repair("PERSON", cid, f"{', '.join(steps)} of a {saga.status} trip")
    elif saga.status == SagaStatus.COMPENSATED:
        yield from _of_cancelled_trip(saga, found)
    else:
        yield from _of_live_trip(saga, found)


def _of_cancelled_trip(saga: BookingSaga, found: Found) -> Iterator[Repair]:
    """Undone too where this saga never came to the step: to undo what is not there is safe."""
    yield from _holds_of_failed_changes(found)
    own = found.get(saga.correlation_id, ())
    for step in (AWARD, AUTHORIZE):
        if step in own:
            name = saga.step(step).compensation
            yield Repair("AGAIN", saga.correlation_id, name, partial(_take_back, saga, step))


def _holds_of_failed_changes(found: Found) -> Iterator[Repair]:
    for cid, steps in found.items():
        if AUTHORIZE in steps and (change := _failed_change(cid)):
            run = partial(repeat, change, AUTHORIZE, undo=True)
            yield Repair("AGAIN", cid, CANCEL_PAYMENT, run)


def _take_back(saga: BookingSaga, step: str, by: Operator) -> str:
    """A fee cannot be kept of money that payment does not have: that is noted, and an alarm."""
    failed = repeat(saga, step, by, undo=True)
    fee = saga.cancellation["fee"] if saga.cancellation else 0
    if failed or step != AUTHORIZE or _agrees(saga, step):
        return failed
    kept = to_cents(money_of(saga))
    if kept >= fee:
        return "Payment was told, and keeps another amount."
    if (missing := to_cents(terms(saga)["fee"]) - kept) > 0:  # Otherwise there was an alarm at the time.
        alarms.fee_not_kept(saga.correlation_id, cents=missing, now=utc_now(), why="payment has lost it")
    return note(saga.correlation_id, step, f"{kept} of a fee of {fee} cents are kept", by)


def _of_live_trip(saga: BookingSaga, found: Found) -> Iterator[Repair]:
    yield from _holds_of_failed_changes(found)
    if not _is_amiss(found):
        return
    own, changes = found.get(saga.correlation_id, ()), changes_of(saga.correlation_id)
    if _has_money(saga) and (changes or list(own) == [AWARD]):
        what = "the calls of its changes" if changes else AWARD
        yield Repair("AGAIN", saga.correlation_id, what, partial(_complete_or_cancel, saga))
    else:
        what = f"trip {saga.reference}, whose effects are not all there"
        yield Repair("CANCEL", saga.correlation_id, what, partial(_cancel, saga))


def _is_amiss(found: Found) -> bool:
    """Whether more is wrong than the hold of a change that failed."""
    return any({*steps} - {AUTHORIZE} or not _failed_change(cid) for cid, steps in found.items())


def _failed_change(cid: str) -> ChangeSaga | None:
    saga = saga_log.load(cid)
    return saga if isinstance(saga, ChangeSaga) and saga.status == SagaStatus.COMPENSATED else None


def _price(saga: BookingSaga) -> int:
    changes = changes_of(saga.correlation_id)
    return changes[-1].amount if changes else saga.amount


def _has_money(saga: BookingSaga) -> bool:
    """All that the trip costs, or more, of which is to be given back; and no cancellation that the log has
    lost."""
    if is_cancelled_at_payment(saga.correlation_id):
        return False
    return to_cents(money_of(saga)) >= _price(saga)


def _complete_or_cancel(saga: BookingSaga, by: Operator) -> str:
    """Miles that were taken back cannot be awarded again: the trip was cancelled."""
    changes = changes_of(saga.correlation_id)
    calls = [(saga, AWARD), *((change, step) for change in changes for step in AFTER_THE_SWAP)]
    for called, step in calls:
        if _was_done(called, step) and repeat(called, step, by, undo=False):
            return _cancel(saga, by) or INSTEAD
    if all(_agrees(saga, step) for step in (AUTHORIZE, AWARD)):
        return ""
    return _cancel(saga, by) or INSTEAD


def _was_done(saga: SagaState, name: str) -> bool:
    return any((step.name, step.status) == (name, StepStatus.DONE) for step in saga.steps)


def _agrees(saga: SagaState, step: str) -> bool:
    rule = next(rule for rule in definition_of(saga.name).audits if rule.step == step)
    return rules.compare(rule, saga)[1] is None


def _cancel(saga: BookingSaga, by: Operator) -> str:
    """Without a fee; but what payment keeps of a cancellation that the log has lost stays kept."""
    booking = Booking.objects.get(correlation_id=saga.correlation_id)
    leave_trail = partial(by.leave_trail, "cancel-booking", saga.correlation_id, utc_now())
    kept = to_cents(money_of(saga)) if is_cancelled_at_payment(saga.correlation_id) else 0
    refund = Refund(amount=_price(saga) - kept, fee=kept, miles=miles_earned(booking, saga))
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
    failed = _end_waiting_changes(saga)
    return failed or (
        "" if turned and turned.is_terminal else "It is not undone yet; recovery goes on with it."
    )


def _end_waiting_changes(saga: BookingSaga) -> str:
    """A change that waits for a lost payment is told that there is nothing to capture."""
    for change in changes_of(saga.correlation_id):
        if change.is_terminal or not change.is_dearer or payment_by(change.payment_id):
            continue
        step = find_step(change.name, change.step(AUTHORIZE).step)
        assert step is not None, "this release has planned the change's repair"
        if failed := undo(change.correlation_id, step):
            return failed
    return ""
