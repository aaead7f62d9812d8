"""The simulated provider: decides by the contract's test tokens, and keeps the books of a bank."""

import time
from collections.abc import Iterator, Mapping, Sequence
from datetime import datetime
from uuid import uuid4

import structlog
from django.conf import settings
from django_sagas.clock import utc_now

from payment.bank import books
from payment.bank.models import Movement, MovementKind
from payment.models import Action
from payment.providers.interface import (
    GONE,
    Approved,
    Asked,
    Declined,
    Hold,
    Moved,
    NeverDone,
    Outcome,
    Unknown,
)

log = structlog.get_logger("startup")

APPROVED = ""
DECLINED = "The card was declined."
# An unknown token is declined.
ANSWERS: Mapping[str, str] = {
    "tok_ok": APPROVED,
    "tok_unsure": APPROVED,
    "tok_declined": DECLINED,
    "tok_insufficient_funds": "The card has insufficient funds.",
}
SILENT = "tok_timeout"
LOST = "tok_unsure"
"The bank holds the money, and its answer does not arrive."


class SimulatedProvider:
    name = "simulated"
    shares_our_database = True

    @property
    def timeout(self) -> float:
        seconds: float = settings.GATEWAY_TIMEOUT_SECONDS
        return seconds

    def authorize(self, *, key: str, card_token: str, amount: int, currency: str) -> Outcome:
        if card_token == SILENT:
            time.sleep(self.timeout)
            raise Unknown("The payment gateway does not answer.")
        entered = books.hold(
            key=key,
            hold=f"hold-{uuid4()}",
            amount=amount,
            currency=currency,
            declined=ANSWERS.get(card_token, DECLINED),
            now=utc_now(),
        )
        if card_token == LOST:
            time.sleep(self.timeout)
            raise Unknown("The answer of the payment gateway was lost.")
        return _outcome(entered)

    def capture(self, *, key: str, reference: str, amount: int) -> Outcome:
        return _outcome(books.capture(key=key, hold=reference, amount=amount, now=utc_now()), GONE)

    def cancel(self, *, key: str, reference: str) -> Outcome:
        return _outcome(books.release(key=key, hold=reference, now=utc_now()))

    def refund(self, *, key: str, reference: str, amount: int) -> Outcome:
        return _outcome(books.refund(key=key, hold=reference, amount=amount, now=utc_now()))

    def look_up(self, asked: Asked) -> Outcome | NeverDone:
        entered = books.void(key=asked.key, now=utc_now())
        of_another = asked.action != Action.AUTHORIZE and entered.hold != asked.reference
        return NeverDone() if entered.kind == MovementKind.VOID or of_another else _outcome(entered)

    def holds(self, since: datetime) -> Iterator[Hold]:
        return map(_hold, books.movements_of_holds(since))

    def find_hold(self, reference: str) -> Hold | None:
        lines = books.movements(reference)
        return _hold(lines) if lines else None


def _hold(lines: Sequence[Movement]) -> Hold:
    held = lines[0]
    moved = {kind: [Moved(one.amount, one.key) for one in lines if one.kind == kind] for kind in MovementKind}
    captured = next(iter(moved[MovementKind.CAPTURE]), None)
    released = next(iter(moved[MovementKind.RELEASE]), None)
    if not captured and not released and books.has_expired(held, utc_now()):
        released = Moved(held.amount)
    return Hold(held.hold, held.key, held.amount, captured, released, tuple(moved[MovementKind.REFUND]))


def _outcome(entered: Movement, code: str = "declined") -> Outcome:
    if entered.kind == MovementKind.VOID:
        raise Unknown("This key was given up.")
    if entered.kind == MovementKind.DECLINE:
        return Declined(code, entered.text)
    return Approved(entered.hold)


def announce() -> None:
    """Log at every start that no money is taken; in demo mode another line says so."""
    if not settings.DEMO_MODE:
        log.warning("simulated_payment_gateway", takes_money=False, not_for="production")
