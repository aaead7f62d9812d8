"""Runs the suite in whose folder it stands, on free ports, until its input ends.

python -m examples.hotel.serve FOLDER [sqlite|postgres]
First says the addresses of its services and databases, as JSON.
"""

import json
import sys
from contextlib import ExitStack
from dataclasses import replace
from pathlib import Path

from scripts.booking_suite import Config, booking_suite
from scripts.console import Console
from scripts.postgres import private_server
from scripts.prepare import prepare


def main(data_dir: Path, database: str = "sqlite") -> None:
    with ExitStack() as stack:
        console = Console(stack.enter_context((data_dir / "suite.log").open("w", encoding="utf-8")))
        config = Config.beside(data_dir)
        databases = {name: str(data_dir / f"{name}.sqlite3") for name in config.ports}
        if database == "postgres":
            databases = stack.enter_context(private_server(durable=False)).make_databases()
            config = replace(config, databases=databases)
        prepare(config, console)
        stack.enter_context(booking_suite(config, console=console))
        urls = {name: config.url(name) for name in config.ports}
        sys.stdout.write(json.dumps({"urls": urls, "databases": databases}) + "\n")
        sys.stdout.flush()
        sys.stdin.read()


if __name__ == "__main__":
    main(Path(sys.argv[1]), *sys.argv[2:])
