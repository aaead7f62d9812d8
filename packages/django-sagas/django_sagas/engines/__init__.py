"""The engine runs the sagas that no request runs. SAGA_ENGINE names it; `advance` does not depend on it.

With every engine the due time in the saga's row is the only schedule, and the claim of that row decides which
process may write. Submissions may be lost or doubled, and the engine may be switched at any time.
"""

import threading
from datetime import datetime
from typing import Protocol

from django.utils.module_loading import import_string

from django_sagas.conf import conf

ENGINES = {
    "local": "django_sagas.engines.local.LocalEngine",
    "procrastinate": "django_sagas.engines.procrastinate.ProcrastinateEngine",
}


class Engine(Protocol):
    def submit(self, saga_id: str) -> None:
        """Submit a runnable saga, in the caller's transaction."""

    def wake(self, saga_id: str, at: datetime) -> None:
        """Make a waiting saga runnable at a time: its back-off ends, or an operator retries it."""

    def serve(self, stop: threading.Event) -> None:
        """Run until told to stop; then finish and record the calls under way and release the leases."""


def engine() -> Engine:
    made: Engine = import_string(ENGINES[conf.SAGA_ENGINE])()
    return made
