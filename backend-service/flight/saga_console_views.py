"""Reads of sagas, and the operator's three actions."""

import re
from collections.abc import Callable, Mapping
from datetime import UTC, datetime
from typing import Any
from urllib.parse import urlencode

from django.conf import settings
from django.http import HttpResponse
from django_sagas import operators, saga_log, selectors
from django_sagas.runtime import orchestrator
from django_sagas.selectors import Filters
from django_sagas.state import SagaState, SagaStatus
from drf_spectacular.utils import OpenApiParameter, extend_schema
from rest_framework.request import Request
from service_kit import credentials, schema
from service_kit.api import ServiceView, json_response, read_json
from service_kit.authentication import caller_of
from service_kit.fields import Fields
from service_kit.parsers import OptionalJsonParser
from service_kit.permissions import Operators, Overseers, Owner
from service_kit.problems import Problem
from service_kit.rules import USER_ID

from flight import saga_alarms, saga_answers, saga_overview, saga_schema
from flight.saga_booking_views import (
    PREFER_HEADER,
    REASON_LENGTH,
    cancelled,
    not_cancellable,
    read_reason,
    run_cancellation,
    wants_async,
)
from flight.saga_requests import IDEMPOTENCY_KEY

MAX_PAGE = 200
MAX_SEQUENCE = 2**31 - 1
ID_PREFIX = re.compile("[0-9a-f-]{4,36}")


class SagaView(ServiceView):
    permission_classes = [Owner]
    subject = "saga"

    def visible_saga(self, request: Request, correlation_id: str) -> SagaState:
        """The saga, for its owner and for operators; 404 for others."""
        saga = saga_log.load(correlation_id)
        self.check_object_permissions(request, saga.subject if saga else None)
        assert saga is not None, "Owner raises for None"
        return saga


class SagaActionView(SagaView):
    """What an operator does to a saga."""

    permission_classes = [Operators, Owner]
    parser_classes = [OptionalJsonParser]
    costs = {"actions": 1}


class StatusView(SagaView):
    costs = {"polls": 1}

    @extend_schema(responses=schema.read(saga_schema.SagaStatusAnswer))
    def get(self, request: Request, correlation_id: str) -> HttpResponse:
        """The status of a saga, step by step."""
        return json_response(saga_answers.status(self.visible_saga(request, correlation_id)))


class EventsView(SagaView):
    costs = {"polls": 1}

    @extend_schema(
        parameters=[OpenApiParameter("after", {"type": "integer", "minimum": 0, "maximum": MAX_SEQUENCE})],
        responses=schema.read(saga_schema.Events),
    )
    def get(self, request: Request, correlation_id: str) -> HttpResponse:
        """A saga's events in order; with `after`, those behind that sequence number."""
        self.visible_saga(request, correlation_id)
        after = _number(request.query_params, "after", default=0, most=MAX_SEQUENCE)
        events, more = selectors.events_after(correlation_id, after)
        following = f"{request.path}?after={events[-1]['sequence']}" if more else None
        return json_response({"correlation_id": correlation_id, "events": events, "next": following})


class ListView(SagaView):
    @extend_schema(
        parameters=[
            OpenApiParameter("status", enum=SagaStatus.values),
            OpenApiParameter("needs_attention", bool),
            OpenApiParameter("user_id", {"type": "string", "pattern": f"^{USER_ID.pattern}$"}),
            OpenApiParameter(
                "idempotency_key",
                {"type": "string", "pattern": f"^{IDEMPOTENCY_KEY.pattern}$"},
                description="what became of a start-booking sent with this key; needs `user_id`",
            ),
            OpenApiParameter(
                "id_prefix", {"type": "string", "pattern": f"^{ID_PREFIX.pattern}$"}, description="of the id"
            ),
            OpenApiParameter("created_after", datetime),
            OpenApiParameter("limit", {"type": "integer", "minimum": 1, "maximum": MAX_PAGE}),
            OpenApiParameter("cursor", str, description="of the page before, in its `next`"),
        ],
        responses=schema.read(saga_schema.SagaList),
    )
    def get(self, request: Request) -> HttpResponse:
        """Sagas, newest first."""
        query = request.query_params
        filters = read_filters(query)
        caller = caller_of(request)
        if caller == credentials.ANONYMOUS and not credentials.sees_all(caller):
            raise credentials.unauthenticated()
        self.check_object_permissions(request, filters.subject or "")
        page, cursor = selectors.list_sagas(filters)
        following = None
        if cursor:
            following = f"{request.path}?{urlencode({**query.dict(), 'cursor': cursor})}"
        return json_response({"results": [saga_answers.summary(saga) for saga in page], "next": following})


class OverviewView(ServiceView):
    permission_classes = [Overseers]

    @extend_schema(responses=schema.read(saga_schema.Overview))
    def get(self, request: Request) -> HttpResponse:
        """Numbers of all sagas; for operators and auditors."""
        return json_response(saga_overview.overview(orchestrator().now()))


