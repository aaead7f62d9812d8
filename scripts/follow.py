"""`make follow ID=...`: what all services said of a saga or a request, by time.

Reads what `make run` keeps in DATA_DIR. A page's request and the saga that it started have an id each, and
the backend's line names both: lines of either are shown, and where traces are exported the ids of their
traces. Exit code 1 when nobody said anything of it.
"""

import os
import re
import sys
from collections.abc import Iterable, Iterator, Sequence
from operator import itemgetter
from pathlib import Path

from scripts.paths import ROOT
from scripts.signals import ended_by_signals

NAMED = re.compile(r'\b(?:correlation_id|request_id)"?[=:]\s*"?([A-Za-z0-9._:-]+)')

TIME = re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(?:\.\d+)?")
TRACED = re.compile(r'\btrace_id"?[=:]\s*"?([0-9a-f]{32})\b')


def log_file(data_dir: Path) -> Path:
    return data_dir / "logs" / "suite.log"


def main(arguments: Sequence[str]) -> int:
    if len(arguments) != 1 or not arguments[0]:
        print("Say which: make follow ID=a-correlation-id", file=sys.stderr)
        return 2
    log = log_file(Path(os.environ.get("DATA_DIR") or ROOT / "var"))
    found = by_time(follow(lines(log), arguments[0]))
    for line in found:
        print(line)
    for trace_id in traces(found):
        print(f"Trace {trace_id}")
    if not found:
        print(
            f"Nothing is said of {arguments[0]} in {log.parent}. "
            "A suite with another data folder: make follow ID=... DATA_DIR=...",
            file=sys.stderr,
        )
    return 0 if found else 1


def lines(log: Path) -> list[str]:
    """Of all files that are kept, the oldest first."""
    older = sorted(log.parent.glob(f"{log.name}.*"), key=lambda path: -int(path.suffix[1:]))
    files = [path for path in (*older, log) if path.exists()]
    return [line for path in files for line in path.read_text(encoding="utf-8").splitlines()]


def follow(said: Sequence[str], identity: str) -> Iterator[str]:
    """The lines that name this id, or one that stands beside it in a line."""
    ids = {identity}
    for line in said:
        named = set(NAMED.findall(line))
        if identity in named:
            ids |= named
    return (line for line in said if ids & set(NAMED.findall(line)))


def by_time(said: Iterable[str]) -> list[str]:
    """What services say is gathered in pieces, so that the file is only nearly sorted.

    A line without a time stays behind the one before it.
    """
    times, last = [], ""
    for line in said:
        found = TIME.search(line)
        last = found[0] if found else last
        times.append((last, line))
    return [line for _, line in sorted(times, key=itemgetter(0))]


def traces(said: Sequence[str]) -> list[str]:
    """Each once, in the order in which the lines name them."""
    return list(dict.fromkeys(trace_id for line in said for trace_id in TRACED.findall(line)))


if __name__ == "__main__":
    sys.exit(ended_by_signals(lambda: main(sys.argv[1:])))
