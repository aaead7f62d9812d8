"""`make schemathesis`: every answer of the three data services held against their OpenAPI schemas.

Starts a suite of its own in demo mode; what schemathesis is told stands in schemathesis.toml.
"""

import json
import os
import sys
import tempfile
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from scripts.booking_suite import Config, booking_suite
from scripts.commands import Commands
from scripts.console import Console
from scripts.paths import ROOT, VENV
from scripts.prepare import prepare
from scripts.signals import ended_by_signals

SERVICES = ("backend", "payment", "loyalty")
COMMAND = (str(VENV / "bin" / "schemathesis"), "--config-file", str(ROOT / "schemathesis.toml"), "run")
# The simulated gateway's silence would otherwise take two seconds of each case that asks for it.
SETTINGS = {"GATEWAY_TIMEOUT_SECONDS": "0.05", "LOG_LEVEL": "WARNING"}


@dataclass(frozen=True)
class Result:
    code: int
    output: str
    cases: int


def main(options: Sequence[str]) -> int:
    with tempfile.TemporaryDirectory(prefix="saga-contract-") as name:
        folder = Path(name)
        log = folder / "suite.log"
        with log.open("w", encoding="utf-8") as lines:
            results = _run_all(folder, Console(lines), options)
        for result in results:
            print(result.output)
        if failed := any(result.code for result in results):
            print(log.read_text(encoding="utf-8")[-4000:])
    print(f"{sum(result.cases for result in results)} cases, {'FAILED' if failed else 'no issue found'}")
    return 1 if failed else 0


def _run_all(folder: Path, console: Console, options: Sequence[str]) -> list[Result]:
    config = Config.beside(folder, **SETTINGS)
    prepare(config, console, seed=False)
    commands = Commands()
    with booking_suite(config, console=console) as suite:

        def run(name: str) -> Result:
            return _run(commands, name, suite.url(name), folder, options)

        return commands.together(run, SERVICES, at_once=len(SERVICES))


def _run(commands: Commands, name: str, url: str, folder: Path, options: Sequence[str]) -> Result:
    report = folder / f"{name}.json"
    own = folder / f"{name}-work"
    own.mkdir()
    tested = [*COMMAND, f"{url}/api/schema/?format=json", "--report-json-path", str(report), *options]
    with commands.process(tested, cwd=own, env=os.environ) as process:
        assert process.stdout is not None
        said = process.stdout.read()
        code = process.wait()
    cases = json.loads(report.read_text())["test_cases"]["generated"] if report.exists() else 0
    return Result(code, said, cases)


if __name__ == "__main__":
    sys.exit(ended_by_signals(lambda: main(sys.argv[1:])))
