"""`make schemathesis`: every answer of the three data services held against their OpenAPI schemas.

Starts a suite of its own in demo mode; what schemathesis is told stands in schemathesis.toml.
"""

import os
import subprocess
import sys
import tempfile
from collections.abc import Sequence
from pathlib import Path

from scripts.booking_suite import Config, booking_suite
from scripts.console import Console
from scripts.paths import ROOT, VENV
from scripts.prepare import prepare

SERVICES = ("payment", "loyalty", "backend")
COMMAND = (str(VENV / "bin" / "schemathesis"), "--config-file", str(ROOT / "schemathesis.toml"), "run")
# The simulated gateway's silence would otherwise take two seconds of each case that asks for it.
SETTINGS = {"GATEWAY_TIMEOUT_SECONDS": "0.05", "LOG_LEVEL": "WARNING"}


def main(options: Sequence[str]) -> int:
    with tempfile.TemporaryDirectory(prefix="saga-contract-") as folder:
        log = Path(folder) / "suite.log"
        with log.open("w", encoding="utf-8") as lines:
            config = Config.beside(Path(folder), **SETTINGS)
            console = Console(lines)
            prepare(config, console, seed=False)
            with booking_suite(config, console=console) as suite:
                codes = [_run(suite.url(name), Path(folder), options) for name in SERVICES]
        print(log.read_text(encoding="utf-8")[-4000:] if any(codes) else "", end="")
    return 1 if any(codes) else 0


def _run(url: str, folder: Path, options: Sequence[str]) -> int:
    return subprocess.run(
        [*COMMAND, f"{url}/api/schema/?format=json", *options], cwd=folder, env=os.environ, check=False
    ).returncode


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
