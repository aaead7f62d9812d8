from django.db import models


class EntryKind(models.TextChoices):
    RESERVED = "RESERVED", "taken by a booking"
    CANCELLED = "CANCELLED", "given back"


class Stock(models.Model):
    """How many are free. It changes in the transaction of its ledger entry."""

    room = models.CharField(max_length=40, primary_key=True)
    free = models.IntegerField()

    class Meta:
        db_table = "hotel_stock"
        constraints = [models.CheckConstraint(condition=models.Q(free__gte=0), name="no_room_is_sold_twice")]

    def __str__(self) -> str:
        return self.room


class LedgerEntry(models.Model):
    """One reservation, or its cancellation. Append-only."""

    correlation_id = models.CharField(max_length=64)
    kind = models.CharField(max_length=10, choices=EntryKind)
    room = models.CharField(max_length=40)
    price = models.BigIntegerField(help_text="in cents")
    created_at = models.DateTimeField()

    class Meta:
        db_table = "hotel_ledger"
        constraints = [
            models.UniqueConstraint(fields=["correlation_id", "kind"], name="one_room_entry_per_kind")
        ]

    def __str__(self) -> str:
        return f"{self.kind} {self.room}"
