"""The auditor: what it says of sagas that are as they have to be, and of each way in which they are not."""

import signal
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import replace
from datetime import datetime
from io import StringIO
from typing import Any

import pytest
from django.conf import LazySettings
from django.core.management import CommandError, call_command
from django_sagas import Saga, SagaState, event_log
from django_sagas.audit import log
from django_sagas.audit.log import Event
from django_sagas.audit.rules import NOTHING, Finding, Rule, Unreadable
from django_sagas.database import execute
from django_sagas.definitions import SAGAS
from django_sagas.models import AuditRun, ManualSettlement, SagaEventRow, SagaRow
from django_sagas.operators import Operator, resolve

from tests.toy.models import Effect
from tests.toy.steps import far, near
from tests.world import World, define, never_arrives

TOLD: list[Finding] = []


def tell(*, finding: Finding, now: datetime) -> None:
    TOLD.append(finding)


@pytest.fixture(autouse=True)
def nothing_told() -> None:
    TOLD.clear()


def effects_of(saga: SagaState) -> str:
    names = Effect.objects.filter(correlation_id=saga.correlation_id).order_by("id")
    return ", ".join(names.values_list("name", flat=True)) or NOTHING


def reserved(saga: SagaState) -> Sequence[str]:
    return ("Reserve",) if saga.status == "COMPLETED" else (NOTHING, "Reserve, UndoReserve")


RESERVE = Rule("Reserve", expected=reserved, seen=effects_of)
CHARGE = Rule("Charge", expected=lambda saga: ("settled",), seen=lambda saga: "settled")


def order(*audits: Rule) -> type[Saga]:
    return define(near("Reserve"), far("Charge"), audits=audits)


def audit(**options: Any) -> tuple[int, list[str]]:
    """Exit code and lines of the command, for sagas that ended up to the year 2100."""
    out = StringIO()
    everything = {"since": datetime.fromisoformat("2000-01-01T00:00Z"), "settled": -3e9}
    try:
        call_command("audit_sagas", stdout=out, **{**everything, **options})
    except SystemExit as exit_:
        return int(str(exit_.code)), out.getvalue().splitlines()
    return 0, out.getvalue().splitlines()


def test_sagas_of_every_end_agree(world: World) -> None:
    toy = order(RESERVE, CHARGE)
    world.start(toy)
    world.start(toy, refused_by="Reserve")
    world.start(toy, refused_by="Charge")
    world.cancel(world.start(toy).correlation_id, completed=True)
    lost = world.start_and_die(toy, after=1)
    world.settle()
    assert lost and audit() == (0, ["5 sagas checked, 0 drifted, 0 unverified, 0 changed meanwhile"])
    assert AuditRun.objects.get().checked == 5


def test_an_old_saga_is_compared_once_more_after_its_cancellation(world: World) -> None:
    toy, begun = order(RESERVE, CHARGE), {"created_at": datetime.fromisoformat("2001-01-01T00:00Z")}
    early, late = (world.start(toy).correlation_id for _ in range(2))
    SagaRow.objects.update(**begun, finished_at=begun["created_at"])
    world.cancel(late, completed=True)
    checked = "{} sagas checked, 0 drifted, 0 unverified, 0 changed meanwhile"
    assert audit(since=datetime.fromisoformat("2001-01-02T00:00Z")) == (0, [checked.format(1)])
    assert audit(since=begun["created_at"]) == (0, [checked.format(2)])
    assert world.row(early).status == "COMPLETED"


def test_an_effect_that_its_owner_does_not_show_is_reported_and_not_repaired(
    world: World, settings: LazySettings
) -> None:
    settings.SAGA_FINDING = "tests.test_audit.tell"
    cid = world.start(order(RESERVE, CHARGE)).correlation_id
    Effect.objects.all().delete()
    told = f"DRIFT {cid} Reserve: expected Reserve; seen nothing"
    assert audit() == (1, [told, "1 sagas checked, 1 drifted, 0 unverified, 0 changed meanwhile"])
    assert [Finding(cid, "Reserve", "Reserve", "nothing")] == TOLD
    assert not Effect.objects.exists()


def test_a_step_that_a_saga_does_not_have_must_have_left_nothing(world: World) -> None:
    cid = world.start(define(far("Charge"), audits=(RESERVE, CHARGE))).correlation_id
    Effect.objects.create(correlation_id=cid, name="Reserve")
    assert f"DRIFT {cid} Reserve: expected nothing; seen Reserve" in audit()[1]


def test_a_step_without_a_rule_is_looked_up_in_the_row_and_named(world: World) -> None:
    """Such as a step of another release: it is neither a failure of the auditor nor passed over."""
    world.start(order(RESERVE))
    order()
    world.start(SAGAS["toy"])
    define(near("Reserve"), audits=(RESERVE,))
    code, lines = audit()
    assert (code, lines[0]) == (2, "UNVERIFIED 2 sagas: there is no look-up for Charge")


def test_a_saga_of_an_unknown_definition_is_held_against_its_log(world: World) -> None:
    world.start(order())
    del SAGAS["toy"]
    assert audit()[1] == [
        "UNVERIFIED 1 sagas: this release has no definition toy",
        "1 sagas checked, 0 drifted, 1 unverified, 0 changed meanwhile",
    ]


