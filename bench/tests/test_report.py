from dataclasses import replace
from xml.etree import ElementTree

import pytest

from bench.counts import Counts
from bench.goals import GOALS
from bench.measure import Sample, percentiles
from bench.picture import draw
from bench.report import figures, medians, ratios, table
from bench.run import Result

SUITE = Sample("suite", 8, 100, 0, 50.0, 10.0, 20.0, 30.0, {"backend": 4.0, "payment": 1.0, "recovery": 0.5})
LOOP = replace(SUITE, system="loop", cpu={"backend": 9.0, "payment": 2.0})


def test_percentiles_are_in_ms() -> None:
    found = percentiles([number / 1000 for number in range(1, 102)])
    assert found == pytest.approx({"p50": 51, "p95": 96, "p99": 100})


def test_one_booking_is_its_own_percentiles() -> None:
    assert percentiles([0.5]) == {"p50": 500, "p95": 500, "p99": 500}


def test_whole_and_store_are_sums_of_their_parts() -> None:
    assert (SUITE.total, SUITE.store) == (5.5, 4.5)


@pytest.mark.parametrize(("failed", "clean"), [(0, True), (1, True), (2, False)])
def test_round_with_over_one_percent_failures_is_not_clean(failed: int, clean: bool) -> None:
    assert replace(SUITE, bookings=100 - failed, failed=failed).is_clean is clean


def test_median_leaves_out_rounds_that_are_not_clean() -> None:
    rounds = [replace(SUITE, rate=rate) for rate in (40.0, 60.0, 50.0)]
    disturbed = replace(SUITE, rate=1.0, failed=100)
    (found,) = medians([*rounds, disturbed])
    assert (found.sample.rate, found.rounds) == (50.0, 3)


def test_ratio_is_the_median_of_the_rounds_own_ratios() -> None:
    slow = [replace(each, cpu={part: 3 * ms for part, ms in each.cpu.items()}) for each in (SUITE, LOOP)]
    found = ratios([SUITE, LOOP, *slow], 8)
    assert found == pytest.approx({"CPU, whole, to loop": 0.5, "CPU, orchestrator and store, to loop": 0.5})


def test_table_names_every_system_its_counts_and_the_memory() -> None:
    counted = Counts("suite", 10, {"backend": 13.0}, {"backend": 3.0}, tcp=0.0, database=1.0)
    result = Result("2026-01-01", "a machine", [SUITE, LOOP], [counted], {"start": {"suite-ui": 90.0}})
    text = "\n".join(table(result))
    for word in ("suite", "loop", "statements backend 13.0; commits backend 3.00", "90 MB PSS"):
        assert word in text


def test_figures_of_a_run_are_those_that_there_are_goals_for() -> None:
    parts = {"backend": 3.0, "payment": 1.0, "loyalty": 1.0}
    counted = Counts("suite", 10, parts, parts, tcp=1.0, database=2.0)
    textbook, busy = replace(LOOP, system="textbook"), replace(SUITE, clients=32, rate=49.0)
    result = Result("", "", [SUITE, LOOP, textbook, busy], [counted], {"start": {"suite-ui": 90.0}})
    found = figures(result)
    assert found["bookings per second, 32 clients to 8"] == pytest.approx(0.98)
    assert found["new TCP and database connections per 1000 bookings"] == 3
    unmeasured = {goal.figure for goal in GOALS} - found.keys()
    assert [name for name in unmeasured if "per booking," in name and "finished" not in name] == []
    assert {"p99 to p50", "CPU, whole, to textbook", "memory of the suite, idle, MB PSS"} <= found.keys()


def test_ratio_leaves_out_disturbed_rounds() -> None:
    disturbed = replace(SUITE, failed=100, cpu={"backend": 99.0})
    found = ratios([SUITE, LOOP, disturbed, LOOP], 8)
    assert found["CPU, whole, to loop"] == pytest.approx(0.5)


def test_picture_is_well_formed_and_escapes_its_title() -> None:
    text = draw([SUITE, LOOP], clients=8, title="<sqlite>")
    root = ElementTree.fromstring(text)  # noqa: S314 - our own picture
    assert root.tag.endswith("svg")
    assert "&lt;sqlite&gt;" in text
