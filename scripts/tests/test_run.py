"""The runner as a process: how it is stopped, and what is left when it is killed."""

import io
import json
import os
import pty
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from scripts.booking_suite import Config
from scripts.console import Console
from scripts.paths import ROOT
from scripts.ports import free_ports
from scripts.run import welcome
from scripts.suite import STOP_WITHIN
from scripts.tests.conftest import MakeSuite, server
from scripts.tests.waiting import alive, eventually

Runner = subprocess.Popen[str]


@pytest.fixture
def start_runner(tmp_path: Path) -> Iterator[Callable[..., tuple[Runner, int]]]:
    """Starts a runner, waits until it is ready, and returns it with the pid of its service."""
    started: list[Runner] = []
    # A runner that is started with nohup ignores it, and hands that on.
    before = signal.signal(signal.SIGHUP, signal.SIG_DFL)

    def start(*words: str) -> tuple[Runner, int]:
        command = [sys.executable, "-m", "scripts.tests.runner", str(tmp_path), str(free_ports(1)[0]), *words]
        runner = subprocess.Popen(
            command,
            cwd=ROOT,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            text=True,
            start_new_session=True,
        )
        started.append(runner)
        assert runner.stdout is not None
        ready = next(line for line in runner.stdout if line.startswith("ready"))
        return runner, int(ready.split()[1])

    yield start
    signal.signal(signal.SIGHUP, before)
    for runner in started:
        runner.kill()
        runner.communicate()


def test_terminal_that_closes_under_nohup_stopped_the_suite_and_stops_nothing(
    start_runner: Callable[..., tuple[Runner, int]],
) -> None:
    usual = signal.signal(signal.SIGHUP, signal.SIG_IGN)  # As nohup does, and a process passes it on.
    try:
        runner, service = start_runner()
    finally:
        signal.signal(signal.SIGHUP, usual)
    runner.send_signal(signal.SIGHUP)
    with pytest.raises(subprocess.TimeoutExpired):
        runner.wait(1)
    assert alive(service)


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM, signal.SIGHUP])
def test_signal_stops_everything_within_15_seconds(
    start_runner: Callable[..., tuple[Runner, int]], number: signal.Signals
) -> None:
    runner, service = start_runner("grandchild")
    runner.send_signal(number)
    output, _ = runner.communicate(timeout=15)
    assert runner.returncode == 0
    assert "Stopped." in output
    assert not alive(service)


def test_terminal_that_closes_without_a_signal_stops_everything(tmp_path: Path) -> None:
    ours, its = pty.openpty()
    usual = signal.signal(signal.SIGHUP, signal.SIG_DFL)
    command = [sys.executable, "-m", "scripts.tests.runner", str(tmp_path), str(free_ports(1)[0])]
    with subprocess.Popen(command, cwd=ROOT, stdin=its, stdout=subprocess.PIPE, text=True) as runner:
        signal.signal(signal.SIGHUP, usual)
        os.close(its)
        assert runner.stdout is not None
        assert any(line.startswith("ready") for line in runner.stdout)
        os.close(ours)
        try:
            output, _ = runner.communicate(timeout=15)
        finally:
            runner.kill()
    assert runner.returncode == 0
    assert "Stopped." in output


def test_second_interrupt_ends_a_stubborn_service_at_once(
    start_runner: Callable[..., tuple[Runner, int]],
) -> None:
    runner, service = start_runner("stubborn")
    began = time.monotonic()
    runner.send_signal(signal.SIGINT)
    assert runner.stdout is not None
    assert any("once more" in line for line in runner.stdout)
    runner.send_signal(signal.SIGINT)
    runner.communicate(timeout=15)
    assert not alive(service)
    assert time.monotonic() - began < STOP_WITHIN


@pytest.mark.skipif(sys.platform != "linux", reason="only Linux ends children with their parent")
def test_service_dies_with_a_runner_that_is_killed(start_runner: Callable[..., tuple[Runner, int]]) -> None:
    runner, service = start_runner()
    runner.kill()
    assert eventually(lambda: not alive(service))


def test_runner_killed_with_sigkill_does_not_stop_the_next_start(
    start_runner: Callable[..., tuple[Runner, int]], make_suite: MakeSuite, tmp_path: Path
) -> None:
    runner, _ = start_runner("grandchild")
    command = json.loads(tmp_path.joinpath("suite.json").read_text())["groups"][0][1]
    port = int(command[4])
    runner.kill()
    runner.wait()
    # On the same port: whatever is left of the group has to go first.
    make_suite(server("one", port=port)).start()


def test_orphan_of_an_earlier_run_is_ended(make_suite: MakeSuite, tmp_path: Path) -> None:
    service = server("one")
    orphan = subprocess.Popen(service.command, stdout=subprocess.PIPE, start_new_session=True)
    assert orphan.stdout is not None
    assert orphan.stdout.readline() == b"listening\n"
    notes = {"pid": 1, "groups": [[orphan.pid, list(service.command)]]}
    tmp_path.joinpath("suite.json").write_text(json.dumps(notes))
    make_suite(service).start()
    assert orphan.wait(timeout=5) == -signal.SIGKILL
    orphan.stdout.close()


