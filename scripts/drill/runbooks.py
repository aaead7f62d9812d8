"""The commands of docs/runbooks.md, as its introduction says to type them for containers."""

import re
from collections.abc import Iterator

from scripts.paths import ROOT

PAGE = ROOT / "docs" / "runbooks.md"
CODE = re.compile(r"^(?: {7}| {4})(?! )(.*)$", re.MULTILINE)
PYTHON, COMPOSE = re.compile(r"^(?:timeout \d+ )?python "), re.compile(r"^docker compose ")
NEED_A_STUCK_SAGA = re.compile(r"sagas (?:retry|resolve) ")
"Outside demo mode nothing can be switched to fail. The everyday tests run them against processes."


def in_containers(saga: str) -> Iterator[str]:
    """For a shell, once each and in the page's order; `saga` is the id of one that has ended."""
    yield from dict.fromkeys(
        f"docker compose exec backend {line}" if PYTHON.match(line) else line
        for line in (re.sub(r"\bID\b", saga, found) for found in CODE.findall(PAGE.read_text()))
        if (PYTHON.match(line) or COMPOSE.match(line)) and not NEED_A_STUCK_SAGA.search(line)
    )
