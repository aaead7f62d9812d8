"""`make bench`: what a booking costs, beside baselines that run in the same rounds."""

import sys

from bench import plan, report
from bench.measure import LoadError
from bench.run import run
from scripts.console import Console
from scripts.postgres import NoPostgresError
from scripts.run import stop_on_signals
from scripts.suite import StartError


def main() -> int:
    console = Console()
    stop_on_signals()
    wanted = plan.read(sys.argv[1:])
    try:
        result = run(wanted, console)
    except KeyboardInterrupt:
        console.say("Stopped; everything that it had started has ended.")
        return 130
    except (NoPostgresError, LoadError, StartError) as error:
        console.say(f"The bench ended early: {error}")
        return 1
    report.write(result, wanted, console)
    return 0


if __name__ == "__main__":
    sys.exit(main())
