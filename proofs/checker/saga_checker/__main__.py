"""Checks the databases of a suite: `python -m saga_checker --data var`.

Exit code 0 when every invariant holds, 1 for a violation, 2 when something cannot be read.
"""

import argparse
import json
import sys
import time
from collections.abc import Sequence
from contextlib import closing
from pathlib import Path

from saga_checker import memory
from saga_checker.books import READING_ORDER, Books, Told
from saga_checker.database import Cannot, Database
from saga_checker.invariants import check
from saga_checker.report import report
from saga_checker.rows import Record

HOLDS, VIOLATED, UNREADABLE = 0, 1, 2


def main(arguments: Sequence[str] | None = None) -> int:
    options = _parser().parse_args(arguments)
    try:
        return _run(options)
    except (Cannot, OSError, ValueError) as error:
        sys.stderr.write(f"{error}\n")
        return UNREADABLE


def _run(options: argparse.Namespace) -> int:
    began = time.monotonic()
    told = Told(
        clients=_clients(options.clients),
        direct_calls=not options.no_direct_calls,
        logs=options.log,
        before=memory.load(options.memory),
    )
    with Books(_addresses(options), told) as books:
        results = check(books, snapshot=options.snapshot)
        for line in report(books, results, time.monotonic() - began):
            sys.stdout.write(f"{line}\n")
        if options.memory:
            memory.save(options.memory, books)
    return VIOLATED if any(result.findings.violations for result in results) else HOLDS


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="saga_checker", description=__doc__)
    parser.add_argument(
        "--data", type=Path, help="folder with backend.sqlite3 and so on, those of further participants too"
    )
    parser.add_argument(
        "--participant",
        metavar="NAME=ADDRESS",
        type=_named,
        action="append",
        default=[],
        help="a further one",
    )
    for name in READING_ORDER:
        parser.add_argument(f"--{name}", metavar="ADDRESS", help="a file, sqlite:///FILE or postgres://...")
    parser.add_argument(
        "--snapshot", action="store_true", help="sagas may be running: only what always holds"
    )
    parser.add_argument("--clients", type=Path, help="correlation ids that clients were given, as JSON lines")
    parser.add_argument("--no-direct-calls", action="store_true", help="every id must be a saga's")
    parser.add_argument("--log", type=Path, action="append", default=[], help="a log to search for secrets")
    parser.add_argument("--memory", type=Path, help="a file that carries what was seen to the next run")
    return parser


def _addresses(options: argparse.Namespace) -> dict[str, str]:
    addresses = {**_further(options.data), **dict(options.participant)}
    for name in READING_ORDER:
        given = getattr(options, name)
        if not given and options.data is None:
            raise Cannot(f"say where the databases are: --data FOLDER or --{name} ADDRESS")
        addresses[name] = given or str(options.data / f"{name}.sqlite3")
    return addresses


def _named(text: str) -> tuple[str, str]:
    name, equals, address = text.partition("=")
    if not name or not equals:
        raise argparse.ArgumentTypeError("must be NAME=ADDRESS")
    return name, address


def _further(folder: Path | None) -> dict[str, str]:
    """The databases of the folder that hold a participant's records."""
    found = {}
    for path in sorted(folder.glob("*.sqlite3")) if folder else ():
        with closing(Database(path.stem, str(path))) as database:
            if Record.table in database.tables():
                found[path.stem] = str(path)
    return found


def _clients(path: Path | None) -> list[str]:
    """Each line an object with `correlation_id`, or just the id."""
    if path is None:
        return []
    lines = (json.loads(line) for line in path.read_text(encoding="utf-8").splitlines() if line.strip())
    return [line["correlation_id"] if isinstance(line, dict) else str(line) for line in lines]


if __name__ == "__main__":
    sys.exit(main())
