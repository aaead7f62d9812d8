"""The events of a booking that goes to its end or back, step by step."""

from typing import Any

FORWARD = [
    "SAGA_STARTED",
    "STEP_STARTED ReserveSeat",
    "STEP_COMPLETED ReserveSeat",
    "STEP_STARTED AuthorizePayment",
    "STEP_COMPLETED AuthorizePayment",
    "STEP_STARTED AwardMiles",
    "STEP_COMPLETED AwardMiles",
    "STEP_STARTED ConfirmBooking",
    "STEP_COMPLETED ConfirmBooking",
    "SAGA_COMPLETED",
]
BACK = {
    "ReserveSeat": ["COMPENSATION_STEP_STARTED CancelSeat", "COMPENSATION_STEP_COMPLETED CancelSeat"],
    "AuthorizePayment": [
        "COMPENSATION_STEP_STARTED CancelPayment",
        "COMPENSATION_STEP_COMPLETED CancelPayment",
    ],
    "AwardMiles": ["COMPENSATION_STEP_STARTED ReverseMiles", "COMPENSATION_STEP_COMPLETED ReverseMiles"],
    "ConfirmBooking": [
        "COMPENSATION_STEP_STARTED CancelBooking",
        "COMPENSATION_STEP_COMPLETED CancelBooking",
    ],
}
STEPS = list(BACK)
COMPENSATIONS = dict(
    zip(STEPS, ("CancelSeat", "CancelPayment", "ReverseMiles", "CancelBooking"), strict=True)
)
REMOTE = {"AuthorizePayment": "CancelPayment", "AwardMiles": "ReverseMiles"}


def undone(*steps: str) -> list[dict[str, Any]]:
    return [{"step": step, "compensation": COMPENSATIONS[step], "success": True} for step in steps]


def failure(failed: str, *, outcome_of: str = "STEP_FAILED") -> list[str]:
    """The events of a saga whose step `failed` was refused, and everything before it undone."""
    place = STEPS.index(failed)
    back = [event for step in reversed(STEPS[:place]) for event in BACK[step]]
    started = ["SAGA_COMPENSATION_STARTED"] if back else []
    return [*FORWARD[: 2 * place + 2], f"{outcome_of} {failed}", *started, *back, "SAGA_COMPENSATED"]
