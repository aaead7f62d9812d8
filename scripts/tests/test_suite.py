import io
import json
import os
import socket
import sys
import time
from dataclasses import replace
from pathlib import Path

import pytest

from scripts.child import Child
from scripts.claim import TakenError
from scripts.console import Console
from scripts.ports import PortError, free_ports
from scripts.service import Service
from scripts.suite import STOP_WITHIN, SettingError, StartError
from scripts.tests.conftest import MakeSuite, server
from scripts.tests.waiting import alive, eventually


def test_started_suite_is_ready_and_its_lines_carry_the_name(make_suite: MakeSuite, log: io.StringIO) -> None:
    with make_suite(server("one"), server("two")):
        # Each has a reader of its own, and neither waits for the other.
        assert eventually(lambda: "two      | listening" in log.getvalue())
        assert eventually(lambda: "one      | listening" in log.getvalue())


def test_lines_come_whole_and_in_order_however_they_are_written(log: io.StringIO) -> None:
    program = (
        "import sys; write, flush = sys.stdout.buffer.write, sys.stdout.buffer.flush\n"
        "for part in ('hal', 'f\\n\\n', 'x' * 70_000 + '\u00e9\\n', '0\\n1\\n2\\n', 'the last'):\n"
        "    write(part.encode()); flush()"
    )
    child = Child(Service("one", (sys.executable, "-S", "-c", program), Path.cwd()), Console(log))
    child.spawn()
    assert eventually(lambda: not child.running())
    child.forget()
    said = [line.removeprefix("one      | ").rstrip() for line in log.getvalue().splitlines()]
    assert said == ["half", "", "x" * 70_000 + "\u00e9", "0", "1", "2", "the last"]


def test_stopped_suite_leaves_no_process(make_suite: MakeSuite) -> None:
    suite = make_suite(server("one"), server("two", "grandchild"))
    suite.start()
    pids = [suite.pid("one"), suite.pid("two")]
    suite.stop()
    assert not any(alive(pid) for pid in pids)
    # The grandchild held the port too.
    suite.start()


def test_service_that_ignores_sigterm_is_killed_when_the_time_is_over(make_suite: MakeSuite) -> None:
    suite = make_suite(server("one", "stubborn"))
    suite.start()
    pid, began = suite.pid("one"), time.monotonic()
    suite.stop(within=0.3)
    assert not alive(pid)
    assert time.monotonic() - began < STOP_WITHIN


def test_killed_service_is_started_again_with_a_line_in_the_log(
    make_suite: MakeSuite, log: io.StringIO
) -> None:
    suite = make_suite(server("one"), server("two"))
    suite.start()
    first, other = suite.pid("one"), suite.pid("two")
    suite.kill("one")
    suite.wait_ready()
    assert suite.pid("one") != first
    assert suite.pid("two") == other
    assert "one      | ended (signal SIGKILL); it is started again in 0.5 s" in log.getvalue()


def test_killed_service_stays_dead_without_restart(make_suite: MakeSuite) -> None:
    suite = make_suite(server("one"), server("two"), restart=False)
    suite.start()
    suite.kill("one")
    with pytest.raises(StartError, match="not ready after 0 s: one"):
        suite.wait_ready(within=0.3)
    suite.start_one("one")
    suite.wait_ready()


def test_stopped_service_stays_down_until_it_is_started(make_suite: MakeSuite) -> None:
    suite = make_suite(server("one"), server("two"))
    suite.start()
    suite.stop_one("one")
    assert suite.pid("one") is None
    suite.start_one("one")
    assert suite.pid("one") is not None


def test_suite_killed_as_by_a_power_cut_starts_again(make_suite: MakeSuite) -> None:
    suite = make_suite(server("one"), server("two", "grandchild"))
    suite.start()
    pid = suite.pid("one")
    suite.kill_all()
    assert not alive(pid)
    suite.start()


def test_service_that_cannot_start_ends_the_start(make_suite: MakeSuite, log: io.StringIO) -> None:
    broken = Service(
        "broken", ("/bin/sh", "-c", "echo no database; exit 3"), Path.cwd(), port=free_ports(1)[0]
    )
    suite = make_suite(server("one"), broken)
    with pytest.raises(StartError, match="broken ended 3 times"):
        suite.start()
    assert "broken   | no database" in log.getvalue()
    assert "broken   | ended (exit code 3)" in log.getvalue()
    assert suite.pid("one") is None


