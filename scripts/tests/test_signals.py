"""How commands of make end at a signal."""

import os
import pty
import re
import signal
import subprocess
import sys

import pytest

from scripts.paths import ROOT
from scripts.signals import INTERRUPTED

CALL = re.compile(r"(?:\$\(scripts\)|-m scripts)\.([a-z_.]+)")
COMMANDS = sorted(set(CALL.findall((ROOT / "Makefile").read_text())))
WAITING = (
    "import sys; sys.path.insert(0, '.'); from scripts.signals import ended_by_signals\n"
    "def main(): print('begun', flush=True); __import__('threading').Event().wait()\n"
    "sys.exit(ended_by_signals(main))"
)
# One that another thread takes wakes no wait of the main one; nor does one that comes just before the wait.
UNHEARD = "threading.Timer(0.5, lambda: signal.pthread_kill(threading.get_ident(), signal.SIGINT)).start()"
SERVING = (
    f"import signal, threading; from scripts.signals import wait_for_signal\n{UNHEARD}\nwait_for_signal()"
)
TOGETHER = (
    "import os, pathlib, signal, sys, threading; from scripts.commands import Commands\n"
    "commands = Commands()\n"
    "def work(seconds):\n"
    "    command = [sys.executable, '-S', '-c', f'import time; time.sleep({seconds})']\n"
    "    with commands.process(command, cwd=pathlib.Path(), env=os.environ) as process: process.wait()\n"
    f"{UNHEARD}\n"
    "commands.together(work, [600, 600], at_once=2)"
)


@pytest.mark.parametrize("program", [SERVING, TOGETHER], ids=["serving", "together"])
def test_signal_that_wakes_no_wait_ends_it_all_the_same(program: str) -> None:
    ended = subprocess.run(
        [sys.executable, "-c", program], cwd=ROOT, capture_output=True, text=True, timeout=15, check=False
    )
    assert ended.stderr.endswith("\nKeyboardInterrupt\n")


def test_terminal_that_closed_before_the_wait_ends_it() -> None:
    ours, its = pty.openpty()
    program = (
        "import signal; from scripts.signals import wait_for_signal\n"
        "signal.signal(signal.SIGHUP, signal.SIG_DFL); __import__('sys').stdin.read(); wait_for_signal()"
    )
    with subprocess.Popen(
        [sys.executable, "-c", program], cwd=ROOT, stdin=its, stderr=subprocess.PIPE
    ) as one:
        os.close(its)
        os.close(ours)  # The end of its input; nothing is left that could close later.
        try:
            _, said = one.communicate(timeout=15)
        finally:
            one.kill()
    assert said.endswith(b"KeyboardInterrupt\n"), said


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM, signal.SIGHUP])
def test_command_ends_at_a_signal_without_a_stack_trace(number: signal.Signals) -> None:
    usual = signal.signal(signal.SIGHUP, signal.SIG_DFL)
    try:
        process = subprocess.Popen(
            [sys.executable, "-S", "-c", WAITING],
            cwd=ROOT,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        )
    finally:
        signal.signal(signal.SIGHUP, usual)
    assert process.stdout is not None
    assert process.stdout.readline() == "begun\n"
    process.send_signal(number)
    assert process.communicate(timeout=15) == ("", "\nStopped.\n")
    assert process.returncode == INTERRUPTED


@pytest.mark.parametrize("name", [name for name in COMMANDS if name != "run"])
def test_every_command_of_make_ends_so(name: str) -> None:
    path = ROOT / "scripts" / name.replace(".", os.sep)
    source = path / "__main__.py" if path.is_dir() else path.with_suffix(".py")
    assert re.search(r"sys\.exit\(ended_by_signals\(.+\)\)\n$", source.read_text())