def test_a_rule_that_fails_leaves_its_saga_unverified_and_the_others_are_checked(world: World) -> None:
    def first_only(saga: SagaState) -> Sequence[str]:
        return (saga.data["permitted"],)

    define(near("Reserve"), audits=(Rule("Reserve", first_only, effects_of),))
    world.start(SAGAS["toy"])
    world.start(SAGAS["toy"], permitted="Reserve")
    assert audit() == (
        2,
        [
            "UNVERIFIED 1 sagas: a rule of toy failed: KeyError",
            "1 sagas checked, 0 drifted, 1 unverified, 0 changed meanwhile",
        ],
    )


def test_an_owner_that_cannot_be_asked_is_no_drift(world: World) -> None:
    def unreachable(saga: SagaState) -> str:
        raise Unreadable("the depot does not answer")

    world.start(define(near("Reserve"), audits=(Rule("Reserve", reserved, unreachable),)))
    assert audit() == (
        2,
        [
            "UNVERIFIED 1 sagas: the depot does not answer",
            "0 sagas checked, 0 drifted, 1 unverified, 0 changed meanwhile",
        ],
    )


@pytest.mark.parametrize("steps", ["[]]", '[{"name": "Reserve", "status": "GONE"}]', '[{"new": "field"}]'])
def test_a_row_that_this_release_cannot_read_is_a_finding(world: World, steps: str) -> None:
    cid = world.start(order()).correlation_id
    world.start(order())
    execute("UPDATE sagas_saga SET steps = %s WHERE correlation_id = %s", (steps, cid))
    code, lines = audit()
    assert code == 1
    assert lines[0].startswith(f"DRIFT {cid} Row: expected one that this release can read; seen ")
    assert lines[1].startswith("1 sagas checked, 1 drifted")


def test_a_saga_that_changes_while_it_is_looked_at_is_left_to_the_next_run(world: World) -> None:
    def look_and_cancel(saga: SagaState) -> str:
        seen = effects_of(saga)
        world.cancel(saga.correlation_id, completed=True)
        return seen + " and more"

    world.start(define(near("Reserve"), audits=(Rule("Reserve", reserved, look_and_cancel),)))
    assert audit() == (0, ["0 sagas checked, 0 drifted, 0 unverified, 1 changed meanwhile"])


def test_an_epoch_that_fell_is_a_finding(world: World) -> None:
    def look_and_tamper(saga: SagaState) -> str:
        execute("UPDATE sagas_saga SET epoch = 0")
        return "something else"

    world.start(define(near("Reserve"), audits=(Rule("Reserve", reserved, look_and_tamper),)))
    assert "Epoch: expected 1 or more; seen 0" in str(audit()[1])


# The log


def story(world: World, name: str) -> tuple[SagaState, list[Event]]:
    """A saga that has ended, and its events."""
    toy = define(near("Reserve"), far("Charge"), near("Confirm", pivot=True))
    saga = world.start(toy)
    if name == "cancelled":
        world.cancel(saga.correlation_id, completed=True)
    events = [
        Event(event.sequence, event.event_type, event.data.get("step", ""))
        for event in event_log.events_of(saga.correlation_id)
    ]
    return world.row(saga.correlation_id), events


Tamper = Callable[[SagaState, list[Event]], tuple[SagaState, list[Event]]]


def swapped(kind: str, one: str, other: str) -> Tamper:
    names = {one: other, other: one}

    def tamper(saga: SagaState, events: list[Event]) -> tuple[SagaState, list[Event]]:
        return saga, [
            replace(event, step=names[event.step]) if event.kind == kind and event.step in names else event
            for event in events
        ]

    return tamper


def later(sequence: int) -> Tamper:
    """The event is missing, and the numbers close up."""

    def tamper(saga: SagaState, events: list[Event]) -> tuple[SagaState, list[Event]]:
        kept = [event for event in events if event.sequence != sequence]
        return replace(saga, last_sequence=len(kept)), [
            replace(event, sequence=number) for number, event in enumerate(kept, start=1)
        ]

    return tamper


def row(**changes: Any) -> Tamper:
    return lambda saga, events: (replace(saga, **changes), events)


def first_step(status: str) -> Tamper:
    def tamper(saga: SagaState, events: list[Event]) -> tuple[SagaState, list[Event]]:
        saga.change_step("Reserve", status=status)
        return saga, events

    return tamper


