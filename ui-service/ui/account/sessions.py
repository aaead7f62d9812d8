"""Ends sessions of an account, and the access headers of operators and auditors."""

from collections.abc import Iterator

from django.contrib.auth import SESSION_KEY
from django.contrib.sessions.models import Session
from django_sagas.clock import utc_now

from ui.backend_client import Actor, call
from ui.models import User

BATCH = 500
TAKE_TOKENS = ("backend", "payment", "loyalty")


def end(user: User, *, but: str = "") -> int:
    """In every browser `but` that with this session key; how many."""
    number = 0
    for session in _sessions():
        if session.session_key != but and session.get_decoded().get(SESSION_KEY) == str(user.pk):
            session.delete()
            number += 1
    return number


def end_all() -> int:
    """Of everybody; how many. Those of an older back-up may have been ended since."""
    number, _ = Session.objects.all().delete()
    return number


def _sessions() -> Iterator[Session]:
    """A session's row does not say whose it is."""
    return Session.objects.filter(expire_date__gte=utc_now()).iterator(BATCH)


def end_everywhere(user: User) -> int:
    """Every session and staff's access headers; a traveller's last for some minutes. How many sessions.

    Raises ServiceTrouble, after the sessions have ended, if a service could not be told.
    """
    number = end(user)
    if user.is_overseer:
        end_tokens(user)
    return number


def end_tokens(user: User) -> None:
    """Of an operator or auditor, at every service that takes them. Raises ServiceTrouble."""
    for service in TAKE_TOKENS:
        call(service, "POST", "/api/tokens/end/", actor=Actor(""), body={"user_id": user.traveller_id})
