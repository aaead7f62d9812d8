"""The booking saga: its steps, and the orchestrator that runs them."""

from collections.abc import Callable, Collection, Mapping, Sequence
from datetime import datetime, timedelta
from functools import partial
from typing import Any

from django.conf import settings
from django.db.models import Q
from django_sagas import json_text, saga_log
from django_sagas.definitions import Planned, Saga, Step, local, remote
from django_sagas.models import SagaRow
from django_sagas.orchestrator import Orchestrator
from service_kit import credentials, strict_json
from service_kit.money import CENTS_PER_UNIT, to_wire
from service_kit.security import throttle

from flight import saga_answers, saga_faults, saga_local, saga_words
from flight.audit import alarms
from flight.audit import rules as audit_rules
from flight.saga_booking import CANCEL_PAYMENT, LOYALTY, PAYMENT, BookingSaga
from flight.saga_change_state import key_scope


def booking_data(saga: BookingSaga) -> dict[str, Any]:
    """What remote participants need: no names, no contact."""
    data: dict[str, Any] = {
        **_flights(saga),
        "user_id": saga.user_id,
        "flight_fare": to_wire(saga.flight_fare),
        "other_charges": to_wire(saga.charges),
    }
    if saga.card_token:
        data["payment"] = {"card_token": saga.card_token}
    return data


def _flights(saga: BookingSaga) -> dict[str, Any]:
    ids = [{"flight_id": segment.flight_id} for segment in saga.segments]
    return dict(ids[0]) if len(ids) == 1 else {"flights": ids}


def cancel_data(saga: BookingSaga) -> dict[str, Any]:
    """A cancellation's fee, which is kept of the money; nothing where everything goes back."""
    fee = saga.cancellation["fee"] if saga.cancellation else 0
    return {"keep": to_wire(fee)} if fee else {}


def amount_as_quoted(saga: BookingSaga, answer: Mapping[str, Any]) -> str:
    if answer.get("amount") == to_wire(saga.amount):
        return ""
    return "PRICE_CHANGED: The payment is not over the amount that was quoted."


def miles_by_the_rule(saga: BookingSaga, answer: Mapping[str, Any]) -> str:
    """One per whole unit of the fare, which a cancellation and a change count on."""
    if answer.get("miles_awarded") == saga.flight_fare // CENTS_PER_UNIT:
        return ""
    return "WRONG_MILES: The miles are not those that the fare earns."


def _named(saga: BookingSaga) -> dict[str, Any]:
    flights = [segment.flight_id for segment in saga.segments]
    return {"flight_id": flights[0], "flights": flights}


def count_declined(code: str, *, user_id: str, address: str, now: datetime) -> Sequence[Callable[[], object]]:
    """A declined card is counted here: an accepted saga is declined after its request has ended."""
    if code != "PAYMENT_DECLINED":
        return ()
    count = partial(throttle.seconds_to_wait, user_id=user_id, address=address, now=now)
    return (partial(count, {"declined": 1}),)


def wake_what_waits(saga: BookingSaga, now: datetime) -> None:
    """A settlement or change that waits for money needs none any more: it ends now, not at its next try."""
    if saga.settlement:
        waiting = Q(pk=saga.settlement) | Q(idempotency_scope=key_scope(saga.correlation_id))
        for correlation_id in SagaRow.objects.open().filter(waiting).values_list("pk", flat=True):
            saga_log.make_due(correlation_id, at=now)


