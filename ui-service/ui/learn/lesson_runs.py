"""A lesson that is run: a real booking with faults of its own, and what the services say of it afterwards."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from functools import partial

from django.utils.translation import gettext as _
from django.utils.translation import ngettext
from django_sagas.clock import utc_now

from ui import patience, selectors, services
from ui.backend_client import Actor, Json, ServiceTrouble, get, optional
from ui.console import queries
from ui.learn import lessons, stage
from ui.learn.lessons import Lesson
from ui.search import selectors as search_selectors
from ui.view_models import sagas

LEARNER = Actor("learner")
"Whose the bookings of lessons are."
PAYING = "AuthorizePayment"
HELD = ("AUTHORIZED", "CAPTURED")


@dataclass(frozen=True)
class Heard:
    """What one service says of one kind of request."""

    service: str
    name: str
    number: int


@dataclass(frozen=True)
class Evidence:
    """Read from the services' own records, not from the saga's."""

    heard: Sequence[Heard]
    payment: Json | None
    miles: int

    @property
    def verdict(self) -> str:
        requests = sum(each.number for each in self.heard if each.name == PAYING)
        charges = 1 if self.payment else 0
        parts = [
            ngettext("%(number)s request", "%(number)s requests", requests) % {"number": requests},
            ngettext("%(number)s charge", "%(number)s charges", charges) % {"number": charges},
        ]
        if self.payment and self.payment["status"] not in HELD:
            parts.append(_("given back"))
        return ", ".join(parts)


@dataclass(frozen=True)
class Run:
    lesson: Lesson
    saga: sagas.SagaView
    lanes: list[str]
    rows: list[stage.Row]
    evidence: Evidence | None
    is_over: bool
    can_act: bool


def start(lesson: Lesson, *, actor: Actor) -> str:
    """Book, set the faults for this booking alone, and return its saga. It begins a second later."""
    flight = _flight()
    steps = selectors.booking_steps()
    correlation_id = services.start_lesson(user_id=LEARNER.user_id, flight_id=flight, card_token=lesson.card)
    for service in ("backend", *_participants(steps)):
        wanted = _faults(lesson, steps, service)
        if wanted:
            services.add_faults(actor=actor, service=service, faults=wanted, correlation_id=correlation_id)
    return correlation_id


def _flight() -> int:
    """The first flight in a week that has a free seat."""
    day = (utc_now() + timedelta(days=7)).date()
    found = search_selectors.flights(origin="DFW", destination="ORD", day=day, cabin="economy", passengers=1)
    free = next((offer.ids[0] for offer in found.offers if offer.bookable and not offer.layovers), None)
    if free is None:
        raise ServiceTrouble("backend", _("There is no flight for a lesson. Book one by hand."))
    return free


def _participants(steps: Sequence[Json]) -> list[str]:
    return list(dict.fromkeys(step["participant"] for step in steps if step["participant"]))


def _faults(lesson: Lesson, steps: Sequence[Json], service: str) -> list[Json]:
    """Those of the lesson, and behind them one of no effect for each call: it counts what arrives."""
    remote = [step for step in steps if step["participant"] == service]
    names = [name for step in remote for name in (step["name"], step["compensation"])]
    mine = [*names, *([lessons.ORCHESTRATOR] if service == "backend" else [])]
    counting: list[Json] = [{"step": name, "kind": "delay", "seconds": 0} for name in names]
    return [*(fault for fault in lesson.faults if fault["step"] in mine), *counting]


def read(lesson: Lesson, correlation_id: str, *, actor: Actor, now: datetime) -> Run:
    saga, events, steps = patience.at_once(
        partial(selectors.saga, correlation_id, actor=actor),
        partial(selectors.events, correlation_id, actor=actor),
        selectors.booking_steps,
    )
    ends = stage.ends_at(events, lesson)
    is_over = saga.is_terminal and ends is not None and now >= ends
    paying = next((step for step in saga.steps if step.name == PAYING), None)
    return Run(
        lesson,
        saga,
        lanes=stage.lanes(steps),
        rows=stage.rows(events, steps, lesson, now=now),
        evidence=_evidence(saga, _participants(steps), actor) if is_over else None,
        is_over=is_over,
        can_act=bool(lesson.act and paying and paying.status == "STARTED" and paying.attempts == 1),
    )


def _evidence(saga: sagas.SagaView, participants: Sequence[str], actor: Actor) -> Evidence | None:
    """None where a service does not say: nothing is shown that was not read."""
    payment, entries, *counted = patience.at_once(
        partial(queries.payment, saga.correlation_id, actor=actor),
        partial(queries.miles, saga, actor=actor),
        *(partial(_heard, service, saga.correlation_id, actor) for service in participants),
    )
    if entries is None or (payment or {}).get("away") or None in counted:
        return None
    heard = [each for of_service in counted for each in of_service]
    return Evidence(heard, payment, sum(int(entry["miles"]) for entry in entries))


def _heard(service: str, correlation_id: str, actor: Actor) -> list[Heard] | None:
    found = optional(lambda: get(service, "/api/demo/faults/", actor=actor)["faults"], otherwise=None)
    if found is None:
        return None
    numbers: dict[str, int] = {}
    for fault in found:
        if fault["correlation_id"] == correlation_id:
            numbers[fault["step"]] = numbers.get(fault["step"], 0) + fault["fired"]
    return [Heard(service, name, number) for name, number in numbers.items() if number]


def act(lesson: Lesson, correlation_id: str, *, actor: Actor) -> None:
    """What the visitor does in the middle of a lesson."""
    if lesson.act is not None and lesson.act.name == "cancel":
        services.cancel_saga(actor=actor, correlation_id=correlation_id, reason="A lesson.")
    elif lesson.act is not None:
        dies = {"step": lessons.ORCHESTRATOR, "kind": "fail", "times": 1}
        services.add_faults(actor=actor, service="backend", faults=[dies], correlation_id=correlation_id)
