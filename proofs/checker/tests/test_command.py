"""The program as it is called: its report and its exit code."""

from pathlib import Path

import pytest

from saga_checker.__main__ import main
from tests.stories import running
from tests.suite import Suite


def test_good_suite_ends_with_0_and_a_line_for_each_invariant(
    suite: Suite, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["--data", str(suite.folder)]) == 0
    lines = capsys.readouterr().out.splitlines()
    assert {line[:7].split()[1] for line in lines if line.startswith("ok ")} == {str(n) for n in range(1, 13)}
    assert lines[-1].startswith("16 sagas, ")


def test_violation_ends_with_1_and_the_story_across_the_services(
    suite: Suite, capsys: pytest.CaptureFixture[str]
) -> None:
    suite.payment("good", "CANCELLED")
    assert main(["--data", str(suite.folder)]) == 1
    story = capsys.readouterr().out.partition("The story of good")[2]
    assert "saga log" in story and "SAGA_COMPLETED" in story
    assert "payment  CANCELLED 24950 cents" in story
    assert "loyalty  AWARD 199 miles of ada" in story


def test_snapshot_of_a_running_suite_ends_with_0(suite: Suite) -> None:
    running(suite, "running", "9A")
    assert main(["--data", str(suite.folder), "--snapshot"]) == 0
    assert main(["--data", str(suite.folder)]) == 1


def test_databases_are_named_one_by_one(suite: Suite) -> None:
    addresses = [f"--{name}=sqlite:///{suite.folder}/{name}.sqlite3" for name in suite.databases]
    assert main(addresses) == 0


def test_clients_file_takes_objects_and_plain_ids(suite: Suite, tmp_path: Path) -> None:
    clients = tmp_path / "clients.jsonl"
    clients.write_text('{"correlation_id": "good"}\n"cancelled"\n')
    assert main(["--data", str(suite.folder), "--clients", str(clients)]) == 0
    clients.write_text('"lost"\n')
    assert main(["--data", str(suite.folder), "--clients", str(clients)]) == 1


def test_memory_carries_what_was_seen_to_the_next_run(suite: Suite, tmp_path: Path) -> None:
    arguments = ["--data", str(suite.folder), "--memory", str(tmp_path / "memory.json")]
    assert main(arguments) == 0
    suite.run("backend", "UPDATE sagas_saga SET epoch = 3 WHERE correlation_id = 'good'")
    assert main(arguments) == 0
    suite.run("backend", "UPDATE sagas_saga SET epoch = 2 WHERE correlation_id = 'good'")
    assert main(arguments) == 1


def test_missing_database_ends_with_2_and_says_which(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["--data", str(tmp_path)]) == 2
    assert "loyalty.sqlite3" in capsys.readouterr().err
    assert main([]) == 2
