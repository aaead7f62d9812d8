from collections.abc import Iterator
from decimal import Decimal
from typing import Any

import pytest
from service_kit.testing.callers import service_bearer
from service_kit.testing.calls import envelope, post
from service_kit.testing.protocol import Pair
from service_kit.testing.unguarded import django_db_setup  # noqa: F401  what is emptied between tests

from payment.bank.models import Movement, MovementKind
from payment.models import Payment
from proofs import stripe_proxy
from proofs.stripe_proxy import Stripe

AUTHORIZE = "/api/saga/authorize-payment/"
CANCEL = "/api/saga/cancel-payment/"
CAPTURE = "/api/saga/capture-payment/"
REFUND = "/api/saga/refund-payment/"
TRIES = frozenset({"payment_attempt", "bank_movement"})


def booking(**changes: Any) -> dict[str, Any]:
    return {"user_id": 1, "flight_fare": 500.0, "payment": {"card_token": "tok_ok"}, **changes}


def held_cents(correlation_id: str) -> int:
    """What a booking costs as things stand. The bank's books must say the same."""
    payments = list(Payment.objects.filter(correlation_id=correlation_id))
    assert sum(map(held_at_the_bank, payments)) == sum(payment.live for payment in payments)
    return sum(payment.live for payment in payments)


def held_at_the_bank(payment: Payment) -> int:
    """Cents that the bank holds, or has taken and not given back."""
    moved = dict.fromkeys(MovementKind, 0)
    for line in Movement.objects.filter(hold=payment.provider_reference):
        moved[MovementKind(line.kind)] += line.amount
    if moved[MovementKind.CAPTURE]:
        return moved[MovementKind.CAPTURE] - moved[MovementKind.REFUND]
    return moved[MovementKind.HOLD] - moved[MovementKind.RELEASE]


@pytest.fixture(scope="session")
def running_stripe(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Stripe]:
    with stripe_proxy.running(tmp_path_factory.mktemp("localstripe")) as stripe:
        yield stripe


@pytest.fixture
def localstripe(running_stripe: Stripe) -> Stripe:
    """Without a payment."""
    running_stripe.forget()
    return running_stripe


@pytest.fixture
def pair() -> Pair:
    return Pair(
        step="AuthorizePayment",
        action=AUTHORIZE,
        compensation=CANCEL,
        booking=booking(),
        same={"flight_fare": 500, "user_id": "1", "flights": [{"flight_id": 1}, {"flight_id": 2}]},
        other=booking(flight_fare=500.01),
        refused=booking(payment={"card_token": "tok_declined"}),
        refusal="PAYMENT_DECLINED",
        worth=55000,
        live=held_cents,
        tries=TRIES,
    )


def authorized(correlation_id: str) -> None:
    """What is to be captured."""
    assert post(AUTHORIZE, envelope(correlation_id, booking())).json()["success"] is True


def captured_cents(correlation_id: str) -> int:
    held_cents(correlation_id)
    return sum(Payment.objects.filter(correlation_id=correlation_id).values_list("captured", flat=True))


def captured(correlation_id: str) -> None:
    """What is to be refunded, by a payment of the refund's own correlation id."""
    if not Payment.objects.filter(correlation_id=correlation_id).exists():
        authorized(correlation_id)
        assert post(CAPTURE, envelope(correlation_id, {})).json()["success"] is True


def refunded_cents(correlation_id: str) -> int:
    held_cents(correlation_id)
    return sum(Payment.objects.filter(correlation_id=correlation_id).values_list("refunded", flat=True))


@pytest.fixture
def capture_pair() -> Pair:
    return Pair(
        step="CapturePayment",
        action=CAPTURE,
        compensation="",
        booking={"amount": 200.5},
        same={"amount": Decimal("200.50"), "flight_fare": 1},
        other={"amount": 200.51},
        refused={"amount": 550.01},
        refusal="NOT_CAPTURABLE",
        worth=20050,
        live=captured_cents,
        before=authorized,
        tries=TRIES,
    )


@pytest.fixture
def refund_pair() -> Pair:
    return Pair(
        step="RefundPayment",
        action=REFUND,
        compensation="",
        booking={"amount": 20},
        same={"amount": Decimal("20.00"), "user_id": 7},
        other={"amount": 20.01},
        refused={"amount": 550.01},
        refusal="REFUND_TOO_HIGH",
        worth=2000,
        live=refunded_cents,
        before=captured,
        tries=TRIES,
    )


@pytest.fixture
def service_headers() -> dict[str, str]:
    """What the backend sends to prove who it is."""
    return {"Authorization": service_bearer(caller="backend", audience="payment")}
