"""A runner of stand-ins as a process: `python -m scripts.tests.runner DATA_DIR PORT [WORD...]`."""

import sys
from pathlib import Path

from scripts.console import Console
from scripts.run import stop_on_signals, until_stopped
from scripts.suite import Suite
from scripts.tests.conftest import server


def main() -> int:
    data_dir, port, *words = sys.argv[1:]
    console = Console()
    stop_on_signals()
    suite = Suite([server("one", *words, port=int(port))], data_dir=Path(data_dir), console=console)

    def begin() -> None:
        suite.start()
        console.say(f"ready {suite.pid('one')}")

    return until_stopped(suite, console, begin)


if __name__ == "__main__":
    sys.exit(main())
