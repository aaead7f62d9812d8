"""A booking's progress in a traveller's words: what is happening, and whether the money is safe."""

from collections.abc import Mapping
from dataclasses import dataclass
from decimal import Decimal
from typing import Any

from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from ui.templatetags.ui import money
from ui.view_models.sagas import SagaView


@dataclass(frozen=True)
class Moment:
    mood: str
    "a colour of the style sheet, or nothing"
    icon: str
    title: str
    text: str


# By the state of the payment: while it goes forward, and while it goes back. Only what is known is said.
FORWARD: Mapping[str, Any] = {
    "PENDING": gettext_lazy("Your bank has not been asked for anything yet."),
    "STARTED": gettext_lazy(
        "Your bank is asked to set %(amount)s aside. Nothing is taken before your tickets are issued."
    ),
    "UNKNOWN": gettext_lazy(
        "We are asking your bank whether it has set %(amount)s aside. You will not be charged twice, and "
        "nothing is taken before your tickets are issued."
    ),
    "DONE": gettext_lazy(
        "%(amount)s is set aside on your card. It is taken when your tickets are issued, and only once."
    ),
}
BACK: Mapping[str, Any] = {
    "DONE": gettext_lazy("%(amount)s is set aside on your card, and is given back next."),
    "UNDONE": gettext_lazy(
        "Nothing was charged. Your bank has confirmed that nothing is set aside any more."
    ),
    "REFUSED": gettext_lazy("Nothing was charged. The payment was refused."),
    "PENDING": gettext_lazy("Nothing was charged. Your bank was not asked for anything."),
    "RESOLVED": gettext_lazy(
        "Our desk has settled your payment by hand. If money stays set aside on your card, give our desk the "
        "support code below."
    ),
}
UNDOING = gettext_lazy(
    "We are asking your bank to give back what it may have set aside, and go on until it has confirmed that."
)


def money_of(saga: SagaView) -> str:
    """The answer to "Is my money safe?"."""
    if saga.is_cancellation:
        return _money_of_a_cancellation(saga)
    amount = money(saga.at_stake)
    payment = saga.payment
    if saga.was_overtaken:
        return _("Nothing was charged for this change: the booking was cancelled before it was paid.")
    if payment is None:
        return "" if saga.status != "COMPENSATED" else _("Nothing was charged.")
    if saga.is_done:
        return _("%(amount)s is charged to your card, once.") % {"amount": amount}
    if saga.status in ("COMPENSATING", "COMPENSATED"):
        return str(BACK.get(payment.status, UNDOING)) % {"amount": amount}
    known = "UNKNOWN" if payment.status == "STARTED" and payment.attempts > 1 else payment.status
    return str(FORWARD.get(known, FORWARD["PENDING"])) % {"amount": amount}


def _money_of_a_cancellation(saga: SagaView) -> str:
    if saga.resolved_manually:
        return str(BACK["RESOLVED"])
    if saga.status != "COMPENSATED":
        return _("What you get back goes to the card that you paid with. We go on until your bank has it.")
    if not Decimal(saga.refund or 0):
        if not saga.result.get("fee"):
            return _("Nothing was charged, and nothing is set aside on your card any more.")
        return _("Nothing is given back: the fee is as much as you paid.")
    terms = {"refund": money(saga.refund), "fee": money(saga.result.get("fee"))}
    if saga.result.get("fee"):
        return _("%(refund)s is given back to the card that you paid with; a fee of %(fee)s is kept.") % terms
    return _("%(refund)s is given back to the card that you paid with.") % terms


def moment_of(saga: SagaView) -> Moment:
    if saga.is_done:
        return _done(saga)
    if saga.needs_attention and not saga.is_terminal:
        return Moment(
            "warn",
            "life-buoy",
            _("Our desk is looking at this"),
            _("It takes longer than it should. It is not lost: we keep trying until it is settled."),
        )
    if saga.status == "COMPENSATED":
        return _ended(saga)
    if saga.status == "COMPENSATING":
        text = _("Everything that was done is being undone, newest first.")
        return Moment("undo", "undo-2", _("Undoing"), f"{saga.why} {text}")
    return _under_way(saga)


def _done(saga: SagaView) -> Moment:
    reference = {"reference": saga.reference}
    if saga.was_overtaken:
        text = _("Your booking %(reference)s was cancelled before its change was paid.") % reference
        return Moment("undo", "undo-2", _("Cancelled"), text)
    if saga.is_change:
        text = _("Your trip %(reference)s is changed. Your new tickets are ready.") % reference
        if not saga.is_terminal:
            text += " " + _("Only the mail with them is still on its way.")
        return Moment("good", "circle-check", _("Changed"), text)
    text = _("Your booking reference is %(reference)s.") % reference
    return Moment("good", "circle-check", _("Booked"), text)


def _ended(saga: SagaView) -> Moment:
    if saga.is_change:
        return Moment("bad", "circle-x", _("Your trip is as it was"), saga.why)
    if saga.is_cancellation:
        return Moment("undo", "undo-2", _("Cancelled"), saga.why)
    if saga.was_stopped:
        return Moment("undo", "undo-2", _("Stopped"), saga.why)
    return Moment("bad", "circle-x", _("This did not work out"), saga.why)


def _under_way(saga: SagaView) -> Moment:
    usual = _("Changing your trip") if saga.is_change else _("Booking your trip")
    now = next((step for step in saga.steps if step.status in ("STARTED", "UNKNOWN")), None)
    if now is None:
        return Moment("", "loader", usual, _("Usually within a second."))
    if not saga.is_slow:
        return Moment("", "loader", usual, now.title)
    if now == saga.payment:
        text = _("Its answer has not come yet. We keep asking: you will not be charged twice.")
        return Moment("warn", "clock", _("We are checking with your bank"), text)
    text = _("One of our partners has not answered yet. We keep asking; nothing is lost.")
    return Moment("warn", "clock", usual, text)
