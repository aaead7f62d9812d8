"""`make kill`: SIGKILL to every service of the suite on DATA_DIR at once, as a power cut does it.

The runner lives on, and starts them again. Exit code 1 when no suite runs there.
"""

import os
import sys
from pathlib import Path

from scripts.booking_suite import DEFAULT_DATA_DIR
from scripts.claim import kill_services
from scripts.signals import ended_by_signals


def main() -> int:
    data_dir = Path(os.environ.get("DATA_DIR") or DEFAULT_DATA_DIR).resolve()
    killed = kill_services(data_dir)
    if not killed:
        print(f"No suite runs on {data_dir}.", file=sys.stderr)
        return 1
    print(f"Killed {killed} processes; make run starts them again.")
    return 0


if __name__ == "__main__":
    sys.exit(ended_by_signals(main))
