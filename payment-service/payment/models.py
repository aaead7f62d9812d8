"""Payments, the attempts at their provider, and their ledger."""

from datetime import datetime

from django.db import models
from django.db.models import F, Q


class PaymentStatus(models.TextChoices):
    AUTHORIZED = "AUTHORIZED", "the amount is held on the card"
    CAPTURED = "CAPTURED", "the amount, or a part of it, was taken; the rest is free again"
    PARTLY_REFUNDED = "PARTLY_REFUNDED", "a part of what was taken was given back"
    REFUNDED = "REFUNDED", "all that was taken was given back"
    CANCELLED = "CANCELLED", "the hold was given back; nothing was taken"
    EXPIRED = "EXPIRED", "the hold ran out; nothing was taken"


UNTAKEN = (PaymentStatus.AUTHORIZED, PaymentStatus.CANCELLED, PaymentStatus.EXPIRED)


class Payment(models.Model):
    """One authorisation and what became of its money. Amounts are cents."""

    correlation_id = models.CharField(max_length=64)
    trip_id = models.CharField(max_length=64, help_text="correlation id of the booking")
    user_id = models.CharField(max_length=64)
    amount = models.BigIntegerField(help_text="cents; what was held on the card")
    flight_fare = models.BigIntegerField(help_text="cents, of the amount")
    other_charges = models.BigIntegerField(help_text="cents, of the amount")
    currency = models.CharField(max_length=3)
    captured = models.BigIntegerField(default=0)
    refunded = models.BigIntegerField(default=0)
    status = models.CharField(max_length=15, choices=PaymentStatus)
    provider = models.CharField(max_length=16)
    provider_reference = models.CharField(max_length=128)
    authorization_id = models.CharField(max_length=64)
    authorized_at = models.DateTimeField()
    capture_before = models.DateTimeField()

    class Meta:
        db_table = "payment_payment"
        constraints = [
            models.UniqueConstraint(fields=["correlation_id"], name="one_payment_per_correlation_id"),
            models.UniqueConstraint(
                fields=["provider", "provider_reference"], name="one_payment_per_authorization"
            ),
            models.CheckConstraint(condition=Q(amount__gt=0), name="payment_is_positive"),
            models.CheckConstraint(
                condition=Q(amount=F("flight_fare") + F("other_charges")), name="payment_is_the_sum"
            ),
            models.CheckConstraint(
                condition=Q(captured__gte=0, captured__lte=F("amount")), name="captured_is_of_the_amount"
            ),
            models.CheckConstraint(
                condition=Q(refunded__gte=0, refunded__lte=F("captured")), name="refunded_is_of_the_captured"
            ),
            models.CheckConstraint(
                condition=Q(status__in=UNTAKEN, captured=0)
                | Q(status=PaymentStatus.CAPTURED, captured__gt=0, refunded=0)
                | Q(status=PaymentStatus.PARTLY_REFUNDED, refunded__gt=0, refunded__lt=F("captured"))
                | Q(status=PaymentStatus.REFUNDED, captured__gt=0, refunded=F("captured")),
                name="status_agrees_with_the_money",
            ),
        ]
        indexes = [
            models.Index(fields=["trip_id"], name="payments_of_a_trip"),
            models.Index(
                fields=["capture_before"],
                condition=Q(status=PaymentStatus.AUTHORIZED),
                name="payment_to_expire",
            ),
        ]

    def __str__(self) -> str:
        return f"{self.status} {self.authorization_id}"

    @property
    def live(self) -> int:
        """Cents that the traveller pays as things stand: held, or taken and not given back."""
        return self.amount if self.status == PaymentStatus.AUTHORIZED else self.captured - self.refunded

    def has_lapsed(self, now: datetime) -> bool:
        """Whether its hold has run out and nothing has noted that yet."""
        return self.status == PaymentStatus.AUTHORIZED and now >= self.capture_before


class EntryKind(models.TextChoices):
    AUTHORIZED = "AUTHORIZED", "the amount is held on the card"
    CAPTURED = "CAPTURED", "an amount was taken; the rest of the hold is free"
    REFUNDED = "REFUNDED", "an amount was given back"
    CANCELLED = "CANCELLED", "the hold was given back"
    EXPIRED = "EXPIRED", "the hold ran out"