class BookTrip(Saga):
    name, version = "book-trip", 1
    state = BookingSaga
    audits = audit_rules.RULES
    steps = (
        local(
            "ReserveSeat",
            words=saga_words.SEATS,
            undo="CancelSeat",
            run=saga_local.reserve_seat,
            back=saga_local.cancel_seat,
            refusals={"SEAT_UNAVAILABLE", "FLIGHT_NOT_FOUND", "FLIGHT_CLOSED", "PRICE_CHANGED"},
        ),
        remote(
            "AuthorizePayment",
            words=saga_words.PAYMENT,
            undo=CANCEL_PAYMENT,
            at=PAYMENT,
            sends=booking_data,
            undo_sends=cancel_data,
            accepts=amount_as_quoted,
            uses=["card_token"],
            refusals={"PAYMENT_DECLINED", "LIMIT_EXCEEDED"},
        ),
        remote(
            "AwardMiles",
            words=saga_words.MILES,
            undo="ReverseMiles",
            at=LOYALTY,
            sends=booking_data,
            accepts=miles_by_the_rule,
            refusals={"ACCOUNT_CLOSED", "LIMIT_EXCEEDED"},
        ),
        local(
            "ConfirmBooking",
            words=saga_words.TICKETS,
            undo="CancelBooking",
            run=saga_local.confirm_booking,
            back=saga_local.cancel_booking,
            pivot=True,
            refusals={"SEAT_NOT_HELD"},
            reference="booking_reference",
            private={"tickets"},
        ),
    )

    @classmethod
    def started(cls, saga: BookingSaga) -> Mapping[str, Any]:
        return {**_named(saga), "passengers": len(saga.request.passengers)}

    @classmethod
    def described(cls, saga: BookingSaga) -> Mapping[str, Any]:
        return {
            **_named(saga),
            "amount": to_wire(saga.amount),
            "settlement": saga.settlement or None,
        }

    @classmethod
    def simulated(cls, saga: BookingSaga) -> Collection[str]:
        return saga.request.simulate

    @classmethod
    def plan(cls, step: Step, saga: BookingSaga, now: datetime, *, undo: bool) -> Planned:
        name = step.compensation if undo else step.name
        return saga_faults.injected(name, saga, simulate=saga.request.simulate) or super().plan(
            step, saga, now, undo=undo
        )

    @classmethod
    def after_refusal(cls, saga: BookingSaga, code: str, now: datetime) -> Sequence[Callable[[], object]]:
        return count_declined(code, user_id=saga.user_id, address=saga.request.address, now=now)

    @classmethod
    def after_undo(
        cls, saga: BookingSaga, compensation: str, now: datetime
    ) -> Sequence[Callable[[], object]]:
        if compensation != CANCEL_PAYMENT:
            return ()
        writes = [partial(wake_what_waits, saga, now)]
        if missing := saga_answers.missing_fee(saga):
            writes.append(partial(alarms.fee_not_kept, saga.correlation_id, cents=missing, now=now))
        return writes

    @classmethod
    def result(cls, saga: BookingSaga) -> dict[str, Any]:
        return saga_answers.result(saga)

    @classmethod
    def shown_result(cls, saga: BookingSaga) -> Mapping[str, Any] | None:
        return saga_answers.current_result(saga)

    @classmethod
    def cancelled(cls, saga: BookingSaga) -> Mapping[str, Any]:
        return saga_answers.terms(saga)

    @classmethod
    def instead_of_cancelling(cls, saga: BookingSaga) -> Mapping[str, Any]:
        where = f"/api/bookings/{saga.reference}/cancel/"
        return {"detail": f"The booking is confirmed; cancel it at {where}", "cancel_booking": where}


STEPS = tuple(step.stored.step for step in BookTrip.steps)


class BookingOrchestrator(Orchestrator):
    """`start`, `accept`, `advance`, `claim` and `cancel` are the engine's."""

    def start_booking_saga(self, booking_data: Mapping[str, Any]) -> dict[str, Any]:
        """Book like start-booking and return its answer, for example from `manage.py shell`.

        Raises Problem where start-booking answers 400, 404 or 503.
        """
        from django_sagas.runtime import admission

        from flight import saga_requests  # It imports this module.

        command = saga_requests.START_BOOKING.read(strict_json.loads(json_text.dumps(booking_data).encode()))
        credentials.refuse_simulation(bool(command.simulated))
        admission.check()
        saga = saga_requests.new_saga(
            command,
            correlation_id=self.new_id(),
            flights=saga_requests.find_flights_of(command),
            scope=None,
            key=None,
            now=self.now(),
        )
        ran = self.start(saga, deadline=saga.created_at + timedelta(seconds=settings.SAGA_REQUEST_DEADLINE))
        assert isinstance(ran, BookingSaga), "without an idempotency key there is none that could be taken"
        return saga_answers.answer(ran)
