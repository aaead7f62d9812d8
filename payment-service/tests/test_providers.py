"""What every provider has to do: the same tests on the simulated one, and on Stripe behind localstripe."""

from collections.abc import Callable
from datetime import timedelta
from itertools import count
from typing import Any

import pytest
from django_sagas.clock import utc_now

from payment.bank.models import Movement
from payment.models import Action
from payment.providers.interface import GONE, Approved, Asked, Declined, NeverDone, Outcome, Provider, Unknown
from payment.providers.simulated import SimulatedProvider
from payment.providers.stripe import StripeProvider
from proofs import stripe_proxy
from proofs.stripe_proxy import Stripe
from tests.unreliable import UnreliableProvider, silence

pytestmark = pytest.mark.django_db

AMOUNT = 5000
_numbers = count(1)


class Simulated:
    approved, declined = "tok_ok", "tok_insufficient_funds"

    def __init__(self) -> None:
        self.provider: Provider = SimulatedProvider()

    def losing_its_reply(self) -> Provider:
        """After the next call has taken effect."""
        return UnreliableProvider(silence, at=2)

    def expire(self, reference: str) -> None:
        Movement.objects.filter(hold=reference).update(created_at=utc_now() - timedelta(days=8))

    def books(self, reference: str) -> tuple[int, int, int]:
        """Cents that are held, captured and refunded."""
        sums = dict.fromkeys(("HOLD", "RELEASE", "CAPTURE", "REFUND"), 0)
        for line in Movement.objects.filter(hold=reference, kind__in=sums):
            sums[line.kind] += line.amount
        ended = sums["RELEASE"] or sums["CAPTURE"]
        return (0 if ended else sums["HOLD"]), sums["CAPTURE"], sums["REFUND"]

    def held(self) -> int:
        holds = Movement.objects.filter(kind="HOLD").values_list("hold", flat=True)
        return sum(self.books(hold)[0] for hold in holds)


class Localstripe:
    approved, declined = "tok_visa", "tok_chargecustomerfail"

    def __init__(self, stripe: Stripe) -> None:
        self._stripe = stripe
        self.expire, self.books, self.held = stripe.expire, stripe.books, stripe.held
        self.provider: Provider = StripeProvider(
            secret_key=stripe_proxy.KEY, address=stripe.address, timeout=10
        )

    def losing_its_reply(self) -> Provider:
        self._stripe.lose_replies = 1
        return self.provider


@pytest.fixture(params=["simulated", "stripe"])
def bank(request: pytest.FixtureRequest) -> Any:
    return (
        Simulated() if request.param == "simulated" else Localstripe(request.getfixturevalue("localstripe"))
    )


@pytest.fixture
def provider(bank: Any) -> Provider:
    found: Provider = bank.provider
    return found


@pytest.fixture
def key() -> Callable[[], str]:
    """A new key with each call; one Stripe serves all tests."""
    return lambda: f"test-{next(_numbers)}"


@pytest.fixture
def held(bank: Any, key: Callable[[], str]) -> str:
    """The reference of an authorisation."""
    outcome = authorize(bank.provider, key(), bank.approved)
    assert isinstance(outcome, Approved)
    return outcome.reference


@pytest.fixture
def captured(provider: Provider, key: Callable[[], str], held: str) -> str:
    assert provider.capture(key=key(), reference=held, amount=AMOUNT) == Approved(held)
    return held


def authorize(provider: Provider, key: str, token: str) -> Outcome:
    return provider.authorize(key=key, card_token=token, amount=AMOUNT, currency="USD")


def asked(key: str, action: Action, reference: str = "") -> Asked:
    return Asked(key=key, action=action, reference=reference, amount=AMOUNT, since=utc_now())


def test_authorisation_holds_the_amount(bank: Any, held: str) -> None:
    assert bank.books(held) == (AMOUNT, 0, 0)


def test_repeated_authorisation_is_the_same_hold(
    bank: Any, provider: Provider, key: Callable[[], str]
) -> None:
    before, same = bank.held(), key()
    first, again = (authorize(provider, same, bank.approved) for _ in range(2))
    assert isinstance(first, Approved) and again == first
    assert bank.held() - before == AMOUNT


def test_declined_card_holds_nothing(bank: Any, provider: Provider, key: Callable[[], str]) -> None:
    before, same = bank.held(), key()
    for _ in range(2):
        declined = authorize(provider, same, bank.declined)
        assert isinstance(declined, Declined) and declined.message.endswith(".")
    assert isinstance(provider.look_up(asked(same, Action.AUTHORIZE)), Declined)
    assert bank.held() == before


