"""`make client`: a Python client of a data service, generated from its OpenAPI schema, in build/client/."""

import json
import os
import subprocess
import sys
import tempfile
from pathlib import Path

from scripts.booking_suite import SERVERS, folder
from scripts.paths import ROOT, VENV, VENV_PYTHON
from scripts.signals import ended_by_signals

FOLDER = ROOT / "build" / "client"
SERVICES = tuple(name for name, _, _ in SERVERS if name != "ui")
# Demo mode needs no secrets; what only demo mode has is in the schema as well.
DEMO = {"DEMO_MODE": "1"}
SCHEMA = (str(VENV_PYTHON), "manage.py", "spectacular", "--format", "openapi-json", "--file")
GENERATE = (str(VENV / "bin" / "openapi-python-client"), "generate", "--overwrite", "--meta", "none")
RULES = {"post_hooks": [f"{VENV / 'bin' / 'ruff'} format --quiet ."]}


def main(service: str) -> int:
    if service not in SERVICES:
        print(f"SERVICE={service}: there are {', '.join(SERVICES)}.", file=sys.stderr)
        return 2
    package = FOLDER / f"{service}_client"
    FOLDER.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(prefix="client-") as work:
        generate(service, package, Path(work))
    print(f"{package.relative_to(ROOT)}: needs httpx and attrs; docs/cookbook.md shows how it is used")
    return 0


def generate(service: str, package: Path, work: Path) -> None:
    """Raises CalledProcessError, also where the generator would leave out a part of the schema."""
    schema, rules = work / "schema.json", work / "rules.json"
    environment = os.environ | DEMO | {"DATA_DIR": str(work)}
    subprocess.run([*SCHEMA, str(schema)], cwd=folder(service), env=environment, check=True)
    rules.write_text(json.dumps(RULES), encoding="utf-8")
    options = ["--fail-on-warning", "--path", str(schema), "--config", str(rules)]
    subprocess.run([*GENERATE, *options, "--output-path", str(package)], check=True)


if __name__ == "__main__":
    sys.exit(ended_by_signals(lambda: main(*sys.argv[1:])))
