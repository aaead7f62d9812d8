from pathlib import Path

import pytest
from django_sagas.client import Call
from django_sagas.testing.points import CallMade, CommitMade, CrashPoint, Moment, points_of

from proofs.matrix.case import Case
from proofs.matrix.faults import Fault, singles
from proofs.matrix.run import Tally, Wanted, run
from proofs.matrix.stories import STORIES

BOOKED = STORIES[0]
CALL = Call("payment", "AuthorizePayment", "/api/saga/authorize-payment/", "cid", "{}")
LAST = ("INSERT", 1)
OURS, THEIRS = CommitMade(1, LAST, "started"), CommitMade(2, LAST, "payment", "AuthorizePayment")
ACTION, UNDO = CallMade(1, CALL, False, True), CallMade(2, CALL, True, False)  # noqa: FBT003


def case(*points: CrashPoint) -> Case:
    return Case(BOOKED, points, rig=None, number=0)  # type: ignore[arg-type]  # It is not run.


def test_a_sample_of_the_matrix_holds(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    wanted = Wanted(STORIES, "sqlite", singles=20, pairs=4, seed=20, rigs=2, orders=0)
    assert run(wanted, tmp_path) == 0, capsys.readouterr().out
    said = capsys.readouterr().out
    assert "20 single faults and 4 pairs of kills, 30 sagas; 0 orders of events with 0 sagas" in said
    assert ": 0 ended wrongly, 0 not reached, 0 violations" in said


def test_every_crash_point_of_the_crash_test_is_one_of_the_matrix() -> None:
    moments: list[Moment] = [OURS, THEIRS, ACTION, UNDO]
    assert set(points_of(moments)) < set(singles(moments))


def test_no_process_pauses_with_a_transaction_open_and_no_participant_pauses() -> None:
    points = singles([OURS, THEIRS])
    pausing = [point for point in points if point.crash.value.startswith(("pauses", "cancels"))]
    assert [(str(point), point.who) for point in pausing] == [
        ("pauses-after-commit-1", "the process"),
        ("cancels-after-commit-1", "the process"),
    ]


def test_a_compensation_is_cancelled_on_its_way_too() -> None:
    names = {str(point) for point in singles([UNDO])}
    assert {"cancels-before-call-2", "cancels-after-call-2", "answers-503-2", "goes-away-2"} <= names


def test_a_saga_that_ends_otherwise_than_its_story_is_told() -> None:
    tally, one = Tally(), case(CrashPoint(Fault.PAUSES_AFTER_COMMIT, 1, LAST, "started"))
    tally.note(one)
    assert (tally.wrong, tally.singles) == (0, 1)
    one.finding("It ended COMPENSATED, not COMPLETED.")
    tally.note(one)
    told = "\n".join(tally.lines())
    assert "the process pauses after commit 1 (started); another one finishes the saga meanwhile" in told
    assert "  * It ended COMPENSATED, not COMPLETED." in told and one.correlation_id in told
    assert tally.wrong == 1
