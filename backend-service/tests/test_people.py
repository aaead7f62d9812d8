"""A person's data in the backend: exported, and erased."""

import json
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from django.core.management import call_command
from django.db import connection
from django.test import Client
from django_sagas import event_log
from django_sagas.clock import utc_now
from django_sagas.models import SagaEventRow, SagaRow
from pytest_django import Settings
from service_kit.outbox.models import KeptMail
from service_kit.security.models import AuditEntry
from service_kit.testing.callers import user_token

from flight import people
from flight.models import Booking, Flight
from tests.saga_world import SETTLE_AFTER, Desk, World

NAMES = ("Zephyrine", "Quillfeather", "zephyrine@private.example", "+15557654321")
ASKED = {
    "passengers": [{"first_name": NAMES[0], "last_name": NAMES[1], "gender": "female"}],
    "contact_info": {"email": NAMES[2], "mobile": NAMES[3]},
}
ERASE = "/api/people/1/erase/"


def found(text: str) -> list[str]:
    """The tables in which a text stands."""
    with connection.cursor() as cursor:
        tables = connection.introspection.table_names(cursor)
        return [table for table in tables if text in str(rows(cursor, table))]


def rows(cursor: Any, table: str) -> list[Any]:
    cursor.execute(f'SELECT * FROM "{table}"')  # noqa: S608  a name from the catalogue
    read: list[Any] = cursor.fetchall()
    return read


def bearer(role: str = "traveller", user_id: str = "1") -> dict[str, str]:
    return {"Authorization": f"Bearer {user_token(user_id=user_id, role=role, audience='backend')}"}


def cancelled(desk: Desk) -> str:
    reference = desk.book(**ASKED).json()["booking_reference"]
    desk.post(f"/api/bookings/{reference}/cancel/")
    return str(reference)


def test_export_has_bookings_and_what_was_asked_for(desk: Desk, client: Client) -> None:
    reference = desk.book(**ASKED).json()["booking_reference"]
    person = client.get("/api/people/1/").json()
    (booked,), asked = person["bookings"], person["sagas"][0]["asked"]["request"]
    assert (booked["booking_reference"], booked["email"], booked["mobile"]) == (reference, *NAMES[2:])
    assert (booked["tickets"][0]["first_name"], booked["tickets"][0]["last_name"]) == NAMES[:2]
    assert asked["email"] == NAMES[2]
    assert client.get("/api/people/nobody/").json() == {"user_id": "nobody", "bookings": [], "sagas": []}


def test_erased_person_is_in_no_table_and_the_trip_stays(desk: Desk, client: Client, world: World) -> None:
    reference = cancelled(desk)
    desk.book(**ASKED, simulate_confirmbooking_fail=True)
    desk.recover(after=SETTLE_AFTER + 1)
    assert all(found(text) for text in NAMES)
    answer = client.post(ERASE, {"reason": "asked for"}, "application/json")
    assert answer.json() == {"success": True, "bookings": 1, "sagas": 3}
    assert {text: found(text) for text in NAMES} == {text: [] for text in NAMES}
    booking = Booking.objects.get(reference=reference)
    assert (booking.user_id, booking.email, booking.tickets.count()) == ("1", people.ERASED, 1)
    assert client.get(f"/api/saga/status/{booking.correlation_id}/").json()["status"] == "COMPENSATED"
    assert client.get(f"/api/bookings/{reference}/").status_code == 200
    told = AuditEntry.objects.get(action="erase-person")
    assert (told.reason, told.evidence) == ("asked for", "1")


def test_a_name_in_any_event_of_a_commit_is_erased(desk: Desk, client: Client) -> None:
    cid = Booking.objects.get(reference=cancelled(desk)).correlation_id
    desk.recover(after=SETTLE_AFTER + 1)
    before = list(event_log.events_of(cid))
    row = SagaEventRow.objects.get(correlation_id=cid, sequence=1)
    following = json.loads(row.following)
    following[0][2]["passenger"] = NAMES[0]
    SagaEventRow.objects.filter(pk=row.pk).update(following=json.dumps(following))
    client.post(ERASE, {"reason": "asked for"}, "application/json")
    first, second, *others = event_log.events_of(cid)
    assert second.data == {**before[1].data, "passenger": people.ERASED}
    assert [first, *others] == [before[0], *before[2:]]


