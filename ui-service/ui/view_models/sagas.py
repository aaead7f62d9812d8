"""The backend's saga status in plain words."""

from dataclasses import dataclass
from datetime import datetime
from typing import Any

from django.utils.translation import gettext
from django.utils.translation import gettext_lazy as _

from ui.backend_client import Json

TERMINAL = ("COMPLETED", "COMPENSATED")
MOODS = {
    "PENDING": "idle",
    "STARTED": "now",
    "UNKNOWN": "warn",
    "DONE": "done",
    "REFUSED": "bad",
    "UNDOING": "now",
    "UNDONE": "undone",
    "RESOLVED": "undone",
}
ICONS = {
    "idle": "circle-dashed",
    "now": "loader",
    "warn": "clock",
    "done": "check",
    "bad": "x",
    "undone": "undo-2",
}


REASONS = {
    "SEAT_UNAVAILABLE": _("Somebody else took a seat that you wanted, or the cabin is full."),
    "FLIGHT_NOT_FOUND": _("This flight is no longer offered."),
    "FLIGHT_CLOSED": _("The sale for this flight has closed."),
    "PRICE_CHANGED": _("The price changed while you were booking."),
    "PAYMENT_DECLINED": _("Your bank refused the payment."),
    "ACCOUNT_CLOSED": _("Your miles account is closed."),
    "LIMIT_EXCEEDED": _("The price is over the limit of a single payment."),
    "SIMULATED_FAILURE": _("This failure was asked for, with a switch of the demo."),
    "DEADLINE_EXCEEDED": _("One of our partners, such as the bank, gave no answer in time."),
    "CANCELLED_BY_USER": _("You cancelled the booking."),
    "STOPPED": _("You stopped this before it was done."),
    "CANCELLED_BY_OPERATOR": _("Our desk cancelled the booking."),
}
# Of these the backend's own sentence is told, because it names the flight and the seat.
NAMING_A_FLIGHT = ("SEAT_UNAVAILABLE", "FLIGHT_CLOSED")
PAYMENT, MAIL = "AuthorizePayment", "SendConfirmation"
CANCELLED = ("CANCELLED_BY_USER", "CANCELLED_BY_OPERATOR")


@dataclass(frozen=True)
class StepView:
    name: str
    compensation: str
    status: str
    mood: str
    icon: str
    title: str
    detail: str
    attempts: int
    undo_attempts: int
    error: str
    error_code: str


@dataclass(frozen=True)
class SagaView:
    correlation_id: str
    status: str
    reason: str
    needs_attention: bool
    attention_reason: str
    resolved_manually: bool
    reference: str
    user_id: str
    flight_ids: tuple[int, ...]
    "in the order flown"
    amount: Any
    created_at: datetime | None
    finished_at: datetime | None
    next_attempt_at: datetime | None
    owner: str
    steps: tuple[StepView, ...]
    result: Json
    definition: str = "book-trip"
    gives_up_at: datetime | None = None
    "when it turns back if no answer has come by then"
    difference: Any = None
    "of a change: what it costs"
    prepared: tuple[str, ...] = ()
    "what the backend offers an operator to do about it"

    @property
    def at_stake(self) -> Any:
        """What the card is asked for."""
        return self.amount if self.difference is None else self.difference

    @property
    def payment(self) -> StepView | None:
        return next((step for step in self.steps if step.name == PAYMENT), None)

    @property
    def is_change(self) -> bool:
        """It changes a trip that is booked already."""
        return self.definition == "change-trip"

    @property
    def was_overtaken(self) -> bool:
        """A change whose trip was cancelled before it was paid."""
        return self.is_change and bool(self.result.get("not_needed"))

    @property
    def is_done(self) -> bool:
        """All that was asked for has taken effect; a mail about it may still be on its way."""
        left = [step.name for step in self.steps if step.status != "DONE"]
        return self.status == "COMPLETED" or (self.status == "RUNNING" and left == [MAIL])

    @property
    def is_terminal(self) -> bool:
        return self.status in TERMINAL

    @property
    def is_cancellation(self) -> bool:
        """It was booked, and is or was cancelled on request."""
        return self.reason in CANCELLED and bool(self.reference) and not self.is_change

    @property
    def was_stopped(self) -> bool:
        """It was turned back on request before it was done."""
        return self.reason in CANCELLED and not self.is_cancellation

    @property
    def failed(self) -> bool:
        return self.status == "COMPENSATED" and not self.is_cancellation

    @property
    def refund(self) -> Any:
        """What a cancellation gives back."""
        return self.result.get("refund", self.amount)

    @property
    def is_slow(self) -> bool:
        """A participant has been asked, and it is not known what it did."""
        return any(
            step.status == "UNKNOWN" or (step.status == "STARTED" and step.attempts > 1)
            for step in self.steps
        )

    @property
    def why(self) -> str:
        said = str(self.result.get("error") or "")
        if self.reason in NAMING_A_FLIGHT and said:
            return said
        if self.was_stopped and self.reason == "CANCELLED_BY_USER":
            return str(REASONS["STOPPED"])
        return str(REASONS.get(self.reason, "") or said or _("Something went wrong."))

    @property
    def error_code(self) -> str:
        return str(self.result.get("error_code") or self.reason)

    @property
    def undone(self) -> list[StepView]:
        """In the order of their compensation."""
        return [step for step in reversed(self.steps) if step.status in ("UNDONE", "RESOLVED")]

    @property
    def mood(self) -> str:
        if self.needs_attention:
            return "warn"
        return {"COMPLETED": "good", "COMPENSATED": "bad" if self.failed else "undo"}.get(
            self.status, "brand"
        )

    @property
    def last_error(self) -> str:
        return next((step.error for step in reversed(self.steps) if step.error), "")


