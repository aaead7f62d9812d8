"""Payment's step endpoints. The provider is asked before the transaction of the guard's record."""

import uuid
from collections.abc import Callable
from datetime import datetime
from typing import Any, TypeVar

from django.db import OperationalError
from django_sagas.guard import barrier
from django_sagas.guard.barrier import Answer, Done
from django_sagas.guard.models import RecordState
from django_sagas.outcomes import Refused
from django_sagas.problems import Problem
from drf_spectacular.utils import extend_schema
from service_kit import schema
from service_kit.problems import try_again
from service_kit.saga_steps import ActionView, Call, CompensationView, RetriableView

from payment import serializers, services
from payment.attempts import Interrupted
from payment.inputs import (
    Authorize,
    AuthorizeRequest,
    Cancel,
    CancelRequest,
    Capture,
    CaptureRequest,
    Refund,
    RefundRequest,
)
from payment.services import Prepared

T = TypeVar("T")
TRIES = 3
DIFFERENT_REQUEST = "DIFFERENT_REQUEST"


def interruptible(run: Callable[[], T]) -> T:
    """Begin again if the payments have changed between the provider's answer and the guard's transaction."""
    for _ in range(TRIES):
        try:
            return run()
        except Interrupted:
            continue
    raise try_again("Other calls on this payment are running.")


@extend_schema(responses=schema.step(serializers.Authorized))
class AuthorizePayment(ActionView):
    """Hold the fare and the charges of a booking on the card."""

    name = step = services.AUTHORIZE
    takes = AuthorizeRequest
    attempt = ""

    def answer(self, call: Call, command: Authorize, now: datetime) -> Answer:
        return interruptible(lambda: self._answer(call, command, now))

    def _answer(self, call: Call, command: Authorize, now: datetime) -> Answer:
        """The card is asked before the record is written: a hold that the record does not name is ended."""
        self.attempt = ""
        try:
            answer = super().answer(call, command, now)
        except (Interrupted, OperationalError):
            services.release([self.attempt] if self.attempt else [])
            raise
        except Problem:
            services.end_unused_authorization(self.attempt, now)
            raise
        if answer.replayed:
            services.end_unused_authorization(self.attempt, now)
        return answer

    def decide(self, call: Call, command: Authorize, now: datetime) -> Done | Refused | None:
        self.attempt, decided = services.authorize(
            correlation_id=call.correlation_id, command=command, authorization_id=uuid.uuid4(), now=now
        )
        return decided

    def effect(self, call: Call, command: Authorize, now: datetime) -> Done | Refused:
        raise try_again("The record of this call has gone.")  # It had one, and records are never deleted.


class MoneyView(RetriableView):
    """Moves the money of an earlier authorisation."""

    prepared = Prepared()

    def answer(self, call: Call, command: Any, now: datetime) -> Answer:
        return interruptible(lambda: self._answer(call, command, now))

    def _answer(self, call: Call, command: Any, now: datetime) -> Answer:
        self.prepared = Prepared()
        try:
            return super().answer(call, command, now)
        except (Interrupted, OperationalError):
            services.release(self.prepared.keys)
            raise

    def decide(self, call: Call, command: Any, now: datetime) -> Refused | None:
        if barrier.read(correlation_id=call.correlation_id, step=self.step) is None:
            self.prepared = self.prepare(correlation_id=call.correlation_id, command=command, now=now)
        return self.prepared.refusal

    def effect(self, call: Call, command: Any, now: datetime) -> Done:
        calls = self.prepared.calls
        return self.write(correlation_id=call.correlation_id, command=command, calls=calls, now=now)

    def prepare(self, *, correlation_id: str, command: Any, now: datetime) -> Prepared:
        raise NotImplementedError

    def write(self, **given: Any) -> Done:
        raise NotImplementedError


@extend_schema(responses=schema.step(serializers.Captured))
class CapturePayment(MoneyView):
    """Take what was authorised, or a part of it; a payment is captured once."""

    name = step = services.CAPTURE
    takes = CaptureRequest

    def answer(self, call: Call, command: Capture, now: datetime) -> Answer:
        try:
            return super().answer(call, command, now)
        except Problem as problem:
            is_over = services.answer_of_what_is_over(call.correlation_id, command)
            if problem.code != DIFFERENT_REQUEST or is_over is None:
                raise
            return is_over

    def prepare(self, *, correlation_id: str, command: Capture, now: datetime) -> Prepared:
        return services.prepare_capture(correlation_id=correlation_id, command=command, now=now)

    def write(self, **given: Any) -> Done:
        return services.capture(**given)


@extend_schema(responses=schema.step(serializers.Refunded))
class RefundPayment(MoneyView):
    """Give back a part of what was captured of a trip, from its newest payment on."""

    name = step = services.REFUND
    takes = RefundRequest

    def prepare(self, *, correlation_id: str, command: Refund, now: datetime) -> Prepared:
        return services.prepare_refund(correlation_id=correlation_id, command=command, now=now)

    def write(self, **given: Any) -> Done:
        return services.refund(**given)


@extend_schema(responses=schema.step(serializers.Cancelled))
class CancelPayment(CompensationView):
    """Give the money of a trip back: what is held is freed, what was captured is refunded."""

    name, step = services.CANCEL, services.AUTHORIZE
    takes = CancelRequest
    nothing = {"status": "CANCELLED", "message": "There was nothing to cancel."}

    def answer(self, call: Call, command: Cancel, now: datetime) -> Answer:
        if call.simulate_failure:
            return super().answer(call, command, now)
        return interruptible(lambda: self._answer(call, command, now))

    def _answer(self, call: Call, command: Cancel, now: datetime) -> Answer:
        record = barrier.read(correlation_id=call.correlation_id, step=self.step)
        done = record is not None and record.state == RecordState.UNDONE
        of: dict[str, Any] = {"correlation_id": call.correlation_id, "keep": command.keep, "now": now}
        prepared = Prepared() if done else services.prepare_cancellation(**of)
        of["calls"] = prepared.calls
        try:
            return barrier.compensate(
                correlation_id=call.correlation_id,
                step=self.step,
                undo=lambda answer: services.cancel(**of),
                nothing=lambda: self.nothing | services.cancel_nothing(**of),
                caller=call.caller,
                now=now,
            )
        except (Interrupted, OperationalError):
            services.release(prepared.keys)
            raise
