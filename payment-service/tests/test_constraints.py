"""What no code can write, whatever it is asked: the database refuses it."""

from collections.abc import Callable
from typing import Any

import pytest
from django.db import IntegrityError, connection, transaction
from django.db.models import F, Model
from django_sagas.clock import utc_now
from pytest_django import Settings
from service_kit.testing.calls import envelope, post
from service_kit.testing.ledgers import AppendOnly

from payment.bank.models import Movement
from payment.models import Attempt, LedgerEntry, Payment
from tests.conftest import AUTHORIZE, CANCEL, CAPTURE, REFUND, booking

pytestmark = pytest.mark.django_db


@pytest.fixture(autouse=True)
def payments(settings: Settings) -> None:
    """One that is held, captured, refunded in part and cancelled, each with its ledger and bank."""
    settings.DEMO_MODE = True
    for cid in ("held", "captured", "refunded", "cancelled"):
        assert post(AUTHORIZE, envelope(cid, booking())).json()["success"]
    for cid in ("captured", "refunded"):
        assert post(CAPTURE, envelope(cid, {"amount": 300})).json()["success"]
    assert post(REFUND, envelope("refunded", {"amount": 100})).json()["success"]
    assert post(CANCEL, envelope("cancelled")).json()["success"]


def entry(cid: str, kind: str, **changes: Any) -> None:
    """Another entry of a payment, which is otherwise as the first entry of all."""
    row: dict[str, Any] = dict(LedgerEntry.objects.values()[0])
    row |= {"payment_id": cid, "kind": kind, "number": 1, "attempt": None, **changes}
    LedgerEntry.objects.create(**{name: value for name, value in row.items() if name != "id"})


def payment(cid: str, **changes: Any) -> None:
    assert Payment.objects.filter(correlation_id=cid).update(**changes) == 1


def copy(model: type[Model], **changes: Any) -> None:
    row = model._default_manager.values()[0]
    del row["id"]
    model._default_manager.create(**{**row, **changes})


def committed(write: Callable[[], object]) -> None:
    with transaction.atomic():
        write()
        connection.check_constraints()  # A foreign key is checked at the commit.


REFUSED: dict[str, Callable[[], object]] = {
    "a second capture": lambda: entry("captured", "CAPTURED", number=1),
    "a second capture under another number": lambda: entry("captured", "CAPTURED", number=2),
    "a capture after a cancellation": lambda: entry("cancelled", "CAPTURED"),
    "a cancellation after a capture": lambda: entry("captured", "CANCELLED"),
    "an expiry after a capture": lambda: entry("captured", "EXPIRED"),
    "a capture above the authorisation": lambda: payment("captured", captured=55001),
    "a captured status without money": lambda: payment("held", status="CAPTURED"),
    "a capture of a cancelled payment": lambda: payment("cancelled", captured=1),
    "a refund above the capture": lambda: payment("refunded", refunded=30001, status="REFUNDED"),
    "a refund of what was not captured": lambda: payment("held", refunded=1),
    "a refund that the status does not show": lambda: payment("captured", refunded=100),
    "a full refund that is shown as a part": lambda: payment("refunded", refunded=30000),
    "a negative refund": lambda: payment("captured", refunded=-1),
    "a refund entry twice": lambda: entry("refunded", "REFUNDED", number=1),
    "a refund of no payment": lambda: entry("nobody", "REFUNDED"),
    "an entry above the authorisation": lambda: entry("captured", "REFUNDED", amount=55001),
    "an entry of nothing": lambda: entry("captured", "REFUNDED", amount=0),
    "two entries of one call to the provider": lambda: entry(
        "captured",
        "REFUNDED",
        attempt=LedgerEntry.objects.get(payment__correlation_id="refunded", kind="REFUNDED").attempt,
    ),
    "an authorisation that is no sum": lambda: payment("held", amount=F("amount") + 1),
    "two payments of one correlation id": lambda: copy(Payment, provider_reference="other"),
    "two payments of one authorisation": lambda: copy(Payment, correlation_id="other"),
    "two calls with one key": lambda: copy(Attempt),
    "two open calls on one payment": lambda: Attempt.objects.update(payment="held", state="OPEN"),
    "two movements of the bank with one key": lambda: copy(Movement),
    "a release of the bank after a capture": lambda: copy(
        Movement,
        key="late",
        kind="RELEASE",
        hold=Payment.objects.get(correlation_id="captured").provider_reference,
    ),
}


@pytest.mark.parametrize("write", REFUSED.values(), ids=REFUSED.keys())
def test_database_refuses(write: Callable[[], object]) -> None:
    with pytest.raises(IntegrityError):
        committed(write)


def test_what_the_constraints_allow_is_written() -> None:
    """The helpers of these tests do write."""
    entry("refunded", "REFUNDED", number=2, amount=1)
    payment("refunded", refunded=10001)
    copy(Attempt, key="another", payment="held", state="OPEN")
    copy(Payment, correlation_id="another", provider_reference="another", authorized_at=utc_now())
    connection.check_constraints()


class TestLedger(AppendOnly):
    table = "payment_ledger"
