"""What a claim, a list page and a status answer cost beside a million finished sagas.

python -m bench.history [--db postgres|sqlite] [--finished 1000000]

Two databases, one with 1,000 finished sagas and one with so many, both with 1,000 open ones, are asked in
turn; each figure is the median of the rounds' medians.
"""

import argparse
import json
import os
import statistics
import subprocess
import sys
import tempfile
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path

from scripts.paths import ROOT, VENV_PYTHON
from scripts.postgres import private_server

FEW, OPEN = 1_000, 1_000
ROUNDS = 7
BACKEND = ROOT / "backend-service"
QUESTIONS = Path(__file__).with_name("history_questions.py")
Medians = dict[str, float]


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--db", choices=("postgres", "sqlite"), default="postgres")
    parser.add_argument("--finished", type=int, default=1_000_000)
    given = parser.parse_args()
    with _two_databases(given.db) as environments:
        for environment, finished in zip(environments, (FEW, given.finished), strict=True):
            _run(environment, "manage.py", "migrate", "--noinput", "--verbosity", "0")
            _run(environment, str(QUESTIONS), "fill", str(finished), str(OPEN))
        rounds = [[_ask(environment) for environment in environments] for _ in range(ROUNDS)]
        _tell([_median(each) for each in zip(*rounds, strict=True)], given.finished)
        sys.stdout.write(_run(environments[1], str(QUESTIONS), "plans"))
    return 0


@contextmanager
def _two_databases(kind: str) -> Iterator[list[Mapping[str, str]]]:
    with tempfile.TemporaryDirectory(prefix="saga-history-") as folder:
        common = {"DJANGO_SETTINGS_MODULE": "flight.settings", "DEMO_MODE": "1", "DATA_DIR": folder}
        if kind == "sqlite":
            yield [
                {**common, "DATABASE_URL": f"sqlite:///{folder}/{name}.sqlite3"} for name in ("few", "many")
            ]
            return
        with private_server() as server:
            urls = server.make_databases(("few", "many"))
            yield [{**common, "DATABASE_URL": url} for url in urls.values()]


def _run(environment: Mapping[str, str], *words: str) -> str:
    command = [str(VENV_PYTHON), *words]
    paths = {"PYTHONPATH": str(BACKEND)}
    done = subprocess.run(
        command, cwd=BACKEND, env=os.environ | environment | paths, stdout=subprocess.PIPE, check=True
    )
    return done.stdout.decode()


def _ask(environment: Mapping[str, str]) -> Medians:
    medians: Medians = json.loads(_run(environment, str(QUESTIONS), "ask"))
    return medians


def _median(rounds: tuple[Medians, ...]) -> Medians:
    return {name: statistics.median(each[name] for each in rounds) for name in rounds[0]}


def _tell(medians: list[Medians], finished: int) -> None:
    few, many = medians
    sys.stdout.write(f"{'ms':<28}{FEW:>12,}{finished:>12,}   ratio\n")
    for name in few:
        line = f"{name:<28}{few[name]:>12.3f}{many[name]:>12.3f}{many[name] / few[name]:>8.2f}\n"
        sys.stdout.write(line)


if __name__ == "__main__":
    sys.exit(main())
