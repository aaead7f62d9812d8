"""How old the newest back-up is, as the metrics tell it."""

from datetime import timedelta

import pytest
from django.core.management import CommandError, call_command
from django.db import IntegrityError, transaction
from django.test import Client
from django_sagas.clock import utc_now
from pytest_django import Settings
from service_kit.security import backups
from service_kit.security.models import NewestBackup

HOUR = timedelta(hours=1)


def told(client: Client) -> float | None:
    lines = client.get("/metrics").content.decode().splitlines()
    return next((float(line.split()[1]) for line in lines if line.startswith("backup_age_hours ")), None)


@pytest.mark.django_db
def test_age_is_that_of_the_newest_back_up(client: Client) -> None:
    now = utc_now()
    for hours in (26, 30):
        call_command("note_backup", at=(now - hours * HOUR).isoformat())
    assert told(client) == pytest.approx(26, abs=0.1)
    call_command("note_backup")
    assert told(client) == pytest.approx(0, abs=0.1)


@pytest.mark.django_db
def test_database_that_was_never_backed_up_is_as_old_as_itself(client: Client, settings: Settings) -> None:
    assert told(client) is None  # Demo mode needs no back-up.
    settings.DEMO_MODE = False
    age = backups.age_hours(utc_now() + 30 * HOUR)
    assert age is not None and age >= 30


@pytest.mark.django_db
@pytest.mark.parametrize("at", ["yesterday", "2026-11-27T10:00:00", "2099-01-01T00:00:00Z"])
def test_moment_that_cannot_be_is_refused(at: str) -> None:
    with pytest.raises(CommandError, match="--at"):
        call_command("note_backup", at=at)
    assert not NewestBackup.objects.exists()


@pytest.mark.django_db
def test_there_is_one_row(client: Client) -> None:
    call_command("note_backup")
    with pytest.raises(IntegrityError), transaction.atomic():
        NewestBackup.objects.create(made_at=utc_now())