ENDS_THE_HOLD = (EntryKind.CAPTURED, EntryKind.CANCELLED, EntryKind.EXPIRED)


class LedgerEntry(models.Model):
    """One movement of a payment's money. Append-only."""

    payment = models.ForeignKey(
        Payment,
        on_delete=models.PROTECT,
        to_field="correlation_id",
        db_column="correlation_id",
        related_name="entries",
        db_index=False,
        help_text="correlation id of the payment",
    )
    kind = models.CharField(max_length=10, choices=EntryKind)
    number = models.IntegerField(db_default=1, help_text="1, 2, 3 ... of the refunds; 1 for every other kind")
    authorization_id = models.CharField(max_length=64)
    user_id = models.CharField(max_length=64)
    amount = models.BigIntegerField(help_text="cents, of this movement")
    flight_fare = models.BigIntegerField(help_text="cents, of the authorised amount")
    other_charges = models.BigIntegerField(help_text="cents, of the authorised amount")
    currency = models.CharField(max_length=3)
    created_at = models.DateTimeField()
    attempt = models.CharField(
        max_length=160, null=True, help_text="key of the call to the provider that did it"
    )

    class Meta:
        db_table = "payment_ledger"
        constraints = [
            models.UniqueConstraint(
                fields=["payment", "kind", "number"], name="one_payment_entry_per_number"
            ),
            models.UniqueConstraint(
                fields=["payment"], condition=Q(kind__in=ENDS_THE_HOLD), name="a_hold_ends_once"
            ),
            models.UniqueConstraint(fields=["attempt"], name="one_entry_per_attempt"),
            models.CheckConstraint(condition=Q(amount__gt=0), name="payment_amount_is_positive"),
            models.CheckConstraint(
                condition=Q(number=1) | Q(kind=EntryKind.REFUNDED, number__gt=1), name="only_refunds_repeat"
            ),
            models.CheckConstraint(
                condition=Q(amount__lte=F("flight_fare") + F("other_charges")),
                name="payment_amount_is_of_the_sum",
            ),
            models.CheckConstraint(
                condition=~Q(kind=EntryKind.AUTHORIZED) | Q(amount=F("flight_fare") + F("other_charges")),
                name="payment_amount_is_the_sum",
            ),
        ]

    def __str__(self) -> str:
        return f"{self.kind} {self.authorization_id}"


class Action(models.TextChoices):
    AUTHORIZE = "AUTHORIZE", "hold an amount on a card"
    CAPTURE = "CAPTURE", "take an amount of the hold, and free the rest"
    CANCEL = "CANCEL", "free the hold"
    REFUND = "REFUND", "give back an amount that was taken"


class AttemptState(models.TextChoices):
    OPEN = "OPEN", "the provider may have done it"
    DONE = "DONE", "the provider did it, and the ledger says so"
    REFUSED = "REFUSED", "nothing came of it, and under this key nothing will"


class Attempt(models.Model):
    """One call to the provider, committed before it is made, so that a crash leaves a trace to follow."""

    key = models.CharField(max_length=160, help_text="the call's idempotency key")
    correlation_id = models.CharField(max_length=64, help_text="of the step that makes the call")
    step = models.CharField(max_length=32)
    action = models.CharField(max_length=9, choices=Action)
    payment = models.CharField(max_length=64, help_text="correlation id of the payment")
    amount = models.BigIntegerField(help_text="cents")
    state = models.CharField(max_length=7, choices=AttemptState)
    provider = models.CharField(max_length=16)
    reference = models.CharField(max_length=128, help_text="the provider's name for the authorisation")
    fingerprint = models.CharField(max_length=64, help_text="of an authorisation's request; otherwise empty")
    created_at = models.DateTimeField()
    busy_until = models.DateTimeField(help_text="until then its caller may still be waiting for the answer")

    class Meta:
        db_table = "payment_attempt"
        constraints = [
            models.UniqueConstraint(fields=["key"], name="one_attempt_per_key"),
            models.UniqueConstraint(
                fields=["payment"], condition=Q(state=AttemptState.OPEN), name="one_open_attempt_per_payment"
            ),
            models.CheckConstraint(condition=Q(amount__gte=0), name="attempt_is_not_negative"),
        ]
        indexes = [models.Index(fields=["correlation_id", "step"], name="attempts_of_a_step")]

    def __str__(self) -> str:
        return f"{self.state} {self.key}"
