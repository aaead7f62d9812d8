"""Becomes a command that dies with its parent: `python launch.py PARENT COMMAND...`.

A runner that was killed with SIGKILL cannot end its services; on Linux the kernel does it.
"""

import ctypes
import os
import signal
import sys

PR_SET_PDEATHSIG = 1


def main() -> None:
    parent, *command = sys.argv[1:]
    if sys.platform == "linux":
        ctypes.CDLL(None).prctl(PR_SET_PDEATHSIG, signal.SIGKILL)
        # The parent may have died before the request was made.
        if os.getppid() != int(parent):
            sys.exit("the runner has ended")
    os.execv(command[0], command)


if __name__ == "__main__":
    main()
