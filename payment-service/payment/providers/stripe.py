"""Stripe: a PaymentIntent with manual capture for each authorisation.

Needs the package `stripe`, which requirements/stripe.txt pins. Every call has our idempotency key, which
Stripe keeps for at least 24 hours; what is looked up later is found by the key in an object's metadata.
"""

from collections.abc import Iterator
from contextlib import contextmanager
from datetime import datetime, timedelta
from typing import Any

import stripe
from stripe import PaymentIntent, Refund, StripeClient

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

OUR_KEY = "idempotency_key"
"Of an object's metadata."
REFUSES = "The payment provider refuses."
HOLDS = ("requires_capture", "succeeded", "canceled")
"Statuses of an intent that holds money, or has."
KEY_USED = Declined("idempotency_error", "This key was used for another call.")
"As after a restore: the next attempt has another key."
CLOCKS = timedelta(minutes=5)
"By how much Stripe's clock and ours may differ."


class StripeProvider:
    name = "stripe"
    shares_our_database = False

    def __init__(self, *, secret_key: str, address: str, timeout: float) -> None:
        self.timeout = timeout
        self._client = StripeClient(
            secret_key,
            base_addresses={"api": address},
            # Attempts are repeated by their saga.
            max_network_retries=0,
            http_client=stripe.RequestsClient(timeout=timeout),
        )

    def authorize(self, *, key: str, card_token: str, amount: int, currency: str) -> Outcome:
        params: dict[str, Any] = {
            **_intent(amount, currency),
            **_method(card_token),
            "confirm": True,
            "error_on_requires_action": True,
            "metadata": {OUR_KEY: key},
        }
        with _unknown_unless_refused():
            try:
                made = self._intents.create(params, {"idempotency_key": key})
            except stripe.CardError as error:
                return _declined(error)
            except stripe.InvalidRequestError as error:
                return _declined(error)
        return _authorized(made)

    def capture(self, *, key: str, reference: str, amount: int) -> Outcome:
        with _unknown_unless_refused():
            try:
                self._intents.capture(reference, {"amount_to_capture": amount}, {"idempotency_key": key})
            except stripe.IdempotencyError:
                return KEY_USED
            except stripe.InvalidRequestError as error:
                return _captured(self._intents.retrieve(reference), amount) or _declined(error)
        return Approved(reference)

    def cancel(self, *, key: str, reference: str) -> Outcome:
        with _unknown_unless_refused():
            try:
                self._intents.cancel(reference, {}, {"idempotency_key": key})
            except stripe.IdempotencyError:
                return KEY_USED
            except stripe.InvalidRequestError as error:
                # Expired, or cancelled before.
                if self._intents.retrieve(reference).status != "canceled":
                    return _declined(error)
        return Approved(reference)

    def refund(self, *, key: str, reference: str, amount: int) -> Outcome:
        with _unknown_unless_refused():
            try:
                made = self._client.v1.refunds.create(
                    {"payment_intent": reference, "amount": amount, "metadata": {OUR_KEY: key}},
                    {"idempotency_key": key},
                )
            except stripe.IdempotencyError:
                return KEY_USED
            except stripe.InvalidRequestError as error:
                return _declined(error)
        return _refunded(made, reference)

    def look_up(self, asked: Asked) -> Outcome | NeverDone:
        """A capture, cancellation or refund that was not made is made: Stripe can give no key of them up."""
        key, reference, amount = asked.key, asked.reference, asked.amount
        with _unknown_unless_refused():
            match asked.action:
                case Action.AUTHORIZE:
                    return self._give_up(asked) or NeverDone()
                case Action.CAPTURE:
                    found = _captured(self._intents.retrieve(reference), amount)
                    return found or self.capture(key=key, reference=reference, amount=amount)
                case Action.CANCEL:
                    return self.cancel(key=key, reference=reference)
            for made in self._client.v1.refunds.list({"payment_intent": reference}).auto_paging_iter():
                if _key(made) == key:
                    return _refunded(made, reference)
            return self.refund(key=key, reference=reference, amount=amount)

    def _give_up(self, asked: Asked) -> Outcome | None:
        """Use the key up with an intent that holds nothing, unless it was used: then find what it made."""
        try:
            params = _intent(asked.amount, "USD")
            idle = self._intents.create(params, {"idempotency_key": asked.key})
            self.cancel(key=f"{asked.key}:idle", reference=idle.id)
        except stripe.IdempotencyError:
            pass  # It was used.
        since = int((asked.since - CLOCKS).timestamp())
        for made in self._intents.list({"created": {"gte": since}, "limit": 100}).auto_paging_iter():
            if _key(made) == asked.key:
                return _authorized(made)
        return None

    def holds(self, since: datetime) -> Iterator[Hold]:
        """An intent without our key is none of ours: it was made by hand, or to give a key up."""
        asked = {"created": {"gte": int((since - CLOCKS).timestamp())}, "limit": 100}
        with _unknown_unless_refused():
            for made in self._intents.list(asked).auto_paging_iter():
                if _key(made) and made.status in HOLDS:
                    # As it stands now: a page may be minutes old when its last line is read.
                    yield self._hold(self._intents.retrieve(made.id))

    def find_hold(self, reference: str) -> Hold | None:
        with _unknown_unless_refused():
            try:
                return self._hold(self._intents.retrieve(reference))
            except stripe.InvalidRequestError as error:
                if error.http_status == 404:
                    return None
                raise

    def _hold(self, made: PaymentIntent) -> Hold:
        """Stripe does not say by which call it was captured or cancelled."""
        captured = Moved(made.amount_received) if made.status == "succeeded" else None
        released = Moved(made.amount) if made.status == "canceled" else None
        refunds = tuple(self._refunds(made)) if captured else ()
        return Hold(made.id, _key(made), made.amount, captured, released, refunds)

    def _refunds(self, made: PaymentIntent) -> Iterator[Moved]:
        found = self._client.v1.refunds.list({"payment_intent": made.id, "limit": 100})
        for one in found.auto_paging_iter():
            if one.status not in ("failed", "canceled"):
                yield Moved(one.amount, _key(one))

    @property
    def _intents(self) -> Any:
        return self._client.v1.payment_intents


