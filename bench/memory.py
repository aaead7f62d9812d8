"""`make bench-memory`: what becomes of the suite's memory over 100,000 bookings."""

import argparse
import sys
import tempfile
from contextlib import ExitStack
from dataclasses import replace
from pathlib import Path

from bench import goals, plan, systems
from bench.measure import LoadError
from bench.postgres import postgres
from bench.run import ROUTES, Bench
from bench.systems import Place, Stage
from scripts.console import Console
from scripts.run import stop_on_signals

PARTS = 20
CLIENTS = 8


def main() -> int:
    stop_on_signals()
    console = Console()
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--db", choices=goals.DATABASES, default="sqlite", dest="database")
    parser.add_argument("--bookings", type=int, default=100_000)
    given = parser.parse_args()
    try:
        figures = measure(given.database, given.bookings, console)
    except KeyboardInterrupt:
        return 130
    goals.note("memory", given.database, figures, how=f"{CLIENTS} clients")
    for line in goals.write():
        console.say(line)
    return 0


def measure(database: str, bookings: int, console: Console) -> dict[str, float]:
    """The growth is from after the first twentieth, when every thread and connection is there."""
    with ExitStack() as stack:
        folder = Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="memory-")))
        server = stack.enter_context(postgres()) if database == "postgres" else None
        stage = Stage()
        systems.suite(stage, Place(folder, server), ui=True)
        console.say("Preparing the databases")
        systems.prepare(stage)
        bench = Bench(replace(plan.read([]), warmup=0.0), console, stage, folder, server)
        with bench.running(stage) as suite:
            idle = sum(bench.memory(suite).values())
            console.say(f"idle: {idle:.1f} MB PSS")
            sizes = [idle]
            flights = bench.flights(routes=ROUTES)
            for number in range(1, PARTS + 1):
                load = bench.load(
                    stage.systems[0], CLIENTS, flights, seconds=3600, bookings=bookings // PARTS
                )
                load.ready()
                result = load.run()
                if result["failed"]:
                    raise LoadError(f"{result['failed']} bookings failed: {result['example']}")
                sizes.append(sum(bench.memory(suite).values()))
                console.say(f"{bookings * number // PARTS:>8,} bookings: {sizes[-1]:.1f} MB PSS")
    return {
        "memory of the suite, idle, MB PSS": sizes[0],
        "memory of the suite after the first twentieth, MB PSS": sizes[1],
        "memory of the suite at the end, MB PSS": sizes[-1],
        f"growth of memory over {bookings:,} bookings, %": (sizes[-1] / sizes[1] - 1) * 100,
    }


if __name__ == "__main__":
    sys.exit(main())