@pytest.mark.parametrize("amount", [AMOUNT, 1])
def test_capture_takes_the_amount_and_frees_the_rest(
    bank: Any, provider: Provider, key: Callable[[], str], held: str, amount: int
) -> None:
    same = key()
    for _ in range(2):
        assert provider.capture(key=same, reference=held, amount=amount) == Approved(held)
    assert bank.books(held) == (0, amount, 0)


def test_captured_hold_gives_no_more(
    bank: Any, provider: Provider, key: Callable[[], str], held: str
) -> None:
    provider.capture(key=key(), reference=held, amount=100)
    assert isinstance(provider.capture(key=key(), reference=held, amount=200), Declined)
    assert isinstance(provider.cancel(key=key(), reference=held), Declined)
    assert bank.books(held) == (0, 100, 0)


@pytest.mark.parametrize("amount", [AMOUNT + 1, 10 * AMOUNT])
def test_more_than_is_held_is_not_captured(
    bank: Any, provider: Provider, key: Callable[[], str], held: str, amount: int
) -> None:
    assert isinstance(provider.capture(key=key(), reference=held, amount=amount), Declined)
    assert bank.books(held) == (AMOUNT, 0, 0)


def test_cancelled_hold_is_free_and_is_not_captured(
    bank: Any, provider: Provider, key: Callable[[], str], held: str
) -> None:
    for _ in range(2):
        assert provider.cancel(key=key(), reference=held) == Approved(held)
    assert bank.books(held) == (0, 0, 0)
    refused = provider.capture(key=key(), reference=held, amount=AMOUNT)
    assert isinstance(refused, Declined) and refused.code == GONE


def test_expired_hold_is_not_captured_and_is_cancelled_in_name(
    bank: Any, provider: Provider, key: Callable[[], str], held: str
) -> None:
    bank.expire(held)
    refused = provider.capture(key=key(), reference=held, amount=AMOUNT)
    assert isinstance(refused, Declined) and refused.code == GONE
    assert provider.cancel(key=key(), reference=held) == Approved(held)
    assert bank.books(held) == (0, 0, 0)


def test_refunds_give_back_once_each_and_never_more_than_was_captured(
    bank: Any, provider: Provider, key: Callable[[], str], captured: str
) -> None:
    same = key()
    for _ in range(2):
        assert provider.refund(key=same, reference=captured, amount=1000) == Approved(captured)
    assert bank.books(captured) == (0, AMOUNT, 1000)
    assert isinstance(provider.refund(key=key(), reference=captured, amount=4001), Declined)
    assert provider.refund(key=key(), reference=captured, amount=4000) == Approved(captured)
    assert isinstance(provider.refund(key=key(), reference=captured, amount=1), Declined)
    assert bank.books(captured) == (0, AMOUNT, AMOUNT)


def test_hold_that_was_not_captured_is_not_refunded(
    bank: Any, provider: Provider, key: Callable[[], str], held: str
) -> None:
    assert isinstance(provider.refund(key=key(), reference=held, amount=1), Declined)
    assert bank.books(held) == (AMOUNT, 0, 0)


def test_lost_reply_of_an_authorisation_is_looked_up(
    bank: Any, provider: Provider, key: Callable[[], str]
) -> None:
    before, same = bank.held(), key()
    with pytest.raises(Unknown):
        authorize(bank.losing_its_reply(), same, bank.approved)
    for _ in range(2):
        found = provider.look_up(asked(same, Action.AUTHORIZE))
        assert isinstance(found, Approved) and bank.books(found.reference) == (AMOUNT, 0, 0)
    assert bank.held() - before == AMOUNT


def test_lost_replies_are_looked_up_and_a_repeat_moves_nothing(
    bank: Any, provider: Provider, key: Callable[[], str], held: str
) -> None:
    for action, books in ((Action.CAPTURE, (0, AMOUNT, 0)), (Action.REFUND, (0, AMOUNT, AMOUNT))):
        same = key()
        with pytest.raises(Unknown):
            made(bank.losing_its_reply(), action, same, held)
        assert bank.books(held) == books
        assert provider.look_up(asked(same, action, held)) == Approved(held)
        assert made(provider, action, same, held) == Approved(held)
        assert bank.books(held) == books


def test_lost_reply_of_a_cancellation_is_looked_up(
    bank: Any, provider: Provider, key: Callable[[], str], held: str
) -> None:
    same = key()
    with pytest.raises(Unknown):
        made(bank.losing_its_reply(), Action.CANCEL, same, held)
    assert provider.look_up(asked(same, Action.CANCEL, held)) == Approved(held)
    assert bank.books(held) == (0, 0, 0)


