from datetime import datetime, timedelta
from io import StringIO
from typing import Any

import pytest
from django.core.management import call_command
from django_sagas.clock import utc_now
from pytest_django import Settings
from service_kit.testing.calls import envelope, post, snapshot

from payment import housekeeping
from payment.models import Attempt, LedgerEntry, Payment
from tests.conftest import AUTHORIZE, CANCEL, CAPTURE, booking, held_at_the_bank
from tests.unreliable import Killed, UnreliableProvider, served_by, silence

pytestmark = pytest.mark.django_db


@pytest.fixture(autouse=True)
def demo_mode(settings: Settings) -> None:
    settings.DEMO_MODE, settings.GATEWAY_TIMEOUT_SECONDS = True, 0


def authorize(*cids: str) -> None:
    for cid in cids:
        assert post(AUTHORIZE, envelope(cid, booking())).json()["success"]


def due() -> datetime:
    """A moment at which all authorisations of now have expired."""
    return utc_now() + timedelta(days=7, seconds=1)


def statuses() -> list[str]:
    return list(Payment.objects.order_by("id").values_list("status", flat=True))


def test_only_what_is_held_past_its_end_expires() -> None:
    authorize("held", "captured", "cancelled")
    post(CAPTURE, envelope("captured", {}))
    post(CANCEL, envelope("cancelled"))
    assert housekeeping.expire(now=utc_now() + timedelta(days=6, hours=23), batch=10) == 0
    assert housekeeping.expire(now=due(), batch=10) == 1
    assert statuses() == ["EXPIRED", "CAPTURED", "CANCELLED"]
    (entry,) = LedgerEntry.objects.filter(kind="EXPIRED")
    assert (entry.payment_id, entry.amount, entry.attempt) == ("held", 55000, None)


def test_repeat_expires_nothing_twice() -> None:
    authorize("held")
    assert housekeeping.expire(now=due(), batch=10) == 1
    after = snapshot()
    assert housekeeping.expire(now=due(), batch=10) == 0
    assert snapshot() == after


def test_more_than_a_batch_expires_in_batches() -> None:
    authorize(*"abcde")
    assert housekeeping.expire(now=due(), batch=2) == 5
    assert statuses() == ["EXPIRED"] * 5


def test_payment_with_an_open_attempt_does_not_expire() -> None:
    """Its capture may have been in time."""
    authorize("held")
    with served_by(UnreliableProvider(at=2)), pytest.raises(Killed):
        post(CAPTURE, envelope("held", {}))
    assert housekeeping.expire(now=due(), batch=10) == 0
    assert housekeeping.settle_abandoned(now=due()) == (1, 0)
    assert statuses() == ["CAPTURED"]


def test_hold_that_no_call_comes_back_to_is_given_back() -> None:
    with served_by(UnreliableProvider(at=2)), pytest.raises(Killed):
        authorize("lost")
    soon = utc_now() + housekeeping.ABANDONED_AFTER - timedelta(seconds=1)
    assert housekeeping.settle_abandoned(now=soon) == (0, 0)
    assert housekeeping.settle_abandoned(now=due()) == (1, 0)
    assert list(Attempt.objects.values_list("state", flat=True)) == ["REFUSED"]
    payment = Payment(provider_reference=Attempt.objects.get().reference)
    assert held_at_the_bank(payment) == 0


def test_attempt_that_stays_unclear_does_not_hinder_the_others() -> None:
    for cid in ("lost-1", "lost-2"):
        with served_by(UnreliableProvider(at=2)), pytest.raises(Killed):
            authorize(cid)
    with served_by(UnreliableProvider(silence, at=1)):
        assert housekeeping.settle_abandoned(now=due()) == (1, 1)


def test_command_says_what_it_did() -> None:
    authorize("held")
    Payment.objects.update(capture_before=utc_now() - timedelta(days=1))
    told = StringIO()
    call_command("expire_payments", stdout=told)
    assert told.getvalue() == "1 expired, 0 calls settled, 0 still unclear\n"
    assert statuses() == ["EXPIRED"]


def test_cancellation_after_the_expiry_has_nothing_to_give_back() -> None:
    authorize("held")
    housekeeping.expire(now=due(), batch=10)
    body: dict[str, Any] = post(CANCEL, envelope("held", {"keep": 10})).json()
    assert (body["status"], body["returned"], body["kept"]) == ("CANCELLED", 0, 0)
