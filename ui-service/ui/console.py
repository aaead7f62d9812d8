"""What the saga console reads."""

from collections import Counter
from dataclasses import dataclass
from datetime import datetime, timedelta
from functools import partial
from typing import Any

from ui import sagas, selectors
from ui.backend_client import Actor, Json, ServiceTrouble, get

STATUSES = ("PENDING", "RUNNING", "COMPENSATING", "COMPLETED", "COMPENSATED")
OPEN = ("PENDING", "RUNNING", "COMPENSATING")
COUNTED = 100
SHOWN = 50


@dataclass(frozen=True)
class Page:
    sagas: list[sagas.SagaView]
    next: str | None


def page(filters: dict[str, Any], *, actor: Actor, limit: int = SHOWN) -> Page:
    found = get("backend", "/api/saga/", actor=actor, query={**filters, "limit": limit})
    return Page([sagas.from_status(each) for each in found["results"]], found.get("next"))


@dataclass(frozen=True)
class Count:
    """How many there are, up to the most that is counted."""

    status: str
    number: int
    more: bool


@dataclass(frozen=True)
class Overview:
    counts: list[Count]
    stuck: Count
    oldest: sagas.SagaView | None
    recent: int
    failed: int
    incidents: list[tuple[str, list[sagas.SagaView]]]

    @property
    def failure_rate(self) -> int:
        return round(100 * self.failed / self.recent) if self.recent else 0


def overview(*, actor: Actor, now: datetime) -> Overview:
    """Open sagas by state, stuck ones grouped by error, and how the newest ones ended. Five bounded reads."""
    wanted: list[dict[str, Any]] = [{"status": status} for status in OPEN]
    wanted += [{"needs_attention": "true"}, {"created_after": (now - timedelta(days=1)).isoformat()}]
    reads = [partial(page, filters, actor=actor, limit=COUNTED) for filters in wanted]
    *by_status, stuck, recent = selectors.at_once(*reads)
    counts = [_count(status, found) for status, found in zip(OPEN, by_status, strict=True)]
    ended = [each for each in recent.sagas if each.is_terminal]
    still_open = [each for found in by_status for each in found.sagas]
    return Overview(
        counts=counts,
        stuck=_count("stuck", stuck),
        oldest=min(still_open, key=lambda each: each.created_at or now, default=None),
        recent=len(ended),
        failed=sum(1 for each in ended if each.failed),
        incidents=_incidents(stuck.sagas),
    )


def _count(status: str, found: Page) -> Count:
    return Count(status, len(found.sagas), found.next is not None)


def _incidents(stuck: list[sagas.SagaView]) -> list[tuple[str, list[sagas.SagaView]]]:
    sizes = Counter(each.attention_reason for each in stuck)
    return [
        (reason, [each for each in stuck if each.attention_reason == reason])
        for reason, _ in sizes.most_common()
    ]


def payment(correlation_id: str, *, actor: Actor) -> Json | None:
    """How the payment stands; None also when payment cannot say, which must not hide the saga."""
    try:
        return selectors.payment(correlation_id, actor=actor)
    except ServiceTrouble:
        return None


def export(correlation_id: str, *, actor: Actor) -> Json:
    status = get("backend", f"/api/saga/status/{correlation_id}/", actor=actor)
    return {"saga": status, "events": selectors.events(correlation_id, actor=actor)}
