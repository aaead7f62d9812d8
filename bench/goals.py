"""`python -m bench.goals`: the goals beside what was measured last, on the terminal, as JSON and as Markdown.

Each measurement leaves its figures in a file of its own; this puts together whatever files there are.
"""

import json
import sys
from collections.abc import Iterator, Mapping
from dataclasses import asdict, dataclass
from datetime import UTC, datetime
from pathlib import Path

from bench import machine
from bench.plan import OUTPUT

DATABASES = ("sqlite", "postgres")
NOT_MEASURED = "not measured yet"
Figures = Mapping[str, float]


@dataclass(frozen=True)
class Goal:
    figure: str
    limit: float
    then: float | None = None
    "a second, harder limit"
    at_least: bool = False

    def text(self) -> str:
        sign = "≥" if self.at_least else "≤"
        later = f", then {self.then:g}" if self.then is not None else ""
        return f"{sign} {self.limit:g}{later}"

    def holds(self, value: float) -> str:
        limits = [self.limit] if self.then is None else [self.limit, self.then]
        met = [value >= limit if self.at_least else value <= limit for limit in limits]
        return "yes" if all(met) else "the first" if met[0] else "no"


GOALS = (
    Goal("commits per booking, backend", 3),
    # The attempt before the provider is asked, the simulated bank's own books, and the outcome.
    Goal("commits per booking, payment", 3),
    Goal("commits per booking, loyalty", 1),
    # Two of them begin the settlement.
    Goal("SQL statements per booking, backend", 16, 13),
    # Attempt, bank, record, attempt, payment and ledger; and two that let the first two commits not wait.
    Goal("SQL statements per booking, payment", 9, 8),
    Goal("SQL statements per booking, loyalty", 4, 3),
    Goal("new TCP and database connections per 1000 bookings", 10),
    Goal("CPU, whole, to textbook", 0.35, 0.25),
    Goal("CPU, orchestrator and store, to loop", 1.0),
    Goal("CPU, orchestrator and store, to dbos", 0.35),
    Goal("CPU, orchestrator and store, to procrastinate", 0.55),
    Goal("CPU, orchestrator and store, to celery", 0.75),
    Goal("CPU, trip of two flights to one", 1.3),
    Goal("CPU, run by a worker to run by the request", 1.3),
    Goal("p99 to p50", 3),
    Goal("bookings per second, 32 clients to 8", 0.95, at_least=True),
    Goal("CPU per booking, 1,000,000 finished sagas to 1,000", 1.2),
    Goal("claim, 1,000,000 finished sagas to 1,000", 1.2),
    Goal("flight search, CPU, 1,000,000 flights to 1,000", 1.3),
    Goal("seat map, CPU, 1,000,000 flights to 1,000", 1.3),
    Goal("memory of the suite, idle, MB PSS", 500),
    Goal("growth of memory over 100,000 bookings, %", 5),
    Goal("seconds from make run to ready, first time", 40),
    Goal("seconds from make run to ready, second time", 5),
)


@dataclass(frozen=True)
class Row:
    figure: str
    goal: str
    measured: dict[str, float]
    holds: dict[str, str]


def note(kind: str, database: str, figures: Figures, *, how: str, output: Path = OUTPUT) -> None:
    """Keep what a measurement found; `how` says with what options."""
    output.mkdir(parents=True, exist_ok=True)
    began = datetime.now(UTC).isoformat(timespec="seconds")
    content = {"at": began, "machine": machine.describe(), "how": how, "figures": dict(figures)}
    output.joinpath(f"figures-{kind}-{database}.json").write_text(json.dumps(content, indent=1))


def notes(database: str, output: Path = OUTPUT) -> dict[str, dict[str, object]]:
    """By kind, in the order of their names."""
    found = sorted(output.glob(f"figures-*-{database}.json"))
    return {path.name.split("-")[1]: json.loads(path.read_text()) for path in found}


def figures(database: str, output: Path = OUTPUT) -> dict[str, float]:
    """Of all measurements; a figure is compared as it is shown, with two decimals."""
    found: dict[str, float] = {}
    for each in notes(database, output).values():
        noted = each["figures"]
        assert isinstance(noted, dict)
        found |= {name: round(value, 2) for name, value in noted.items()}
    return found


def rows(known: Mapping[str, Figures]) -> list[Row]:
    """`known` holds the figures by database."""
    found = []
    for goal in GOALS:
        measured = {name: known[name][goal.figure] for name in DATABASES if goal.figure in known[name]}
        holds = {name: goal.holds(value) for name, value in measured.items()}
        found.append(Row(goal.figure, goal.text(), measured, holds))
    return found


def markdown(table: list[Row]) -> Iterator[str]:
    yield "| figure | goal | SQLite | holds | PostgreSQL | holds |"
    yield "| --- | --- | --- | --- | --- | --- |"
    for row in table:
        cells = [f"{cell} | {row.holds.get(name, '–')}" for name, cell in _cells(row).items()]
        yield f"| {row.figure} | {row.goal} | {' | '.join(cells)} |"


def lines(table: list[Row]) -> Iterator[str]:
    yield f"{'figure':<52}{'goal':<18}{'SQLite':>16} {'holds':<10}{'PostgreSQL':>16} holds"
    for row in table:
        cells = [f"{cell:>16} {row.holds.get(name, ''):<10}" for name, cell in _cells(row).items()]
        yield f"{row.figure:<52}{row.goal:<18}{''.join(cells)}".rstrip()


def _cells(row: Row) -> dict[str, str]:
    known = row.measured
    return {name: f"{known[name]:.2f}" if name in known else NOT_MEASURED for name in DATABASES}


def sources(output: Path = OUTPUT) -> Iterator[str]:
    for database in DATABASES:
        for kind, each in notes(database, output).items():
            yield f"{kind}, {database}: {each['at']}, {each['how']}; {each['machine']}"


def write(output: Path = OUTPUT) -> list[str]:
    """Write goals.json and goals.md; the table for the terminal."""
    table = rows({name: figures(name, output) for name in DATABASES})
    origins = list(sources(output))
    content = {"goals": [asdict(row) for row in table], "sources": origins}
    output.mkdir(parents=True, exist_ok=True)
    output.joinpath("goals.json").write_text(json.dumps(content, indent=1))
    text = [*markdown(table), "", *(f"- {origin}" for origin in origins)]
    output.joinpath("goals.md").write_text("\n".join(text) + "\n")
    return [*lines(table), "", *origins]


if __name__ == "__main__":
    sys.stdout.write("\n".join(write()) + "\n")
