"""Actions of the other services."""

from collections.abc import Mapping

from django.utils.translation import gettext as _

from ui.backend_client import Actor, Answer, Json, Service, Unavailable, call, post
from ui.models import Attempt, Draft, User

NOT_WAITING = {"Prefer": "respond-async"}
# The saga is retried even if this call ends earlier.
PATIENCE_SECONDS = 2.5
LESSON_WAIT_SECONDS = 1
"Time to set the faults of a lesson before its saga begins."


def start_booking(*, draft: Draft, attempt: Attempt, card_token: str, failures: Mapping[str, bool]) -> str:
    """Start the booking of a draft and return its saga; the attempt's key prevents a second one."""
    body: Json = {
        "flights": [
            {
                "flight_id": each["flight"],
                "seat_class": draft.cabin,
                **({"seat_numbers": each["seats"]} if each["seats"] else {}),
            }
            for each in draft.flights
        ],
        "user_id": attempt.owner_id,
        "passengers": draft.passengers,
        "contact_info": draft.contact,
        "payment": {"card_token": card_token},
        "expected_amount": draft.price,
        **failures,
    }
    headers = {"Idempotency-Key": attempt.key, **NOT_WAITING}
    actor = Actor(attempt.owner_id)
    answer = post("/api/saga/start-booking/", actor=actor, body=body, headers=headers)
    if not (started := answer.body.get("correlation_id")):
        raise Unavailable("backend", _("The answer names no booking."))
    return str(started)


def start_lesson(*, user_id: str, flight_id: int, card_token: str) -> str:
    """A demo booking of an invented passenger; its saga, which begins a second later."""
    body: Json = {
        "flight_id": flight_id,
        "user_id": user_id,
        "passengers": [{"first_name": "Demo", "last_name": "Passenger"}],
        "contact_info": {"email": "demo@example.com", "mobile": "+15550100"},
        "payment": {"card_token": card_token},
        "simulate_wait": LESSON_WAIT_SECONDS,
    }
    answer = post("/api/saga/start-booking/", actor=Actor(user_id), body=body, headers=NOT_WAITING)
    return str(answer.body["correlation_id"])


def cancel_booking(*, actor: Actor, reference: str, quote_id: str) -> Answer:
    """Cancel a booking asynchronously, on the terms of a quote: its saga runs the compensations."""
    path = f"/api/bookings/{reference}/cancel/"
    return post(path, actor=actor, body={"quote_id": quote_id}, headers=NOT_WAITING)


def quote_change(*, actor: Actor, reference: str, flights: list[Json]) -> Json:
    return post(f"/api/bookings/{reference}/change-quote/", actor=actor, body={"flights": flights}).body


def change_booking(*, actor: Actor, reference: str, quote_id: str, card_token: str) -> str:
    """Change a trip as quoted and return the saga that does it; a repeat of the quote returns the same."""
    body: Json = {"quote_id": quote_id, **({"payment": {"card_token": card_token}} if card_token else {})}
    path = f"/api/bookings/{reference}/change/"
    answer = post(path, actor=actor, body=body, headers=NOT_WAITING)
    if not (started := answer.body.get("correlation_id")):
        raise Unavailable("backend", _("The answer names no change."))
    return str(started)


def stop_booking(*, actor: Actor, correlation_id: str) -> Answer:
    """Turn back what is not done yet; refused where it is too late."""
    return post(f"/api/saga/{correlation_id}/withdraw/", actor=actor, body={}, headers=NOT_WAITING)


def retry_saga(*, actor: Actor, correlation_id: str, reason: str) -> Answer:
    path = f"/api/saga/{correlation_id}/retry/"
    return post(path, actor=actor, body={"reason": reason}, seconds=PATIENCE_SECONDS)


def cancel_saga(*, actor: Actor, correlation_id: str, reason: str) -> Answer:
    path = f"/api/saga/{correlation_id}/cancel/"
    return post(path, actor=actor, body={"reason": reason}, headers=NOT_WAITING)


def resolve_step(*, actor: Actor, correlation_id: str, step: str, reason: str, evidence: str) -> Answer:
    body = {"step": step, "reason": reason, "evidence": evidence}
    return post(f"/api/saga/{correlation_id}/resolve/", actor=actor, body=body)


def act_on_all(*, actor: Actor, action: str, stuck_for: str, reason: str, evidence: str, after: str) -> Json:
    """One batch of an action on all sagas that are stuck for a reason; the next begins behind its `after`."""
    body = {"action": action, "attention_reason": stuck_for, "reason": reason}
    body |= {name: value for name, value in (("evidence", evidence), ("after", after)) if value}
    return post("/api/saga/bulk/", actor=actor, body=body).body


def authorize_again(*, actor: Actor, correlation_id: str, reason: str, card_token: str) -> Answer:
    """Pay for a trip once more whose first authorisation has expired; the answer is the saga that does it."""
    body = {"reason": reason, "payment": {"card_token": card_token}}
    return post(f"/api/saga/{correlation_id}/authorize-again/", actor=actor, body=body)


def cancel_trip(*, actor: Actor, reference: str, reason: str) -> Answer:
    """An operator cancels a booking, without a fee."""
    path = f"/api/bookings/{reference}/cancel/"
    return post(path, actor=actor, body={"reason": reason}, headers=NOT_WAITING)


def register(*, username: str, email: str, password: str) -> User:
    return User.objects.create_user(username=username, email=email, password=password)


def add_faults(*, actor: Actor, service: Service, faults: list[Json], correlation_id: str = "") -> None:
    """Set faults beside those that are set, with an id for that saga only."""
    of_saga = {"correlation_id": correlation_id} if correlation_id else {}
    body = {"faults": [{**fault, **of_saga} for fault in faults]}
    call(service, "POST", "/api/demo/faults/", actor=actor, body=body)


def clear_faults(*, actor: Actor, service: Service) -> None:
    call(service, "DELETE", "/api/demo/faults/", actor=actor)
