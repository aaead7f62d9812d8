"""A saga's step endpoints: the engine's, with our parser, credentials, hints and faults."""

import re
from collections.abc import Mapping
from typing import Any, ClassVar

import structlog
from django.http import HttpResponseBase
from django_sagas.guard import views
from django_sagas.guard.barrier import Answer
from django_sagas.guard.models import Fault, FaultKind
from django_sagas.guard.views import StepCall as Call
from drf_spectacular.utils import OpenApiParameter, extend_schema
from pydantic import Field
from rest_framework.request import Request

from service_kit import credentials, faults, middleware, rules, schema
from service_kit.api import ServiceView, read_body, read_json
from service_kit.authentication import caller_of
from service_kit.inputs import CorrelationId, Input, Positive
from service_kit.permissions import ServicesOnly

__all__ = ["ActionView", "Call", "CompensationRequest", "CompensationView", "RetriableView", "StepRequest"]

REFUSAL = re.compile(r'"error_code":"(\w+)"')
PREFER = OpenApiParameter(
    "Prefer", location="header", description="handling=strict refuses every unknown field (RFC 7240)"
)


class StepRequest(Input):
    """The envelope of all steps."""

    correlation_id: CorrelationId
    step_number: Positive = 1
    simulate_failure: bool = False
    booking_data: Any = Field(default_factory=dict)


@schema.asked({"correlation_id": "test-12345"})
class CompensationRequest(StepRequest):
    """A compensation needs only the correlation id."""

    booking_data: dict[str, Any] = Field(default_factory=dict)


@extend_schema(parameters=[PREFER, schema.HINTS])
class StepView(views.StepView, ServiceView):
    """Reads the envelope, performs one action or compensation, and answers from the record."""

    permission_classes = [ServicesOnly]
    throttle_classes = []
    takes: ClassVar[type[StepRequest]]
    fault: Fault | None = None
    "What the fault console has in store for this call."

    def read(self, request: Request) -> Call:
        middleware.tell(request, step=self.name)
        _note_id(request, read_json(request))
        body = read_body(request, self.takes)
        self.fault = faults.take(self.name, body.correlation_id)
        faults.before(self.fault)
        simulate = body.simulate_failure or self._meets(FaultKind.REFUSE)
        credentials.refuse_simulation(simulate)
        caller = caller_of(request).service
        return Call(body.correlation_id, simulate, caller, data=body.booking_data)

    def respond(self, request: Request, call: Call, answer: Answer) -> HttpResponseBase:
        middleware.tell(request, **_told(answer))
        if self._meets(FaultKind.LOSE_REPLY):
            return faults.cut_reply(answer.body)
        return super().respond(request, call, answer)

    def _meets(self, kind: FaultKind) -> bool:
        return self.fault is not None and self.fault.kind == kind


def _note_id(request: Request, source: Mapping[str, Any]) -> None:
    """Of an invalid body too, for its answer and its log lines."""
    if cid := rules.readable_id(source):
        request.body_correlation_id = cid  # type: ignore[attr-defined]
        structlog.contextvars.bind_contextvars(correlation_id=cid)


def _told(answer: Answer) -> dict[str, str]:
    """For the log: the outcome, and the code of a refusal."""
    outcome = "done" if '"success":true' in answer.body else "refused"
    told = {"outcome": "replayed" if answer.replayed else outcome}
    code = REFUSAL.search(answer.body) if outcome == "refused" else None
    return told | ({"error_code": code[1]} if code else {})


class ActionView(views.ActionView, StepView):
    """A step's transaction. The command is the envelope's `booking_data`."""

    def used(self, command: Any) -> Mapping[str, Any]:
        used: Mapping[str, Any] = command.used()
        return used


class RetriableView(ActionView, views.RetriableView):
    """A step after the pivot: nothing undoes it, and its saga repeats it until it is done."""


class CompensationView(views.CompensationView, StepView):
    """A step's compensating transaction; it needs only the correlation id."""

    takes: ClassVar[type[StepRequest]] = CompensationRequest
