from django.db import models


class EntryKind(models.TextChoices):
    AUTHORIZED = "AUTHORIZED", "the amount is held on the card"
    CANCELLED = "CANCELLED", "the hold was given back"


class LedgerEntry(models.Model):
    """One movement of an authorisation. Append-only.

    An authorisation is live while it has no CANCELLED entry.
    """

    correlation_id = models.CharField(max_length=64)
    kind = models.CharField(max_length=10, choices=EntryKind)
    authorization_id = models.CharField(max_length=64)
    user_id = models.CharField(max_length=64)
    amount = models.BigIntegerField(help_text="cents; what the card is asked for")
    flight_fare = models.BigIntegerField(help_text="cents, of the amount")
    other_charges = models.BigIntegerField(help_text="cents, of the amount")
    currency = models.CharField(max_length=3)
    created_at = models.DateTimeField()

    class Meta:
        db_table = "payment_ledger"
        constraints = [
            models.UniqueConstraint(fields=["correlation_id", "kind"], name="one_payment_entry_per_kind"),
            models.CheckConstraint(condition=models.Q(amount__gt=0), name="payment_amount_is_positive"),
            models.CheckConstraint(
                condition=models.Q(amount=models.F("flight_fare") + models.F("other_charges")),
                name="payment_amount_is_the_sum",
            ),
        ]

    def __str__(self) -> str:
        return f"{self.kind} {self.authorization_id}"
