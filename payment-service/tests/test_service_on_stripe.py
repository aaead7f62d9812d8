"""The life of a trip's money with Stripe as the provider, and a crash at each boundary of each call to it."""

from collections.abc import Callable
from typing import Any
from uuid import uuid4

import pytest
from pytest_django import Settings
from service_kit.testing.calls import envelope, post
from service_kit.testing.protocol import assert_refused

from payment.models import Attempt, AttemptState, Payment
from payment.providers.stripe import StripeProvider
from proofs import stripe_proxy
from proofs.stripe_proxy import Stripe
from tests.conftest import AUTHORIZE, CANCEL, CAPTURE, REFUND, booking
from tests.test_settle_provider import settle
from tests.unreliable import Killed, UnreliableProvider, served_by

pytestmark = pytest.mark.django_db
CALLS = 6
"to Stripe, of an undisturbed trip: two authorisations, a capture, a refund, and two for the cancellation"


@pytest.fixture(autouse=True)
def on_stripe(settings: Settings) -> None:
    settings.DEMO_MODE, settings.PAYMENT_GATEWAY = True, "stripe"


@pytest.fixture
def provider(localstripe: Stripe) -> StripeProvider:
    return StripeProvider(secret_key=stripe_proxy.KEY, address=localstripe.address, timeout=10)


def life_of(trip: str) -> list[Callable[[], Any]]:
    card = {"payment": {"card_token": "tok_visa"}}
    change = f"{trip}-change"
    return [
        lambda: post(AUTHORIZE, envelope(trip, booking(**card))),
        lambda: post(CAPTURE, envelope(f"{trip}-settle", {"payment_id": trip, "amount": 300})),
        lambda: post(REFUND, envelope(f"{trip}-refund", {"payment_id": trip, "amount": 100})),
        lambda: post(AUTHORIZE, envelope(change, booking(**card, trip_id=trip, flight_fare=20))),
        lambda: post(CANCEL, envelope(trip, {"keep": 50})),
    ]


def until_done(call: Callable[[], Any]) -> None:
    for _ in range(3):
        try:
            answer = call()
        except Killed:
            continue
        assert answer.json()["success"] is True, answer.content
        return
    raise AssertionError("never done")


@pytest.mark.parametrize("at", range(2 * CALLS + 1))
def test_money_of_a_trip_is_moved_once_whatever_dies(
    provider: StripeProvider, localstripe: Stripe, at: int
) -> None:
    trip, held = str(uuid4()), localstripe.held()
    # The timeout of 0: a call that died is settled by the next one at once.
    with served_by(UnreliableProvider(at=at, inner=provider)) as served:
        for call in life_of(trip):
            until_done(call)
    assert at or len(served.passed) == 2 * CALLS
    first, second = Payment.objects.order_by("id")
    assert (first.status, first.captured, first.refunded) == ("PARTLY_REFUNDED", 30000, 25000)
    assert (second.status, second.captured) == ("CANCELLED", 0)
    assert localstripe.books(first.provider_reference) == (0, 30000, 25000)
    assert localstripe.books(second.provider_reference) == (0, 0, 0)
    assert localstripe.held() == held, "nothing is held that no payment names"
    assert not Attempt.objects.filter(state=AttemptState.OPEN).exists()


def test_declined_card_is_refused(provider: StripeProvider) -> None:
    with served_by(UnreliableProvider(inner=provider)):
        card = {"payment": {"card_token": "tok_chargecustomerfail"}}
        assert_refused(
            post(AUTHORIZE, envelope("declined-1", booking(**card))), "declined-1", "PAYMENT_DECLINED"
        )
    assert not Payment.objects.exists()


def test_authorisation_that_expired_at_stripe_is_expired_here(
    provider: StripeProvider, localstripe: Stripe
) -> None:
    trip = str(uuid4())
    authorize, capture = life_of(trip)[:2]
    with served_by(UnreliableProvider(inner=provider)):
        until_done(authorize)
        localstripe.expire(Payment.objects.get().provider_reference)
        assert_refused(capture(), f"{trip}-settle", "AUTHORIZATION_EXPIRED")
    assert Payment.objects.get().status == "EXPIRED"
    assert Payment.objects.get().entries.filter(kind="EXPIRED").count() == 1


def test_calls_that_payment_has_forgotten_are_settled_from_the_books_of_stripe(
    provider: StripeProvider, localstripe: Stripe
) -> None:
    """Payment was restored to a moment after the first authorisation."""
    trip = str(uuid4())
    with served_by(UnreliableProvider(inner=provider)):
        until_done(life_of(trip)[0])
        of = {"reference": Payment.objects.get().provider_reference}
        provider.capture(key=f"{trip}-settle:CapturePayment:{trip}", amount=30000, **of)
        provider.refund(key=f"{trip}-refund:RefundPayment:{trip}", amount=10000, **of)
        lost = f"{trip}-change:AuthorizePayment"
        provider.authorize(key=lost, card_token="tok_visa", amount=7000, currency="USD")
        assert settle() == (0, [f"WRITE {trip}", f"UNDO {trip}-change"])
        for call in life_of(trip)[1:]:
            until_done(call)
        assert settle() == (0, [])
    first, second = Payment.objects.order_by("id")
    assert (first.status, first.captured, first.refunded) == ("PARTLY_REFUNDED", 30000, 25000)
    assert localstripe.books(first.provider_reference) == (0, 30000, 25000)
    assert (second.status, localstripe.held()) == ("CANCELLED", 0)
