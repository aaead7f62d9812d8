from django.db import models


class EntryKind(models.TextChoices):
    AWARD = "AWARD", "miles earned by a booking"
    REVERSAL = "REVERSAL", "an award taken back"


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
    kind = models.CharField(max_length=10, choices=EntryKind)
    user_id = models.CharField(max_length=64)
    miles = models.BigIntegerField(help_text="positive for an award, negative for a reversal")
    created_at = models.DateTimeField()

    class Meta:
        db_table = "loyalty_ledger"
        constraints = [
            models.UniqueConstraint(fields=["correlation_id", "kind"], name="one_miles_entry_per_kind"),
            models.CheckConstraint(
                condition=models.Q(kind=EntryKind.AWARD, miles__gte=0)
                | models.Q(kind=EntryKind.REVERSAL, miles__lte=0),
                name="miles_sign_follows_the_kind",
            ),
        ]
        indexes = [models.Index(fields=["user_id", "-id"], name="loyalty_ledger_of_a_user")]

    def __str__(self) -> str:
        return f"{self.kind} {self.miles} {self.user_id}"