UNDONE = "SAGA_COMPENSATION_STEP_COMPLETED"
WRONG: Mapping[str, tuple[str, Tamper, str]] = {
    "an event is missing": ("complete", lambda saga, events: (saga, events[:2] + events[3:]), "Events"),
    "an event stands twice": ("complete", lambda saga, events: (saga, [*events[:2], *events[1:]]), "Events"),
    "there are none": ("complete", lambda saga, events: (replace(saga, last_sequence=0), []), "Events"),
    "the first is another": ("complete", later(1), "Events"),
    "the last is another": ("cancelled", row(status="COMPLETED"), "Events"),
    "a step began too early": ("complete", swapped("SAGA_STEP_STARTED", "Reserve", "Charge"), "Order"),
    "undone in another order": ("cancelled", swapped(UNDONE, "Reserve", "Charge"), "Order"),
    "undone before it went back": ("cancelled", later(9), "Order"),
    "complete with a step that is open": ("complete", first_step("UNKNOWN"), "Status"),
    "compensated with a step that is done": ("cancelled", first_step("DONE"), "Status"),
    "without a time of its end": ("complete", row(finished_at=None), "Status"),
    "a secret was kept": ("complete", row(secrets={"card": "4111"}), "Secrets"),
}


@pytest.mark.parametrize(("name", "tamper", "about"), WRONG.values(), ids=WRONG)
def test_what_breaks_an_invariant_of_the_log_is_found(
    world: World, name: str, tamper: Tamper, about: str
) -> None:
    saga, events = story(world, name)
    assert log.broken(saga, events) == []
    assert about in [finding.about for finding in log.broken(*tamper(saga, events))]


def test_the_values_of_a_secret_are_not_told(world: World) -> None:
    saga, events = story(world, "complete")
    (finding,) = log.broken(replace(saga, secrets={"card": "4111 1111"}), events)
    assert "4111 1111" not in str(finding)


def test_the_command_holds_stored_events_against_the_row(world: World) -> None:
    cid = world.start(order()).correlation_id
    SagaEventRow.objects.filter(sequence=5).delete()
    code, lines = audit()
    assert (code, lines[0]) == (1, f"DRIFT {cid} Events: expected 1 to 6; seen 4, without 5")


# Settled by hand, and lost


def stuck(world: World) -> str:
    world.participant.always("UndoCharge", never_arrives)
    toy = define(near("Reserve"), far("Charge"), near("Pay"), audits=CHARGES)
    return world.start(toy, refused_by="Pay").correlation_id


OWED = {"seen": "the bank has it"}
CHARGES = (
    RESERVE,
    Rule("Charge", expected=lambda saga: (NOTHING,), seen=lambda saga: OWED["seen"]),
    Rule("Pay", expected=lambda saga: ("",), seen=lambda saga: ""),
)


def test_what_was_resolved_by_hand_is_no_drift_stays_listed_and_open_until_its_owner_agrees(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    cid = stuck(world)
    resolve(cid, step="Charge", by=Operator("ops", "the bank was called", "ticket 7"))
    code, lines = audit()
    assert code == 0
    assert lines[0].startswith(f"BY HAND {cid} by ops at 20") and lines[0].endswith(
        ": the bank was called (ticket 7)"
    )
    assert lines[1] == f"STILL OPEN {cid} Charge: expected nothing; seen the bank has it"
    assert lines[2].startswith("1 sagas checked, 0 drifted")
    monkeypatch.setitem(OWED, "seen", NOTHING)
    assert [line.split()[0] for line in audit()[1]] == ["BY", "1"]
    settled = ManualSettlement.objects.get()
    assert settled.agreed_at is not None and settled.seen == NOTHING


def recorded(participant: str, *, since: datetime) -> Iterator[list[dict[str, str]]]:
    if participant == "depot":
        raise Unreadable("the depot has no list")
    called = ("saga-1", "saga-9") if participant == "bank" else ()
    yield [{"correlation_id": cid, "step": "Charge", "state": "DONE"} for cid in called]


def test_calls_that_participants_recorded_and_the_log_does_not_know_are_lost(
    world: World, settings: LazySettings
) -> None:
    settings.SAGA_RECORDED = "tests.test_audit.recorded"
    world.start(order())
    code, lines = audit()
    assert (code, lines[0]) == (1, "LOST saga-9 Charge: expected a saga in the log; seen DONE")
    assert lines[1] == "UNVERIFIED 1 sagas: the depot has no list"


# The command


@pytest.fixture
def signals() -> Iterator[None]:
    before = {number: signal.getsignal(number) for number in (signal.SIGTERM, signal.SIGINT)}
    yield
    for number, handler in before.items():
        signal.signal(number, handler)


def test_a_periodic_run_goes_on_until_it_is_told_to_stop(world: World, signals: None) -> None:
    def look(saga: SagaState) -> str:
        if AuditRun.objects.count() == 2:
            signal.raise_signal(signal.SIGTERM)
        return "something else"

    world.start(define(near("Reserve"), audits=(Rule("Reserve", reserved, look),)))
    code, lines = audit(every=0.001)
    assert (code, len(lines)) == (0, 6)
    assert list(AuditRun.objects.values_list("drifted", flat=True)) == [1, 1, 1]


def test_a_time_that_is_none_is_refused() -> None:
    with pytest.raises(CommandError, match="not an ISO 8601 time"):
        call_command("audit_sagas", "--since", "yesterday")


def test_the_limit_is_kept_and_pages_follow_each_other(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("django_sagas.audit.auditor.PAGE", 2)
    for _ in range(5):
        world.start(order())
    assert audit()[1][-1].startswith("5 sagas checked")
    assert audit(limit=3)[1][-1].startswith("3 sagas checked")
