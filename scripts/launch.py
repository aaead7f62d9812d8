"""Becomes a command that dies with its parent: `python launch.py PARENT COMMAND...`.

A runner that was killed with SIGKILL cannot end its services; on Linux the kernel does it.
"""

import ctypes
import os
import signal
import sys
from collections.abc import Sequence

PR_SET_PDEATHSIG = 1


def launched(command: Sequence[str]) -> list[str]:
    """The command that becomes this one. Linux ends it with the thread that starts it."""
    return [sys.executable, "-I", "-S", __file__, str(os.getpid()), *command]


def main() -> None:
    parent, *command = sys.argv[1:]
    if sys.platform == "linux":
        ctypes.CDLL(None).prctl(PR_SET_PDEATHSIG, signal.SIGKILL)
        # The parent may have died before the request was made.
        if os.getppid() != int(parent):
            sys.exit("the runner has ended")
    os.execvp(command[0], command)


if __name__ == "__main__":
    main()
