import os

import pytest

from bench import machine
from bench.machine import Process, family, parse_stat

STAT = "42 (a) name) S 7 42 42 0 -1 4194560 1 0 0 0 150 50 30 20 20 0 8 0 1 2 3"


def test_line_of_stat_is_read_with_any_process_name() -> None:
    assert parse_stat(STAT) == Process(pid=42, parent=7, cpu=250 / machine.TICKS)


def test_family_is_the_root_and_all_that_came_from_it() -> None:
    table = [Process(4, 3, 0.0), Process(2, 1, 0.0), Process(3, 2, 0.0), Process(9, 1, 0.0)]
    assert {each.pid for each in family(2, table)} == {2, 3, 4}


@pytest.mark.skipif(not machine.has_proc(), reason="needs /proc")
def test_own_process_has_used_cpu_and_memory() -> None:
    roots = {"me": os.getpid()}
    assert machine.cpu_seconds(roots)["me"] > 0
    assert machine.memory(roots)["me"] > 1
