"""`make matrix`: every fault at every point, and a kill after a kill at every ordered pair of points;
then events in any order that Hypothesis thinks of.

python -m proofs.matrix [--db sqlite|postgres] [--pairs all|NUMBER] [--orders NUMBER] [--seed N] [--rigs N]

Real orchestrators and real participants on real databases, each run in a process that is really killed.
Exit code 0 when every saga ended as it must and the checker finds every invariant kept, else 1.
"""

import argparse
import os
import sys
import tempfile
from pathlib import Path

from proofs.matrix.run import Wanted, run
from proofs.matrix.stories import STORIES


def main() -> int:
    env = os.environ.get
    parser = argparse.ArgumentParser(prog="python -m proofs.matrix", description=__doc__)
    parser.add_argument("--db", choices=("sqlite", "postgres"), default=env("DB") or "sqlite")
    parser.add_argument("--pairs", default=env("PAIRS") or "all", help="how many, chosen by the seed; or all")
    parser.add_argument("--singles", default="all", help="how many, chosen by the seed; or all")
    parser.add_argument(
        "--orders", type=int, default=int(env("EXAMPLES") or 100), help="of events, at random"
    )
    parser.add_argument("--seed", type=int, default=int(env("SEED") or 1))
    parser.add_argument("--rigs", type=int, default=os.cpu_count() or 1, help="how many work side by side")
    parser.add_argument("--story", choices=[story.name for story in STORIES], action="append")
    given = parser.parse_args()
    stories = [story for story in STORIES if not given.story or story.name in given.story]
    singles, pairs = _number(given.singles), _number(given.pairs)
    wanted = Wanted(stories, given.db, singles, pairs, given.seed, given.rigs, given.orders)
    with tempfile.TemporaryDirectory(prefix="saga-matrix-") as folder:
        try:
            return run(wanted, Path(folder))
        except KeyboardInterrupt:
            sys.stdout.write("\nInterrupted; nothing was checked.\n")
            return 130


def _number(text: str) -> int | None:
    return None if text == "all" else int(text)


if __name__ == "__main__":
    sys.exit(main())
