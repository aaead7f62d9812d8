"""What is made of an overload, and a short one of the real suite."""

from collections import Counter
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

import pytest

from proofs.chaos.front import nginx
from proofs.chaos.overload import (
    BOOKED,
    Heard,
    Overload,
    Phase,
    measure,
    start_at_once,
)


def phase(*heard: tuple[float, int, float], seconds: float = 3.0) -> Phase:
    return Phase(seconds, [Heard(*one) for one in heard], cpu=0.1)


def steady(seconds: Sequence[float]) -> Phase:
    """One booking a second, which takes so long each."""
    return phase(*((at, 200, waited) for at, waited in enumerate(seconds)), seconds=len(seconds))


GOOD = Overload(
    peak=steady([0.1] * 10),
    before=steady([0.1] * 10),
    rush=phase(*[(at, 200, 0.5) for at in range(8)], (1.0, 503, 0.0), (2.0, 429, 0.0), seconds=10),
    after=steady([0.1] * 10),
    violations=0,
)

LATE = [Heard(3.0, 503, 1.0)] * 4


def test_goodput_counts_bookings_that_were_answered_while_it_lasted() -> None:
    crowd = phase((0.0, 200, 1.0), (0.5, 202, 1.0), (1.0, 503, 0.1), (2.5, 200, 1.0), (2.0, 200, 1.0))
    assert crowd.goodput == pytest.approx(2 / 3)


def test_four_fifths_of_the_peak_and_nothing_strange_is_good() -> None:
    assert GOOD.share == pytest.approx(0.8)
    assert GOOD.normal_after == 0
    assert not list(GOOD.complaints)


@pytest.mark.parametrize(
    ("bad", "complaint"),
    [
        (replace(GOOD, rush=replace(GOOD.rush, seconds=11.0)), "bookings went on at 73%"),
        (replace(GOOD, rush=phase(*[(at, 200, 0.5) for at in range(3)], (0.0, 0, 30.0))), "in the rush"),
        (replace(GOOD, after=phase((0.0, 500, 0.1), (1.0, 200, 0.1), (2.0, 200, 0.1))), "after there were"),
        (replace(GOOD, after=steady([9.0] * 31 + [0.1])), "it was not as before"),
        (replace(GOOD, violations=1), "1 broken invariants"),
        (replace(GOOD, lost=2), "2 bookings were answered and lost"),
        (replace(GOOD, probes=[0.1, float("inf")]), "health checks were not answered"),
        (replace(GOOD, rush=replace(GOOD.rush, heard=[*GOOD.rush.heard, *LATE])), "those put off knew it"),
    ],
    ids=[
        "too slow",
        "no answer",
        "an error",
        "slow afterwards",
        "wrong books",
        "lost",
        "no health",
        "late refusals",
    ],
)
def test_anything_else_is_a_complaint(bad: Overload, complaint: str) -> None:
    assert [told for told in bad.complaints if told.startswith(complaint)]


def test_on_a_bare_port_a_slow_rush_without_answers_is_no_complaint_but_an_error_is() -> None:
    bare = replace(GOOD, behind_proxy=False, rush=phase((0.0, 200, 0.5), (0.0, 0, 30.0), (0.0, 503, 9.0)))
    assert not list(bare.complaints)
    assert list(replace(bare, before=phase((0.0, 0, 30.0))).complaints)
    assert list(replace(bare, rush=phase((0.0, 502, 0.1))).complaints)


def test_the_end_of_the_rush_is_the_last_second_that_is_slow_or_put_off() -> None:
    put_off = phase((0.0, 503, 0.0), (1.0, 200, 0.1), (2.0, 200, 0.1))
    assert replace(GOOD, after=put_off).normal_after == 1
    assert replace(GOOD, after=steady([0.1, 0.1, 5.0, 0.1])).normal_after == 3
    assert replace(GOOD, after=steady([0.1, 0.1, 5.0])).normal_after is None


@pytest.mark.slow
def test_overloaded_port_loses_nothing_and_gives_no_other_answer(tmp_path: Path) -> None:
    found = measure(tmp_path, database="sqlite", seconds=4, around=2, after=4)
    assert [each.strange(0) for each in (found.before, found.rush, found.after)] == [[], [], []]
    assert found.rush.goodput and found.probes
    assert (found.lost, found.violations) == (0, 0)


@pytest.mark.slow
@pytest.mark.skipif(nginx() is None, reason="nginx is not installed")
def test_overloaded_suite_behind_its_proxy_refuses_the_excess_and_books_on(tmp_path: Path) -> None:
    found = measure(tmp_path, database="sqlite", seconds=4, around=2, after=4, proxy=True)
    assert [each.strange() for each in (found.before, found.rush, found.after)] == [[], [], []]
    assert found.rush.statuses[503] and found.rush.goodput
    assert found.rush.waited(0.5, 503) < found.rush.waited(0.5, *BOOKED)
    assert found.answered_probes
    assert (found.lost, found.violations) == (0, 0)


def test_fifty_starts_at_once_on_one_thread_all_finish(tmp_path: Path) -> None:
    assert start_at_once(tmp_path, database="sqlite").statuses == Counter({200: 50})
