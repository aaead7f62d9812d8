"""Another authorisation for a booking whose first one has expired before its money was captured."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any, TypeGuard

from django.conf import settings
from django_sagas import saga_log
from django_sagas.definitions import Planned, Saga, Step, WriteConflict, local, remote
from django_sagas.models import SagaRow
from django_sagas.operators import Operator
from django_sagas.outcomes import Done, Refused
from django_sagas.problems import Problem
from django_sagas.runtime import orchestrator, start
from django_sagas.state import SagaState, SagaStatus
from service_kit.money import to_wire

from flight import saga_words
from flight.models import Booking, BookingStatus
from flight.saga_booking import PAYMENT, RENEWED, SettlementSaga, as_booking
from flight.saga_faults import injected

ENDED = Refused("SETTLEMENT_ENDED", "The booking was cancelled or its money captured meanwhile.")


@dataclass
class ReauthorizationSaga(SagaState):
    """`data` holds the correlation ids of booking and settlement, the reference and the price in cents."""

    @property
    def booking(self) -> str:
        return str(self.data["booking"])

    @property
    def amount(self) -> int:
        return int(self.data["flight_fare"]) + int(self.data["charges"])


def payment_data(saga: ReauthorizationSaga) -> dict[str, Any]:
    data: dict[str, Any] = {
        "user_id": saga.subject,
        "flight_fare": to_wire(saga.data["flight_fare"]),
        "other_charges": to_wire(saga.data["charges"]),
        "trip_id": saga.booking,
    }
    if token := saga.secrets.get("card_token"):
        data["payment"] = {"card_token": token}
    return data


def amount_as_asked(saga: ReauthorizationSaga, answer: Mapping[str, Any]) -> str:
    if answer.get("amount") == to_wire(saga.amount):
        return ""
    return "PRICE_CHANGED: The payment is not over the amount of the booking."


def resume_settlement(saga: ReauthorizationSaga, now: datetime) -> Planned:
    """The settlement goes on with the new payment, unless it needs none any more."""
    settlement = saga_log.load(str(saga.data["settlement"]))
    if settlement is None or not _waits(settlement):
        return Planned(ENDED)

    after = settlement.attempts_to_capture

    def waits_since(taken: SagaState) -> bool:
        return _waits(taken) and taken.attempts_to_capture == after

    def write() -> None:
        facts = {RENEWED: {"payment_id": saga.correlation_id, "after": after}}
        if not orchestrator().resume(settlement.correlation_id, facts=facts, only_if=waits_since):
            raise WriteConflict

    return Planned(Done({}), write)


def _waits(settlement: SagaState) -> TypeGuard[SettlementSaga]:
    """Only a live booking's: a payment made after the booking's was cancelled would never be given back."""
    if not isinstance(settlement, SettlementSaga) or not settlement.has_expired:
        return False
    return Booking.objects.filter(correlation_id=settlement.booking, status=BookingStatus.CONFIRMED).exists()


class AuthorizeAgain(Saga):
    name, version = "authorize-again", 1
    is_load = False
    state = ReauthorizationSaga
    steps = (
        remote(
            "AuthorizePayment",
            words=saga_words.PAYMENT,
            undo="CancelPayment",
            at=PAYMENT,
            sends=payment_data,
            accepts=amount_as_asked,
            uses=["card_token"],
            refusals={"PAYMENT_DECLINED", "LIMIT_EXCEEDED"},
        ),
        local(
            "ResumeSettlement",
            words=saga_words.CAPTURE,
            run=resume_settlement,
            pivot=True,
            refusals={"SETTLEMENT_ENDED"},
        ),
    )

    @classmethod
    def plan(cls, step: Step, saga: ReauthorizationSaga, now: datetime, *, undo: bool) -> Planned:
        name = step.compensation if undo else step.name
        return injected(name, saga) or super().plan(step, saga, now, undo=undo)

    @classmethod
    def described(cls, saga: ReauthorizationSaga) -> Mapping[str, Any]:
        return {
            "booking": saga.booking,
            "booking_reference": saga.data["reference"],
            "amount": to_wire(saga.amount),
            "settlement": saga.data["settlement"],
        }

    @classmethod
    def result(cls, saga: ReauthorizationSaga) -> dict[str, Any]:
        done = saga.status == SagaStatus.COMPLETED
        message = "The payment is authorised again." if done else "The payment is not authorised."
        return {
            "success": done,
            "correlation_id": saga.correlation_id,
            "status": saga.status.value,
            "message": message,
            "booking_reference": saga.data["reference"],
            "failed_step": saga.failed_step or None,
            **({} if done else {"error": saga.error, "error_code": saga.error_code}),
        }


def authorize_again(settlement: SagaState, *, card_token: str, by: Operator) -> SagaState:
    """Begin it and run it here, as far as a request goes; a repeat gets the one that is under way.

    Raises 409 for a settlement that does not wait for an authorisation.
    """
    if not _waits(settlement):
        detail = "This settlement does not wait for another authorisation."
        raise Problem(409, "NOT_EXPIRED", detail, correlation_id=settlement.correlation_id)
    booking, now = as_booking(saga_log.load(settlement.booking)), orchestrator().now()
    assert booking is not None, "sagas are never deleted"
    before = SagaRow.objects.filter(
        idempotency_scope=AuthorizeAgain.key_scope(settlement.subject),
        idempotency_key__startswith=settlement.correlation_id,
        due_at=None,
    )
    saga = start(
        AuthorizeAgain,
        {
            "booking": settlement.booking,
            "settlement": settlement.correlation_id,
            "reference": settlement.booking_reference,
            "flight_fare": settlement.amount - booking.charges,
            "charges": booking.charges,
        },
        subject=settlement.subject,
        secrets={"card_token": card_token},
        key=f"{settlement.correlation_id}:{before.count()}",
        also=lambda _: by.leave_trail("authorize-again", settlement.correlation_id, now),
    )
    claimed = orchestrator().claim(saga.correlation_id)
    if claimed is None:
        return saga
    return orchestrator().advance(claimed, deadline=now + timedelta(seconds=settings.SAGA_REQUEST_DEADLINE))
