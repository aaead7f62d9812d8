"""Reads of sagas, and the operator's three actions."""

from typing import Any
from urllib.parse import urlencode

from django.conf import settings
from django.http import HttpResponse
from django_sagas import operators, saga_log, selectors
from django_sagas.operators import Operator
from django_sagas.runtime import orchestrator
from django_sagas.state import SagaState
from drf_spectacular.utils import extend_schema
from rest_framework.request import Request
from service_kit import credentials, schema
from service_kit.api import ServiceView, json_response, read_json
from service_kit.authentication import caller_of
from service_kit.parsers import OptionalJsonParser
from service_kit.permissions import Operators, Overseers, Owner
from service_kit.problems import invalid

from flight import queries, saga_answers, saga_overview, saga_schema
from flight.inputs import AuthorizeAgain, Reason, Resolve
from flight.saga_cancel_views import (
    PREFER_HEADER,
    cancelled,
    require_reason,
    wants_async,
)
from flight.saga_reauthorization import authorize_again


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

    @schema.reading(queries.Events, saga_schema.Events)
    def get(self, request: Request, correlation_id: str) -> HttpResponse:
        """A saga's events in order; with `after`, those behind that sequence number."""
        self.visible_saga(request, correlation_id)
        after = queries.Events.read(request.query_params.dict()).after
        events, more = selectors.events_after(correlation_id, after)
        following = f"{request.path}?after={events[-1]['sequence']}" if more else None
        return json_response({"correlation_id": correlation_id, "events": events, "next": following})


class ListView(SagaView):
    @schema.reading(queries.Sagas, saga_schema.SagaList)
    def get(self, request: Request) -> HttpResponse:
        """Sagas, newest first."""
        query = request.query_params.dict()
        filters = queries.Sagas.read(query).filters()
        caller = caller_of(request)
        if caller == credentials.ANONYMOUS and not credentials.sees_all(caller):
            raise credentials.unauthenticated()
        self.check_object_permissions(request, filters.subject or "")
        page, cursor = selectors.list_sagas(filters)
        following = None
        if cursor:
            following = f"{request.path}?{urlencode({**query, 'cursor': cursor})}"
        return json_response({"results": [saga_answers.summary(saga) for saga in page], "next": following})


class DefinitionsView(ServiceView):
    @extend_schema(responses=schema.read(saga_schema.Declarations))
    def get(self, request: Request) -> HttpResponse:
        """The sagas of this service: steps, compensations, refusals and words."""
        return json_response({"results": saga_answers.definitions()})


class OverviewView(ServiceView):
    permission_classes = [Overseers]

    @extend_schema(responses=schema.read(saga_schema.Overview))
    def get(self, request: Request) -> HttpResponse:
        """Numbers of all sagas; for operators and auditors."""
        return json_response(saga_overview.overview(orchestrator().now()))


def _operator(request: Request) -> Operator:
    actor = credentials.actor_of(caller_of(request))
    body = Reason.read(read_json(request))
    return Operator(actor, require_reason(body, needed=not settings.DEMO_MODE))


class RetryView(SagaActionView):
    @extend_schema(
        request=Reason,
        responses={
            200: saga_schema.SagaStatusAnswer,
            202: saga_schema.SagaStatusAnswer,
            **schema.problem(400, 401, 403, 404, 405, 409, 413, 415, 429, 503),
        },
    )
    def post(self, request: Request, correlation_id: str) -> HttpResponse:
        """Try a waiting saga again now."""
        by = _operator(request)
        self.visible_saga(request, correlation_id)
        saga = operators.retry(correlation_id, by=by)
        return json_response(saga_answers.status(saga), status=200 if saga.is_terminal else 202)


class AuthorizeAgainView(SagaActionView):
    @extend_schema(
        request=AuthorizeAgain,
        responses={
            200: saga_schema.SagaStatusAnswer,
            202: saga_schema.SagaStatusAnswer,
            **schema.problem(400, 401, 403, 404, 405, 409, 413, 415, 422, 429, 503),
        },
    )
    def post(self, request: Request, correlation_id: str) -> HttpResponse:
        """Authorise the payment of a settlement again whose authorisation has expired; then it goes on.

        Answers with the saga that does so.
        """
        body = AuthorizeAgain.read(read_json(request))
        reason = require_reason(body, needed=not settings.DEMO_MODE)
        settlement = self.visible_saga(request, correlation_id)
        by = Operator(credentials.actor_of(caller_of(request)), reason)
        saga = authorize_again(settlement, card_token=body.payment.card_token, by=by)
        return json_response(saga_answers.status(saga), status=200 if saga.is_terminal else 202)


class CancelView(SagaActionView):
    @extend_schema(
        request=Reason,
        parameters=[PREFER_HEADER],
        responses={
            200: saga_schema.CancellationAnswer,
            202: saga_schema.CancellationAnswer,
            **schema.problem(400, 401, 403, 404, 405, 409, 413, 415, 429, 503),
        },
    )
    def post(self, request: Request, correlation_id: str) -> HttpResponse:
        """Turn a running saga back."""
        by = _operator(request)
        self.visible_saga(request, correlation_id)
        saga = operators.cancel(correlation_id, by=by, at_once=not wants_async(request))
        return cancelled(saga)


class ResolveView(SagaActionView):
    @extend_schema(
        request=Resolve,
        responses={
            200: saga_schema.SagaStatusAnswer,
            202: saga_schema.SagaStatusAnswer,
            **schema.problem(400, 401, 403, 404, 405, 409, 413, 415, 429, 503),
        },
    )
    def post(self, request: Request, correlation_id: str) -> HttpResponse:
        """Settle a stuck compensation by hand, with evidence."""
        body = Resolve.read(read_json(request))
        saga = self.visible_saga(request, correlation_id)
        steps = [step.name for step in saga.steps]
        if body.step not in steps:
            raise invalid({"step": "must be one of " + ", ".join(steps)})
        actor = credentials.actor_of(caller_of(request))
        by = Operator(actor, body.reason, body.evidence)
        saga = operators.resolve(correlation_id, step=body.step, by=by)
        answer: dict[str, Any] = saga_answers.status(saga)
        return json_response(answer, status=200 if saga.is_terminal else 202)
