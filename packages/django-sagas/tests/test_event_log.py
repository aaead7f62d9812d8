"""The events of a commit share a row, and are read one by one."""

from dataclasses import asdict

from django_sagas import event_log, selectors
from django_sagas.events import SagaEvent
from django_sagas.models import SagaEventRow

from tests.toy.steps import far, near
from tests.world import BEGAN, World, define

THREE_COMMITS = (near("Reserve"), far("Charge"), far("Award"))


def test_the_events_of_a_commit_share_a_row(world: World) -> None:
    cid = world.start(define(*THREE_COMMITS)).correlation_id
    rows = SagaEventRow.objects.filter(correlation_id=cid).order_by("sequence")
    assert list(rows.values_list("sequence", flat=True)) == [1, 5, 7]


def test_events_are_read_as_they_were_published(world: World) -> None:
    world.participant.answers = {"Charge": {"amount": 3, "holder": "Zoë"}}
    cid = world.start(define(*THREE_COMMITS)).correlation_id
    assert [asdict(event) for event in event_log.events_of(cid)] == [
        asdict(event) for event in world.published
    ]


def test_events_after_a_number_may_begin_within_a_commit(world: World) -> None:
    cid = world.start(define(*THREE_COMMITS)).correlation_id
    every, _ = selectors.events_after(cid, 0)
    for after in range(len(every) + 2):
        assert selectors.events_after(cid, after) == (every[after:], False)


def test_a_page_of_events_may_end_within_a_commit(world: World) -> None:
    commits, each, page = 400, 3, selectors.MAX_EVENTS
    for first in range(1, commits * each, each):
        numbers = range(first, first + each)
        event_log.append([SagaEvent("SAGA_STEP_UNKNOWN", "busy", {}, number, BEGAN) for number in numbers])
    found, more = selectors.events_after("busy", 1)
    assert ([event["sequence"] for event in found], more) == (list(range(2, page + 2)), True)
    rest, more = selectors.events_after("busy", page + 1)
    assert ([event["sequence"] for event in rest], more) == (list(range(page + 2, commits * each + 1)), False)


def test_a_row_of_an_earlier_release_holds_one_event(world: World) -> None:
    cid = world.start(define(*THREE_COMMITS)).correlation_id
    events = list(event_log.events_of(cid))
    SagaEventRow.objects.all().delete()
    for event in events:
        event_log.append([event])
    assert list(event_log.events_of(cid)) == events
    assert set(SagaEventRow.objects.values_list("following", flat=True)) == {""}
