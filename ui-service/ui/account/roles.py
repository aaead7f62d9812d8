"""Roles of accounts: changes, each with an audit row."""

from django.db import transaction
from django.db.models import Q, QuerySet
from django.utils.translation import gettext as _
from django_sagas.clock import utc_now
from service_kit.security import audit
from service_kit.security.models import AuditEntry, AuditKind
from service_kit.tokens import USER_SECONDS

from ui.account import sessions
from ui.backend_client import ServiceTrouble
from ui.models import User

MOST_FOUND = 50


class RoleError(Exception):
    """The role is not changed; the message says why."""


def set_role(*, username: str, role: str, actor: str, reason: str, address: str = "") -> User:
    """Give an account a role. The change and its audit row are one transaction. Raises RoleError."""
    if role not in User.Role.values:
        raise RoleError(_("A role is one of %(roles)s.") % {"roles": ", ".join(User.Role.values)})
    if not reason.strip():
        raise RoleError(_("Give a reason: it is kept with the change."))
    with transaction.atomic():
        user = User.objects.select_for_update().filter(username=username).first()
        if user is None:
            raise RoleError(_("There is no account %(name)s.") % {"name": username})
        if user.traveller_id == actor:
            raise RoleError(_("Nobody changes the own role: ask another operator."))
        before, user.role = user.role, role
        user.save(update_fields=["role"])
        audit.record(
            AuditKind.OPERATOR,
            actor=actor,
            address=address,
            action="set-role",
            reason=reason.strip(),
            evidence=f"{user.traveller_id}: {before} to {role}",
            now=utc_now(),
        )
    if user.role == User.Role.TRAVELLER or before != User.Role.TRAVELLER:
        _end_tokens(user)
    return user


def _end_tokens(user: User) -> None:
    """Of the role before this one. Raises RoleError."""
    try:
        sessions.end_tokens(user)
    except ServiceTrouble as trouble:
        told = _(
            "%(name)s is %(role)s now, but %(service)s was not told: an access header of before works "
            "there for %(minutes)s minutes at most. Change the role again."
        )
        about = {"name": user.username, "role": user.role, "service": trouble.service}
        raise RoleError(told % {**about, "minutes": USER_SECONDS // 60}) from trouble


def people(typed: str) -> QuerySet[User]:
    """Accounts whose name or e-mail contains the text; without a text the operators and auditors."""
    found = User.objects.order_by("username")
    if not typed:
        return found.exclude(role=User.Role.TRAVELLER)[:MOST_FOUND]
    return found.filter(Q(username__icontains=typed) | Q(email__icontains=typed))[:MOST_FOUND]


def trail() -> QuerySet[AuditEntry]:
    """The newest logins, logouts, and changes of accounts and roles."""
    kinds = (AuditKind.ACCOUNT, AuditKind.OPERATOR)
    return AuditEntry.objects.filter(kind__in=kinds).order_by("-id")[:MOST_FOUND]
