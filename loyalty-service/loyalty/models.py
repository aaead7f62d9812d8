"""Accounts of miles, and their ledger."""

from django.db import models


class EntryKind(models.TextChoices):
    AWARD = "AWARD", "miles earned by a booking"
    ADJUSTED = "ADJUSTED", "the difference of a trip that was changed"
    REVERSAL = "REVERSAL", "what a trip has earned, taken back"


class Account(models.Model):
    """A traveller's miles. The balance changes in the transaction of its ledger entry; it may fall below
    zero when spent miles are reversed."""

    user_id = models.CharField(max_length=64, primary_key=True)
    balance = models.BigIntegerField()
    closed = models.BooleanField(default=False, db_default=False)
    created_at = models.DateTimeField()

    class Meta:
        db_table = "loyalty_account"

    def __str__(self) -> str:
        return self.user_id


class LedgerEntry(models.Model):
    """One movement of miles. Append-only."""

    correlation_id = models.CharField(max_length=64)
    trip_id = models.CharField(max_length=64, help_text="correlation id of the award that it belongs to")
    kind = models.CharField(max_length=10, choices=EntryKind)
    user_id = models.CharField(max_length=64)
    miles = models.BigIntegerField(help_text="positive when earned, negative when taken back")
    created_at = models.DateTimeField()

    class Meta:
        db_table = "loyalty_ledger"
        constraints = [
            models.UniqueConstraint(fields=["correlation_id", "kind"], name="one_miles_entry_per_kind"),
            models.CheckConstraint(
                condition=models.Q(kind=EntryKind.AWARD, miles__gte=0)
                | models.Q(kind=EntryKind.REVERSAL, miles__lte=0)
                | models.Q(kind=EntryKind.ADJUSTED) & ~models.Q(miles=0),
                name="miles_sign_follows_the_kind",
            ),
            models.CheckConstraint(
                condition=models.Q(kind=EntryKind.ADJUSTED) | models.Q(trip_id=models.F("correlation_id")),
                name="award_and_reversal_are_their_own_trip",
            ),
        ]
        indexes = [
            models.Index(fields=["user_id", "-id"], name="loyalty_ledger_of_a_user"),
            models.Index(fields=["trip_id"], name="loyalty_ledger_of_a_trip"),
        ]

    def __str__(self) -> str:
        return f"{self.kind} {self.miles} {self.user_id}"