def moment(value: Any) -> datetime | None:
    return datetime.fromisoformat(str(value)) if value else None


def from_status(body: Json) -> SagaView:
    going_back = body.get("status") in ("COMPENSATING", "COMPENSATED")
    return SagaView(
        correlation_id=str(body.get("correlation_id", "")),
        status=str(body.get("status", "")),
        reason=str(body.get("reason") or ""),
        needs_attention=bool(body.get("needs_attention")),
        attention_reason=str(body.get("attention_reason") or ""),
        resolved_manually=bool(body.get("resolved_manually")),
        reference=str(body.get("booking_reference") or ""),
        user_id=str(body.get("user_id") or ""),
        flight_ids=_flight_ids(body),
        amount=body.get("amount"),
        created_at=moment(body.get("created_at")),
        finished_at=moment(body.get("finished_at")),
        next_attempt_at=moment(body.get("next_attempt_at")),
        owner=str(body.get("owner") or ""),
        steps=tuple(_step(step, going_back=going_back) for step in body.get("steps") or []),
        result=body.get("result") or {},
        definition=str(body.get("definition") or "book-trip"),
        gives_up_at=moment(body.get("gives_up_at")),
        difference=body.get("difference"),
        prepared=tuple(str(each["name"]) for each in body.get("actions") or []),
    )


def _flight_ids(body: Json) -> tuple[int, ...]:
    first = [body["flight_id"]] if body.get("flight_id") else []
    return tuple(body.get("flights") or first)


def _step(step: Json, *, going_back: bool) -> StepView:
    status = str(step.get("status", "PENDING"))
    undo_attempts = int(step.get("compensation_attempts") or 0)
    own_icon = str(step.get("icon") or "") if status == "PENDING" else ""
    return StepView(
        name=str(step.get("name")),
        compensation=str(step.get("compensation") or ""),
        status=status,
        mood=MOODS.get(status, "idle"),
        icon=own_icon or ICONS[MOODS.get(status, "idle")],
        title=str(step.get("title") or step.get("name")),
        detail=_detail(status, going_back, int(step.get("attempts") or 0), undo_attempts),
        attempts=int(step.get("attempts") or 0),
        undo_attempts=undo_attempts,
        error=str(step.get("error") or ""),
        error_code=str(step.get("error_code") or ""),
    )


def _detail(status: str, going_back: bool, attempts: int, undo_attempts: int) -> str:
    if status == "PENDING":
        return gettext("Not begun: nothing to undo.") if going_back else gettext("Next.")
    if status == "DONE" and going_back:
        return gettext("Will be undone next.")
    if status in ("STARTED", "UNKNOWN"):
        return (
            gettext("No certain answer yet; asking again (try %(n)s).") % {"n": attempts}
            if attempts > 1
            else gettext("Just a moment.")
        )
    if status == "UNDOING":
        return (
            gettext("Trying again until it works (try %(n)s).") % {"n": undo_attempts}
            if undo_attempts > 1
            else gettext("Being undone.")
        )
    if status == "REFUSED":
        return gettext("Nothing was changed here.")
    if status == "DONE" and attempts > 1:
        return gettext("Asked %(n)s times, because an answer did not come; done once.") % {"n": attempts}
    if status == "UNDONE" and undo_attempts > 1:
        return gettext("Undone at try %(n)s.") % {"n": undo_attempts}
    return gettext("It could not be undone by itself.") if status == "RESOLVED" else ""
