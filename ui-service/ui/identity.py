"""Who is at the browser: a logged-in traveller, or a guest known to this session only."""

import secrets

from django.conf import settings
from django.http import HttpRequest

from ui.backend_client import Actor
from ui.models import User

GUEST, OPENED = "guest_id", "opened"
KEPT = 20
STAFF_ROLES = (User.Role.OPERATOR, User.Role.AUDITOR)


def actor_of(request: HttpRequest) -> Actor:
    """The person's id without making one up: a guest who never booked has none."""
    if isinstance(request.user, User):
        return Actor(request.user.traveller_id)
    return Actor(str(request.session.get(GUEST, "")))


def booking_actor(request: HttpRequest) -> Actor:
    """As `actor_of`; a guest who books gets an id bound to the session."""
    if not isinstance(request.user, User) and GUEST not in request.session:
        request.session[GUEST] = f"guest-{secrets.token_hex(12)}"
    return actor_of(request)


def owner_of(request: HttpRequest, key: str) -> Actor:
    """Who may see the trip or saga `key`: the traveller, or whoever opened it with reference and surname."""
    opened = request.session.get(OPENED, {}).get(key)
    return Actor(opened) if opened else actor_of(request)


def open_for_guest(request: HttpRequest, *, keys: tuple[str, ...], user_id: str) -> None:
    opened = {**request.session.get(OPENED, {}), **dict.fromkeys(keys, user_id)}
    request.session[OPENED] = dict(list(opened.items())[-KEPT:])


def role_of(request: HttpRequest) -> str:
    """The console role; in demo mode everybody may try the operator's."""
    if isinstance(request.user, User) and request.user.role in STAFF_ROLES:
        return request.user.role
    return User.Role.OPERATOR if settings.DEMO_MODE else ""


def console_actor(request: HttpRequest) -> Actor:
    return Actor(actor_of(request).user_id or "console", role_of(request))
