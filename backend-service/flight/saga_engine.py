"""The engine that moves the sagas which no request runs; SAGA_ENGINE names it, `advance` knows none.

Under every engine the due time on the saga's row is the only schedule, and the claim of that row decides
who may write. A submission may be lost or doubled without harm, and the engine may be switched at any time.
"""

import threading
from datetime import datetime
from typing import Protocol

from django.conf import settings
from django.utils.module_loading import import_string

ENGINES = {
    "local": "flight.saga_engine_local.LocalEngine",
    "procrastinate": "flight.saga_engine_procrastinate.ProcrastinateEngine",
}


class Engine(Protocol):
    def submit(self, saga_id: str) -> None:
        """This saga is runnable. Called inside the caller's transaction, and part of it."""

    def wake(self, saga_id: str, at: datetime) -> None:
        """This saga, if it waits, is runnable from then on: a back-off has ended, an operator asks for it."""

    def serve(self, stop: threading.Event) -> None:
        """A process's whole work until it is told to stop; then the calls under way are finished,
        recorded, and the leases given up."""


def engine() -> Engine:
    made: Engine = import_string(ENGINES[settings.SAGA_ENGINE])()
    return made
