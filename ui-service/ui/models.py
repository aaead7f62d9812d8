"""Accounts. Everything about bookings, money and miles belongs to the other services."""

import secrets
from typing import ClassVar

from django.contrib.auth.models import AbstractUser
from django.db import models


def new_traveller_id() -> str:
    return f"u-{secrets.token_hex(8)}"


class User(AbstractUser):
    class Role(models.TextChoices):
        TRAVELLER = "traveller", "books and sees own trips"
        OPERATOR = "operator", "works the saga console"
        AUDITOR = "auditor", "reads the saga console"

    # What the other services know this person by; never reused, never guessable from the name.
    traveller_id = models.CharField(max_length=64, unique=True, default=new_traveller_id)
    role = models.CharField(max_length=16, choices=Role.choices, default=Role.TRAVELLER)

    first_name = None  # type: ignore[assignment]
    last_name = None  # type: ignore[assignment]
    REQUIRED_FIELDS: ClassVar[list[str]] = ["email"]
