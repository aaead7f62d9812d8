"""`make bench`: what a booking costs, beside baselines that run in the same rounds."""

import sys

from bench import plan, report
from bench.measure import LoadError
from bench.postgres import NoPostgresError
from bench.run import run
from scripts.console import Console
from scripts.suite import StartError


def main() -> int:
    console = Console()
    wanted = plan.read(sys.argv[1:])
    try:
        result = run(wanted, console)
    except NoPostgresError:
        console.say("No PostgreSQL here: initdb and pg_ctl have to be on the PATH.")
        return 1
    except (LoadError, StartError) as error:
        console.say(f"The bench ended early: {error}")
        return 1
    report.write(result, wanted, console)
    return 0


if __name__ == "__main__":
    sys.exit(main())
