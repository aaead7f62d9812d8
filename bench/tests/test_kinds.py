import pytest

from bench import goals, kinds


def test_a_ratio_is_the_median_of_the_rounds() -> None:
    rounds = [
        {"one": {"backend": 4.0, "postgresql": 1.0}, "two": {"backend": 6.0}, "worker": {"worker": whole}}
        for whole in (5.0, 10.0, 50.0)
    ]
    assert kinds.ratios(rounds) == pytest.approx(
        {"CPU, trip of two flights to one": 1.2, "CPU, run by a worker to run by the request": 2.0}
    )


def test_both_ratios_have_a_goal() -> None:
    assert set(kinds.RATIOS.values()) <= {goal.figure for goal in goals.GOALS}
