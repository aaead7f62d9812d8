"""The schedule comes from the seed alone."""

import signal
from collections import Counter
from dataclasses import replace
from itertools import pairwise

import pytest

from proofs.chaos.faults import BadTime, Fault, draw
from proofs.chaos.outages import OF_DATABASE
from proofs.chaos.plan import EDGES, LEASE, VICTIMS, make_plan
from proofs.chaos.profiles import NIGHTLY, PR, PROFILES, TERMINAL_WITHIN, Profile

SMALL = replace(PR, seconds=60, kill_every=4.0, stop_every=20.0, bad_time_every=4.0, usual_share=0.05)


def test_same_seed_gives_the_same_schedule_in_any_process() -> None:
    assert make_plan("a", 60, SMALL, "sqlite") == make_plan("a", 60, SMALL, "sqlite")
    assert make_plan("a", 60, SMALL, "sqlite").fingerprint == "f4dc1afae638"  # pragma: allowlist secret


def test_another_seed_gives_another_schedule() -> None:
    assert make_plan("a", 60, SMALL, "sqlite").fingerprint != make_plan("b", 60, SMALL, "sqlite").fingerprint


@pytest.mark.parametrize("profile", PROFILES.values(), ids=lambda profile: profile.name)
def test_saga_whose_call_is_never_answered_has_time_to_be_compensated(profile: Profile) -> None:
    assert float(profile.environment["SAGA_FORWARD_DEADLINE"]) <= TERMINAL_WITHIN / 2


@pytest.mark.parametrize("database", OF_DATABASE)
@pytest.mark.parametrize("profile", PROFILES.values(), ids=lambda profile: profile.name)
def test_whole_run_has_its_kills_and_every_kind_of_fault(profile: Profile, database: str) -> None:
    plan = make_plan("any", profile.seconds, profile, database)
    kills = Counter(strike.victim for strike in plan.strikes if strike.signal is signal.SIGKILL)
    assert kills.total() >= profile.least_kills
    assert kills.keys() == set(VICTIMS)
    assert {bad.fault for bad in plan.bad_times} == set(Fault)
    assert {bad.edge for bad in plan.bad_times} == set(EDGES)
    assert len(plan.outages) >= profile.least_outages
    assert {outage.trouble for outage in plan.outages} == set(OF_DATABASE[database])


@pytest.mark.parametrize("database", OF_DATABASE)
def test_a_database_fails_every_fifteen_seconds_at_least(database: str) -> None:
    moments = [0, *(outage.at for outage in make_plan("any", 300, PR, database).outages), 300]
    assert max(after - before for before, after in pairwise(moments)) <= 15


def test_a_short_run_meets_every_kind_of_outage_once_before_one_comes_again() -> None:
    dealt = [outage.trouble for outage in make_plan("any", 300, PR, "postgres").outages]
    kinds = len(OF_DATABASE["postgres"])
    assert set(dealt[:kinds]) == set(OF_DATABASE["postgres"])


def test_stopped_process_is_woken_after_its_lease() -> None:
    plan = make_plan("any", NIGHTLY.seconds, NIGHTLY, "sqlite")
    stopped: dict[str, float] = {}
    for strike in plan.strikes:
        if strike.signal is signal.SIGSTOP:
            assert strike.victim not in stopped
            stopped[strike.victim] = strike.at
        elif strike.signal is signal.SIGCONT:
            assert strike.at - stopped.pop(strike.victim) > LEASE
    assert stopped == {}


def test_fault_of_a_call_depends_on_seed_edge_and_number_only() -> None:
    def drawn(seed: str, edge: str) -> list[object]:
        return [draw(seed, edge, number, usual_share=0.5, bad=None) for number in range(50)]

    assert drawn("a", EDGES[0]) == drawn("a", EDGES[0])
    assert drawn("a", EDGES[0]) != drawn("b", EDGES[0])
    assert drawn("a", EDGES[0]) != drawn("a", EDGES[1])


def test_bad_time_gives_its_own_fault_to_its_share_of_calls() -> None:
    bad = BadTime(0, 10, EDGES[0], Fault.DROP, share=1.0)
    found = {draw("a", EDGES[0], number, usual_share=0, bad=bad) for number in range(50)}
    assert {one.fault for one in found if one} == {Fault.DROP}
    assert None not in found
