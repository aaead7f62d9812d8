import json
from pathlib import Path

import pytest

from bench import goals
from bench.goals import GOALS, Goal


@pytest.mark.parametrize(
    ("goal", "value", "holds"),
    [
        (Goal("a", 3), 3.0, "yes"),
        (Goal("a", 3), 3.01, "no"),
        (Goal("a", 0.35, 0.25), 0.25, "yes"),
        (Goal("a", 0.35, 0.25), 0.3, "the first"),
        (Goal("a", 0.35, 0.25), 0.4, "no"),
        (Goal("a", 0.95, at_least=True), 0.95, "yes"),
        (Goal("a", 0.95, at_least=True), 0.9, "no"),
    ],
)
def test_goal_is_judged_by_its_limits(goal: Goal, value: float, holds: str) -> None:
    assert goal.holds(value) == holds


def test_table_puts_measurements_together_and_names_what_is_missing(tmp_path: Path) -> None:
    goals.note("bench", "sqlite", {GOALS[0].figure: 2.996, "another": 1.0}, how="3 rounds", output=tmp_path)
    goals.note("growth", "postgres", {GOALS[3].figure: 13.4}, how="5 rounds", output=tmp_path)
    text = "\n".join(goals.write(tmp_path))
    assert "not measured" in text
    assert "bench, sqlite: " in text
    first, *_, fourth = json.loads(tmp_path.joinpath("goals.json").read_text())["goals"][:4]
    assert (first["measured"], first["holds"]) == ({"sqlite": 3.0}, {"sqlite": "yes"})
    assert (fourth["measured"], fourth["holds"]) == ({"postgres": 13.4}, {"postgres": "the first"})
    page = tmp_path.joinpath("goals.md").read_text()
    assert "| commits per booking, backend | ≤ 3 | 3.00 | yes | not measured yet | – |" in page


def test_later_measurement_replaces_the_earlier_of_its_kind(tmp_path: Path) -> None:
    for value in (9.0, 2.0):
        goals.note("bench", "sqlite", {"commits per booking, backend": value}, how="", output=tmp_path)
    assert goals.figures("sqlite", tmp_path) == {"commits per booking, backend": 2.0}


def test_goals_are_shown_before_anything_is_measured(tmp_path: Path) -> None:
    text = "\n".join(goals.write(tmp_path / "never-made"))
    assert text.count(goals.NOT_MEASURED) == 2 * len(GOALS)
