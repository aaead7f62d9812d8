"""Payment that was restored to an earlier moment than its provider, and a provider that has lost calls."""

from datetime import timedelta
from io import StringIO
from typing import Any

import pytest
from django.core.management import CommandError, call_command
from django_sagas.clock import utc_now
from pytest_django import Settings
from service_kit.security.models import AuditEntry
from service_kit.testing.calls import envelope, post, snapshot

from payment.attempts import open_authorization
from payment.bank.models import Movement, MovementKind
from payment.models import LedgerEntry, Payment
from payment.providers.simulated import SimulatedProvider
from tests.conftest import (
    CANCEL,
    CAPTURE,
    REFUND,
    authorized,
    captured,
    captured_cents,
    held_at_the_bank,
    held_cents,
    refunded_cents,
)
from tests.unreliable import Killed, UnreliableProvider, served_by, silence

pytestmark = pytest.mark.django_db
BANK = SimulatedProvider()
"A call to it that payment knows nothing of is one that an older back-up has forgotten."


@pytest.fixture(autouse=True)
def demo_mode(settings: Settings) -> None:
    settings.DEMO_MODE, settings.GATEWAY_TIMEOUT_SECONDS = True, 0


def settle(*, apply: bool = True) -> tuple[int, list[str]]:
    """Exit code, and what settles each disagreement of the first pass."""
    out = StringIO()
    words = ["--since=2000-01-01", "--actor=ada", *(["--apply", "--reason=restored"] if apply else [])]
    code = 0
    try:
        call_command("settle_provider", *words, stdout=out)
    except SystemExit as ended:
        code = int(str(ended.code))
    lines = out.getvalue().splitlines()
    first = next((place for place, line in enumerate(lines) if " holds compared, " in line), len(lines))
    return code, [" ".join(line.split()[:2]) for line in lines[:first]]


def reference() -> str:
    return Payment.objects.get().provider_reference


def settled_is_settled() -> None:
    assert settle(apply=False) == (0, [])


def test_books_that_agree_leave_nothing_to_settle() -> None:
    authorized("held")
    captured("captured")
    post(CANCEL, envelope("held"))
    assert settle() == (0, [])
    assert not AuditEntry.objects.exists()


def test_money_of_an_unknown_authorisation_is_given_back_and_its_key_is_not_used_again() -> None:
    BANK.authorize(key="trip-1:AuthorizePayment", card_token="tok_ok", amount=55000, currency="USD")
    before = snapshot()
    assert settle(apply=False) == (1, ["UNDO trip-1"])
    assert snapshot() == before, "without --apply nothing is done"
    assert settle() == (0, ["UNDO trip-1"])
    hold = Movement.objects.get(kind=MovementKind.HOLD).hold
    assert held_at_the_bank(Payment(provider_reference=hold)) == 0
    authorized("trip-1")
    assert reference() != hold and held_cents("trip-1") == 55000
    settled_is_settled()
    (told,) = AuditEntry.objects.values_list("action", "correlation_id", "actor", "reason")
    assert told == ("settle-provider-undo", "trip-1", "ada", "restored")


def test_captured_money_of_an_unknown_authorisation_is_refunded() -> None:
    made = BANK.authorize(key="trip-1:AuthorizePayment", card_token="tok_ok", amount=55000, currency="USD")
    BANK.capture(key="settle-1:CapturePayment:trip-1", reference=_hold_of(made), amount=55000)
    assert settle() == (0, ["UNDO trip-1"])
    assert held_at_the_bank(Payment(provider_reference=_hold_of(made))) == 0
    settled_is_settled()


def _hold_of(made: Any) -> str:
    return str(made.reference)


def test_unknown_authorisation_that_is_over_is_noted_so_that_its_key_is_not_used_again() -> None:
    made = BANK.authorize(key="trip-1:AuthorizePayment", card_token="tok_ok", amount=55000, currency="USD")
    BANK.cancel(key="trip-1:CancelPayment", reference=_hold_of(made))
    assert settle() == (0, ["NOTE trip-1"])
    authorized("trip-1")
    assert held_cents("trip-1") == 55000


def test_key_that_cancelled_a_forgotten_authorisation_does_not_cancel_the_next_one_in_name_only() -> None:
    made = BANK.authorize(key="trip-1:AuthorizePayment", card_token="tok_ok", amount=55000, currency="USD")
    BANK.cancel(key="trip-1:CancelPayment", reference=_hold_of(made))
    assert settle() == (0, ["NOTE trip-1"])
    authorized("trip-1")
    assert post(CANCEL, envelope("trip-1")).status_code == 503  # The next attempt has a key of its own.
    assert post(CANCEL, envelope("trip-1")).status_code == 200
    assert held_cents("trip-1") == held_at_the_bank(Payment.objects.get()) == 0
    settled_is_settled()


