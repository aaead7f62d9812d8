"""The commands of a documentation page, run as they stand."""

import os
import re
import subprocess
from collections.abc import Mapping
from pathlib import Path

from scripts.paths import ROOT, VENV

WITHIN = 120
COMMAND = re.compile(r"^(?=(?:curl|make|cd|git) )", re.MULTILINE)
PORTS = {"ui": 8000, "backend": 8001, "loyalty": 8002, "payment": 8003}


def commands(page: Path) -> dict[str, str]:
    """By section: the lines of its code, which are indented by four spaces, or by seven within a list."""
    sections = re.split(r"^## ", page.read_text(encoding="utf-8"), flags=re.M)
    code = re.compile(r"^(?: {7}| {4})(?! )(.*)$")
    found = {}
    for section in sections:
        title, _, text = section.partition("\n")
        lines = [line for line in text.split("\n") if line.startswith("    ")]
        found[title] = "\n".join(code.sub(r"\1", line) for line in lines)
    return found


def each(code: str) -> list[str]:
    """The commands of some code, one by one, without comments."""
    lines = [line.partition("  #")[0].rstrip() for line in code.splitlines() if not line.startswith("#")]
    return [found.strip() for found in COMMAND.split("\n".join(lines)) if found.strip()]


def run(script: str, urls: Mapping[str, str], environment: Mapping[str, str]) -> str:
    """What the script has said; AssertionError with all of it if a command fails."""
    for name, port in PORTS.items():
        script = re.sub(rf"(http://)?localhost:{port}\b", urls[name], script)
    done = subprocess.run(  # noqa: S603  pages of this repository
        ["/bin/bash", "-eu", "-c", script],
        cwd=ROOT,
        env={**os.environ, **environment, "PATH": f"{VENV / 'bin'}:{os.environ['PATH']}"},
        capture_output=True,
        text=True,
        timeout=WITHIN,
        check=False,
    )
    assert done.returncode == 0, f"{script}\n{done.stdout}\n{done.stderr}"
    return done.stdout
