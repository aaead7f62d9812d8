"""Runs the suite in whose folder it stands, on free ports, until its input ends; says the addresses first."""

import json
import sys
from pathlib import Path

from scripts.booking_suite import Config, booking_suite
from scripts.console import Console
from scripts.prepare import prepare


def main(data_dir: Path) -> None:
    with (data_dir / "suite.log").open("w", encoding="utf-8") as log:
        console = Console(log)
        config = Config.beside(data_dir)
        prepare(config, console)
        with booking_suite(config, console=console):
            sys.stdout.write(json.dumps({name: config.url(name) for name in config.ports}) + "\n")
            sys.stdout.flush()
            sys.stdin.read()


if __name__ == "__main__":
    main(Path(sys.argv[1]))
