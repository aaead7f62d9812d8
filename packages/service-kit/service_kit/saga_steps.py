"""The HTTP side of a saga's steps: one envelope, one guard, for every participant."""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Any, ClassVar

import structlog
from django.http import HttpResponseBase
from django_sagas import clock
from django_sagas.definitions import SIMULATED_FAILURE
from django_sagas.guard import barrier
from django_sagas.guard.barrier import Answer, Done
from django_sagas.guard.models import FaultKind
from django_sagas.outcomes import Refused
from drf_spectacular.utils import OpenApiParameter, extend_schema
from pydantic import Field
from rest_framework.request import Request

from service_kit import credentials, faults, middleware, rules, schema, unknown_fields
from service_kit.api import ServiceView, json_response, read_json
from service_kit.authentication import caller_of
from service_kit.inputs import CorrelationId, Input, Positive
from service_kit.permissions import ServicesOnly

SIMULATED = Refused(SIMULATED_FAILURE, "This failure was asked for by simulate_failure.")

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


@dataclass(frozen=True)
class Call:
    correlation_id: str
    simulate_failure: bool
    caller: str = ""
    "the calling service; empty for a direct call in demo mode"


@extend_schema(parameters=[PREFER, schema.HINTS])
class StepView(ServiceView):
    """Reads the envelope, performs one action or compensation, and answers from the record."""

    permission_classes = [ServicesOnly]
    throttle_classes = []

    name: ClassVar[str]
    "What this endpoint does, as the saga's table calls it."
    step: ClassVar[str]
    "The action whose record guards the call: for a compensation, the action that it undoes."
    takes: ClassVar[type[StepRequest]]

    def post(self, request: Request) -> HttpResponseBase:
        source = read_json(request)
        _note_id(request, source)
        strict = unknown_fields.is_strict(request)
        body, hints = unknown_fields.read(self.takes, source, strict=strict)
        fault = faults.take(self.name, body.correlation_id)
        faults.before(fault)
        simulate = body.simulate_failure or (fault is not None and fault.kind == FaultKind.REFUSE)
        credentials.refuse_simulation(simulate)
        call = Call(body.correlation_id, simulate, caller_of(request).service)
        self.admit(call)
        answer = self.answer(call, body.booking_data, clock.utc_now())
        middleware.tell(request, step=self.name, outcome=_outcome(answer))
        if fault is not None and fault.kind == FaultKind.LOSE_REPLY:
            return faults.cut_reply(answer.body)
        named = "HTTP_X_CORRELATION_ID" in request.META
        headers = {} if named else {"X-Correlation-ID": call.correlation_id}
        if answer.replayed:
            headers["Idempotent-Replayed"] = "true"
        response = json_response(answer.body, headers=headers)
        unknown_fields.tell(response, hints)
        return response

    def answer(self, call: Call, command: Any, now: datetime) -> Answer:
        """The participant's part: each step view overrides it."""
        raise NotImplementedError

    def admit(self, call: Call) -> None:
        """Raise a Problem for a call that this service must refuse."""


def _note_id(request: Request, source: Mapping[str, Any]) -> None:
    """Of an invalid body too, for its answer and its log lines."""
    if cid := rules.readable_id(source):
        request.body_correlation_id = cid  # type: ignore[attr-defined]
        structlog.contextvars.bind_contextvars(correlation_id=cid)


def _outcome(answer: Answer) -> str:
    return "replayed" if answer.replayed else "done" if '"success":true' in answer.body else "refused"


class ActionView(StepView):
    """A step's transaction. The command is the envelope's `booking_data`."""

    def decide(self, call: Call, command: Any, now: datetime) -> Done | Refused | None:
        """The outcome if it is known before the transaction opens, such as from a gateway; None leaves it to
        `effect`."""
        return None

    def effect(self, call: Call, command: Any, now: datetime) -> Done | Refused:
        raise NotImplementedError

    def answer(self, call: Call, command: Any, now: datetime) -> Answer:
        return barrier.perform(
            correlation_id=call.correlation_id,
            step=self.step,
            used=command.used(),
            decided=SIMULATED if call.simulate_failure else self.decide(call, command, now),
            effect=lambda: self.effect(call, command, now),
            caller=call.caller,
            now=now,
        )


class RetriableView(ActionView):
    """A step after the pivot: nothing undoes it, and its saga repeats it until it is done."""

    def answer(self, call: Call, command: Any, now: datetime) -> Answer:
        if call.simulate_failure and not self._is_recorded(call):
            # Not stored: a stored refusal would keep the saga from ever ending.
            return Answer(barrier.refusal_body(call.correlation_id, SIMULATED))
        return super().answer(replace(call, simulate_failure=False), command, now)

    def _is_recorded(self, call: Call) -> bool:
        return barrier.read(correlation_id=call.correlation_id, step=self.step) is not None


class CompensationView(StepView):
    """A step's compensating transaction; it needs only the correlation id."""

    takes: ClassVar[type[StepRequest]] = CompensationRequest
    nothing: ClassVar[Mapping[str, Any]]
    "The answer's fields if there is nothing to undo."

    def undo(self, call: Call, answer: Mapping[str, Any], now: datetime) -> Mapping[str, Any]:
        raise NotImplementedError

    def answer(self, call: Call, command: Any, now: datetime) -> Answer:
        if call.simulate_failure:
            # Not stored: a compensation is never refused finally.
            return Answer(barrier.refusal_body(call.correlation_id, SIMULATED))
        return barrier.compensate(
            correlation_id=call.correlation_id,
            step=self.step,
            undo=lambda answer: self.undo(call, answer, now),
            nothing=self.nothing,
            caller=call.caller,
            now=now,
        )
