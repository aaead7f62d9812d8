"""CPU time and memory of processes, from /proc."""

import os
import platform
from dataclasses import dataclass
from pathlib import Path

PROC = Path("/proc")
TICKS = os.sysconf("SC_CLK_TCK") if hasattr(os, "sysconf") else 100


class NoProcError(Exception):
    """This system has no /proc: CPU and memory cannot be told by process."""


@dataclass(frozen=True)
class Process:
    pid: int
    parent: int
    cpu: float
    "seconds, user and system, of itself and of children that it has waited for"


def has_proc() -> bool:
    return PROC.joinpath("self/stat").exists()


def parse_stat(text: str) -> Process:
    """A line of /proc/PID/stat; the second field is a name in parentheses that may hold anything."""
    fields = text.rpartition(")")[2].split()
    pid = int(text.split(" ", 1)[0])
    ticks = sum(int(field) for field in fields[11:15])
    return Process(pid, int(fields[1]), ticks / TICKS)


def processes() -> list[Process]:
    if not has_proc():
        raise NoProcError
    found = []
    for folder in PROC.glob("[0-9]*"):
        try:
            found.append(parse_stat(folder.joinpath("stat").read_text()))
        except OSError:
            continue  # It has ended meanwhile.
    return found


def family(root: int, table: list[Process]) -> list[Process]:
    """A process and everything that came from it."""
    members = {root}
    # A child may stand before its parent in the table.
    while grown := {each.pid for each in table if each.parent in members} - members:
        members |= grown
    return [each for each in table if each.pid in members]


def cpu_seconds(roots: dict[str, int]) -> dict[str, float]:
    """CPU time so far of each family, by the name of its root."""
    table = processes()
    return {name: sum(each.cpu for each in family(pid, table)) for name, pid in roots.items()}


def cpu_of(pids: list[int]) -> float:
    """CPU time so far of these processes alone."""
    return sum(each.cpu for each in processes() if each.pid in pids)


def memory(roots: dict[str, int]) -> dict[str, float]:
    """Proportional set size of each family in MB: shared pages count by their share."""
    table = processes()
    return {name: sum(_pss(each.pid) for each in family(pid, table)) for name, pid in roots.items()}


def _pss(pid: int) -> float:
    try:
        text = PROC.joinpath(str(pid), "smaps_rollup").read_text()
    except OSError:
        return 0.0
    line = next((line for line in text.splitlines() if line.startswith("Pss:")), "Pss: 0 kB")
    return int(line.split()[1]) / 1024


def describe() -> str:
    """The machine in a line."""
    model = platform.processor() or platform.machine()
    if PROC.joinpath("cpuinfo").exists():
        lines = PROC.joinpath("cpuinfo").read_text().splitlines()
        model = next((line.partition(":")[2].strip() for line in lines if "model name" in line), model)
    system = f"{platform.system()} {platform.release()}, Python {platform.python_version()}"
    return f"{os.cpu_count()} x {model}, {system}"
