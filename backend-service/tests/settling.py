"""A booking's settlement, and a mail server that fails as it is told."""

from typing import Any

import pytest
from django.conf import LazySettings
from django.core.mail.backends.locmem import EmailBackend
from django.db import connection

from tests.saga_world import SETTLE_AFTER, Desk, World


def settlement_of(desk: Desk, booked: Any) -> str:
    cid: str = desk.status(booked["correlation_id"])["settlement"]
    return cid


def settle(desk: Desk) -> int:
    return desk.recover(after=SETTLE_AFTER + 1)


def expired(desk: Desk, world: World) -> tuple[Any, str]:
    booked = desk.book().json()
    world.participants.expired.add(booked["correlation_id"])
    settle(desk)
    return booked, settlement_of(desk, booked)


class Mailer(EmailBackend):
    """A mail server that fails as it is told."""

    fails: list[Exception] = []

    def send_messages(self, messages: Any) -> int:
        assert not connection.in_atomic_block, "no transaction may be open while a mail is sent"
        if self.fails:
            raise self.fails.pop(0)
        return super().send_messages(messages)


@pytest.fixture(autouse=True)
def mailer(settings: LazySettings) -> list[Exception]:
    settings.EMAIL_BACKEND = f"{__name__}.Mailer"
    Mailer.fails = []
    return Mailer.fails
