"""The events of a lesson's saga, and the services that answer for it."""

from datetime import datetime, timedelta
from typing import Any

from tests.desk import BACKEND, COMPLETED, DEFINITIONS, LOYALTY, PAYMENT, SAGA, Desk, Json, event

FAULTS = "/api/demo/faults/"
PAY = {"step": "AuthorizePayment"}
BEGAN = datetime.fromisoformat("2026-11-23T02:00:00+00:00")


def after(seconds: float, sequence: int, kind: str, **data: Any) -> Json:
    return {**event(sequence, kind, **data), "timestamp": (BEGAN + timedelta(seconds=seconds)).isoformat()}


BEGUN = after(0, 1, "SAGA_STARTED")
ASKED = after(1, 2, "SAGA_STEP_STARTED", **PAY, attempt=1, worker="host:7", epoch=2)
ASKED_AGAIN = after(11, 3, "SAGA_STEP_STARTED", **PAY, attempt=2, worker="host:8", epoch=3)
PAID = after(11.1, 4, "SAGA_STEP_COMPLETED", **PAY)
DONE = after(11.2, 5, "SAGA_COMPLETED")
LOST = after(1.1, 3, "SAGA_STEP_UNKNOWN", **PAY, attempt=1, error="IncompleteRead(116 bytes read)")


def learns(desk: Desk, status: Json = COMPLETED, *events: Json) -> None:
    """A lesson's saga with its records."""
    desk.tells({**status, "user_id": "learner"}, list(events) or [BEGUN, ASKED, PAID, DONE])
    desk.answers("/api/saga/definitions/", DEFINITIONS)
    for base in (BACKEND, LOYALTY, PAYMENT):
        for method in ("GET", "POST"):
            desk.answers(FAULTS, {"faults": [], "kinds": {}}, base=base, method=method)
    desk.answers("/api/loyalty/learner/", {"entries": []}, base=LOYALTY)
    desk.answers(f"/api/payments/{SAGA}/", {}, status=404, base=PAYMENT)