def test_money_of_an_unfinished_authorisation_that_was_captured_since_is_refunded() -> None:
    made = BANK.authorize(key="trip-1:AuthorizePayment", card_token="tok_ok", amount=55000, currency="USD")
    BANK.capture(key="settle-1:CapturePayment:trip-1", reference=_hold_of(made), amount=55000)
    opened = open_authorization(
        key="trip-1:AuthorizePayment",
        correlation_id="trip-1",
        step="AuthorizePayment",
        amount=55000,
        fingerprint="",
        now=utc_now() - timedelta(minutes=1),
    )
    assert opened
    assert post(CANCEL, envelope("trip-1")).status_code == 200
    assert held_at_the_bank(Payment(provider_reference=_hold_of(made))) == 0
    settled_is_settled()


def test_forgotten_capture_is_written_and_a_repeat_takes_nothing_more() -> None:
    authorized("trip-1")
    BANK.capture(key="settle-1:CapturePayment:trip-1", reference=reference(), amount=55000)
    assert settle() == (0, ["WRITE trip-1"])
    assert captured_cents("trip-1") == 55000
    again = post(CAPTURE, envelope("settle-1", {"payment_id": "trip-1", "settle": True}))
    assert again.json()["captured"] == 550.0
    assert held_cents("trip-1") == 55000
    settled_is_settled()


def test_forgotten_refund_is_written_and_a_repeat_gives_nothing_more_back() -> None:
    captured("trip-1")
    BANK.refund(key="change-1:RefundPayment:trip-1", reference=reference(), amount=2000)
    assert settle() == (0, ["WRITE trip-1"])
    assert refunded_cents("trip-1") == 2000
    again = post(REFUND, envelope("change-1", {"payment_id": "trip-1", "amount": 20, "settle": True}))
    assert again.json()["refunded"] == 20.0
    assert refunded_cents("trip-1") == 2000
    settled_is_settled()


def test_forgotten_cancellation_is_written_and_a_repeat_gives_nothing_more_back() -> None:
    authorized("trip-1")
    BANK.cancel(key="trip-1:CancelPayment", reference=reference())
    assert settle() == (0, ["WRITE trip-1"])
    assert Payment.objects.get().status == "CANCELLED"
    assert post(CANCEL, envelope("trip-1")).json()["kept"] == 0
    assert held_cents("trip-1") == 0
    settled_is_settled()


def test_forgotten_cancellation_that_kept_a_fee_is_written() -> None:
    authorized("trip-1")
    BANK.capture(key="trip-1:CancelPayment", reference=reference(), amount=5000)
    assert settle() == (0, ["WRITE trip-1"])
    answer = post(CANCEL, envelope("trip-1", {"keep": 50})).json()
    assert (answer["returned"], answer["kept"]) == (500.0, 50.0)
    assert held_cents("trip-1") == 5000
    settled_is_settled()


def test_calls_that_the_provider_has_lost_are_made_again_under_their_keys() -> None:
    captured("trip-1")
    post(REFUND, envelope("change-1", {"payment_id": "trip-1", "amount": 20}))
    keys = set(Movement.objects.values_list("key", flat=True))
    Movement.objects.exclude(kind=MovementKind.HOLD).delete()
    before = list(LedgerEntry.objects.values())
    assert settle() == (0, ["AGAIN trip-1"])
    assert set(Movement.objects.values_list("key", flat=True)) == keys
    assert list(LedgerEntry.objects.values()) == before
    assert held_cents("trip-1") == 53000
    settled_is_settled()


def test_hold_that_the_provider_does_not_have_is_no_money() -> None:
    authorized("trip-1")
    Movement.objects.all().delete()
    assert settle() == (0, ["WRITE trip-1"])
    assert Payment.objects.get().status == "EXPIRED"
    settled_is_settled()


def test_taken_money_that_the_provider_does_not_have_is_left_to_a_person() -> None:
    captured("trip-1")
    Movement.objects.all().delete()
    assert settle() == (1, ["PERSON trip-1"])


def test_money_of_a_payment_that_is_over_is_given_back() -> None:
    authorized("trip-1")
    post(CANCEL, envelope("trip-1"))
    Movement.objects.exclude(kind=MovementKind.HOLD).delete()
    assert settle() == (0, ["UNDO trip-1"])
    assert held_cents("trip-1") == 0
    settled_is_settled()


def test_hold_that_has_run_out_is_no_disagreement() -> None:
    authorized("trip-1")
    long_ago = utc_now() - timedelta(days=8)
    Payment.objects.update(authorized_at=long_ago, capture_before=long_ago + timedelta(days=7))
    Movement.objects.update(created_at=long_ago)
    assert settle() == (0, [])


def test_call_whose_process_died_is_settled_first() -> None:
    with served_by(UnreliableProvider(at=2)), pytest.raises(Killed):
        authorized("trip-1")
    assert settle() == (0, [])
    assert held_at_the_bank(Payment(provider_reference=Movement.objects.first().hold)) == 0  # type: ignore[union-attr]


def test_provider_that_does_not_answer_is_told() -> None:
    with served_by(UnreliableProvider(silence, at=1)):
        assert settle()[0] == 2


def test_settling_needs_a_reason() -> None:
    with pytest.raises(CommandError, match="--reason"):
        call_command("settle_provider", "--since", "2000-01-01", "--apply")
