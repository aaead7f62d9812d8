"""Queries of the saga console."""

import re
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from datetime import datetime
from typing import Any
from urllib.parse import parse_qs, urlsplit

from django.utils.translation import gettext_lazy as _
from django_sagas.events import EventType
from service_kit.rules import CORRELATION_ID, USER_ID

from ui import selectors
from ui.backend_client import Actor, Json, NotFound, get, optional
from ui.view_models import sagas

STATUSES = ("PENDING", "RUNNING", "COMPENSATING", "COMPLETED", "COMPENSATED")
KINDS = {
    "operator": _("operators' actions"),
    "refusal": _("refusals"),
    "mismatch": _("mismatches"),
    "alarm": _("alarms"),
}
SHOWN = 30
REFERENCE = re.compile("[A-Z2-9]{6}")
BEGINNING = re.compile("[0-9a-f-]{4,36}")
"of the id of a saga; the console shows the first eight letters"
FILTERS = {"id": "id_prefix", "user": "user_id", "q": "q"}
"The backend's filters by the parameters of the list's address."
AWAY: Json = {"away": True}


@dataclass(frozen=True)
class Page:
    sagas: list[sagas.SagaView]
    next: str


def page(filters: dict[str, Any], *, actor: Actor, limit: int = SHOWN) -> Page:
    found = get("backend", "/api/saga/", actor=actor, query={**filters, "limit": limit})
    return Page([sagas.from_status(each) for each in found["results"]], _following(found, "cursor"))


def _following(found: Json, name: str) -> str:
    """The query parameter `name` of the next page's URL; empty on the last page."""
    return parse_qs(urlsplit(found.get("next") or "").query).get(name, [""])[0]


@dataclass(frozen=True)
class OpenSaga:
    """An open saga with its start or next attempt."""

    correlation_id: str
    status: str
    at: datetime | None


@dataclass(frozen=True)
class Overview:
    counts: list[tuple[str, int]]
    stuck: int
    oldest: OpenSaga | None
    ended: int
    failed: int
    incidents: list[Json]
    next_tries: list[OpenSaga]
    seats: Json
    settled_by_hand: Json
    "compensations resolved by hand whose participants disagree"
    engine: Json
    versions: list[Json]

    @property
    def failure_rate(self) -> float:
        """Percent."""
        return 100 * self.failed / self.ended if self.ended else 0.0


def overview(*, actor: Actor) -> Overview:
    found = get("backend", "/api/saga/overview/", actor=actor)
    oldest = found["oldest_open"]
    return Overview(
        counts=[(status, found["counts"][status]) for status in STATUSES],
        stuck=found["needs_attention"],
        oldest=_open(oldest, "created_at") if oldest else None,
        ended=found["failures"]["ended"],
        failed=found["failures"]["failed"],
        incidents=found["incidents"],
        next_tries=[_open(each, "due_at") for each in found["next_tries"]],
        seats={**found["seats_held"], "next_expiry": sagas.moment(found["seats_held"]["next_expiry"])},
        settled_by_hand=found["settled_by_hand"],
        engine=found["engine"],
        versions=found["definitions"],
    )


def history(*, actor: Actor) -> list[Json]:
    """The hours of the last day; none if they cannot be read, which must not hide the list."""
    found: list[Json] = optional(
        lambda: get("backend", "/api/saga/history/", actor=actor)["results"], otherwise=[]
    )
    return [{**each, "at": sagas.moment(each["at"])} for each in found]


def settlements(*, actor: Actor) -> list[Json]:
    """What was settled by hand and is not agreed yet, oldest first."""
    found = get("backend", "/api/saga/settlements/", actor=actor)["results"]
    return [{**each, "at": sagas.moment(each["settled_at"])} for each in found]


def _open(body: Json, time: str) -> OpenSaga:
    return OpenSaga(body["correlation_id"], body.get("status", ""), sagas.moment(body[time]))


@dataclass(frozen=True)
class Found:
    """The result of a search: one saga, or what lists the several that were found."""

    correlation_id: str = ""
    query: Mapping[str, str] = field(default_factory=dict)