def run(**environment: str) -> subprocess.CompletedProcess[str]:
    """`make run` as far as it comes before it installs anything."""
    return subprocess.run(
        [sys.executable, "-m", "scripts.run"],
        cwd=ROOT,
        env=os.environ | environment,
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        timeout=30,
        check=False,
    )


def test_taken_port_ends_make_run_with_a_message_and_code_3(tmp_path: Path) -> None:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        port = str(taken.getsockname()[1])
        others = dict(zip(("UI_PORT", "LOYALTY_PORT", "BACKEND_PORT"), map(str, free_ports(3)), strict=True))
        result = run(PAYMENT_PORT=port, DATA_DIR=str(tmp_path), **others)
    assert result.returncode == 3
    assert f"Port {port} of the payment service is taken. Choose another: PAYMENT_PORT=" in result.stderr
    assert "Traceback" not in result.stderr


@pytest.mark.parametrize(
    ("name", "value", "message"),
    [
        ("UI_PORT", "eighty", "UI_PORT must be a port between 1 and 65535, not 'eighty'."),
        ("UI_PORT", "8001", "BACKEND_PORT and UI_PORT are both 8001; each service needs its own."),
        (
            "DEMO_MODE",
            "0",
            "Outside demo mode VERIFYING_KEYS, BACKEND_SECRET_KEY, BACKEND_SIGNING_KEY",
        ),
        ("DEMO_MODE", "maybe", "DEMO_MODE must be 1 or 0, not 'maybe'."),
        ("DATA_DIR", "/dev/null/data", "DATA_DIR /dev/null/data cannot be written"),
        ("UI_PORT", "65536", "UI_PORT must be a port between 1 and 65535, not '65536'."),
        ("DATABASE_URL", "postgres://db/x", "DATABASE_URL would give all services one database"),
    ],
)
def test_wrong_setting_is_named_with_code_2(tmp_path: Path, name: str, value: str, message: str) -> None:
    result = run(**{"DATA_DIR": str(tmp_path), name: value})
    assert result.returncode == 2
    assert message in result.stderr
    assert "Traceback" not in result.stderr
    assert "Stopping" not in result.stdout


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM, signal.SIGHUP])
def test_signal_while_databases_are_made_ends_it_at_once_without_a_stack_trace(
    tmp_path: Path, number: signal.Signals
) -> None:
    ports = dict(
        zip(("UI_PORT", "BACKEND_PORT", "LOYALTY_PORT", "PAYMENT_PORT"), map(str, free_ports(4)), strict=True)
    )
    runner = subprocess.Popen(
        [sys.executable, "-m", "scripts.run"],
        cwd=ROOT,
        env=os.environ | ports | {"DATA_DIR": str(tmp_path)},
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        start_new_session=True,
    )
    assert runner.stdout is not None
    assert any("manage.py migrate" in line for line in runner.stdout)
    os.killpg(runner.pid, number)  # As a terminal does it.
    output, _ = runner.communicate(timeout=15)
    assert runner.returncode == 0
    assert "Stopped.\n" in output
    assert "make_schedule" not in output
    assert "Traceback" not in output


@pytest.mark.parametrize(
    ("demo_mode", "redirect", "told"), [("1", "", False), ("0", "1", True), ("0", "0", False)]
)
def test_where_pages_redirect_to_https_the_start_says_so(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, demo_mode: str, redirect: str, told: bool
) -> None:
    monkeypatch.setenv("SECURE_SSL_REDIRECT", redirect)
    out = io.StringIO()
    welcome(Config.beside(tmp_path, DEMO_MODE=demo_mode), Console(out), 1.0)
    assert ("https" in out.getvalue()) == told
    assert ("DEMO MODE" in out.getvalue()) == (demo_mode == "1")


def test_kill_ends_the_services_at_once_and_the_runner_starts_them_again(
    start_runner: Callable[..., tuple[Runner, int]], tmp_path: Path
) -> None:
    runner, service = start_runner("grandchild")
    command = [sys.executable, "-m", "scripts.kill"]
    environment = os.environ | {"DATA_DIR": str(tmp_path)}
    killed = subprocess.run(command, cwd=ROOT, env=environment, capture_output=True, text=True, check=True)
    assert killed.stdout == "Killed 2 processes; make run starts them again.\n"
    assert eventually(lambda: not alive(service))
    notes = tmp_path / "suite.json"
    assert eventually(lambda: json.loads(notes.read_text())["groups"][0][0] != service)
    assert runner.poll() is None


def test_kill_without_a_suite_says_so(tmp_path: Path) -> None:
    command = [sys.executable, "-m", "scripts.kill"]
    environment = os.environ | {"DATA_DIR": str(tmp_path)}
    ended = subprocess.run(command, cwd=ROOT, env=environment, capture_output=True, text=True, check=False)
    assert (ended.returncode, ended.stderr) == (1, f"No suite runs on {tmp_path}.\n")
