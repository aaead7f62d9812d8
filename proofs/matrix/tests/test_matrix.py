from pathlib import Path

import pytest

from proofs.matrix.case import Case
from proofs.matrix.faults import Fault, Kind, kills, singles
from proofs.matrix.run import Tally, Wanted, run
from proofs.matrix.stories import STORIES

BOOKED = STORIES[0]
POINTS = ["before commit 1", "after commit 1", "before call of AuthorizePayment"]
WITHIN = {"AuthorizePayment": ["before commit 1"]}


def case(*faults: Fault) -> Case:
    return Case(None, BOOKED, 0, faults)  # type: ignore[arg-type]  # It is not run.


def test_a_sample_of_the_matrix_holds(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    wanted = Wanted(STORIES, "sqlite", singles=16, pairs=8, seed=20, rigs=2, orders=0)
    assert run(wanted, tmp_path) == 0, capsys.readouterr().out
    said = capsys.readouterr().out
    assert "16 single faults and 8 pairs of kills, 24 sagas; 0 orders of events with 0 sagas" in said
    assert ": 0 ended wrongly, 0 violations" in said


def test_every_point_is_met_by_a_kill() -> None:
    found = [(fault.place, fault.at) for fault in kills(POINTS, WITHIN)]
    orchestrator = [("orchestrator", point) for point in POINTS]
    assert found == [*orchestrator, ("AuthorizePayment", "before commit 1")]


def test_no_process_hangs_with_a_transaction_open() -> None:
    hanging = [fault.at for fault in singles(POINTS, {}) if fault.kind is Kind.HANG]
    assert hanging == ["after commit 1", "before call of AuthorizePayment"]


def test_before_the_first_commit_there_is_nothing_to_end() -> None:
    assert case(Fault(Kind.KILL, at="before commit 1")).expected == ""
    assert case(Fault(Kind.KILL, "AuthorizePayment", "before commit 1")).expected == "COMPLETED"
    assert case(Fault(Kind.CANCEL, at="after commit 3")).expected == "COMPENSATED"
    assert case().expected == "COMPLETED"


def test_a_saga_that_ends_otherwise_than_its_story_is_named() -> None:
    tally, one = Tally(), case(Fault(Kind.KILL, at="after commit 1"))
    tally.note(one, "COMPLETED")
    assert tally.wrong == []
    tally.note(one, "COMPENSATED")
    story = "COMPENSATED instead of COMPLETED: booked; kill: orchestrator after commit 1"
    assert tally.wrong == [f"{one.correlation_id}: {story}"]
