"""Logins and changes of accounts in the audit trail: who, from where. Names typed in vain are not kept."""

import time
from typing import Any

from django.contrib.auth.signals import user_logged_in, user_logged_out, user_login_failed
from django.dispatch import receiver
from django.http import HttpRequest
from django_sagas.clock import utc_now
from service_kit.address import address_of
from service_kit.security import audit
from service_kit.security.models import AuditKind

from ui.models import User


def note(action: str, *, user: User | None, request: HttpRequest | None, reason: str = "") -> None:
    audit.record(
        AuditKind.ACCOUNT,
        action=action,
        actor=user.traveller_id if user else "",
        address=address_of(request) if request else "",
        reason=reason,
        now=utc_now(),
    )


SEEN, BEGAN = "seen", "began"
"The session's notes of when it was last used, and of the login."


@receiver(user_logged_in)
def logged_in(request: HttpRequest, user: User, **_: Any) -> None:
    request.session[SEEN] = request.session[BEGAN] = int(time.time())
    note("login", user=user, request=request)


@receiver(user_logged_out)
def logged_out(request: HttpRequest, user: User | None, **_: Any) -> None:
    if user:
        note("logout", user=user, request=request)


@receiver(user_login_failed)
def login_failed(credentials: dict[str, Any], request: HttpRequest | None = None, **_: Any) -> None:
    """Of an account that exists; what else was typed may be a password."""
    try:
        user = User.objects.get_by_natural_key(credentials.get("username"))
    except User.DoesNotExist:
        user = None
    note("login-failed", user=user, request=request)
