"""The books of the simulated bank."""

from django.db import models
from django.db.models import Q


class MovementKind(models.TextChoices):
    HOLD = "HOLD", "an amount of the card is held"
    CAPTURE = "CAPTURE", "an amount of the hold was taken, the rest is free"
    RELEASE = "RELEASE", "the hold was given up"
    REFUND = "REFUND", "an amount that was taken was given back"
    DECLINE = "DECLINE", "the request was declined, and moved nothing"
    VOID = "VOID", "the key was given up before any request with it came"


ENDS_A_HOLD = (MovementKind.CAPTURE, MovementKind.RELEASE)


class Movement(models.Model):
    """A line of the bank's journal, one for each idempotency key. Append-only."""

    key = models.CharField(max_length=160)
    kind = models.CharField(max_length=8, choices=MovementKind)
    hold = models.CharField(max_length=64, help_text="the bank's reference of the hold; empty without one")
    amount = models.BigIntegerField(help_text="cents")
    currency = models.CharField(max_length=3)
    text = models.CharField(max_length=100, help_text="why it was declined")
    created_at = models.DateTimeField()

    class Meta:
        db_table = "bank_movement"
        constraints = [
            models.UniqueConstraint(fields=["key"], name="one_movement_per_key"),
            models.UniqueConstraint(
                fields=["hold"], condition=Q(kind=MovementKind.HOLD), name="a_hold_is_made_once"
            ),
            models.UniqueConstraint(
                fields=["hold"], condition=Q(kind__in=ENDS_A_HOLD), name="a_hold_of_the_bank_ends_once"
            ),
            models.CheckConstraint(condition=Q(amount__gte=0), name="movement_is_not_negative"),
        ]
        indexes = [models.Index(fields=["hold"], name="bank_movements_of_a_hold")]

    def __str__(self) -> str:
        return f"{self.kind} {self.hold}"
