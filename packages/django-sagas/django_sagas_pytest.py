"""The pytest plug-in of django-sagas: options and reports of crash tests.

Outside the package, and without Django: pytest loads it before the settings are known.
"""

import pytest

PROPERTY = "saga_crash"
"Name of the test's property that holds its figures."


def pytest_addoption(parser: pytest.Parser) -> None:
    group = parser.getgroup("django-sagas", "crash tests of sagas")
    group.addoption("--saga-crash", action="store_true", help="try every crash point of each story")
    group.addoption(
        "--saga-crash-pairs", type=int, default=0, metavar="N", help="and N pairs of crash points a story"
    )
    group.addoption(
        "--saga-crash-seed", type=int, default=1, metavar="N", help="which pairs are chosen (default: 1)"
    )
    group.addoption(
        "--saga-crash-only", default="", metavar="ID", help="repeat one run: 'STORY: POINT[, POINT]'"
    )


def pytest_generate_tests(metafunc: pytest.Metafunc) -> None:
    """One test for each story of a CrashTest."""
    stories = getattr(metafunc.cls, "stories", None)
    if stories is None or "saga_story" not in metafunc.fixturenames:
        return
    only = metafunc.config.getoption("saga_crash_only").rpartition(": ")[0]
    chosen = [story for story in stories if not only or story.name == only]
    metafunc.parametrize("saga_story", chosen, ids=[story.name for story in chosen])


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter) -> None:
    # Each test is reported up to three times; its properties are complete in the last report.
    reports = [one for outcome in ("passed", "failed") for one in terminalreporter.getreports(outcome)]
    figures = [
        value
        for report in reports
        if isinstance(report, pytest.TestReport) and report.when == "call"
        for name, value in report.user_properties
        if name == PROPERTY and isinstance(value, dict)
    ]
    if not any(figure["points"] for figure in figures):
        return
    points, pairs = (sum(one[name] for one in figures) for name in ("points", "pairs"))
    missed = [name for one in figures for name in one["not_reached"]]
    line = f"{len(figures)} stories, {points} crash points, {pairs} pairs of them; {len(missed)} not reached"
    terminalreporter.write_sep("-", f"saga-crash: {line}")
    for name in missed:
        terminalreporter.write_line(f"not reached: {name}")
