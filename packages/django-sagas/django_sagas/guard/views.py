"""Step endpoints, in plain Django or under REST framework.

`steps` makes the URLs of a step and of its compensation from two functions:

    urlpatterns = [*steps("ChargeCard", charge, undo="RefundCard", back=refund, fields=["cents", "card"])]

`charge(call)` returns the answer's fields, or a `Refused`; `refund(call, answer)` gets that answer and
returns its own fields. Each runs once per saga, in the transaction of the record that answers every repeat.

The classes are what these URLs are made of. Under REST framework a project's own base class goes behind them:
`class Steps(StepView, MyApiView)` overrides `read`, and its parser, credentials and errors are MyApiView's.
"""

from collections.abc import Callable, Collection, Mapping
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Any, ClassVar

from django.http import HttpRequest, HttpResponse, HttpResponseBase
from django.urls import URLPattern, path
from django.views import View
from django.views.decorators.csrf import csrf_exempt

from django_sagas.clock import utc_now
from django_sagas.conf import conf
from django_sagas.guard import barrier
from django_sagas.guard.barrier import Answer, Done
from django_sagas.outcomes import SIMULATED, Refused
from django_sagas.plain import plain, read_object
from django_sagas.problems import Problem, invalid
from django_sagas.wire import (
    CORRELATION_HEADER,
    CORRELATION_ID,
    CORRELATION_META,
    REPLAYED_HEADER,
    STEP_HEADER,
    path_of,
)

NOTHING = {"message": "There was nothing to undo."}


@dataclass(frozen=True)
class StepCall:
    """The envelope of a call."""

    correlation_id: str
    simulate_failure: bool = False
    caller: str = ""
    "the calling service; empty where callers are not told apart"
    data: Any = None
    "the step's command, in the form in which `read` returns it"


class StepView(View):
    """Reads the envelope, performs one action or compensation, and answers from the record."""

    name: ClassVar[str]
    "What this endpoint does, as the saga's table calls it."
    step: ClassVar[str]
    "The action whose record guards the call: for a compensation, the action that it undoes."

    # Without a docstring: the class's own describes the endpoint in an OpenAPI schema.
    def post(self, request: Any) -> HttpResponseBase:
        call = self.read(request)
        self.admit(call)
        return self.respond(request, call, self.answer(call, call.data, utc_now()))

    def read(self, request: Any) -> StepCall:
        """Raises Problem 400 or 415."""
        if request.content_type != "application/json":
            raise Problem(415, "UNSUPPORTED_MEDIA_TYPE", "A step is called with application/json.")
        envelope = read_object(request)
        correlation_id, data = envelope.get("correlation_id"), envelope.get(conf.SAGA_DATA_FIELD, {})
        if not isinstance(correlation_id, str) or not CORRELATION_ID.fullmatch(correlation_id):
            raise invalid({"correlation_id": "is missing, or is none"})
        if not isinstance(data, dict):
            raise invalid({conf.SAGA_DATA_FIELD: "is no object"}, correlation_id)
        simulate = conf.SAGA_SIMULATE_FAILURES and envelope.get("simulate_failure") is True
        return StepCall(correlation_id, simulate, data=data)

    def admit(self, call: StepCall) -> None:
        """Raise a Problem for a call that this service must refuse."""

    def answer(self, call: StepCall, command: Any, now: datetime) -> Answer:
        """What the step's record says, or the first call's effect: each kind of view has its own."""
        raise NotImplementedError

    def respond(self, request: Any, call: StepCall, answer: Answer) -> HttpResponseBase:
        # Never cached: answers are personal.
        headers = {"Cache-Control": "no-store", STEP_HEADER: self.name}
        if CORRELATION_META not in request.META:
            headers[CORRELATION_HEADER] = call.correlation_id
        if answer.replayed:
            headers[REPLAYED_HEADER] = "true"
        return HttpResponse(answer.body.encode(), content_type="application/json", headers=headers)


class ActionView(StepView):
    """A step's transaction."""

    def used(self, command: Any) -> Mapping[str, Any]:
        """The fields that the step uses: a repeat with others is refused."""
        fields: Mapping[str, Any] = command
        return fields

    def decide(self, call: StepCall, command: Any, now: datetime) -> Done | Refused | None:
        """The outcome if it is known before the transaction opens, such as from a gateway; None leaves it to
        `effect`."""
        return None

    def effect(self, call: StepCall, command: Any, now: datetime) -> Done | Refused:
        """Called only where `decide` left it open; a view that always decides needs none."""
        raise NotImplementedError

    def answer(self, call: StepCall, command: Any, now: datetime) -> Answer:
        return barrier.perform(
            correlation_id=call.correlation_id,
            step=self.step,
            used=self.used(command),
            decided=SIMULATED if call.simulate_failure else self.decide(call, command, now),
            effect=lambda: self.effect(call, command, now),
            caller=call.caller,
            now=now,
        )