def test_service_that_refuses_a_setting_ends_the_start_at_once_in_its_own_words(
    make_suite: MakeSuite, log: io.StringIO
) -> None:
    script = "echo first line; echo SAGA_LEASE must be a number; exit 2"
    wrong = Service("wrong", ("/bin/sh", "-c", script), Path.cwd(), port=free_ports(1)[0])
    with pytest.raises(SettingError, match=r"^wrong: SAGA_LEASE must be a number$"):
        make_suite(server("one"), wrong).start()
    assert log.getvalue().count("wrong    | ended") == 1


def test_process_without_a_port_is_ready_while_it_runs(make_suite: MakeSuite) -> None:
    with make_suite(Service("recovery", ("/bin/sleep", "60"), Path.cwd())) as suite:
        assert alive(suite.pid("recovery"))


def test_taken_port_is_named_before_anything_starts(make_suite: MakeSuite) -> None:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        port = taken.getsockname()[1]
        suite = make_suite(server("one"), server("two", port=port))
        with pytest.raises(PortError) as error:
            suite.start()
    assert f"Port {port} of the two service is taken. Choose another: TWO_PORT=" in str(error.value)
    assert suite.pid("one") is None
    # The refused start holds nothing.
    suite.start()


def test_second_suite_on_one_data_folder_is_refused_with_the_pid(make_suite: MakeSuite) -> None:
    make_suite(server("one")).start()
    with pytest.raises(TakenError, match=rf"pid {os.getpid()}\)"):
        make_suite(server("one")).start()


def test_two_suites_on_two_folders_run_side_by_side(make_suite: MakeSuite, tmp_path: Path) -> None:
    make_suite(server("one")).start()
    make_suite(server("one"), data_dir=tmp_path / "other").start()


def test_strangers_under_a_noted_number_are_left_alone(make_suite: MakeSuite, tmp_path: Path) -> None:
    own = os.getpgid(0)
    tmp_path.joinpath("suite.json").write_text(
        f'{{"pid": 1, "groups": [[{own}, ["gunicorn", "flight.wsgi"]]]}}'
    )
    make_suite(server("one")).start()
    assert os.getpgid(0) == own


def test_broken_notes_of_an_earlier_run_do_not_stop_a_start(make_suite: MakeSuite, tmp_path: Path) -> None:
    tmp_path.joinpath("suite.json").write_text('{"pid": 1, "gro')
    make_suite(server("one")).start()


def test_notes_that_cannot_be_written_stop_nothing_and_are_written_when_they_can(
    make_suite: MakeSuite, tmp_path: Path
) -> None:
    suite = make_suite(server("one"), server("two"))
    suite.start()
    other, in_the_way = suite.pid("two"), tmp_path / "suite.new"
    in_the_way.mkdir()  # As a full disk does it.
    suite.kill("one")
    suite.wait_ready()
    assert suite.pid("two") == other
    assert suite.pid("one") not in noted(tmp_path)
    in_the_way.rmdir()
    assert eventually(lambda: suite.pid("one") in noted(tmp_path))


def noted(data_dir: Path) -> list[int]:
    return [pid for pid, _ in json.loads(data_dir.joinpath("suite.json").read_text())["groups"]]


def test_a_service_that_cannot_be_started_leaves_the_others_running(
    make_suite: MakeSuite, log: io.StringIO, tmp_path: Path
) -> None:
    away = replace(server("one"), folder=tmp_path / "away")
    away.folder.mkdir()
    suite = make_suite(away, server("two"))
    suite.start()
    other = suite.pid("two")
    away.folder.rmdir()
    suite.kill("one")
    assert eventually(lambda: "one      | cannot be started" in log.getvalue())
    assert suite.pid("two") == other
    away.folder.mkdir()
    suite.wait_ready()


def test_closed_terminal_stops_nothing(tmp_path: Path, make_suite: MakeSuite, log: io.StringIO) -> None:
    suite = make_suite(server("one"))
    suite.start()
    log.close()
    suite.kill("one")
    suite.wait_ready()
