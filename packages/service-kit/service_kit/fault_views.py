"""The demo's fault console: GET, PUT and DELETE /api/demo/faults/."""

from typing import Any, ClassVar

from django.http import HttpResponse
from django_sagas.guard.models import FaultKind
from drf_spectacular.utils import extend_schema
from rest_framework import serializers
from rest_framework.request import Request

from service_kit import faults, schema
from service_kit.api import ServiceView, json_response, read_json
from service_kit.fields import Fields
from service_kit.permissions import DemoMode


class FaultForm(serializers.Serializer[None]):
    step = serializers.CharField(help_text="an action or compensation of this service")
    kind = serializers.ChoiceField(FaultKind.choices)
    correlation_id = schema.CorrelationId(required=False, help_text="only this saga; without it, all")
    times = serializers.IntegerField(required=False, min_value=1, help_text="only the next n calls")
    seconds = serializers.IntegerField(required=False, min_value=0, max_value=faults.MAX_SECONDS)


class Faults(serializers.Serializer[None]):
    faults = serializers.ListField(child=FaultForm(), max_length=faults.MAX_FAULTS)


class ActiveFault(FaultForm):
    id = serializers.IntegerField()
    remaining = serializers.IntegerField(allow_null=True)
    fired = serializers.IntegerField()


class ActiveFaults(serializers.Serializer[None]):
    faults = ActiveFault(many=True)
    steps = serializers.ListField(child=serializers.CharField())
    kinds = serializers.DictField(child=serializers.CharField())


ANSWER: dict[Any, Any] = {200: ActiveFaults, **schema.problem(400, 401, 403, 405, 413, 415, 429, 503)}


class FaultsView(ServiceView):
    permission_classes = [DemoMode]
    steps: ClassVar[frozenset[str]] = frozenset()

    @extend_schema(responses=ANSWER)
    def get(self, request: Request) -> HttpResponse:
        """The current faults, and how often each has fired."""
        kinds = {kind.value: kind.label for kind in FaultKind}
        body = {"faults": faults.current(), "steps": sorted(self.steps), "kinds": kinds}
        return json_response(body)

    @extend_schema(request=Faults, responses=ANSWER)
    def put(self, request: Request) -> HttpResponse:
        """Replace all faults with these."""
        faults.replace_all(faults.read_faults(Fields(read_json(request)), self.steps))
        return self.get(request)

    @extend_schema(responses=ANSWER)
    def delete(self, request: Request) -> HttpResponse:
        """Remove every fault."""
        faults.replace_all([])
        return self.get(request)
