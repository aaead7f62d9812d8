"""Problems for the audit trail: refused access, and ids reused with another request."""

import structlog
from django.db import Error as DatabaseError
from django.http import HttpRequest
from django_sagas.clock import utc_now
from rest_framework.request import Request

from service_kit.address import address_of
from service_kit.authentication import caller_of
from service_kit.cards import looks_like_card
from service_kit.credentials import ANONYMOUS, Caller
from service_kit.problems import Problem
from service_kit.security import audit, throttle
from service_kit.security.models import AuditKind

log = structlog.get_logger(__name__)
MISMATCHES = ("IDEMPOTENCY_KEY_REUSED", "DIFFERENT_REQUEST")


def note(request: Request, problem: Problem) -> None:
    """Write an audit row if the problem is one of these."""
    if kind := _kind(problem):
        caller = _caller(request)
        actor, cid = caller.user_id or caller.service, problem.correlation_id or ""
        keep(request, kind, actor=actor, reason=problem.refusal or problem.code, correlation_id=cid)


def keep(request: HttpRequest, kind: AuditKind, *, actor: str, reason: str, correlation_id: str = "") -> None:
    """Write an audit row. Best effort: the answer does not depend on it."""
    now, address = utc_now(), address_of(request)
    try:
        # Repeated refusals must not fill the disk.
        if kind is AuditKind.REFUSAL and throttle.seconds_to_wait(
            {"refusals": 1}, user_id="", address=address, now=now
        ):
            return
        audit.record(
            kind,
            actor=actor,
            address=address,
            action=f"{request.method} /{request.resolver_match.route if request.resolver_match else ''}",
            correlation_id=correlation_id,
            reason=reason,
            evidence=_asked_for(request),
            now=now,
        )
    except DatabaseError as error:
        log.error("audit_row_lost", code=reason, error=str(error))  # noqa: TRY400  the reason is the text


def _kind(problem: Problem) -> AuditKind | None:
    if problem.status in (401, 403) or problem.refusal:
        return AuditKind.REFUSAL
    return AuditKind.MISMATCH if problem.code in MISMATCHES else None


def _caller(request: Request) -> Caller:
    try:
        return caller_of(request)
    except Problem:
        return ANONYMOUS


def _asked_for(request: HttpRequest) -> str:
    """The saga, booking or user in the URL, if it may be stored."""
    named = request.resolver_match.kwargs.values() if request.resolver_match else ()
    return " ".join(text for text in map(str, named) if text.isprintable() and not looks_like_card(text))
