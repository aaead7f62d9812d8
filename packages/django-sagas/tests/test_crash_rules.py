"""The engine's own invariants: what each of them calls broken."""

from typing import Any

import pytest
from django_sagas import json_text
from django_sagas.models import SagaEventRow, SagaRow
from django_sagas.testing.rules import BrokenRule, Playback, broken, secrets_kept
from django_sagas.testing.run import Run

from tests.shop.models import Stock
from tests.test_crash_shop import TestBuyTea as SoundShop

pytestmark = pytest.mark.urls("tests.shop.urls")

COMPENSATIONS = {"A": "UndoA", "B": "UndoB"}
Told = tuple[str, dict[str, Any]]
STARTED: Told = ("SAGA_STARTED", {})


def does(kind: str, step: str, **data: Any) -> Told:
    return f"SAGA_{kind}", {"step": step, "compensation": COMPENSATIONS[step], **data}


def done(step: str) -> list[Told]:
    return [does("STEP_STARTED", step), does("STEP_COMPLETED", step)]


def undone(step: str) -> list[Told]:
    return [does("COMPENSATION_STEP_STARTED", step), does("COMPENSATION_STEP_COMPLETED", step)]


def play(events: list[Told]) -> None:
    told = Playback(COMPENSATIONS)
    for event in events:
        told.play(*event)


TURN: Told = ("SAGA_COMPENSATION_STARTED", {})
BOTH = [STARTED, *done("A"), *done("B")]


@pytest.mark.parametrize(
    ("events", "why"),
    [
        ([STARTED, STARTED], "It started twice"),
        ([STARTED, *done("B")], "B began out of order"),
        ([STARTED, *done("A"), *done("A")], "A began after its end"),
        ([STARTED, does("STEP_COMPLETED", "A")], "A ended as DONE without having begun"),
        ([*BOTH, *undone("B")], "UndoB began before the turn"),
        ([*BOTH, TURN, *undone("A")], "UndoA began before later steps were undone"),
        ([*BOTH, TURN, TURN], "It turned back twice"),
        ([*BOTH, TURN, does("COMPENSATION_STEP_COMPLETED", "B")], "UndoB had not begun"),
        ([STARTED, *done("A"), ("SAGA_COMPLETED", {})], "It completed without every step"),
        ([*BOTH, TURN, *undone("B"), ("SAGA_COMPENSATED", {})], "It ended with steps left to undo"),
    ],
)
def test_events_out_of_order_break_a_rule(events: list[Told], why: str) -> None:
    with pytest.raises(BrokenRule, match=why):
        play(events)


@pytest.fixture
def ended(transactional_db: None) -> str:
    """A saga that is compensated, whose rows a test may spoil."""
    Stock.objects.create(sku="coffee", free=0)
    Stock.objects.create(sku="tea", free=10)
    Run(SoundShop.stories[2], subject=SoundShop()).play()
    assert list(broken({})) == []
    return SagaRow.objects.get().pk


def test_a_gap_in_the_events_is_found(ended: str) -> None:
    SagaEventRow.objects.update(sequence=2)
    assert list(broken({})) == ["The events of buy-tea are numbered [2, 3, 4, 5], with a gap."]


def test_a_row_that_its_events_do_not_tell_is_found(ended: str) -> None:
    SagaRow.objects.update(status="COMPLETED")
    (finding,) = broken({})
    assert finding.startswith("The events of buy-tea tell of COMPENSATED")


def test_secrets_that_outlive_a_saga_are_found(ended: str) -> None:
    SagaRow.objects.update(secrets='{"card": "ok"}')
    assert list(broken({})) == ["buy-tea has ended and still holds secrets."]


def test_a_secret_that_outlives_its_step_is_found(ended: str) -> None:
    row = SagaRow.objects.get()
    steps = json_text.load_stored(row.steps)
    steps[1]["status"] = "DONE"
    SagaRow.objects.update(secrets='{"card": "ok"}', steps=json_text.dumps(steps))
    assert list(secrets_kept()) == ["buy-tea still holds the secret card, which ChargeCard has used."]