def find(text: str, *, actor: Actor) -> Found | None:
    """A saga by id or reference, else those of an id's beginning, user, ticket, flight, name or mail."""
    for path in _places(text):
        try:
            return Found(correlation_id=str(get("backend", path, actor=actor)["correlation_id"]))
        except NotFound:
            continue
    for name, filters in _kinds(text):
        found = page(filters, actor=actor, limit=2).sagas
        if len(found) == 1 and name != "user":
            return Found(found[0].correlation_id)
        if found:
            return Found(query={name: filters[FILTERS[name]]})
    return None


def _kinds(text: str) -> list[tuple[str, dict[str, str]]]:
    """What the text may be, as a filter of the list, the likeliest first."""
    kinds: list[tuple[str, dict[str, str]]] = []
    if BEGINNING.fullmatch(text.lower()):
        kinds.append(("id", {"id_prefix": text.lower()}))
    if USER_ID.fullmatch(text):
        kinds.append(("user", {"user_id": text}))
    return [*kinds, ("q", {"q": text})]


def _places(text: str) -> list[str]:
    places = [f"/api/bookings/{text.upper()}/"] if REFERENCE.fullmatch(text.upper()) else []
    return places + ([f"/api/saga/status/{text}/"] if CORRELATION_ID.fullmatch(text) else [])


@dataclass(frozen=True)
class Trail:
    """Rows of the backend's audit, newest first."""

    entries: list[Json]
    next: str


def audit(filters: dict[str, Any], *, actor: Actor) -> Trail:
    found = get("backend", "/api/audit/", actor=actor, query=filters)
    entries = [{**each, "at": sagas.moment(each["created_at"])} for each in found["results"]]
    return Trail(entries, _following(found, "before"))


def actions_on(correlation_id: str, *, actor: Actor) -> list[Json] | None:
    """Operators' actions on a saga; None if the audit trail cannot be read, which must not hide the saga."""
    filters = {"correlation_id": correlation_id, "kind": "operator"}
    return optional(lambda: audit(filters, actor=actor).entries, otherwise=None)


def payment(correlation_id: str, *, actor: Actor) -> Json | None:
    """The payment's state; AWAY if payment does not answer, which must not hide the saga."""
    return optional(lambda: selectors.payment(correlation_id, actor=actor), otherwise=AWAY)


def miles(saga: sagas.SagaView, *, actor: Actor) -> list[Json] | None:
    """The saga's entries in the traveller's ledger, if they are among the newest; None as above."""
    traveller = f"/api/loyalty/{saga.user_id}/"
    entries = optional(lambda: _entries(traveller, actor), otherwise=None)
    if entries is None:
        return None
    return [entry for entry in entries if entry["correlation_id"] == saga.correlation_id][::-1]


def _entries(path: str, actor: Actor) -> list[Json]:
    try:
        found: list[Json] = get("loyalty", path, actor=actor)["entries"]
    except NotFound:
        return []
    return found


def with_undo_errors(saga: sagas.SagaView, events: list[Json]) -> sagas.SagaView:
    """The status has the error of a step, the events that of its compensation."""
    failed = {
        str(event["data"].get("step")): event["data"]
        for event in events
        if event["event_type"] == EventType.COMPENSATION_FAILED
    }
    steps = [
        replace(
            step,
            error=str(failed[step.name].get("error") or ""),
            error_code=str(failed[step.name].get("error_code") or ""),
        )
        if step.status == "UNDOING" and step.name in failed
        else step
        for step in saga.steps
    ]
    return replace(saga, steps=tuple(steps))


def definitions(*, actor: Actor) -> dict[str, Json]:
    """By name; none if the backend does not say, which must not hide a saga."""
    path = "/api/saga/definitions/"
    found: list[Json] = optional(lambda: get("backend", path, actor=actor)["results"], otherwise=[])
    return {each["name"]: each for each in found}


def export(correlation_id: str, *, actor: Actor) -> Json:
    status = get("backend", f"/api/saga/status/{correlation_id}/", actor=actor)
    return {"saga": status, "events": selectors.events(correlation_id, actor=actor)}
