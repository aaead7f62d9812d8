"""What a run with deploys has to have seen."""

import subprocess
import sys
from collections import Counter
from dataclasses import replace

import pytest

from proofs.chaos.deploys import at_work
from proofs.chaos.profiles import PR, UPGRADE
from proofs.chaos.releases import VERSIONS, positions, releases
from proofs.chaos.tally import Tally

EVERYWHERE = Counter(place for version in VERSIONS for place in positions(version))
DEPLOYED = Tally(restarts=4, positions=EVERYWHERE, crossed=1)
NAMES = """
import django; django.setup()
from flight.saga_orchestrator_complete import BookTrip
print(BookTrip.version, *(step.name for step in BookTrip.steps), *(step.name for step in BookTrip.retired))
"""


def complaints(tally: Tally) -> list[str]:
    found = tally.too_easy(UPGRADE, whole=False)
    return [words for words in found if "restart" in words or "other steps" in words]


def test_second_release_has_another_table_and_each_knows_every_step_of_the_other(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setenv("DJANGO_SETTINGS_MODULE", "flight.settings")
    monkeypatch.setenv("DEMO_MODE", "1")
    command = (sys.executable, "-c", NAMES)
    with releases() as both:
        told = [
            subprocess.check_output(command, cwd=each.folder, text=True).split()  # noqa: S603  our own
            for each in both
        ]
    (first, *first_names), (second, *second_names) = told
    assert [int(first), int(second)] == [each.version for each in both]
    assert first_names != second_names and sorted(first_names) == sorted(second_names)


@pytest.mark.parametrize(
    ("status", "states", "place"),
    [
        ("RUNNING", ["DONE", "STARTED", "PENDING"], "B"),
        ("PENDING", ["PENDING", "PENDING", "PENDING"], "A"),
        ("COMPENSATING", ["DONE", "UNDOING", "UNDONE"], "UndoB"),
        ("COMPENSATING", ["DONE", "DONE", "REFUSED"], "UndoB"),
        ("COMPENSATING", ["UNDONE", "UNDONE", "PENDING"], ""),
    ],
)
def test_open_saga_is_at_the_step_or_the_compensation_that_comes_next(
    status: str, states: list[str], place: str
) -> None:
    steps = [
        {"name": name, "compensation": f"Undo{name}", "status": state}
        for name, state in zip("ABC", states, strict=True)
    ]
    assert at_work(status, steps) == place


def test_run_with_deploys_counts_when_a_booking_was_open_at_every_place_of_both_tables() -> None:
    assert complaints(DEPLOYED) == []
    for place in EVERYWHERE:
        assert complaints(replace(DEPLOYED, positions=EVERYWHERE - Counter([place]))) == [
            f"no booking was open at a restart at {place}"
        ]
    assert complaints(replace(DEPLOYED, crossed=0)) == ["no booking came to a release with other steps"]


def test_other_runs_need_no_deploy() -> None:
    assert not any("restart" in words for words in Tally().too_easy(PR, whole=False))
