import io
import shutil
import stat
from contextlib import closing
from pathlib import Path

import pytest

from scripts import follow
from scripts.console import Console

SAID = (
    "ui       | 2026-11-23T07:00:00Z [info] request correlation_id=page-1 path=/book/",
    'backend  | {"correlation_id":"saga-1","request_id":"page-1","event":"request"}',
    "payment  | 2026-11-23T07:00:00Z [info] step correlation_id=saga-1 outcome=done",
    "payment  | 2026-11-23T07:00:00Z [info] step correlation_id=saga-11 outcome=done",
    "loyalty  | 2026-11-23T07:00:00Z [info] step correlation_id=saga-1 outcome=done",
    "recovery | nothing of any saga",
)
OF_SAGA_1 = [SAID[0], SAID[1], SAID[2], SAID[4]]


@pytest.mark.parametrize("identity", ["saga-1", "page-1"])
def test_saga_and_the_request_that_started_it_lead_to_each_other(identity: str) -> None:
    assert list(follow.follow(SAID, identity)) == OF_SAGA_1


def test_what_services_say_is_kept_and_found_again(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    with closing(Console(io.StringIO(), kept=follow.log_file(tmp_path))) as console:
        console.say("not a service's line: saga-1")
        for line in SAID:
            name, _, text = line.partition("|")
            console.line(name.strip(), text.strip())
    monkeypatch.setenv("DATA_DIR", str(tmp_path))
    assert follow.main(["saga-1"]) == 0
    assert capsys.readouterr().out.splitlines() == OF_SAGA_1
    assert follow.main(["saga-2"]) == 1
    assert follow.main([""]) == 2


def test_what_is_kept_is_its_owners_to_read(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("scripts.kept_log.KEPT_BYTES", 100)
    log = follow.log_file(tmp_path / "data")
    log.parent.mkdir(parents=True)
    log.touch(mode=0o644)  # As an earlier version left it.
    with closing(Console(io.StringIO(), kept=log)) as console:
        for _ in range(3):
            console.line("ui", "name=Jane " * 9)
    files = {path.name: stat.S_IMODE(path.stat().st_mode) for path in log.parent.iterdir()}
    assert len(files) > 1
    assert set(files.values()) == {0o600}


def test_a_log_that_cannot_be_written_is_told_once_and_goes_on_when_it_can(tmp_path: Path) -> None:
    log, shown = follow.log_file(tmp_path), io.StringIO()
    with closing(Console(shown, kept=log)) as console:
        console.line("ui", "one")
        shutil.rmtree(log.parent)
        log.parent.touch()  # No folder can be made here, as on a full disk.
        console.line("ui", "two")
        console.line("ui", "three")
        log.parent.unlink()
        console.line("ui", "four")
        console.line("ui", "five")
    assert log.read_text() == "ui       | four\nui       | five\n"
    told = [line for line in shown.getvalue().splitlines() if str(log) in line]
    assert [line.partition(":")[0] for line in told] == [
        f"{log} cannot be written, and misses lines",
        f"{log} is written again.",
    ]


def test_a_log_that_was_deleted_is_made_again(tmp_path: Path) -> None:
    log = follow.log_file(tmp_path)
    with closing(Console(io.StringIO(), kept=log)) as console:
        console.line("ui", "one")
        log.unlink()
        console.line("ui", "two")
    assert log.read_text() == "ui       | two\n"


def test_lines_are_shown_by_time() -> None:
    said = [f"ui       | 2026-11-23T07:00:0{n}Z correlation_id=saga-1" for n in (2, 0, 1)]
    assert follow.by_time(said) == [said[1], said[2], said[0]]


def test_older_files_come_first(tmp_path: Path) -> None:
    log = tmp_path / "suite.log"
    for name, text in (("suite.log", "c"), ("suite.log.1", "b"), ("suite.log.10", "a")):
        tmp_path.joinpath(name).write_text(text)
    assert follow.lines(log) == ["a", "b", "c"]


def test_traces_of_the_lines_are_named_at_the_end(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    log = follow.log_file(tmp_path)
    log.parent.mkdir()
    first, second = "1" * 32, "2" * 32
    traced = [
        f"{SAID[0]} trace_id={first}",
        f'{SAID[1][:-1]},"trace_id":"{second}"}}',
        f"x trace_id={'a' * 32}",
    ]
    log.write_text("\n".join([*traced, traced[0]]))
    monkeypatch.setenv("DATA_DIR", str(tmp_path))
    follow.main(["saga-1"])
    assert capsys.readouterr().out.splitlines()[-2:] == [f"Trace {first}", f"Trace {second}"]
