"""Reads of the other services that several rooms need."""

import time
from functools import lru_cache

from ui.backend_client import Actor, Json, NotFound, ServiceTrouble, call, get
from ui.view_models import sagas

NOBODY = Actor("")
BOOKING_SAGA = "book-trip"
GATEWAY_SECONDS = 60.0
QUICK_SECONDS = 0.5
"for optional parts of a page"


def booking_steps() -> list[Json]:
    """The steps of a booking's saga, as the backend declares them."""
    return next((saga["steps"] for saga in declared_sagas() if saga["name"] == BOOKING_SAGA), [])


def declared_sagas() -> list[Json]:
    """All sagas with their steps, as the backend declares them."""
    declared: list[Json] = get("backend", "/api/saga/definitions/", actor=NOBODY)["results"]
    return declared


def saga(correlation_id: str, *, actor: Actor) -> sagas.SagaView:
    return sagas.from_status(get("backend", f"/api/saga/status/{correlation_id}/", actor=actor))


def saga_of_key(key: str, *, actor: Actor) -> sagas.SagaView | None:
    """The saga of a start-booking with this Idempotency-Key; None if it never arrived."""
    query = {"user_id": actor.user_id, "idempotency_key": key}
    found = get("backend", "/api/saga/", actor=actor, query=query)["results"]
    return sagas.from_status(found[0]) if found else None


def events(correlation_id: str, *, actor: Actor) -> list[Json]:
    page = get("backend", f"/api/saga/events/{correlation_id}/", actor=actor)
    found: list[Json] = page["events"]
    while page.get("next"):
        page = get("backend", page["next"], actor=actor)
        found.extend(page["events"])
    return found


def whole_account(user_id: str, *, actor: Actor) -> Json:
    """A miles account with all of its entries. Raises NotFound."""
    account = page = get("loyalty", f"/api/loyalty/{user_id}/", actor=actor)
    while page.get("next"):
        page = get("loyalty", page["next"], actor=actor)
        account["entries"].extend(page["entries"])
    account.pop("next", None)
    return account


def mails() -> list[Json]:
    """The backend's mails, which demo mode keeps; the newest first."""
    found: list[Json] = get("backend", "/api/demo/outbox/", actor=NOBODY)["results"]
    return found


def payment(correlation_id: str, *, actor: Actor) -> Json | None:
    try:
        return get("payment", f"/api/payments/{correlation_id}/", actor=actor)
    except NotFound:
        return None


def payments_are_simulated() -> bool:
    """Whether payment's gateway is known to take no money; asked once a minute."""
    return _gateway(int(time.monotonic() // GATEWAY_SECONDS)) == "simulated"


@lru_cache(maxsize=1)
def _asked_gateway(_minute: int) -> str:
    ready = call("payment", "GET", "/api/health/ready/", actor=NOBODY, seconds=QUICK_SECONDS)
    return str(ready.body.get("gateway", ""))


def _gateway(minute: int) -> str:
    """Empty if payment does not answer: the page then claims nothing."""
    try:
        return _asked_gateway(minute)
    except ServiceTrouble:
        return ""
