"""The demo's fault console: GET, PUT and DELETE /api/demo/faults/."""

from typing import Annotated, Any, ClassVar

from django.http import HttpResponse
from django_sagas.guard.models import Fault, FaultKind
from drf_spectacular.utils import extend_schema
from pydantic import Field
from rest_framework import serializers
from rest_framework.request import Request

from service_kit import faults, schema, unknown_fields
from service_kit.api import ServiceView, json_response, read_json
from service_kit.inputs import CorrelationId, Input, Positive, items
from service_kit.permissions import DemoMode
from service_kit.problems import invalid


class FaultForm(Input):
    step: Annotated[str, Field(description="an action or compensation of this service")]
    kind: Annotated[FaultKind, Field(strict=False)]
    correlation_id: CorrelationId = Field(default_factory=str, description="only this saga; without it, all")
    times: Positive = Field(default_factory=int, description="only the next n calls")
    seconds: Annotated[int, Field(ge=0, le=30)] = 3


class Faults(Input):
    faults: Annotated[tuple[FaultForm, ...], *items(0, 50)]


class ActiveFault(serializers.Serializer[None]):
    id = serializers.IntegerField()
    step = serializers.CharField()
    kind = serializers.ChoiceField(FaultKind.choices)
    correlation_id = serializers.CharField(allow_blank=True)
    seconds = serializers.IntegerField()
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
        faults.replace_all(self._read(request))
        return self.get(request)

    @extend_schema(request=Faults, responses=ANSWER)
    def post(self, request: Request) -> HttpResponse:
        """Set these faults beside those that are set."""
        faults.add(self._read(request))
        return self.get(request)

    def _read(self, request: Request) -> list[Fault]:
        forms = unknown_fields.read(Faults, read_json(request), strict=True)[0].faults
        unknown = [number for number, form in enumerate(forms) if form.step not in self.steps]
        if unknown:
            message = "must be one of " + ", ".join(sorted(self.steps))
            raise invalid({f"faults[{number}].step": message for number in unknown})
        return [_fault(form) for form in forms]

    @extend_schema(responses=ANSWER)
    def delete(self, request: Request) -> HttpResponse:
        """Remove every fault."""
        faults.replace_all([])
        return self.get(request)


def _fault(form: FaultForm) -> Fault:
    return Fault(**form.model_dump(exclude={"times"}), remaining=form.times or None, fired=0)
