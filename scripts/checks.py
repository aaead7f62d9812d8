"""What is checked: one test run per service, kit and script folder; one lint per tool and service."""

import os
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path

from scripts.booking_suite import SERVERS
from scripts.paths import PROOFS, ROOT, VENV

BIN = VENV / "bin"
# Name, folder, package and settings module; the first is the name that `make test-NAME` takes.
# The longest runs come first, so that both cores end at about the same time.
LONGEST = (
    ("ui", "ui-service", "ui", "ui.settings"),
    ("backend", "backend-service", "flight", "flight.settings"),
    ("sagas", "packages/django-sagas", "django_sagas", "tests.settings"),
)
SERVICES = tuple((name, f"{name}-service", package, f"{package}.settings") for name, package, _ in SERVERS)
PACKAGES = (
    *LONGEST,
    *(each for each in SERVICES if each not in LONGEST),
    ("kit", "packages/service-kit", "service_kit", "tests.settings"),
    # What `make new-service` copies.
    ("template", "examples/hotel/hotel-service", "hotel", "hotel.settings"),
)
CHECKER = "proofs/checker"
CONFORMANCE = "proofs/conformance"
ON_POSTGRES = tuple(name for name, _, _, _ in PACKAGES)
FOLDERS = [*(folder for _, folder, _, _ in PACKAGES), CHECKER, CONFORMANCE]
# A script that runs in the backend's own environment is judged with the backend.
BESIDE = {
    "backend": (str(ROOT / "bench" / "history_questions.py"), str(ROOT / "proofs" / "matrix" / "inside"))
}
END_TO_END = ("test_saga_implementation.py", "proofs/e2e/test_readme.py")
# Whole suites again: who may do what, and what an operator has to see.
OPERATIONS = (
    "proofs/e2e/test_access.py",
    "proofs/e2e/test_traces.py",
    "proofs/e2e/test_alarms.py",
    "proofs/e2e/test_erasure.py",
    "proofs/e2e/test_runbooks.py",
)
EXAMPLES = (
    "examples/fastapi-participant/participant.py",
    "examples/hotel/serve.py",
    "examples/hotel/test_fifth_step.py",
)
# A saga's stories with a fault at every commit and call.
CRASH = "--saga-crash"
CRASH_POINTS = ("tests/test_saga_crash_points.py", "tests/test_change_crash_points.py")
# Of what is no Django: the plugin asks for settings all the same.
NO_DJANGO = "django.conf.global_settings"
MYPY = (str(BIN / "mypy"), "--config-file", str(ROOT / "pyproject.toml"))


@dataclass(frozen=True)
class Check:
    name: str
    command: Sequence[str]
    folder: Path = ROOT
    environment: Mapping[str, str] = field(default_factory=dict)
    # Wants the machine for itself, and comes last.
    alone: bool = False


def slow_suites(options: Sequence[str]) -> list[Check]:
    """What is left out of the everyday tests because it takes minutes."""
    slow = ["-m", "slow", *options]
    return [
        _pytest("browser", ["-m", "slow or browser", *options], ROOT / "ui-service"),
        _pytest("operations", [*OPERATIONS, *options]),
        _pytest("restore", ["proofs/e2e/test_restore.py", *slow]),
        _pytest("matrix", ["proofs/matrix/tests", *options]),
        _pytest("crash", [*CRASH_POINTS, CRASH, *options], ROOT / "backend-service"),
        # Compares goodput before and after a rush.
        _pytest("chaos", ["proofs/chaos/tests", *slow], alone=True),
    ]


def suites(options: Sequence[str]) -> list[Check]:
    everyday = ["-m", "not slow", *options]
    of_ui = ["-m", "not slow and not browser", *options]
    services = [
        _pytest(name, _coverage(package, of_ui if name == "ui" else options), ROOT / folder)
        for name, folder, package, _ in PACKAGES
    ]
    scripts = _pytest("scripts", ["scripts/tests", *_coverage("scripts", options)])
    bench = _pytest("bench", ["bench/tests", *options])
    chaos = _pytest("chaos", ["proofs/chaos/tests", *everyday])
    mutants = _pytest("mutants", ["proofs/mutants/tests", *options])
    spec = _pytest("spec", ["proofs/spec/tests", *options])
    folders = [
        _pytest(name, _coverage(f"saga_{name}", options), ROOT / folder)
        for name, folder in (("checker", CHECKER), ("conformance", CONFORMANCE))
    ]
    e2e = _pytest("e2e", [*END_TO_END, *options])
    long, short = services[: len(LONGEST)], services[len(LONGEST) :]
    return [*long, e2e, scripts, *short, bench, chaos, spec, mutants, *folders]


