"""Signals that end a command, as Ctrl-C does."""

import os
import select
import signal
import stat
import sys
from collections.abc import Callable

STOPPING = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)
INTERRUPTED = 130
SEEN_WITHIN = 0.2
"""Seconds. A signal that comes just before a wait, or to another thread, is handled after the wait."""


def stop_on_signals() -> None:
    """SIGTERM and a closed terminal are as good as Ctrl-C; under nohup the terminal may close."""
    for number in STOPPING:
        if number is not signal.SIGHUP or signal.getsignal(number) is not signal.SIG_IGN:
            signal.signal(number, signal.default_int_handler)


def wait_for_signal() -> None:
    """Until one of them raises KeyboardInterrupt. A terminal that closes sends none to this process where no
    shell is in between, as under `ssh -t HOST make run`; it is asked itself."""
    watched = select.poll()
    if signal.getsignal(signal.SIGHUP) is not signal.SIG_IGN:
        for each in (sys.stdin, sys.stdout):
            # One that has closed already is no terminal any more, but still such a device.
            if stat.S_ISCHR(os.fstat(each.fileno()).st_mode):
                watched.register(each, select.POLLHUP)
    while not any(event & select.POLLHUP for _, event in watched.poll(SEEN_WITHIN * 1000)):
        pass
    raise KeyboardInterrupt


def ended_by_signals(main: Callable[[], int]) -> int:
    """The exit code of `main`; where a signal ends it, INTERRUPTED and a word instead of a stack trace."""
    stop_on_signals()
    try:
        return main()
    except KeyboardInterrupt:
        print("\nStopped.", file=sys.stderr)
        return INTERRUPTED
