"""`make new-service NAME=hotel THING=room`: a participant with one step, its compensation and its tests.

Copies examples/hotel/hotel-service under the given names, and says what to add where.
"""

import os
import re
import shutil
import sys
from collections.abc import Mapping
from pathlib import Path

from scripts.booking_suite import SERVERS
from scripts.paths import ROOT
from scripts.signals import ended_by_signals

TEMPLATE = ROOT / "examples" / "hotel" / "hotel-service"
NAME = re.compile(r"[a-z]{3,20}")
TAKEN = {name for server in SERVERS for name in server[:2]} | {"tests", "service", "sagas"}
LEFT_OUT = shutil.ignore_patterns("__pycache__", ".*_cache")
ADVICE = """\
Made {folder}; `make test-{name}` runs its tests once it is listed. Add:
  scripts/booking_suite.py, SERVERS:
    ("{name}", "{name}", {port}),
  backend-service/flight/saga_orchestrator_complete.py, BookTrip.steps, before the pivot:
    remote(
        "Reserve{Thing}",
        words=saga_words.about("{thing}", "Reserve", "Reserving", "reserved", icon="star"),
        undo="Cancel{Thing}",
        at="{name}",
        sends=lambda saga: {{"{thing}": saga.data["{thing}"], "price": to_wire(saga.data["{thing}_price"])}},
        when=lambda data: "{thing}" in data,
        refusals={{"{THING}_UNAVAILABLE"}},
    ),
  backend-service/flight/saga_requests.py:
    StartBooking takes `{thing}`; new_saga stores it and `{thing}_price`, and adds the price to the charges.
examples/hotel/fifth-step.patch is such a change."""


def main(given: Mapping[str, str] = os.environ, root: Path = ROOT) -> int:
    name, thing = given.get("NAME", ""), given.get("THING") or "room"
    folder = root / f"{name}-service"
    if problem := _problem(name, thing, folder):
        print(problem, file=sys.stderr)
        return 2
    make(folder, names(name, thing))
    port = max(port for _, _, port in SERVERS) + 1
    print(
        ADVICE.format(
            folder=folder.name, name=name, thing=thing, Thing=thing.title(), THING=thing.upper(), port=port
        )
    )
    return 0


def _problem(name: str, thing: str, folder: Path) -> str:
    if not NAME.fullmatch(name) or not NAME.fullmatch(thing):
        return "NAME and THING must be 3 to 20 small letters each: make new-service NAME=hotel THING=room"
    if name in TAKEN or thing == name:
        return f"NAME={name} is taken; choose another."
    return f"{folder.name} is there already." if folder.exists() else ""


def names(name: str, thing: str) -> dict[str, str]:
    """What stands for the template's words, in each of their spellings."""
    pairs = (("hotel", name), ("room", thing))
    spellings = (str, str.title, str.upper)
    return {spell(old): spell(new) for old, new in pairs for spell in spellings}


def make(folder: Path, renamed: Mapping[str, str]) -> None:
    shutil.copytree(TEMPLATE, folder, ignore=LEFT_OUT)
    words = re.compile("|".join(renamed))
    for path in sorted(folder.rglob("*"), reverse=True):
        if path.is_file():
            text = path.read_text(encoding="utf-8")
            path.write_text(words.sub(lambda found: renamed[found[0]], text), encoding="utf-8")
        path.rename(path.with_name(words.sub(lambda found: renamed[found[0]], path.name)))


if __name__ == "__main__":
    sys.exit(ended_by_signals(main))
