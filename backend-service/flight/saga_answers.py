"""What a booking's saga answers; how sagas are shown is the engine's: `django_sagas.answers`."""

from typing import Any

from django.conf import settings
from django_sagas.answers import compensations
from django_sagas.state import SagaState, SagaStatus, StepState, StepStatus
from service_kit.money import to_cents, to_wire

from flight.saga_booking import CANCEL_PAYMENT, CANCELLATION, BookingSaga
from flight.saga_local import reserved

CANCELLATIONS = ("CANCELLED_BY_USER", "CANCELLED_BY_OPERATOR")


def answer(saga: SagaState) -> dict[str, Any]:
    """start-booking's answer: the result if there is one, else the current status."""
    return current_result(saga) or accepted(saga)


def result(saga: BookingSaga) -> dict[str, Any]:
    """start-booking's answer for a saga that has ended."""
    return _completed(saga) if saga.status == SagaStatus.COMPLETED else _failed(saga)


def current_result(saga: SagaState) -> dict[str, Any] | None:
    """The current result: none while the saga runs, and no success after a cancellation."""
    if saga.result is None:
        return None
    if saga.status == SagaStatus.COMPLETED or not isinstance(saga, BookingSaga):
        return saga.result  # Only a booking's saga goes back when it was complete.
    return _failed(saga)


def _failed(saga: SagaState) -> dict[str, Any]:
    answer: dict[str, Any] = {
        "success": False,
        "correlation_id": saga.correlation_id,
        "status": saga.status.value,
        "message": _how_it_went_back(saga),
        "steps_completed": sum(1 for step in saga.steps if was_completed(step)),
        "failed_step": saga.failed_step or None,
        "error": saga.error or "The booking was cancelled.",
        "error_code": saga.error_code or saga.reason,
        "compensation_result": compensations(saga),
    }
    reference = {"booking_reference": saga.reference} if saga.reference else {}
    return answer | reference | terms(saga)


def _how_it_went_back(saga: SagaState) -> str:
    """Names only what is known to be undone."""
    if saga.reference:
        what = f"Booking {saga.reference} was cancelled"
    else:
        what = "The booking was cancelled" if saga.reason in CANCELLATIONS else "The booking failed"
    if saga.status == SagaStatus.COMPENSATING:
        return f"{what}; what it took is being given back."
    by_hand = [step.compensation for step in saga.steps if step.status == StepStatus.RESOLVED]
    if by_hand:
        return f"{what}. {', '.join(by_hand)} could not be done and was settled by hand; the rest was undone."
    fee = terms(saga).get("fee")
    charged = f"a fee of {fee:.2f} {settings.CURRENCY}" if fee else "nothing"
    return f"{what} and everything was undone; {charged} is charged."


def _completed(saga: BookingSaga) -> dict[str, Any]:
    return {
        "success": True,
        "correlation_id": saga.correlation_id,
        "status": saga.status.value,
        "message": f"Booking {saga.reference} is confirmed.",
        "steps_completed": len(saga.steps),
        "booking_reference": saga.reference,
        **reserved(saga.held),
        "amount": to_wire(saga.amount),
        "miles_awarded": saga.facts.get("AwardMiles", {}).get("miles_awarded", 0),
    }


def was_completed(step: StepState) -> bool:
    return step.finished_at is not None and step.error_code is None


def accepted(saga: SagaState) -> dict[str, Any]:
    """The 202 of a saga that continues in the background. It has no `success`: the outcome is unknown."""
    undoing = saga.status == SagaStatus.COMPENSATING
    return {
        "correlation_id": saga.correlation_id,
        "status": saga.status.value,
        "message": _how_it_went_back(saga) if undoing else "The booking is being worked on; see its status.",
    }


def terms(saga: SagaState) -> dict[str, Any]:
    """What the cancellation of a booking gives back and keeps; empty for a saga without one.

    What was agreed, until payment has answered what it did: an authorisation may have expired meanwhile.
    """
    agreed = saga.facts.get(CANCELLATION)
    if not agreed:
        return {}
    did = saga.facts.get(CANCEL_PAYMENT, {})
    return {
        "refund": did.get("returned", to_wire(agreed["amount"])),
        "fee": did.get("kept", to_wire(agreed["fee"])),
        "miles": agreed["miles"],
    }


def missing_fee(saga: BookingSaga) -> int:
    """Cents of the agreed fee that payment could not keep, because an authorisation had expired."""
    agreed, told = saga.facts.get(CANCELLATION), terms(saga)
    return max(0, agreed["fee"] - to_cents(told["fee"])) if agreed else 0
