"""Rate limit counters: exact over all workers and replicas, in rows of the service's database.

Windows are fixed: across the border of two windows twice the limit can pass once.
"""

import time
import unicodedata
from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from hashlib import sha256

from django.conf import settings
from django_sagas.database import db_time, fetch_all, values, write_transaction

from service_kit.cards import looks_like_card
from service_kit.limits import Limit
from service_kit.security.models import Attempt

# One statement for all limits of a call. Django's upsert can set a column, but not add to it.
COUNT = """
    INSERT INTO security_attempt (key, began_at, number) VALUES {rows}
    ON CONFLICT (key, began_at) DO UPDATE SET number = security_attempt.number + excluded.number
    RETURNING key, number"""
FORGET_SECONDS = 60.0
NAME_LENGTH = 64
"room in the key's column beside the name of the limit"

_forget_at = time.monotonic() + FORGET_SECONDS


def seconds_to_wait(costs: Mapping[str, int], *, user_id: str, address: str, now: datetime) -> int:
    """Take `costs` from the limits by name; 0 if all had enough left, else the seconds to wait.

    A cost of 0 only checks. Demo mode counts nothing.
    """
    if settings.DEMO_MODE:
        return 0
    asked = {
        key: (name, most, cost)
        for name, cost in costs.items()
        for key, most in _keys(name, settings.LIMITS[name], user_id, address)
    }
    if not asked:
        return 0
    numbers = _count({key: (cost, _began(name, now)) for key, (name, _, cost) in asked.items()})
    waits = [_left(name, now) for key, (name, most, cost) in asked.items() if numbers[key] - cost >= most]
    return max(waits, default=0)


def _keys(name: str, limit: Limit, user_id: str, address: str) -> list[tuple[str, int]]:
    by_user = [(f"{name}:user:{_storable(user_id)}", limit.user)] if user_id and limit.user else []
    by_address = [(f"{name}:from:{address}", limit.address)] if address and limit.address else []
    return by_user + by_address


def _storable(name: str) -> str:
    """One key for all spellings of a name; long values and possible card numbers are hashed."""
    one = folded(name)
    if len(one) <= NAME_LENGTH and one.isprintable() and not looks_like_card(one):
        return one
    return sha256(one.encode("utf-8", "surrogatepass")).hexdigest()


def folded(name: str) -> str:
    """Width, case and surrounding spaces make no other name."""
    return unicodedata.normalize("NFKC", name).casefold().strip()


def _began(name: str, now: datetime) -> datetime:
    seconds = settings.LIMITS[name].seconds
    return datetime.fromtimestamp(now.timestamp() // seconds * seconds, tz=UTC)


def _left(name: str, now: datetime) -> int:
    seconds: int = settings.LIMITS[name].seconds
    return seconds - int((now - _began(name, now)).total_seconds())


def _count(costs: Mapping[str, tuple[int, datetime]]) -> dict[str, int]:
    """The new count of each key. Sorted, so that concurrent calls do not deadlock."""
    rows, parameters = values([(key, db_time(began), cost) for key, (cost, began) in sorted(costs.items())])
    with write_transaction():
        return dict(fetch_all(COUNT.format(rows=rows), parameters))


def forget_now_and_then(now: datetime) -> None:
    """Delete past windows, once a minute per process."""
    global _forget_at
    if time.monotonic() >= _forget_at:
        _forget_at = time.monotonic() + FORGET_SECONDS
        forget(now)


def forget(now: datetime) -> int:
    """How many counters of past windows were deleted."""
    longest = max(limit.seconds for limit in settings.LIMITS.values())
    with write_transaction():
        deleted, _ = Attempt.objects.filter(began_at__lt=now - timedelta(seconds=longest)).delete()
    return deleted
