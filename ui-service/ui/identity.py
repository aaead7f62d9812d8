"""The visitor's identity: a logged-in traveller, or a guest known to this browser only."""

import secrets
from collections.abc import Callable
from functools import wraps

from django.conf import settings
from django.http import HttpRequest, HttpResponse

from ui import cookies, second_factor
from ui.backend_client import Actor
from ui.models import User

GUEST, OPENED = "guest_id", "opened"
KEPT = 20
View = Callable[..., HttpResponse]


def guest_of(request: HttpRequest) -> str:
    """The guest's id, from a signed cookie: concurrent requests overwrite each other's session."""
    # Earlier releases used the session.
    return cookies.read_signed(request, GUEST) or str(request.session.get(GUEST, ""))


def for_guests(view: View) -> View:
    """The view of a page from which a guest can book: the browser has an id before there is a booking."""

    @wraps(view)
    def known(request: HttpRequest, *args: str, **kwargs: str) -> HttpResponse:
        if isinstance(request.user, User) or cookies.read_signed(request, GUEST):
            return view(request, *args, **kwargs)
        guest = guest_of(request) or f"guest-{secrets.token_hex(12)}"
        signed = request.COOKIES[cookies.name_of(GUEST)] = cookies.signed(GUEST, guest)
        response = view(request, *args, **kwargs)
        cookies.give(response, GUEST, signed)
        return response

    return known


def actor_of(request: HttpRequest) -> Actor:
    """The visitor's id, or none: a guest gets one when a booking begins."""
    if isinstance(request.user, User):
        return Actor(request.user.traveller_id, also=request.user.guest_ids)
    return Actor(guest_of(request))


def owners_of(request: HttpRequest) -> list[str]:
    """All ids of this browser, the traveller's first: a guest's drafts stay open after the login."""
    actor = actor_of(request)
    return [each for each in dict.fromkeys((actor.user_id, guest_of(request), *actor.also)) if each]


def owner_of(request: HttpRequest, key: str) -> Actor:
    """The actor that may see the trip or saga `key`: its owner, or a visitor with reference and surname."""
    opened = request.session.get(OPENED, {}).get(key)
    return Actor(opened) if opened else actor_of(request)


def open_for_guest(request: HttpRequest, *, keys: tuple[str, ...], user_id: str) -> None:
    opened = {**request.session.get(OPENED, {}), **dict.fromkeys(keys, user_id)}
    request.session[OPENED] = dict(list(opened.items())[-KEPT:])


def role_of(request: HttpRequest) -> str:
    """The console role, if its second factor is there; who has none is an operator in demo mode."""
    if isinstance(request.user, User) and request.user.is_overseer:
        return "" if lacks_factor(request) else request.user.role
    return User.Role.OPERATOR if settings.DEMO_MODE else ""


def lacks_factor(request: HttpRequest) -> bool:
    """Whether the account's role waits until this session has a second factor."""
    user = getattr(request, "user", None)
    return isinstance(user, User) and second_factor.is_needed(user) and not second_factor.is_proven(user)


def console_actor(request: HttpRequest) -> Actor:
    return Actor(actor_of(request).user_id or "console", role_of(request))


def is_own(request: HttpRequest, user_id: str) -> bool:
    """Whether the visitor owns the booking, rather than having opened it by reference and last name."""
    actor = actor_of(request)
    return bool(actor.user_id) and user_id in (actor.user_id, *actor.also)
