"""The sums of a long run that is played in parts."""

from collections import Counter
from pathlib import Path

import pytest

from proofs.chaos.parts import Parts
from proofs.chaos.tally import Tally

FIRST = Tally(
    seconds=60,
    sagas=Counter({"book-trip": 10, "settle-trip": 6}),
    statuses=Counter(COMPLETED=6, COMPENSATED=4),
    signals=Counter(SIGKILL=5),
    outages=Counter({"crash": 2}),
    calls=100,
    fired=Counter(drop=20),
    until_quiet=(3.0,),
    until_claim=(0.5, 1.5),
)
SECOND = Tally(
    seconds=30,
    sagas=Counter({"book-trip": 1}),
    statuses=Counter(COMPLETED=1),
    signals=Counter(SIGKILL=1, SIGSTOP=1),
    outages=Counter({"cut": 1}),
    calls=20,
    fired=Counter(drop=1, cut=3),
    violations=1,
    lost=1,
    until_quiet=(9.0,),
    until_claim=(4.0,),
)


@pytest.fixture
def parts(tmp_path: Path) -> Parts:
    return Parts(tmp_path / "nightly.json", 3)


def test_parts_are_summed_across_processes(parts: Parts) -> None:
    parts.add(2, SECOND)
    Parts(parts.file, 3).add(1, FIRST)
    both = Parts(parts.file, 3).sum
    assert both == FIRST + SECOND
    assert (both.seconds, both.sagas.total(), both.kills, both.outages.total()) == (90, 17, 6, 3)
    assert (both.bad_calls, both.violations, both.lost) == (24 / 120, 1, 1)
    assert both.until_claim == (0.5, 1.5, 4.0)


def test_what_is_missing_is_played_next_and_what_was_played_again_counts_once(parts: Parts) -> None:
    assert parts.next == 1
    for part in (1, 3, 3):
        parts.add(part, FIRST)
    assert (parts.next, parts.sum.kills) == (2, 10)
    parts.add(2, SECOND)
    assert parts.is_whole


def test_each_part_has_a_seed_of_its_own(parts: Parts) -> None:
    assert {parts.seed("a", part) for part in (1, 2, 3)} == {"a/1of3", "a/2of3", "a/3of3"}


def test_sums_are_told(parts: Parts) -> None:
    told = "\n".join((FIRST + SECOND).lines())
    assert "17 sagas in 90 s of faults (11 book-trip, 6 settle-trip)" in told
    assert "6 SIGKILLs, 1 SIGSTOPs, 24 of 120 calls bad (20%), 3 database faults (2 crash, 1 cut)" in told
    assert "1 violations, 1 lost; all had ended after at most 9.0 s" in told
