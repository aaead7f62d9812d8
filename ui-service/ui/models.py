"""Accounts, drafts and attempts. Bookings, money and miles belong to other services."""

import json
import secrets
from functools import cached_property
from typing import Any, ClassVar

from django.contrib.auth.models import AbstractUser, UserManager
from django.db import models
from django.utils.translation import gettext_lazy as _
from django_sagas import json_text
from service_kit.security.throttle import folded

MOST_GUESTS = 20
"Most guests of one account: each costs a further call to the other services."


def new_traveller_id() -> str:
    return f"u-{secrets.token_hex(8)}"


class Users(UserManager["User"]):
    use_in_migrations = False

    def get_by_natural_key(self, username: str | None) -> "User":
        """By the name as it is, or else in any case or width: a telephone begins it with a capital."""
        exact = self.filter(username=username).first()
        return exact or self.get(folded_name=folded(username or ""))


class User(AbstractUser):
    class Role(models.TextChoices):
        TRAVELLER = "traveller", _("books and sees own trips")
        OPERATOR = "operator", _("works the saga console")
        AUDITOR = "auditor", _("reads the saga console")

    # The user id at the other services; never reused, not guessable from the name.
    traveller_id = models.CharField(max_length=64, unique=True, default=new_traveller_id)
    folded_name = models.CharField(
        max_length=150,
        unique=True,
        null=True,
        help_text="the name without case and width; empty if an older account has it, or once it is erased",
    )
    role = models.CharField(max_length=16, choices=Role.choices, default=Role.TRAVELLER)

    @cached_property
    def guest_ids(self) -> tuple[str, ...]:
        """Guest ids of this person, the newest first."""
        found = self.claimed_guests.order_by("-claimed_at").values_list("guest_id", flat=True)
        return tuple(found[:MOST_GUESTS])

    objects: ClassVar[Users] = Users()
    first_name = None  # type: ignore[assignment]
    last_name = None  # type: ignore[assignment]
    REQUIRED_FIELDS: ClassVar[list[str]] = ["email"]

    def save(self, *args: Any, **kwargs: Any) -> None:
        if self._state.adding:
            self.folded_name = folded(self.username)
        super().save(*args, **kwargs)

    @property
    def is_overseer(self) -> bool:
        """Whether the role sees everybody's trips."""
        return self.role in (User.Role.OPERATOR, User.Role.AUDITOR)


class ClaimedGuest(models.Model):
    """A guest claimed by an account. Claimed once, by one account."""

    guest_id = models.CharField(max_length=64, primary_key=True)
    user = models.ForeignKey(User, on_delete=models.CASCADE, related_name="claimed_guests")
    claimed_at = models.DateTimeField()

    class Meta:
        db_table = "ui_claimed_guest"

    def __str__(self) -> str:
        return f"{self.guest_id}: {self.user_id}"


class Draft(models.Model):
    """A draft of a trip: one intention, at most one booking. Never card data.

    JSON in text columns: input may hold characters that PostgreSQL's JSON type refuses.
    """

    id = models.CharField(max_length=32, primary_key=True)
    owner_id = models.CharField(max_length=64, help_text="the traveller or guest who may open it")
    version = models.CharField(
        max_length=32, help_text="changes with what the payment page shows; an older form starts nothing"
    )
    cabin = models.CharField(max_length=16)
    count = models.PositiveSmallIntegerField(help_text="passengers")
    legs = models.TextField(help_text="JSON: flight, seats and what was shown of each flight")
    price = models.DecimalField(
        max_digits=12, decimal_places=2, null=True, help_text="last shown, with charges; null before that"
    )
    people = models.TextField(help_text="JSON: passengers and contact; empty once it is booked")
    created_at = models.DateTimeField()
    changed_at = models.DateTimeField(db_index=True)

    class Meta:
        db_table = "ui_draft"
        constraints = [
            models.CheckConstraint(condition=~models.Q(owner_id=""), name="a_draft_has_an_owner"),
            models.CheckConstraint(
                condition=models.Q(count__gte=1, count__lte=9), name="a_draft_has_passengers"
            ),
        ]
        indexes = [models.Index(fields=["owner_id", "-changed_at"], name="drafts_of_owner")]

    @cached_property
    def flights(self) -> list[dict[str, Any]]:
        """For each flight `flight`, `seats` and `shown`."""
        found: list[dict[str, Any]] = json_text.load_stored(self.legs)
        return found

    @cached_property
    def _people(self) -> dict[str, Any]:
        found: dict[str, Any] = json.loads(self.people) if self.people else {}
        return found

    @property
    def passengers(self) -> list[dict[str, str]]:
        found: list[dict[str, str]] = self._people.get("passengers", [])
        return found

    @property
    def contact(self) -> dict[str, str]:
        found: dict[str, str] = self._people.get("contact", {})
        return found

    @property
    def is_priced(self) -> bool:
        """Whether it is ready for payment."""
        return self.price is not None


class Attempt(models.Model):
    """The sending of a draft, stored before the call.

    A new one, with a new key, is made only after the previous one is known to have booked nothing.
    """

    class State(models.TextChoices):
        SENT = "sent", "the booking desk may have it"
        STARTED = "started", "the booking desk has it"
        BOOKED = "booked", "it became a booking"
        FAILED = "failed", "it ended without a booking"

    draft = models.ForeignKey(Draft, on_delete=models.CASCADE, related_name="attempts")
    owner_id = models.CharField(max_length=64, help_text="for whom it is sent: a key is scoped to its caller")
    key = models.CharField(max_length=64, unique=True, help_text="Idempotency-Key of every sending")
    version = models.CharField(max_length=32, db_default="", help_text="of the draft, whose form began it")
    state = models.CharField(max_length=8, choices=State.choices)
    correlation_id = models.CharField(max_length=64, null=True, unique=True)
    booking_reference = models.CharField(max_length=6)
    created_at = models.DateTimeField()

    class Meta:
        db_table = "ui_attempt"
        constraints = [
            models.UniqueConstraint(
                fields=["draft"],
                condition=~models.Q(state="failed"),
                name="one_live_attempt_per_draft",
            ),
            models.CheckConstraint(
                condition=models.Q(state="sent", correlation_id__isnull=True)
                | (~models.Q(state="sent") & models.Q(correlation_id__isnull=False)),
                name="an_attempt_is_sent_until_its_saga_is_known",
            ),
            models.CheckConstraint(
                condition=models.Q(state="booked") & ~models.Q(booking_reference="")
                | ~models.Q(state="booked") & models.Q(booking_reference=""),
                name="what_is_booked_has_a_reference",
            ),
        ]
