"""The schedule comes from the seed alone."""

import signal
from collections import Counter
from dataclasses import replace

import pytest

from proofs.chaos.faults import BadTime, Fault, draw
from proofs.chaos.plan import EDGES, LEASE, VICTIMS, make_plan
from proofs.chaos.profiles import NIGHTLY, PR, PROFILES, TERMINAL_WITHIN, Profile

SMALL = replace(PR, seconds=60, kill_every=4.0, stop_every=20.0, bad_time_every=4.0, usual_share=0.05)


def test_same_seed_gives_the_same_schedule_in_any_process() -> None:
    assert make_plan("a", 60, SMALL) == make_plan("a", 60, SMALL)
    assert make_plan("a", 60, SMALL).fingerprint == "a2b49ab8e067"  # pragma: allowlist secret


def test_another_seed_gives_another_schedule() -> None:
    assert make_plan("a", 60, SMALL).fingerprint != make_plan("b", 60, SMALL).fingerprint


@pytest.mark.parametrize("profile", PROFILES.values(), ids=lambda profile: profile.name)
def test_saga_whose_call_is_never_answered_has_time_to_be_compensated(profile: Profile) -> None:
    assert float(profile.environment["SAGA_FORWARD_DEADLINE"]) <= TERMINAL_WITHIN / 2


@pytest.mark.parametrize("profile", PROFILES.values(), ids=lambda profile: profile.name)
def test_whole_run_has_its_kills_and_every_kind_of_fault(profile: Profile) -> None:
    plan = make_plan("any", profile.seconds, profile)
    kills = Counter(strike.victim for strike in plan.strikes if strike.signal is signal.SIGKILL)
    assert kills.total() >= profile.least_kills
    assert kills.keys() == set(VICTIMS)
    assert {bad.fault for bad in plan.bad_times} == set(Fault)
    assert {bad.edge for bad in plan.bad_times} == set(EDGES)


def test_stopped_process_is_woken_after_its_lease() -> None:
    plan = make_plan("any", NIGHTLY.seconds, NIGHTLY)
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
