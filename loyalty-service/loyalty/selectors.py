"""Queries on miles."""

from collections.abc import Sequence
from typing import Any

from django.db.models import Q
from django_sagas.clock import iso

from loyalty import tiers
from loyalty.models import Account, LedgerEntry

PAGE = 200


def account_of(user_id: str) -> Account | None:
    return Account.objects.filter(user_id=user_id).first()


def entries_of(
    account: Account, *, correlation_id: str = "", before: int | None = None
) -> tuple[list[LedgerEntry], int | None]:
    """A page of entries, newest first; what the next is before. With a correlation id: of its booking."""
    entries = LedgerEntry.objects.filter(user_id=account.user_id)
    if correlation_id:
        entries = entries.filter(Q(trip_id=correlation_id) | Q(correlation_id=correlation_id))
    if before is not None:
        entries = entries.filter(id__lt=before)
    found = list(entries.order_by("-id")[: PAGE + 1])
    page = found[:PAGE]
    return page, page[-1].pk if len(found) > PAGE else None


def describe(account: Account, entries: Sequence[LedgerEntry]) -> dict[str, Any]:
    """The account with these entries, and the next tier."""
    following = tiers.next_tier(account.balance)
    return {
        "user_id": account.user_id,
        "balance": account.balance,
        "in_debt": account.balance < 0,
        "tier": tiers.tier_of(account.balance),
        "next_tier": {"tier": following[0], "miles_missing": following[1]} if following else None,
        "entries": [
            {
                "correlation_id": entry.correlation_id,
                "trip_id": entry.trip_id,
                "kind": entry.kind,
                "miles": entry.miles,
                "created_at": iso(entry.created_at),
            }
            for entry in entries
        ],
    }
