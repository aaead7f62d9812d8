"""A person's data: its export, and its erasure."""

from dataclasses import asdict

from django.conf import settings
from django.http import HttpResponse
from django_sagas.operators import Operator
from django_sagas.runtime import orchestrator
from drf_spectacular.utils import extend_schema
from rest_framework.request import Request
from service_kit import schema
from service_kit.api import ServiceView, json_response, read_body
from service_kit.authentication import caller_of
from service_kit.parsers import JsonOrFormParser
from service_kit.permissions import Owner
from service_kit.problems import Problem
from service_kit.rules import USER_ID

from flight import people, serializers
from flight.booking_actions import require_reason
from flight.inputs import Reason


class PersonView(ServiceView):
    permission_classes = [Owner]
    subject = "person"

    def check(self, request: Request, user_id: str) -> None:
        """404 for strangers, and for an id that nobody can have."""
        self.check_object_permissions(request, user_id if USER_ID.fullmatch(user_id) else None)


class PersonDataView(PersonView):
    @extend_schema(responses=schema.read(serializers.Person))
    def get(self, request: Request, user_id: str) -> HttpResponse:
        """All that the backend stores of a person."""
        self.check(request, user_id)
        return json_response(people.export(user_id))


class ErasePersonView(PersonView):
    parser_classes = [JsonOrFormParser]
    costs = {"actions": 1}

    @extend_schema(
        request=Reason,
        responses={
            200: serializers.ErasedPerson,
            **schema.problem(400, 401, 403, 404, 405, 409, 413, 415, 429, 503),
        },
    )
    def post(self, request: Request, user_id: str) -> HttpResponse:
        """Erase names, contacts and addresses from all trips and sagas of a person. Ids and money stay."""
        self.check(request, user_id)
        caller = caller_of(request)
        is_own = user_id in (caller.user_id, *caller.also)
        if caller.role == "auditor" and not is_own:
            raise Problem(403, "NOT_ALLOWED", "Auditors look and change nothing.")
        body = read_body(request, Reason)
        reason = require_reason(body, needed=not is_own and not settings.DEMO_MODE)
        by = Operator(caller.user_id, reason, user_id)
        return json_response(
            {"success": True, **asdict(people.erase(user_id, by=by, now=orchestrator().now()))}
        )