def test_trip_that_is_not_flown_keeps_its_names(desk: Desk, client: Client, world: World) -> None:
    desk.book(**ASKED)
    answer = client.post(ERASE, {}, "application/json")
    assert (answer.status_code, answer.json()["code"]) == (409, "STILL_NEEDED")
    assert found(NAMES[0])


def test_kept_mail_of_an_erased_booking_is_deleted(
    desk: Desk, world: World, settings: Settings, tmp_path: Path
) -> None:
    settings.EMAIL_FILE_PATH = tmp_path
    (tmp_path / "other.log").write_text("Message-ID: <ABCDEF@tidewing>\n")
    reference = cancelled(desk)
    desk.recover(after=SETTLE_AFTER + 1)
    (tmp_path / "own.log").write_text(f"Message-ID: <{reference}@tidewing>\nTo: {NAMES[2]}\n")
    kept = {"sent_at": utc_now(), "body": "", "attachments": ""}
    for to in (NAMES[2], "other@example.com"):
        KeptMail.objects.create(recipients=to, subject="Booking", **kept)
    desk.post(ERASE, {})
    assert [path.name for path in tmp_path.iterdir()] == ["other.log"]
    assert list(KeptMail.objects.values_list("recipients", flat=True)) == ["other@example.com"]


def test_strangers_find_nobody_auditors_change_nothing_and_operators_give_a_reason(
    desk: Desk, client: Client, settings: Settings
) -> None:
    settings.DEMO_MODE = False

    def erase(headers: dict[str, str], **body: str) -> int:
        return client.post(ERASE, body, "application/json", headers=headers).status_code

    assert client.get("/api/people/1/", headers=bearer(user_id="2")).status_code == 404
    assert client.get("/api/people/1/", headers=bearer("auditor", "au")).status_code == 200
    assert erase(bearer(user_id="2")) == 404
    assert erase(bearer("auditor", "au"), reason="curious") == 403
    assert erase(bearer("operator", "op")) == 400
    assert erase(bearer("operator", "op"), reason="asked by mail") == 200
    assert erase(bearer()) == 200


def test_names_of_failed_bookings_go_after_thirty_days(desk: Desk, world: World, settings: Settings) -> None:
    desk.book(**ASKED, simulate_confirmbooking_fail=True)
    now = utc_now()
    assert people.sweep(now + timedelta(days=settings.RETAIN_FAILED_DAYS - 1))["failed sagas"] == 0
    assert found(NAMES[0])
    later = now + timedelta(days=settings.RETAIN_FAILED_DAYS + 1)
    assert people.sweep(later)["failed sagas"] == 1
    assert (found(NAMES[0]), people.sweep(later)["failed sagas"]) == ([], 0)


def test_names_of_a_guests_trip_go_a_year_after_its_flight(
    desk: Desk, world: World, settings: Settings, flight: Flight
) -> None:
    desk.book(**ASKED, user_id="guest-1")
    desk.book(**ASKED, user_id="u-1")
    flown = flight.arrives_at + timedelta(days=settings.RETAIN_GUEST_DAYS)
    assert people.sweep(flown - timedelta(days=1))["trips of guests"] == 0
    assert people.sweep(flown + timedelta(days=1))["trips of guests"] == 1
    emails = dict(Booking.objects.values_list("user_id", "email"))
    assert emails == {"guest-1": people.ERASED, "u-1": NAMES[2]}
    kept = SagaRow.objects.filter(subject="u-1", name="book-trip").get()
    assert NAMES[2] in kept.data


def test_daily_sweep_tells_what_it_deleted(
    transactional_db: None, capsys: pytest.CaptureFixture[str]
) -> None:
    call_command("sweep")
    said = capsys.readouterr().out
    assert said.startswith("0 counters of limits\n0 failed sagas\n0 trips of guests\n")
