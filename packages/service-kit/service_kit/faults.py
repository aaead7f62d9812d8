"""Faults that the fault console of demo mode injects into steps and compensations."""

import threading
import time
from typing import Any

from django.conf import settings
from django.db.models import F, Q
from django.http import StreamingHttpResponse
from django_sagas.database import write_transaction
from django_sagas.guard.models import Fault, FaultKind

from service_kit.problems import Problem

REFRESH_SECONDS = 0.1
KEPT = 400
"of the faults that are each for one saga, the newest"


class ReplyLost(Exception):
    """Raised within an answer, so that the server cuts the connection."""


class _Cache:
    """This process's cache of the faults; other processes see a change a moment later."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._read_at = float("-inf")
        self._faults: list[Fault] = []

    def get(self) -> list[Fault]:
        if time.monotonic() - self._read_at > REFRESH_SECONDS:
            self.refresh()
        return self._faults

    def refresh(self) -> None:
        faults = list(Fault.objects.order_by("id"))
        with self._lock:
            self._faults, self._read_at = faults, time.monotonic()


_cache = _Cache()


def take(step: str, correlation_id: str) -> Fault | None:
    """The fault that this call meets, counted as fired; always None outside demo mode."""
    if not settings.DEMO_MODE:
        return None
    for fault in _cache.get():
        if fault.matches(step, correlation_id) and _count(fault):
            return fault
    return None


def _count(fault: Fault) -> bool:
    not_used_up = Fault.objects.filter(Q(remaining=None) | Q(remaining__gt=0), id=fault.id)
    with write_transaction():
        counted = not_used_up.update(fired=F("fired") + 1, remaining=F("remaining") - 1) == 1
    if fault.remaining is not None:
        _cache.refresh()
    return counted


def before(fault: Fault | None) -> None:
    """Apply a fault before the call has any effect."""
    if fault is None:
        return
    if fault.kind == FaultKind.DELAY:
        time.sleep(fault.seconds)  # The configured delay, with no transaction open.
    if fault.kind == FaultKind.FAIL:
        raise Problem(500, "SIMULATED_ERROR", "This error was asked for at /api/demo/faults/.")


def cut_reply(body: str) -> StreamingHttpResponse:
    """Half of an answer, then a cut connection."""

    def parts() -> Any:
        yield body[: len(body) // 2]
        raise ReplyLost

    return StreamingHttpResponse(
        parts(), content_type="application/json", headers={"Content-Length": str(len(body))}
    )


def current() -> list[dict[str, Any]]:
    return [dict(fault) for fault in Fault.objects.order_by("id").values()]


def waiting(step: str, kind: FaultKind) -> list[str]:
    """The sagas for which such a fault has not been used up."""
    found = _cache.get() if settings.DEMO_MODE else []
    return [
        each.correlation_id for each in found if (each.step, each.kind) == (step, kind) and each.remaining
    ]


def add(faults: list[Fault]) -> None:
    """Beside those that are set; the oldest of those for one saga are forgotten."""
    with write_transaction():
        Fault.objects.bulk_create(faults)
        of_one_saga = Fault.objects.exclude(correlation_id="").order_by("-id")
        for last in list(of_one_saga.values_list("id", flat=True)[KEPT : KEPT + 1]):
            of_one_saga.filter(id__lte=last).delete()
    _cache.refresh()


def replace_all(faults: list[Fault]) -> None:
    with write_transaction():
        Fault.objects.all().delete()
        Fault.objects.bulk_create(faults)
    _cache.refresh()
