"""Settles what the services disagree about after a restore, from what the auditor finds.

The saga log decides: what it tells of is done again at a participant that has forgotten it, and what it does
not know is undone. A trip whose money the payments do not have is cancelled.
"""

from collections import defaultdict
from collections.abc import Iterator
from datetime import datetime
from functools import partial

from django_sagas import saga_log
from django_sagas.audit import auditor
from django_sagas.audit.auditor import Audited
from django_sagas.audit.rules import Finding
from django_sagas.client import named_addresses
from django_sagas.clock import utc_now
from django_sagas.definitions import SAGAS, Step
from django_sagas.operators import Operator

from flight.operations.reconcile_trips import of_trip
from flight.operations.repair import Repair, note, repeat, undo
from flight.saga_booking import CAPTURE, BookingSaga, SettlementSaga
from flight.saga_change_state import ChangeSaga

OF_A_TRIP = (CAPTURE, "RefundPayment", "AdjustMiles")
"Calls without an undo of their own: their money and miles are those of a trip, which is compared for itself."


def repairs(*, since: datetime, before: datetime, most: int, audited: Audited) -> Iterator[Repair]:
    """For each disagreement that one run of the auditor finds."""
    now = utc_now()
    found: dict[str, list[Finding]] = defaultdict(list)
    for page in auditor.run(since=since, before=before, most=most, now=now, audited=audited):
        for finding in page:
            found[finding.correlation_id].append(finding)
    yield from _of_sagas(found)
    for finding in auditor.lost(since=since, now=now, audited=audited):
        yield _of_lost(finding)


# -- sagas that their participants contradict


def _of_sagas(found: dict[str, list[Finding]]) -> Iterator[Repair]:
    trips: dict[str, dict[str, list[str]]] = defaultdict(dict)
    for correlation_id, findings in found.items():
        saga, steps = saga_log.load(correlation_id), [finding.about for finding in findings]
        if isinstance(saga, BookingSaga):
            trips[correlation_id][correlation_id] = steps
        elif isinstance(saga, ChangeSaga):
            trips[saga.booking][correlation_id] = steps
        elif isinstance(saga, SettlementSaga) and steps == [CAPTURE]:
            yield Repair("AGAIN", correlation_id, CAPTURE, partial(repeat, saga, CAPTURE, undo=False))
        else:
            yield Repair("PERSON", correlation_id, "; ".join(map(str, findings)))
    for trip, steps_of in trips.items():
        saga = saga_log.load(trip)
        assert isinstance(saga, BookingSaga), "a change is of a trip of this log"
        yield from of_trip(saga, steps_of)


# -- calls that no saga of this log made


def _of_lost(finding: Finding) -> Repair:
    cid, name = finding.correlation_id, finding.about
    if finding.seen != "DONE":
        return Repair("NOTE", cid, f"{name} is {finding.seen}", partial(note, cid, name, finding.seen))
    if step := next((one for one in _remote_steps() if one.name == name and one.compensation), None):
        return Repair("UNDO", cid, name, partial(_undo, cid, step))
    if name in OF_A_TRIP:
        return Repair("NOTE", cid, f"{name} is DONE", partial(note, cid, name, "it has no undo of its own"))
    return Repair("PERSON", cid, f"{name} is {finding.seen}, and the saga log has no such saga")


def _remote_steps() -> Iterator[Step]:
    for definition in SAGAS.values():
        yield from (step for step in definition.known_steps() if step.participant in named_addresses())


def _undo(correlation_id: str, step: Step, by: Operator) -> str:
    return undo(correlation_id, step) or note(correlation_id, step.name, f"{step.compensation} succeeded", by)
