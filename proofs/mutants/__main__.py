"""`make mutants`: plant each known bug in a copy of the suite, and fail unless every one is found.

python -m proofs.mutants [-k part of a name] [--crash] [--list]
"""

import sys
import tempfile
import time
from argparse import ArgumentParser
from collections.abc import Sequence
from pathlib import Path

from proofs.mutants import by_crash_tests, run
from proofs.mutants.mutant import Mutant, Rotten
from proofs.mutants.table import MUTANTS

SURVIVED, NOT_UNDERSTOOD, INTERRUPTED = 1, 2, 130


def main(arguments: Sequence[str]) -> int:
    parser = ArgumentParser(prog="mutants", description="Plant known bugs; the tests must find each.")
    parser.add_argument("-k", default="", metavar="NAME", help="only those whose name holds this")
    parser.add_argument("--crash", action="store_true", help="only crash tests look for them")
    parser.add_argument("--list", action="store_true", help="name them and end")
    given = parser.parse_args(arguments)
    known = by_crash_tests.MUTANTS if given.crash else MUTANTS
    chosen = [mutant for mutant in known if given.k in mutant.name]
    if given.list or not chosen:
        say("\n".join(mutant.name for mutant in chosen) or f"no mutant is called {given.k}")
        return 0 if chosen else NOT_UNDERSTOOD
    with tempfile.TemporaryDirectory(prefix="mutants-") as folder:
        return plant_all(chosen, run.copy_to(Path(folder)))


def plant_all(chosen: Sequence[Mutant], tree: Path) -> int:
    began = time.monotonic()
    verdicts = [(mutant, try_one(place, chosen, tree)) for place, mutant in enumerate(chosen, 1)]
    survivors = [mutant.name for mutant, verdict in verdicts if not verdict.found]
    finders = [(mutant.folder, verdict.by) for mutant, verdict in verdicts if verdict.found]
    doubts = list(run.doubtful(finders, tree))
    seconds = time.monotonic() - began
    say(f"{len(finders)} of {len(chosen)} planted bugs found in {seconds:.0f} s")
    if survivors:
        say(f"NOT FOUND: {', '.join(survivors)}")
    for doubt in doubts:
        say(f"fails without any bug too: {doubt}")
    return SURVIVED if survivors or doubts else 0


def try_one(place: int, chosen: Sequence[Mutant], tree: Path) -> run.Verdict:
    mutant, began = chosen[place - 1], time.monotonic()
    try:
        verdict = run.judge(mutant, tree)
    except Rotten as error:
        verdict = run.Verdict(found=False, by=str(error))
    mark, seconds = "found" if verdict.found else "NOT FOUND", time.monotonic() - began
    say(f"{place:3}/{len(chosen)} {mutant.name:44} {mark} in {seconds:4.1f} s by {verdict.by}")
    return verdict


def say(line: str) -> None:
    sys.stdout.write(line + "\n")
    sys.stdout.flush()


if __name__ == "__main__":
    try:
        sys.exit(main(sys.argv[1:]))
    except KeyboardInterrupt:
        say("interrupted")
        sys.exit(INTERRUPTED)