def _intent(amount: int, currency: str) -> dict[str, Any]:
    return {
        "amount": amount,
        "currency": currency.lower(),
        "capture_method": "manual",
        "payment_method_types": ["card"],
    }


def _method(card_token: str) -> dict[str, Any]:
    if card_token.startswith("pm_"):
        return {"payment_method": card_token}
    return {"payment_method_data": {"type": "card", "card": {"token": card_token}}}


def _key(made: PaymentIntent | Refund) -> str:
    return str(made.metadata.to_dict().get(OUR_KEY, "")) if made.metadata else ""


def _authorized(made: PaymentIntent) -> Outcome:
    if made.status in ("requires_capture", "succeeded", "canceled"):
        return Approved(made.id)
    if made.status == "processing":
        raise Unknown("Stripe is still processing the payment.")
    if error := made.last_payment_error:
        return Declined(error.code or "declined", error.message or REFUSES)
    return Declined("authentication_required", "The card asks for its owner's consent.")


def _captured(intent: PaymentIntent, amount: int) -> Outcome | None:
    """None while it can be captured."""
    if intent.status == "canceled":
        return Declined(GONE, "The authorisation has expired or was cancelled.")
    if intent.status != "succeeded":
        return None
    if intent.amount_received == amount:
        return Approved(intent.id)
    return Declined("captured", "Another amount was captured before.")


def _refunded(made: Refund, reference: str) -> Outcome:
    if made.status in ("failed", "canceled"):
        return Declined("refund_failed", "The refund has failed.")
    return Approved(reference)


def _declined(error: stripe.StripeError) -> Declined:
    return Declined(error.code or "declined", error.user_message or REFUSES)


@contextmanager
def _unknown_unless_refused() -> Iterator[None]:
    """What Stripe has not refused by a definite answer is unknown."""
    try:
        yield
    except stripe.StripeError as error:
        raise Unknown(f"Stripe: {type(error).__name__}.") from error
