"""What the pages ask the other services to do."""

from collections.abc import Mapping
from decimal import Decimal

from ui.backend_client import Actor, Answer, Json, Service, call, post
from ui.drafts import Draft
from ui.models import User

# A saga that was told to go back or to try again does so by itself, whoever waits for it.
PATIENCE_SECONDS = 2.5


def start_booking(
    *, actor: Actor, draft: Draft, leg: int, card_token: str, key: str, failures: Mapping[str, bool]
) -> str:
    """Start one flight's booking and return its saga; the same key never starts a second one."""
    chosen = draft.selection
    body: Json = {
        "flight_id": chosen.flights[leg],
        "user_id": actor.user_id,
        "passengers": draft.passengers,
        "contact_info": draft.contact,
        "seat_class": chosen.cabin,
        "payment": {"card_token": card_token},
        "expected_amount": Decimal(draft.prices[leg]),
        **failures,
    }
    if seats := chosen.seats_of(leg):
        body["seat_numbers"] = list(seats)
    headers = {"Idempotency-Key": f"{key}-{leg + 1}", "Prefer": "respond-async"}
    answer = post("/api/saga/start-booking/", actor=actor, body=body, headers=headers)
    return str(answer.body["correlation_id"])


def cancel_booking(*, actor: Actor, reference: str) -> Answer:
    return post(f"/api/bookings/{reference}/cancel/", actor=actor, body={}, seconds=PATIENCE_SECONDS)


def retry_saga(*, actor: Actor, correlation_id: str, reason: str) -> Answer:
    path = f"/api/saga/{correlation_id}/retry/"
    return post(path, actor=actor, body={"reason": reason}, seconds=PATIENCE_SECONDS)


def cancel_saga(*, actor: Actor, correlation_id: str, reason: str) -> Answer:
    path = f"/api/saga/{correlation_id}/cancel/"
    return post(path, actor=actor, body={"reason": reason}, seconds=PATIENCE_SECONDS)


def resolve_step(*, actor: Actor, correlation_id: str, step: str, reason: str, evidence: str) -> Answer:
    body = {"step": step, "reason": reason, "evidence": evidence}
    return post(f"/api/saga/{correlation_id}/resolve/", actor=actor, body=body)


def register(*, username: str, email: str, password: str) -> User:
    return User.objects.create_user(username=username, email=email, password=password)


def set_faults(*, actor: Actor, service: Service, faults: list[Json]) -> None:
    """Set a service's injected faults instead of all that were set before."""
    path = "/api/demo/faults/"
    if faults:
        call(service, "PUT", path, actor=actor, body={"faults": faults})
    else:
        call(service, "DELETE", path, actor=actor)
