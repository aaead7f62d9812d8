"""One service, loaded once; every job runs in a fork of it, which a fault can really kill.

python -m proofs.matrix.inside backend|participant

Speaks JSON lines with the driver: a job comes in; while it runs the fork asks at each commit and call what
is to happen there; `said` is its result, and `ended` with the fork's exit code closes the job. The parent
never opens a connection, so that a fork finds the database as a new process does.
"""

import importlib
import os
import sys
import traceback

import django

from proofs.matrix.inside import wire

CRASHED = 70


def main(kind: str) -> None:
    django.setup()
    service = importlib.import_module(f"proofs.matrix.inside.{kind}")
    service.warm_up()
    wire.tell(ready=True)
    while (job := wire.hear()) is not None:
        child = os.fork()
        if child == 0:
            code = CRASHED
            try:
                service.perform(job)
                code = 0
            except Exception:
                traceback.print_exc()
            finally:
                sys.stderr.flush()
                os._exit(code)
        _, status = os.waitpid(child, 0)
        wire.tell(ended=os.waitstatus_to_exitcode(status))


if __name__ == "__main__":
    main(sys.argv[1])
