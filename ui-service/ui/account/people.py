"""A person's data over all services: its export, its erasure, and what the daily sweep deletes here.

The backend holds names and contacts of trips; payment and loyalty hold ids and amounts, which stay.
"""

import json
from datetime import datetime, timedelta
from typing import Any

from django.conf import settings
from django.contrib.sessions.models import Session
from django.db import transaction
from django.db.models import Q
from django_sagas import json_text
from django_sagas.clock import iso, utc_now
from service_kit.outbox import erasing as outbox
from service_kit.security import audit
from service_kit.security.models import Attempt as Counter
from service_kit.security.models import AuditKind
from service_kit.security.throttle import folded

from ui import second_factor, selectors
from ui.account import sessions
from ui.backend_client import Actor, Json, NotFound, get, post
from ui.models import ClaimedGuest, Draft, User

GONE, GUEST = "erased-", "guest-"


def find(name: str) -> User | None:
    """By account name or traveller id."""
    return User.objects.filter(Q(username=name) | Q(traveller_id=name)).first()


def is_guest(name: str) -> bool:
    """Of nobody's account; a claimed guest is erased with the account."""
    return name.startswith(GUEST) and not ClaimedGuest.objects.filter(guest_id=name).exists()


def ids_of(user: User) -> list[str]:
    """The traveller's id, and those under which the same person booked as a guest."""
    guests = ClaimedGuest.objects.filter(user=user).values_list("guest_id", flat=True)
    return [user.traveller_id, *guests]


# -- export


def export(user: User, *, actor: Actor) -> Json:
    """All that the four services store of a person. Raises ServiceTrouble."""
    ids = ids_of(user)
    return {
        "account": {
            "username": user.username,
            "email": user.email,
            "role": user.role,
            "joined": iso(user.date_joined),
            "last_login": iso(user.last_login) if user.last_login else None,
            "second_factor": second_factor.exported(user),
            "ids": ids,
        },
        "drafts": [_draft(draft) for draft in Draft.objects.filter(owner_id__in=ids)],
        "people": [_person(each, actor) for each in ids],
    }


def as_text(exported: Json) -> str:
    """Amounts as numbers."""
    return json.dumps(json.loads(json_text.dumps(exported)), indent=2, ensure_ascii=False)


def _draft(draft: Draft) -> Json:
    return {"flights": draft.flights, "passengers": draft.passengers, "contact": draft.contact}


def _person(user_id: str, actor: Actor) -> Json:
    trips = get("backend", f"/api/people/{user_id}/", actor=actor)
    booked = [each["correlation_id"] for each in trips["bookings"]]
    payments = [_found(lambda cid=cid: selectors.payment(cid, actor=actor)) for cid in booked]
    miles = _found(lambda: selectors.whole_account(user_id, actor=actor))
    return {**trips, "payments": [each for each in payments if each], "miles": miles}


def _found(read: Any) -> Any:
    try:
        return read()
    except NotFound:
        return None


# -- erasure


def erase(user: User, *, actor: Actor, reason: str, address: str = "") -> None:
    """At the backend first, which may refuse; then here. Safe to repeat. Raises ServiceTrouble."""
    for user_id in ids_of(user):
        post(f"/api/people/{user_id}/erase/", actor=actor, body={"reason": reason})
    with transaction.atomic():
        Draft.objects.filter(owner_id__in=ids_of(user)).delete()
        outbox.forget(addresses=[user.email] if user.email else [])
        _forget_counters(user.username, user.email)
        user.username, user.email, user.is_active = f"{GONE}{user.traveller_id}", "", False
        user.folded_name, user.role = None, User.Role.TRAVELLER
        second_factor.take_away(user)
        user.set_unusable_password()
        user.save()
        audit.record(
            AuditKind.OPERATOR,
            actor=actor.user_id,
            address=address,
            action="erase-person",
            reason=reason,
            evidence=user.traveller_id,
            now=utc_now(),
        )
    sessions.end(user)


def erase_guest(guest_id: str, *, actor: Actor, reason: str) -> None:
    """Of a guest without an account. Raises ServiceTrouble."""
    post(f"/api/people/{guest_id}/erase/", actor=actor, body={"reason": reason})
    Draft.objects.filter(owner_id=guest_id).delete()


def _forget_counters(*names: str) -> None:
    """Of logins, which are counted by user name, and of forgotten passwords, by e-mail address."""
    for name in filter(None, names):
        Counter.objects.filter(key__endswith=f":user:{folded(name)}").delete()


# -- the daily sweep


def sweep(now: datetime) -> dict[str, int]:
    """Ended sessions, drafts not booked within DRAFT_DAYS, and second factors begun and not set up."""
    ended, _ = Session.objects.filter(expire_date__lt=now).delete()
    old = now - timedelta(days=settings.DRAFT_DAYS)
    drafts = Draft.objects.filter(changed_at__lt=old)
    number = drafts.count()
    drafts.delete()
    return {"sessions": ended, "drafts": number, "unconfirmed apps": second_factor.sweep(now)}
