"""The console's pages, and what the services answer for one saga's."""

from tests.desk import DEFINITIONS, LOYALTY, PAYMENT, SAGA, Desk, audit_row, saga

LIST, PAGE = "/console/", f"/console/{SAGA}/"
STUCK = saga(
    "COMPENSATING",
    "DONE UNDOING REFUSED PENDING",
    needs_attention=True,
    attention_reason="CancelPayment failed 10 times",
    finished_at=None,
)


def shows(desk: Desk, status: dict[str, object]) -> None:
    desk.tells(status)
    desk.answers("/api/saga/definitions/", DEFINITIONS)
    desk.audits(audit_row())
    entry = {"correlation_id": SAGA, "kind": "AWARD", "miles": 161, "created_at": "2026-11-23T02:00:00Z"}
    other = {**entry, "correlation_id": "other", "miles": 999}
    desk.answers("/api/loyalty/demo/", {"entries": [other, entry]}, base=LOYALTY)
    desk.answers(
        f"/api/payments/{SAGA}/", {"status": "AUTHORIZED", "authorization_id": "auth-1"}, base=PAYMENT
    )
