"""`make test` and `make lint`: runs every check; fails if any fails.

python -m scripts.check test [NAME...] [-- pytest options]
python -m scripts.check slow [NAME...] [-- pytest options]
python -m scripts.check e2e [-- pytest options]
python -m scripts.check lint [NAME...]
"""

import os
import re
import shutil
import signal
import sys
import tempfile
import threading
import time
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from functools import partial

from scripts import checks
from scripts.checks import Check
from scripts.commands import Commands
from scripts.signals import ended_by_signals

# A check that hangs must not take the whole run with it.
LONGEST_SECONDS = 1500
AT_ONCE = 2
ABOUT_MINUTES = {
    "backend": 4.5,
    "ui": 4.5,
    "e2e": 2.5,
    "sagas": 2.0,
    "scripts": 1.5,
    "payment": 1.0,
    "browser": 10.0,
    "crash": 1.0,
    "operations": 5.5,
    "matrix": 1.0,
    "chaos": 2.5,
    "restore": 2.0,
}
OTHERS_MINUTES = 0.5
PYTEST_TIME = re.compile(r" in \d+\.\d+s")
COLOUR = re.compile(r"\x1b\[[0-9;]*m")


KINDS: dict[str, Callable[[Sequence[str]], list[Check]]] = {
    "test": checks.suites,
    "slow": checks.slow_suites,
    "e2e": checks.end_to_end,
    "lint": lambda options: checks.lints(),
}


@dataclass(frozen=True)
class Result:
    name: str
    code: int
    seconds: float
    passed: int
    failed: int


def main(arguments: Sequence[str]) -> int:
    kind, *rest = arguments
    names, options = split(rest)
    known = KINDS[kind](options)
    if unknown := set(names) - {check.name for check in known}:
        print(f"unknown: {', '.join(sorted(unknown))}; there are {', '.join(each.name for each in known)}")
        return 2
    return run([check for check in known if not names or check.name in names])


def split(words: Sequence[str]) -> tuple[list[str], list[str]]:
    end = words.index("--") if "--" in words else len(words)
    return list(words[:end]), list(words[end + 1 :])


def run(chosen: Sequence[Check]) -> int:
    """Two at a time, those that want the machine for themselves at the end; then the summary."""
    if len(chosen) > 1:
        print(needs(chosen), flush=True)
    together = [check for check in chosen if not check.alone and len(chosen) > 1]
    commands = Commands(signal.SIGINT)  # pytest ends what it started at that one only.
    quietly = partial(_run_one, commands=commands, live=False)
    results = commands.together(quietly, together, at_once=AT_ONCE)
    results += [_run_one(check, commands=commands, live=True) for check in chosen if check not in together]
    _summarise(results)
    return 1 if any(result.code for result in results) else 0


def needs(chosen: Sequence[Check]) -> str:
    """What a run of several checks needs and about how long it takes, on two cores of their own."""
    minutes = max(1, round(sum(ABOUT_MINUTES.get(check.name, OTHERS_MINUTES) for check in chosen) / AT_ONCE))
    found = [name for name in ("chromium", "java", "initdb", "node") if shutil.which(name)]
    return (
        f"{len(chosen)} checks, two at a time: about {minutes} minutes on two cores, and 2 GB of memory. "
        f"What is not installed is skipped; found: {', '.join(found) or 'no browser, java, PostgreSQL'}."
    )


_printing = threading.Lock()


def _run_one(check: Check, *, commands: Commands, live: bool) -> Result:
    """With `live` each line is shown as it comes, else all of them at the end, in one piece."""
    began = time.monotonic()
    if live:
        print(f"\n=== {check.name}", flush=True)
    # A data folder of its own keeps a check apart from a suite that runs meanwhile.
    with tempfile.TemporaryDirectory(prefix=f"{check.name}-") as folder:
        code, text = _execute(check, commands, folder, live=live)
    with _printing:
        if not live:
            print(f"\n=== {check.name}\n{text}", flush=True)
    return Result(check.name, code, time.monotonic() - began, _count("passed", text), _count("failed", text))


def _execute(check: Check, commands: Commands, data_dir: str, *, live: bool) -> tuple[int, str]:
    colour = {"FORCE_COLOR": "1"} if sys.stdout.isatty() else {}
    environment = os.environ | colour | {"DATA_DIR": data_dir} | dict(check.environment)
    with commands.process(check.command, cwd=check.folder, env=environment) as process:
        assert process.stdout is not None
        watch = threading.Timer(LONGEST_SECONDS, process.kill)
        watch.start()
        try:
            text = "".join(_shown(process.stdout) if live else process.stdout)
        finally:
            watch.cancel()
        code = process.wait()
    return code, text


def _shown(lines: Iterable[str]) -> Iterable[str]:
    for line in lines:
        print(line, end="", flush=True)
        yield line


def _count(word: str, text: str) -> int:
    """What pytest's last line says of `word`; an error in a fixture is a failure too."""
    last = COLOUR.sub("", text).rstrip().rpartition("\n")[2]
    if not PYTEST_TIME.search(last):
        return 0
    words = {"passed": "passed", "failed": "failed|errors?"}[word]
    return sum(int(number) for number in re.findall(rf"(\d+) (?:{words})\b", last))


def _summarise(results: Sequence[Result]) -> None:
    print()
    for result in results:
        verdict = "ok" if result.code == 0 else f"FAILED (exit code {result.code})"
        counts = f"{result.passed:5} passed, {result.failed} failed" if result.passed + result.failed else ""
        print(f"{result.name:<14} {result.seconds:6.1f} s  {verdict:<8} {counts}")
    if any(result.passed for result in results):
        print(f"{sum(r.passed for r in results)} passed, {sum(r.failed for r in results)} failed")
    sys.stdout.flush()


if __name__ == "__main__":
    sys.exit(ended_by_signals(lambda: main(sys.argv[1:])))
