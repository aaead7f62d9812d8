"""What travellers, operators and services ask of a saga, and who they say they are."""

from typing import Any

from service_kit import credentials
from service_kit.testing import callers

from tests.invariants import rows
from tests.saga_participants import answers
from tests.saga_world import Desk, World

EVIDENCE = {"step": "AuthorizePayment", "reason": "the bank was called", "evidence": "ticket 4711"}


def cancel_booking(desk: Desk, reference: str) -> Any:
    return desk.post(f"/api/bookings/{reference}/cancel/")


def act(desk: Desk, cid: str, action: str, **body: Any) -> Any:
    return desk.post(f"/api/saga/{cid}/{action}/", body)


def audited(cid: str) -> list[tuple[str, str, str, str]]:
    found = rows("SELECT * FROM security_audit WHERE correlation_id = %s ORDER BY id", cid)
    return [(row["actor"], row["action"], row["reason"], row["evidence"]) for row in found]


def token(user: str, role: str = "traveller") -> dict[str, str]:
    signed = callers.user_token(user_id=user, role=role, audience="backend")
    return {"Authorization": f"Bearer {signed}"}


def service(user: str, role: str = "") -> dict[str, str]:
    """The UI's headers; what is empty is not sent."""
    bearer = callers.service_bearer(caller="ui", audience="backend")
    named = {credentials.ON_BEHALF_OF: user, credentials.ROLE: role}
    return {"Authorization": bearer, **{name: value for name, value in named.items() if value}}


def stuck(desk: Desk, world: World) -> str:
    """A saga whose payment cannot be cancelled."""
    world.participants.always("CancelPayment", answers(503))
    cid: str = desk.book(simulate_awardmiles_fail=True).json()["correlation_id"]
    return cid