def read_filters(query: Mapping[str, str]) -> Filters:
    status, attention, user_id = (query.get(name) for name in ("status", "needs_attention", "user_id"))
    if status is not None and status not in SagaStatus.values:
        raise _invalid("status", "must be one of " + ", ".join(SagaStatus.values))
    if attention is not None and attention.lower() not in ("true", "false", "1", "0"):
        raise _invalid("needs_attention", "must be true or false")
    if user_id is not None and not USER_ID.fullmatch(user_id):
        raise _invalid("user_id", "is not a user id")
    if (key := query.get("idempotency_key")) is not None:
        if user_id is None:
            raise _invalid("user_id", "is required with idempotency_key")
        if not IDEMPOTENCY_KEY.fullmatch(key):
            raise _invalid("idempotency_key", "is not an Idempotency-Key")
    if (prefix := query.get("id_prefix")) is not None and not ID_PREFIX.fullmatch(prefix):
        raise _invalid("id_prefix", "must be 4 to 36 of 0-9 a-f -")
    return Filters(
        status=status,
        id_prefix=prefix,
        needs_attention=attention.lower() in ("true", "1") if attention is not None else None,
        subject=user_id,
        idempotency_key=key,
        created_after=_moment(query, "created_after"),
        after=selectors.read_cursor(query["cursor"]) if "cursor" in query else None,
        limit=_number(query, "limit", default=selectors.PAGE, least=1, most=MAX_PAGE),
    )


def _invalid(name: str, message: str) -> Problem:
    return Problem(400, "INVALID", f"{name}: {message}", errors={name: message})


def _number(query: Mapping[str, str], name: str, *, default: int, most: int, least: int = 0) -> int:
    text = query.get(name)
    if text is None:
        return default
    if not (text.isascii() and text.isdigit() and len(text) <= 10 and least <= int(text) <= most):
        raise _invalid(name, f"must be a number from {least} to {most}")
    return int(text)


def _moment(query: Mapping[str, str], name: str) -> datetime | None:
    if name not in query:
        return None
    try:
        # An unescaped plus arrives as a space.
        moment = datetime.fromisoformat(query[name].replace(" ", "+"))
        return (moment if moment.tzinfo else moment.replace(tzinfo=UTC)).astimezone(UTC)
    except (ValueError, OverflowError) as error:
        raise _invalid(name, "must be an ISO 8601 date and time") from error


def _read_action(request: Request, *, always: bool = False) -> tuple[str, Fields, str]:
    """Actor, body and reason, which is optional in demo mode only."""
    actor = credentials.actor_of(caller_of(request))
    body = Fields(read_json(request))
    return actor, body, read_reason(body, needed=always or not settings.DEMO_MODE)


def _told(correlation_id: str, *, action: str, **what: str) -> Callable[[], object]:
    return saga_alarms.told(correlation_id, action=action, now=orchestrator().now(), **what)


class RetryView(SagaActionView):
    @extend_schema(
        request=saga_schema.Reason,
        responses={
            200: saga_schema.SagaStatusAnswer,
            202: saga_schema.SagaStatusAnswer,
            **schema.problem(400, 401, 403, 404, 405, 409, 413, 415, 429, 503),
        },
    )
    def post(self, request: Request, correlation_id: str) -> HttpResponse:
        """Try a waiting saga again now."""
        actor, body, reason = _read_action(request)
        body.check()
        self.visible_saga(request, correlation_id)
        told = _told(correlation_id, actor=actor, action="retry", reason=reason)
        saga = operators.retry(correlation_id, also=told)
        return json_response(saga_answers.status(saga), status=200 if saga.is_terminal else 202)


class CancelView(SagaActionView):
    @extend_schema(
        request=saga_schema.Reason,
        parameters=[PREFER_HEADER],
        responses={
            200: saga_schema.CancellationAnswer,
            202: saga_schema.CancellationAnswer,
            **schema.problem(400, 401, 403, 404, 405, 409, 413, 415, 429, 503),
        },
    )
    def post(self, request: Request, correlation_id: str) -> HttpResponse:
        """Turn a running saga back."""
        actor, body, reason = _read_action(request)
        body.check()
        self.visible_saga(request, correlation_id)
        told = _told(correlation_id, actor=actor, action="cancel", reason=reason)
        saga = run_cancellation(
            correlation_id,
            completed=False,
            reason="CANCELLED_BY_OPERATOR",
            at_once=not wants_async(request),
            on_commit=told,
        )
        saga = saga or saga_log.load(correlation_id)
        assert saga is not None, "sagas are never deleted"
        if saga.status == SagaStatus.COMPLETED:
            where = f"/api/bookings/{saga.reference}/cancel/"
            raise not_cancellable(
                saga, f"The booking is confirmed; cancel it at {where}", cancel_booking=where
            )
        return cancelled(saga)


class ResolveView(SagaActionView):
    @extend_schema(
        request=saga_schema.Resolve,
        responses={
            200: saga_schema.SagaStatusAnswer,
            202: saga_schema.SagaStatusAnswer,
            **schema.problem(400, 401, 403, 404, 405, 409, 413, 415, 429, 503),
        },
    )
    def post(self, request: Request, correlation_id: str) -> HttpResponse:
        """Settle a stuck compensation by hand, with evidence."""
        actor, body, reason = _read_action(request, always=True)
        evidence = body.text("evidence", limit=REASON_LENGTH)
        saga = self.visible_saga(request, correlation_id)
        step = body.choice("step", [step.name for step in saga.steps], default="")
        if not step:
            body.fail("step", "is required")
        body.check()
        told = _told(correlation_id, actor=actor, action="resolve", reason=reason, evidence=evidence)
        saga = operators.resolve(correlation_id, step=step, actor=actor, also=told)
        answer: dict[str, Any] = saga_answers.status(saga)
        return json_response(answer, status=200 if saga.is_terminal else 202)