def made(provider: Provider, action: Action, key: str, reference: str) -> Outcome:
    match action:
        case Action.CAPTURE:
            return provider.capture(key=key, reference=reference, amount=AMOUNT)
        case Action.REFUND:
            return provider.refund(key=key, reference=reference, amount=AMOUNT)
        case _:
            return provider.cancel(key=key, reference=reference)


def test_authorisation_that_never_came_is_given_up_and_holds_nothing_when_it_comes(
    bank: Any, provider: Provider, key: Callable[[], str]
) -> None:
    before, same = bank.held(), key()
    for _ in range(2):
        assert provider.look_up(asked(same, Action.AUTHORIZE)) == NeverDone()
    with pytest.raises(Unknown):
        authorize(provider, same, bank.approved)
    assert bank.held() == before


@pytest.mark.parametrize("action", [Action.CAPTURE, Action.REFUND, Action.CANCEL])
def test_call_that_never_came_is_given_up_or_made(
    bank: Any, provider: Provider, key: Callable[[], str], held: str, action: Action
) -> None:
    if action is Action.REFUND:
        provider.capture(key=key(), reference=held, amount=AMOUNT)
    before, same = bank.books(held), key()
    found = provider.look_up(asked(same, action, held))
    if found == NeverDone():
        assert bank.books(held) == before
        with pytest.raises(Unknown):
            made(provider, action, same, held)
        assert bank.books(held) == before
    else:
        assert found == Approved(held) and bank.books(held) != before
        after = bank.books(held)
        assert made(provider, action, same, held) == Approved(held)
        assert bank.books(held) == after


def test_key_of_another_hold_moves_nothing_and_is_told(
    bank: Any, provider: Provider, key: Callable[[], str], captured: str
) -> None:
    other, again = (authorize(provider, key(), bank.approved) for _ in range(2))
    assert isinstance(other, Approved) and isinstance(again, Approved)
    used = key()
    assert provider.cancel(key=used, reference=other.reference) == Approved(other.reference)
    assert isinstance(provider.cancel(key=used, reference=again.reference), Declined)
    assert isinstance(provider.capture(key=used, reference=again.reference, amount=AMOUNT), Declined)
    assert isinstance(provider.refund(key=used, reference=captured, amount=AMOUNT), Declined)
    found = provider.look_up(asked(used, Action.CANCEL, again.reference))
    assert isinstance(found, Declined | NeverDone)
    assert bank.books(again.reference) == (AMOUNT, 0, 0)
    assert bank.books(captured) == (0, AMOUNT, 0)


def test_books_tell_what_became_of_each_authorisation(
    bank: Any, provider: Provider, key: Callable[[], str]
) -> None:
    since, keys = utc_now() - timedelta(minutes=1), [key() for _ in range(4)]
    held, freed, taken, refunded = (_reference(authorize(provider, each, bank.approved)) for each in keys)
    authorize(provider, key(), bank.declined)
    provider.look_up(asked(key(), Action.AUTHORIZE))  # Is given up, and holds nothing.
    provider.cancel(key=key(), reference=freed)
    provider.capture(key=key(), reference=taken, amount=AMOUNT)
    provider.capture(key=key(), reference=refunded, amount=AMOUNT)
    by = key()
    provider.refund(key=by, reference=refunded, amount=1000)
    listed = {hold.reference: hold for hold in provider.holds(since) if hold.key in keys}
    assert [listed[each].key for each in (held, freed, taken, refunded)] == keys
    for reference, hold in listed.items():
        assert (hold.held, hold.taken, hold.refunded) == bank.books(reference)
        assert provider.find_hold(reference) == hold
    assert [(one.amount, one.key) for one in listed[refunded].refunds] == [(1000, by)]
    assert len(listed) == 4 and provider.find_hold("pi_nobody") is None


def _reference(outcome: Outcome) -> str:
    assert isinstance(outcome, Approved)
    return outcome.reference


def test_provider_that_cannot_be_reached_has_said_nothing() -> None:
    away = StripeProvider(secret_key=stripe_proxy.KEY, address="http://127.0.0.1:1", timeout=1)
    with pytest.raises(Unknown):
        authorize(away, "away", "tok_visa")
    for action in (Action.CAPTURE, Action.REFUND, Action.CANCEL):
        with pytest.raises(Unknown):
            made(away, action, "away", "pi_1")
        with pytest.raises(Unknown):
            away.look_up(asked("away", action, "pi_1"))
