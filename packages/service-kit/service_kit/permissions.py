"""REST framework's permissions. Demo mode permits every caller without a bad credential.

A permission with a message answers 403 to a caller with a credential; one without a message asks for another
credential (401). See `ServiceView.permission_denied`.
"""

from django.conf import settings
from rest_framework.permissions import BasePermission
from rest_framework.request import Request
from rest_framework.views import APIView

from service_kit.authentication import caller_of
from service_kit.credentials import ANONYMOUS, may_see, sees_all
from service_kit.problems import Problem, hidden, missing, not_found


class ServicesOnly(BasePermission):
    def has_permission(self, request: Request, view: APIView) -> bool:
        return bool(caller_of(request).service) or settings.DEMO_MODE


class KnownCallers(BasePermission):
    """Any caller with a credential."""

    def has_permission(self, request: Request, view: APIView) -> bool:
        return caller_of(request) != ANONYMOUS or settings.DEMO_MODE


class Operators(BasePermission):
    message = "Operators only."

    def has_permission(self, request: Request, view: APIView) -> bool:
        return caller_of(request).is_operator or settings.DEMO_MODE


class Overseers(BasePermission):
    """Operators, and auditors, which change nothing."""

    message = "Auditors only."

    def has_permission(self, request: Request, view: APIView) -> bool:
        return sees_all(caller_of(request))


class DemoMode(BasePermission):
    def has_permission(self, request: Request, view: APIView) -> bool:
        if not settings.DEMO_MODE:
            raise Problem(403, "NOT_ALLOWED", "Faults can be injected in demo mode only.")
        return True


class Owner(BasePermission):
    """The object is its owner's user id, or None where nothing was found; `view.subject` says what it is.

    Foreign and missing objects get the same answer, and both an audit row: otherwise the time of writing it
    would distinguish them.
    """

    def has_object_permission(self, request: Request, view: APIView, obj: str | None) -> bool:
        caller, subject = caller_of(request), view.subject  # type: ignore[attr-defined]
        if obj is None:
            raise not_found(subject) if sees_all(caller) else missing(subject)
        if not may_see(caller, obj):
            raise hidden(subject)
        return True