def end_to_end(options: Sequence[str]) -> list[Check]:
    """Whole suites only, the everyday ones and the longer ones."""
    return [_pytest("e2e", [*END_TO_END, *OPERATIONS, *options], alone=True)]


def replicas(options: Sequence[str]) -> Check:
    """Takes minutes and PostgreSQL's binaries: no part of the usual tests."""
    tests = ("proofs/e2e/test_replicas.py", "proofs/e2e/test_database_faults.py")
    return _pytest("replicas", ["-s", *tests, *options], alone=True)


def suites_on_postgres(server: str, options: Sequence[str]) -> list[Check]:
    """The same tests of what has a database of its own, the backend's with either engine.

    Django makes the databases that it tests in, and drops them; their names are this process's own.
    """
    tested = [each for each in suites(options) if each.name in ON_POSTGRES]
    again = [replace(each, name="procrastinate") for each in tested if each.name == "backend"]
    return [_on_postgres(each, server) for each in [*again, *tested]]


def _on_postgres(check: Check, server: str) -> Check:
    engine = {"SAGA_ENGINE": "procrastinate"} if check.name == "procrastinate" else {}
    url = f"{server}/saga_{check.name}_{os.getpid()}"
    command = (*check.command, CRASH) if check.name == "backend" else check.command
    environment = {**check.environment, **engine, "DATABASE_URL": url}
    return replace(check, command=command, environment=environment)


def _pytest(name: str, arguments: Sequence[str], folder: Path = ROOT, *, alone: bool = False) -> Check:
    return Check(name, (str(BIN / "pytest"), *arguments), folder, alone=alone)


def _coverage(package: str, options: Sequence[str]) -> list[str]:
    """`--cov` alone means: of the package that these tests are about."""
    return [f"--cov={package}" if option == "--cov" else option for option in options]


def lints() -> list[Check]:
    ruff = str(BIN / "ruff")
    return [
        Check("ruff", (ruff, "check", ".")),
        Check("format", (ruff, "format", "--check", "--quiet", ".")),
        Check("secrets", (str(BIN / "python"), "-m", "scripts.leaks")),
        Check("imports", (str(BIN / "lint-imports"),), environment={"PYTHONPATH": _python_path()}),
        *(
            _mypy(name, ROOT / folder, settings, ".", *BESIDE.get(name, ()))
            for name, folder, _, settings in PACKAGES
        ),
        _mypy("scripts", ROOT, NO_DJANGO, "scripts", "proofs/e2e", *EXAMPLES, "test_saga_implementation.py"),
        _mypy("bench", ROOT, "bench.baselines.textbook.settings", "bench", "--exclude", "history_questions"),
        _mypy("chaos", ROOT, NO_DJANGO, "proofs/chaos"),
        _mypy("matrix", ROOT, NO_DJANGO, "proofs/matrix", "--exclude", "proofs/matrix/inside"),
        _mypy("spec", ROOT, NO_DJANGO, "proofs/spec"),
        _mypy("mutants", ROOT, NO_DJANGO, "proofs/mutants"),
        _mypy("checker", ROOT / CHECKER, NO_DJANGO, ".", "--explicit-package-bases"),
        _mypy("conformance", ROOT / CONFORMANCE, NO_DJANGO, ".", "--explicit-package-bases"),
    ]


def _mypy(name: str, folder: Path, settings: str, *what: str) -> Check:
    """Once per service, each with its own settings for the Django plugin."""
    command = (*MYPY, "--cache-dir", str(ROOT / ".mypy_cache" / name), *(what or (".",)))
    # The folder comes first: more than one of them has a package named tests.
    # What is installed from a folder of proofs/ has its own name, not one below `proofs`.
    base = folder if folder.is_relative_to(PROOFS) else ROOT
    paths = {"PYTHONPATH": str(folder), "MYPYPATH": str(base)}
    environment = {"DJANGO_SETTINGS_MODULE": settings, "DEMO_MODE": "1", **paths}
    return Check(f"mypy-{name}", command, folder, environment)


def _python_path() -> str:
    return ":".join(str(ROOT / folder) for folder in ["", *FOLDERS])
