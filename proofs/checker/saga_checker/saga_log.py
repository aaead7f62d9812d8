"""Invariants 7 to 9: the order of a saga's steps, its events, and its epochs."""

from datetime import timedelta

from saga_checker.books import Books
from saga_checker.findings import Findings
from saga_checker.playback import Playback
from saga_checker.rows import ORCHESTRATOR, Event, Saga

ATTENTION_ATTEMPTS = 10
ATTENTION_AFTER = timedelta(minutes=5)
CLAIMS_WITHOUT_PROGRESS = 10


def steps_run_in_order_and_back_in_reverse(books: Books, find: Findings) -> None:
    """7"""
    for cid, events in books.events.items():
        problems = _played(books, cid, events).problems
        find.expect(not problems, "; ".join(problems), cid)


def _played(books: Books, cid: str, events: list[Event]) -> Playback:
    saga = books.sagas.get(cid)
    return Playback(events, saga.compensation) if saga else Playback(events)


def nothing_is_sent_before_its_intent(books: Books, find: Findings) -> None:
    """7: what a participant has recorded, the saga log had decided before."""
    participants = (records for service, records in books.records.items() if service != ORCHESTRATOR)
    for record in (one for records in participants for one in records):
        if record.correlation_id not in books.sagas:
            continue
        told = {
            event.event_type
            for event in books.events.get(record.correlation_id, [])
            if event.told.get("step") == record.step
        }
        if record.answer:
            text = f"{record.step} was answered, and its intent is in no event"
            find.expect("SAGA_STEP_STARTED" in told, text, record.correlation_id)
        if record.state == "UNDONE":
            text = f"{record.step} was undone, and the compensation's intent is in no event"
            find.expect("SAGA_COMPENSATION_STEP_STARTED" in told, text, record.correlation_id)


def events_are_numbered_without_a_gap(books: Books, find: Findings) -> None:
    """8"""
    for cid in books.events.keys() - books.sagas.keys():
        find.broken("events of a saga that is not in the log", cid)
    for saga in books.sagas.values():
        cid = saga.correlation_id
        numbers = [event.sequence for event in books.events.get(cid, [])]
        text = f"the row says {saga.last_sequence} events, their numbers are {numbers}"
        find.expect(numbers == list(range(1, saga.last_sequence + 1)), text, cid)
    for cid, (_, _, before) in books.told.before.get("sagas", {}).items():
        now = books.sagas[cid].last_sequence if cid in books.sagas else 0
        find.expect(now >= before, f"had {before} events and has {now}", cid)


def an_event_has_an_id_of_its_own(books: Books, find: Findings) -> None:
    """8"""
    seen: set[str] = set()
    for cid, events in books.events.items():
        for event in events:
            find.expect(event.event_id not in seen, f"event id {event.event_id} stands twice", cid)
            seen.add(event.event_id)


def events_tell_every_change(books: Books, find: Findings) -> None:
    """8: played back, the events end where the row stands."""
    for saga in books.sagas.values():
        told = _played(books, saga.correlation_id, books.events.get(saga.correlation_id, []))
        text = f"the events end at {told.status}, the row is {saga.status}"
        find.expect(told.status == saga.status, text, saga.correlation_id)
        for name, step in saga.step.items():
            text = f"the events say {name} is {told.steps[name]}, the row says {step['status']}"
            find.expect(told.steps[name] == step["status"], text, saga.correlation_id)


def an_open_saga_is_owned_or_due(books: Books, find: Findings) -> None:
    """9"""
    for saga in books.sagas.values():
        cid = saga.correlation_id
        if saga.is_terminal:
            find.expect(saga.due_at is None and not saga.owner, "ended, and still owned or due", cid)
        else:
            # An owner without a due time would keep it for ever.
            find.expect(saga.due_at is not None, f"{saga.status}, and never due", cid)


def epochs_only_grow(books: Books, find: Findings) -> None:
    """9"""
    for saga in books.sagas.values():
        find.expect(saga.epoch >= 1, f"its epoch is {saga.epoch}", saga.correlation_id)
    for cid, (_, before, _) in books.told.before.get("sagas", {}).items():
        now = books.sagas[cid].epoch if cid in books.sagas else 0
        find.expect(now >= before, f"its epoch was {before} and is {now}", cid)


def a_stuck_saga_shows_it(books: Books, find: Findings) -> None:
    """9: judged by what was written at the last attempt, not by this program's clock."""
    for saga in books.sagas.values():
        stuck = "" if saga.is_terminal else _stuck(saga, books.events.get(saga.correlation_id, []))
        find.expect(not stuck or bool(saga.attention), f"asks for no attention: {stuck}", saga.correlation_id)


def _stuck(saga: Saga, events: list[Event]) -> str:
    if saga.claims >= CLAIMS_WITHOUT_PROGRESS:
        return f"claimed {saga.claims} times without progress"
    for name, step in saga.step.items():
        if step["status"] != "UNDOING":
            continue
        failed = [
            event for event in events if event.told.get("step") == name and "COMPENSATION" in event.event_type
        ]
        began = [event.timestamp for event in failed if event.event_type == "SAGA_COMPENSATION_STEP_STARTED"]
        ended = [event.timestamp for event in failed if event.event_type == "SAGA_COMPENSATION_FAILED"]
        if len(ended) >= ATTENTION_ATTEMPTS:
            return f"the compensation of {name} failed {len(ended)} times"
        if began and ended and ended[-1] - began[0] >= ATTENTION_AFTER:
            return f"the compensation of {name} fails since {began[0]}"
    return ""
