"""What no call does by itself: expire authorisations, and settle calls to the provider that died."""

from datetime import datetime, timedelta

from django_sagas.database import by_pages, write_transaction
from service_kit.problems import Problem

from payment import attempts, ledger
from payment.models import Attempt, AttemptState, Payment, PaymentStatus

ABANDONED_AFTER = timedelta(minutes=10)
"Longer than a saga repeats its call, so that this only meets what no saga comes back to."


AT_ONCE = timedelta()
"For a service that is stopped: nobody comes back before it is started."


def expire(*, now: datetime, batch: int) -> int:
    """How many authorisations were found expired. `batch` of them are locked and written at once."""
    expired = 0
    while found := _expire_some(now, batch):
        expired += found
    return expired


def _expire_some(now: datetime, batch: int) -> int:
    """Not one with an open attempt: a capture of it may have been in time."""
    busy = Attempt.objects.filter(state=AttemptState.OPEN).values("payment")
    due = Payment.objects.filter(status=PaymentStatus.AUTHORIZED, capture_before__lte=now)
    with write_transaction():
        found = list(due.exclude(correlation_id__in=busy).select_for_update().order_by("id")[:batch])
        for payment in found:
            ledger.expire(payment, now)
    return len(found)


def settle_abandoned(*, now: datetime, after: timedelta = ABANDONED_AFTER) -> tuple[int, int]:
    """How many open attempts were settled, and of how many the provider could not tell."""
    settled = unclear = 0
    for attempt in by_pages(Attempt.objects.filter(state=AttemptState.OPEN, busy_until__lte=now - after)):
        try:
            attempts.settle(attempt, now)
            settled += 1
        except Problem:
            unclear += 1
    return settled, unclear
