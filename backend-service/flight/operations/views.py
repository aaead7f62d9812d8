"""Reads of sagas, and the operator's three actions: the engine's views, with our credentials and schemas."""

from datetime import datetime
from typing import Any

from django.conf import settings
from django.http import HttpResponse
from django_sagas import operators, saga_log, views
from django_sagas.operators import Operator
from django_sagas.selectors import Filters
from django_sagas.state import SagaState
from drf_spectacular.utils import extend_schema
from rest_framework.request import Request
from service_kit import credentials, schema
from service_kit.api import ServiceView, read_body
from service_kit.authentication import caller_of
from service_kit.parsers import OptionalJsonParser
from service_kit.permissions import Operators, Overseers, Owner
from service_kit.problems import Problem, invalid

from flight.booking_actions import PREFER_HEADER, require_reason, status_path, wants_async
from flight.cancel.serializers import CancellationAnswer
from flight.cancel.views import BY_USER, cancelled
from flight.inputs import AuthorizeAgain, Bulk, Reason, Resolve
from flight.operations import overview, queries, serializers
from flight.settlement.authorize_again import authorize_again

ACTED = schema.problem(400, 401, 403, 404, 405, 409, 413, 415, 429, 503)
STATE = {200: serializers.SagaStatusAnswer, 202: serializers.SagaStatusAnswer, **ACTED}
CANCELLED = {200: CancellationAnswer, 202: CancellationAnswer, **ACTED}


class SagaView(ServiceView):
    permission_classes = [Owner]
    subject = "saga"

    def admit(self, request: Request) -> str:
        """The permission classes have judged the caller."""
        return credentials.actor_of(caller_of(request))

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

    def read_operator(self, request: Request) -> Operator:
        return self.operator(request, read_body(request, Reason))

    def operator(self, request: Request, body: Reason) -> Operator:
        return Operator(self.admit(request), require_reason(body, needed=not settings.DEMO_MODE))


@extend_schema(responses=schema.read(serializers.SagaStatusAnswer))
class StatusView(SagaView, views.StatusView):
    costs = {"polls": 1}


@schema.reading(queries.Events, serializers.Events)
class EventsView(SagaView, views.EventsView):
    costs = {"polls": 1}

    def read_after(self, request: Request) -> int:
        return queries.Events.read(request.query_params.dict()).after


@extend_schema(responses=schema.read(serializers.Export))
class ExportView(SagaView, views.ExportView):
    permission_classes = [Overseers, Owner]


@schema.reading(queries.Sagas, serializers.SagaList)
class ListView(SagaView, views.ListView):
    def read_filters(self, request: Request) -> Filters:
        filters = queries.Sagas.read(request.query_params.dict()).filters()
        caller = caller_of(request)
        if caller == credentials.ANONYMOUS and not credentials.sees_all(caller):
            raise credentials.unauthenticated()
        self.check_object_permissions(request, filters.subject or "")
        return filters


@extend_schema(responses=schema.read(serializers.Declarations))
class DefinitionsView(SagaView, views.DefinitionsView):
    permission_classes = []


@extend_schema(responses=schema.read(serializers.Overview))
class OverviewView(SagaView, views.OverviewView):
    permission_classes = [Overseers]

    def overview(self, now: datetime) -> dict[str, Any]:
        return overview.overview(now)


@extend_schema(responses=schema.read(serializers.History))
class HistoryView(SagaView, views.HistoryView):
    permission_classes = [Overseers]


@extend_schema(responses=schema.read(serializers.OpenSettlements))
class SettlementsView(SagaView, views.SettlementsView):
    permission_classes = [Overseers]


@extend_schema(request=Bulk, responses={200: serializers.BulkAnswer, **ACTED})
class BulkView(SagaActionView, views.BulkView):
    permission_classes = [Operators]

    def read_bulk(self, request: Request) -> tuple[str, str, str, Operator]:
        body = read_body(request, Bulk)
        if body.action == "resolve" and not body.evidence:
            raise invalid({"evidence": "is required"})
        by = Operator(self.admit(request), body.reason, body.evidence)
        return body.action, body.attention_reason, body.after, by


@extend_schema(request=Reason, responses=STATE)
class RetryView(SagaActionView, views.RetryView):
    pass


@extend_schema(request=AuthorizeAgain, responses={**STATE, **schema.problem(422)})
class AuthorizeAgainView(SagaActionView, views.ActionView):
    def post(self, request: Request, correlation_id: str) -> HttpResponse:
        """Authorise the payment of a settlement or a change again whose authorisation has expired; then it
        goes on.

        Answers with the saga that does so.
        """
        body = read_body(request, AuthorizeAgain)
        by = self.operator(request, body)
        waiting = self.visible_saga(request, correlation_id)
        return self.state(authorize_again(waiting, card_token=body.payment.card_token, by=by))


@extend_schema(request=Reason, parameters=[PREFER_HEADER], responses=CANCELLED)
class CancelView(SagaActionView, views.CancelView):
    def location(self, request: Request, correlation_id: str) -> str:
        return status_path(correlation_id)


@extend_schema(request=None, parameters=[PREFER_HEADER], responses=CANCELLED)
class WithdrawView(SagaView):
    """The traveller stops a booking or change that is not complete yet."""

    costs = {"actions": 1}

    def post(self, request: Request, correlation_id: str) -> HttpResponse:
        """Turn one's own running saga back. 409 for one that has come too far, such as a made booking."""
        saga, caller = self.visible_saga(request, correlation_id), caller_of(request)
        if caller.sees_all and caller.user_id != saga.subject:
            raise Problem(403, "NOT_ALLOWED", "This is for the traveller; operators cancel a saga.")
        turned = operators.turn_back(correlation_id, reason=BY_USER, at_once=not wants_async(request))
        return cancelled(turned)


@extend_schema(request=Resolve, responses=STATE)
class ResolveView(SagaActionView, views.ResolveView):
    def read_resolution(self, request: Request) -> tuple[str, Operator]:
        body = read_body(request, Resolve)
        return body.step, Operator(self.admit(request), body.reason, body.evidence)
