"""One run of the auditor. It reports and repairs nothing."""

from collections import defaultdict
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any

import structlog
from django.db import Error as DatabaseError
from django.utils.module_loading import import_string

from django_sagas import event_log, saga_log, settlements
from django_sagas.audit import log as saga_events
from django_sagas.audit import rules
from django_sagas.audit.rules import Finding, Unreadable
from django_sagas.client import named_addresses
from django_sagas.conf import conf
from django_sagas.definitions import SAGAS, definition_of
from django_sagas.models import AuditRun, SagaRow
from django_sagas.state import SagaState

log = structlog.get_logger("saga.audit")
PAGE = 200
BEGINNING = datetime.fromtimestamp(0, UTC)
COLUMNS = (*saga_log.FIXED, *saga_log.CHANGING)
CREATED_AT = COLUMNS.index("created_at")


@dataclass
class Audited:
    """The results of one run so far."""

    checked: int = 0
    moved: int = 0
    "changed during the run: left to the next run"
    drifted: int = 0
    unverified: dict[str, int] = field(default_factory=dict)
    "sagas, by the reason why they could not be compared"

    def cannot_tell(self, why: str) -> None:
        self.unverified[why] = self.unverified.get(why, 0) + 1


def run(
    *, since: datetime, before: datetime, most: int, now: datetime, audited: Audited
) -> Iterator[list[Finding]]:
    """Examine, page by page, sagas that have ended since then and `before`, oldest first.

    However old a saga is: a complete one ends once more when it is cancelled. A finding is reported before it
    is yielded.
    """
    created_at, correlation_id = BEGINNING, ""
    ended = SagaRow.objects.filter(due_at=None, finished_at__gte=since, finished_at__lt=before)
    rows = ended.order_by("created_at", "correlation_id")
    while most > 0:
        # The first condition is for the index, the second skips rows already read.
        following = rows.filter(created_at__gte=created_at).exclude(
            created_at=created_at, correlation_id__lte=correlation_id
        )
        page = list(following.values_list(*COLUMNS)[: min(PAGE, most)])
        if not page:
            return
        found = list(_examine_page(page, audited))
        for finding in found:
            report(finding, now=now)
        yield found
        correlation_id, created_at = page[-1][0], page[-1][CREATED_AT]
        most -= len(page)


def _examine_page(page: Sequence[tuple[Any, ...]], audited: Audited) -> Iterator[Finding]:
    events = _events_of([row[0] for row in page])
    for row in page:
        correlation_id = row[0]
        try:
            saga = saga_log.from_row(row)
        except (ValueError, TypeError, KeyError) as error:
            audited.drifted += 1
            seen = f"{type(error).__name__}: {error}"
            yield Finding(correlation_id, "Row", "one that this release can read", seen[:160])
            continue
        yield from examine(saga, events[correlation_id], audited)


def _events_of(correlation_ids: list[str]) -> dict[str, list[saga_events.Event]]:
    found = defaultdict(list)
    for event in event_log.events_of(*correlation_ids):
        told = saga_events.Event(event.sequence, event.event_type, event.data.get("step", ""))
        found[event.correlation_id].append(told)
    return found


def examine(saga: SagaState, events: Sequence[saga_events.Event], audited: Audited) -> list[Finding]:
    """What is wrong with one saga; nothing if it has changed meanwhile."""
    contradicted = _ask_owners(saga, audited)
    found = [*saga_events.broken(saga, events), *(contradicted or ())]
    if found and (epoch := saga_log.epoch(saga.correlation_id)) != saga.epoch:
        if epoch is not None and epoch > saga.epoch:
            audited.moved += 1
            return []
        found.append(Finding(saga.correlation_id, "Epoch", f"{saga.epoch} or more", str(epoch)))
    audited.checked += contradicted is not None
    audited.drifted += bool(found)
    return found


def _ask_owners(saga: SagaState, audited: Audited) -> list[Finding] | None:
    """What the rules of its definition find; None if an owner could not be asked."""
    if saga.name not in SAGAS:
        audited.cannot_tell(f"this release has no definition {saga.name}")
    audits = definition_of(saga.name).audits
    if audits and (strange := rules.steps_without_rule(audits, saga)):
        audited.cannot_tell(f"there is no look-up for {', '.join(strange)}")
    try:
        return rules.broken(audits, saga)
    except Unreadable as error:
        audited.cannot_tell(str(error))
    except DatabaseError:
        raise
    except Exception as error:  # Such as of a rule that reads facts which an older row does not have.
        log.exception("rule_failed", correlation_id=saga.correlation_id)
        audited.cannot_tell(f"a rule of {saga.name} failed: {type(error).__name__}")
    return None


def report(finding: Finding, *, now: datetime) -> None:
    """Log it each time, and tell the project."""
    log.error("saga_drift", **vars(finding))
    if conf.SAGA_FINDING:
        import_string(conf.SAGA_FINDING)(finding=finding, now=now)


def lost(*, since: datetime, now: datetime, audited: Audited) -> Iterator[Finding]:
    """Recorded calls of the orchestrator without a saga in this log: it was restored to an earlier day.

    One that was settled by hand is not named again.
    """
    if not conf.SAGA_RECORDED:
        return
    recorded = import_string(conf.SAGA_RECORDED)
    for participant in named_addresses():
        try:
            for page in recorded(participant, since=since):
                known = saga_log.known({each["correlation_id"] for each in page})
                for each in (one for one in page if one["correlation_id"] not in known):
                    cid, step, state = each["correlation_id"], each["step"], each["state"]
                    if settlements.has_lost(cid, step):
                        continue
                    finding = Finding(cid, step, "a saga in the log", state)
                    audited.drifted += 1
                    report(finding, now=now)
                    yield finding
        except Unreadable as error:
            audited.cannot_tell(str(error))


def review_settlements(*, now: datetime, audited: Audited) -> Iterator[Finding]:
    """Ask the owners of compensations resolved by hand; those that disagree."""
    for settlement in settlements.every():
        saga = saga_log.load(settlement.correlation_id)
        audits = definition_of(saga.name).audits if saga else ()
        rule = next((rule for rule in audits if rule.step == settlement.step), None)
        if saga is None or rule is None:
            continue
        try:
            seen, finding = rules.compare(rule, saga)
        except Unreadable as error:
            audited.cannot_tell(str(error))
            continue
        settlements.saw(settlement, seen, agrees=finding is None, now=now)
        if finding:
            yield finding


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
