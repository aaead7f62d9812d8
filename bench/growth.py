"""`make bench-growth`: what bookings, reads and recovery cost beside 1,000,000 finished sagas and flights.

Two suites stand side by side, one with 1,000 finished sagas and flights and one with many; both are asked
in turn. A figure is the median over the rounds of the ratio within a round.
"""

import argparse
import json
import os
import statistics
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from contextlib import ExitStack
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from http.client import HTTPConnection
from itertools import cycle, islice
from pathlib import Path

from bench import goals, plan, systems
from bench.measure import cpu_by_part, measure
from bench.postgres import postgres
from bench.run import Bench
from bench.systems import ORCHESTRATOR, Place, Stage, System
from scripts.console import Console
from scripts.paths import ROOT, VENV_PYTHON
from scripts.run import stop_on_signals
from scripts.service import HOST
from scripts.suite import Suite

FEW, OPEN = 1_000, 1_000
SUITES = ("few", "many")
BACKEND = ROOT / "backend-service"
QUESTIONS = Path(__file__).with_name("history_questions.py")
DAYS = range(10, 30)
READS = 300
CLIENTS = 8
SEARCH, SEATS = "flight search", "seat map"
Costs = dict[str, float]


@dataclass(frozen=True)
class Given:
    database: str
    sagas: int
    flights: int
    rounds: int
    seconds: float


def main() -> int:
    stop_on_signals()
    console = Console()
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--db", choices=goals.DATABASES, default="sqlite", dest="database")
    parser.add_argument("--sagas", type=int, default=1_000_000)
    parser.add_argument("--flights", type=int, default=1_000_000)
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--seconds", type=float, default=5)
    given = Given(**vars(parser.parse_args()))
    try:
        figures = grow(given, console)
    except KeyboardInterrupt:
        return 130
    how = f"{given.rounds} rounds of {given.seconds:g} s at {CLIENTS} clients"
    goals.note("growth", given.database, figures, how=how)
    for line in goals.write():
        console.say(line)
    return 0


def grow(given: Given, console: Console) -> Costs:
    with ExitStack() as stack:
        folder = Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="growth-")))
        server = stack.enter_context(postgres()) if given.database == "postgres" else None
        stage = Stage()
        for name in SUITES:
            systems.suite(stage, Place(folder, server), name=name)
        console.say("Preparing the databases")
        systems.prepare(stage)
        for name, sagas, flights in (("few", FEW, FEW), ("many", given.sagas, given.flights)):
            console.say(f"Filling in {sagas:,} finished sagas and {flights:,} flights")
            _ask(stage, name, "fill", sagas, OPEN)
            _ask(stage, name, "flights", flights)
        asked = _questions(stage, given, console)
        sys.stdout.write(_ask(stage, "many", "plans"))
        for name in SUITES:
            _ask(stage, name, "close")
        bench = Bench(replace(plan.read([]), warmup=1.0), console, stage, folder, server)
        return asked | _bookings_and_reads(bench, given, console)


def _questions(stage: Stage, given: Given, console: Console) -> Costs:
    rounds = []
    for number in range(given.rounds):
        console.say(f"Round {number + 1} of {given.rounds}: claim, list, status")
        rounds.append([json.loads(_ask(stage, name, "ask")) for name in SUITES])
    for name in rounds[0][0]:
        few, many = (statistics.median(each[place][name] for each in rounds) for place in (0, 1))
        console.say(f"{name:<24}{few:>9.3f}{many:>9.3f} ms")
    label = f"{given.sagas:,} finished sagas to {FEW:,}"
    return {
        f"{name}, {label}": statistics.median(many[name] / few[name] for few, many in rounds)
        for name in rounds[0][0]
    }


def _bookings_and_reads(bench: Bench, given: Given, console: Console) -> Costs:
    names = {
        "booking": f"CPU per booking, {given.sagas:,} finished sagas to {FEW:,}",
        **{read: f"{read}, CPU, {given.flights:,} flights to {FEW:,}" for read in (SEARCH, SEATS)},
    }
    rounds = []
    with bench.running(bench.stage) as suite:
        flights = bench.flights(DAYS)
        for number in range(given.rounds):
            rounds.append([_round(bench, suite, system, flights, given) for system in bench.stage.systems])
            for name, costs in zip(SUITES, rounds[-1], strict=True):
                told = ", ".join(f"{what} {cost:.2f}" for what, cost in costs.items())
                console.say(f"Round {number + 1} of {given.rounds}, {name}: CPU ms of {told}")
    return {
        name: statistics.median(many[key] / few[key] for few, many in rounds) for key, name in names.items()
    }


def _round(bench: Bench, suite: Suite, system: System, flights: list[int], given: Given) -> Costs:
    load = bench.load(system, CLIENTS, flights, seconds=given.seconds)
    sample = measure(load, system, CLIENTS, lambda: cpu_by_part(suite, system, bench.server))
    port = next(each.port for each in bench.stage.services if each.name == f"{system.name}-backend")
    today = datetime.now(UTC).date()
    dates = [today + timedelta(days=days) for days in DAYS]
    reads = {
        SEARCH: [f"/api/flights/search/?origin=DFW&destination=ORD&depart_date={day}" for day in dates],
        SEATS: [f"/api/flights/{flight}/seats/" for flight in flights],
    }
    costs = {"booking": sample.store}
    for name, paths in reads.items():
        before = _backend(cpu_by_part(suite, system, bench.server))
        _read(port or 0, islice(cycle(paths), READS))
        costs[name] = (_backend(cpu_by_part(suite, system, bench.server)) - before) * 1000 / READS
    return costs


def _backend(cpu: Costs) -> float:
    return sum(cpu.get(part, 0.0) for part in ORCHESTRATOR)


def _read(port: int, paths: Iterator[str]) -> None:
    connection = HTTPConnection(HOST, port)
    for path in paths:
        connection.request("GET", path)
        answer = connection.getresponse()
        answer.read()
        if answer.status != 200:
            raise RuntimeError(f"{path} answered {answer.status}")
    connection.close()


def _ask(stage: Stage, name: str, *words: object) -> str:
    """Run one of the questions in the environment of a suite's backend."""
    service = next(each for each in stage.services if each.name == f"{name}-backend")
    paths = os.pathsep.join((str(BACKEND), service.environment["PYTHONPATH"]))
    environment = os.environ | dict(service.environment) | {"PYTHONPATH": paths}
    command = [str(VENV_PYTHON), str(QUESTIONS), *map(str, words)]
    done = subprocess.run(
        command, cwd=service.folder, env=environment, stdout=subprocess.PIPE, check=True, text=True
    )
    return done.stdout


if __name__ == "__main__":
    sys.exit(main())