class RetriableView(ActionView):
    """A step after the pivot: nothing undoes it, and its saga repeats it until it is done."""

    def answer(self, call: StepCall, command: Any, now: datetime) -> Answer:
        if call.simulate_failure and not self._is_recorded(call):
            # Not stored: a stored refusal would keep the saga from ever ending.
            return Answer(barrier.refusal_body(call.correlation_id, SIMULATED))
        return super().answer(replace(call, simulate_failure=False), command, now)

    def _is_recorded(self, call: StepCall) -> bool:
        return barrier.read(correlation_id=call.correlation_id, step=self.step) is not None


class CompensationView(StepView):
    """A step's compensating transaction; it needs only the correlation id."""

    nothing: ClassVar[Mapping[str, Any]] = NOTHING
    "The answer's fields if there is nothing to undo."

    def undo(self, call: StepCall, answer: Mapping[str, Any], now: datetime) -> Mapping[str, Any]:
        """Take back what the action answered; the fields of the answer."""
        raise NotImplementedError

    def answer(self, call: StepCall, command: Any, now: datetime) -> Answer:
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


# From functions


@dataclass(frozen=True)
class StepCommand:
    """What the functions of `steps` get."""

    correlation_id: str
    data: Mapping[str, Any]
    now: datetime


Action = Callable[[StepCommand], Mapping[str, Any] | Refused]
Compensation = Callable[[StepCommand, Mapping[str, Any]], Mapping[str, Any]]
Admits = Callable[[HttpRequest], bool]


def everyone(request: HttpRequest) -> bool:
    return True


def steps(
    name: str,
    action: Action,
    *,
    undo: str = "",
    back: Compensation | None = None,
    fields: Collection[str] | None = None,
    admits: Admits = everyone,
) -> list[URLPattern]:
    """The endpoints of one step; without `undo` of a retriable one.

    - `fields`: the data that the action needs. Without one of them a call is a 400; others are left out, also
      where a repeat is compared with the first call. None: all are taken as they come.
    - `admits`: whether a request comes from an orchestrator; others are answered 401.
    """
    if bool(undo) != bool(back):
        raise TypeError(f"{name}: undo= names the compensation that back= implements; give both or none.")
    view = _Action if undo else _RetriableAction
    made = [_endpoint(view, name, step=name, function=action, fields=fields, admits=admits)]
    return [*made, _endpoint(_Compensation, undo, step=name, function=back, admits=admits)] if undo else made


def _endpoint(view: type[StepView], name: str, **options: Any) -> URLPattern:
    served = view.as_view(http_method_names=["post"], name=name, **options)
    return path(path_of(name).lstrip("/"), csrf_exempt(plain(served)), name=name)


class _OfFunction(StepView):
    name = step = ""
    function: Callable[..., Any] = staticmethod(everyone)
    fields: Collection[str] | None = None
    admits: Admits = staticmethod(everyone)

    def read(self, request: HttpRequest) -> StepCall:
        """Raises Problem 400 that names each missing field, or 401."""
        if not self.admits(request):
            raise Problem(401, "UNAUTHENTICATED", "Only orchestrators may call a step.")
        call = super().read(request)
        if self.fields is None:
            return call
        missing = [name for name in self.fields if name not in call.data]
        if missing:
            errors = {f"{conf.SAGA_DATA_FIELD}.{name}": "is missing" for name in missing}
            raise invalid(errors, call.correlation_id)
        return replace(call, data={name: call.data[name] for name in self.fields})


class _Action(_OfFunction, ActionView):
    def effect(self, call: StepCall, command: Mapping[str, Any], now: datetime) -> Done | Refused:
        result = self.function(StepCommand(call.correlation_id, command, now))
        return result if isinstance(result, Refused) else Done(result)


class _RetriableAction(_Action, RetriableView):
    pass


class _Compensation(_OfFunction, CompensationView):
    def undo(self, call: StepCall, answer: Mapping[str, Any], now: datetime) -> Mapping[str, Any]:
        undone: Mapping[str, Any] = self.function(StepCommand(call.correlation_id, call.data, now), answer)
        return undone
