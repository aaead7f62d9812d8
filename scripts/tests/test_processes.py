"""Which processes are there, while some of them end."""

import os
from pathlib import Path

import pytest

from scripts import processes

COMMAND = ["serve", "8001"]


@pytest.fixture(autouse=True)
def proc(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The system's table of processes, with nobody in it but who asks."""
    monkeypatch.setattr(processes, "PROC", tmp_path)
    enter(tmp_path, "self", "R", ["python"])
    return tmp_path


def enter(proc: Path, name: str, state: str, command: list[str]) -> None:
    proc.joinpath(name).mkdir()
    proc.joinpath(name, "stat").write_text(f"{name} (a name) {state} 1 70 70 0")
    proc.joinpath(name, "cmdline").write_bytes(b"".join(word.encode() + b"\0" for word in command))


def test_a_group_is_those_of_its_number_that_run_the_command(proc: Path) -> None:
    enter(proc, "71", "S", COMMAND)
    enter(proc, "72", "S", ["serve", "8002"])
    enter(proc, "73", "Z", COMMAND)
    assert processes.group(70, COMMAND) == [71] and processes.group(69, COMMAND) == []


def test_one_that_is_ending_is_still_there_though_its_command_is_gone(proc: Path) -> None:
    """The system takes the memory with the command first, then the files with the ports."""
    enter(proc, "71", "R", [])
    enter(proc, "72", "Z", [])
    assert processes.group(70, COMMAND) == [] and processes.living([71, 72, 73]) == [71]


def test_both_ways_to_ask_name_the_same(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(processes, "PROC", Path("/proc"))
    mine = os.getpid()
    by_ps, by_proc = ({row[0]: row for row in rows} for rows in (processes._by_ps(), processes._by_proc()))
    assert by_ps[mine] == by_proc[mine]
